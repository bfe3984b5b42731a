//! Each operation: result, gradients, and gradients of a gradient penalty.

use calo_nn::Result;
use calo_nn::autograd::{backward, input_gradient};
use calo_nn::candle::{DType, Tensor, Var};
use calo_nn::losses::binary_cross_entropy;
use calo_nn::ops;

use crate::golden::{GRADIENT, Golden, OUTPUT, check};

/// An operation of named operands: `x` first.
type Operation<'a> = &'a dyn Fn(&dyn Fn(&str) -> Option<Tensor>) -> Result<Tensor>;

/// Compares everything that the file holds of `case`.
fn compare(golden: &Golden, case: &str, operands: &[&str], operation: Operation<'_>) {
    let key = |name: &str| format!("{case}.{name}");
    let variables: Vec<(&str, Var)> = operands
        .iter()
        .filter(|name| golden.has(&key(name)))
        .map(|name| (*name, Var::from_tensor(&golden.get(&key(name))).unwrap()))
        .collect();
    let operand = |name: &str| {
        let variable = variables.iter().find(|(known, _)| *known == name);
        variable.map(|(_, variable)| variable.as_tensor().clone())
    };
    let score = |y: &Tensor| match golden.has(&key("c")) {
        true => (y.sqr().unwrap() * golden.get(&key("c"))).unwrap().sum_all().unwrap(),
        false => y.clone(),
    };
    let y = operation(&operand).unwrap();
    check(case, &y, &golden.get(&key("y")), OUTPUT);
    let gradients = backward(&score(&y)).unwrap();
    for (name, variable) in &variables {
        let got = gradients.get(variable.as_tensor()).unwrap();
        check(&key(&format!("grad.{name}")), got, &golden.get(&key(&format!("grad.{name}"))), GRADIENT);
    }
    if !golden.has(&key("penalty")) {
        return;
    }
    let x = &variables[0].1;
    let slope = input_gradient(&score(&operation(&operand).unwrap()), x).unwrap();
    let norm = slope.flatten_from(1).unwrap().sqr().unwrap().sum(1).unwrap().sqrt().unwrap();
    let penalty = (norm - 1.0).unwrap().sqr().unwrap().mean_all().unwrap();
    check(&key("penalty"), &penalty, &golden.get(&key("penalty")), OUTPUT);
    let gradients = backward(&penalty).unwrap();
    for (name, variable) in &variables {
        let key = key(&format!("penalty_grad.{name}"));
        let want = golden.get(&key);
        match gradients.get(variable.as_tensor()) {
            Some(got) => check(&key, got, &want, GRADIENT),
            // Where the score does not depend on an operand's curvature there is no path to it.
            None => check(&key, &want.zeros_like().unwrap(), &want, GRADIENT),
        }
    }
}

/// A setting per axis.
fn axes<const N: usize>(golden: &Golden, key: &str) -> [usize; N] {
    let values = golden.get(key).to_dtype(DType::I64).unwrap().to_vec1::<i64>().unwrap();
    values.iter().map(|&v| usize::try_from(v).unwrap()).collect::<Vec<_>>().try_into().unwrap()
}

fn scalar(golden: &Golden, key: &str) -> f64 {
    golden.get(key).to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1::<f64>().unwrap()[0]
}

#[test]
fn convolutions() {
    let golden = Golden::own("operations");
    for case in ["stride_padding", "per_cell", "wide_kernel", "rest_unread"] {
        let case = format!("conv3d.{case}");
        let [stride, padding] = ["stride", "padding"].map(|name| axes(&golden, &format!("{case}.{name}")));
        compare(&golden, &case, &["x", "weight", "bias"], &|of| {
            ops::conv3d(&of("x").unwrap(), &of("weight").unwrap(), of("bias").as_ref(), stride, padding)
        });
    }
    for case in ["output_padding", "gaps", "short", "doubling"] {
        let case = format!("conv_transpose3d.{case}");
        let [stride, padding, output_padding] =
            ["stride", "padding", "output_padding"].map(|name| axes(&golden, &format!("{case}.{name}")));
        compare(&golden, &case, &["x", "weight", "bias"], &|of| {
            let (x, w, b) = (of("x").unwrap(), of("weight").unwrap(), of("bias"));
            ops::conv_transpose3d(&x, &w, b.as_ref(), stride, padding, output_padding)
        });
    }
}

#[test]
fn layer_norms() {
    let golden = Golden::own("operations");
    for case in ["plain", "leaky_relu"] {
        let case = format!("layer_norm.{case}");
        let slope = format!("{case}.slope");
        let slope = golden.has(&slope).then(|| scalar(&golden, &slope));
        compare(&golden, &case, &["x", "weight", "bias"], &|of| {
            ops::layer_norm(&of("x").unwrap(), &of("weight").unwrap(), &of("bias").unwrap(), slope)
        });
    }
}

#[test]
fn batch_norms() {
    let golden = Golden::own("operations");
    compare(&golden, "batch_norm.train", &["x", "weight", "bias"], &|of| {
        let (mean, variance) = ops::batch_statistics(&of("x").unwrap())?;
        ops::batch_norm(&of("x").unwrap(), &of("weight").unwrap(), &of("bias").unwrap(), &mean, &variance)
    });
    let [mean, variance] =
        ["running_mean", "running_var"].map(|name| golden.get(&format!("batch_norm.eval.{name}")));
    compare(&golden, "batch_norm.eval", &["x", "weight", "bias"], &|of| {
        ops::batch_norm(&of("x").unwrap(), &of("weight").unwrap(), &of("bias").unwrap(), &mean, &variance)
    });
}

#[test]
fn linear_layers() {
    let golden = Golden::own("operations");
    for case in ["linear.bias", "linear.plain"] {
        compare(&golden, case, &["x", "weight", "bias"], &|of| {
            ops::linear(&of("x").unwrap(), &of("weight").unwrap(), of("bias").as_ref())
        });
    }
    for case in ["locally_connected.bias", "locally_connected.plain"] {
        let [stride, padding] = ["stride", "padding"].map(|name| axes(&golden, &format!("{case}.{name}")));
        compare(&golden, case, &["x", "weight", "bias"], &|of| {
            let (x, w, b) = (of("x").unwrap(), of("weight").unwrap(), of("bias"));
            ops::locally_connected(&x, &w, b.as_ref(), stride, padding)
        });
    }
}

#[test]
fn activations_sorting_and_statistics_of_a_batch() {
    let golden = Golden::own("operations");
    let slope = scalar(&golden, "leaky_relu.slope");
    compare(&golden, "leaky_relu", &["x"], &|of| ops::leaky_relu(&of("x").unwrap(), slope));
    compare(&golden, "softplus", &["x"], &|of| ops::softplus(&of("x").unwrap()));
    let count = scalar(&golden, "sort_descending.count") as usize;
    compare(&golden, "sort_descending", &["x"], &|of| ops::sort_descending(&of("x").unwrap(), count));
    compare(&golden, "minibatch_stddev", &["x"], &|of| ops::minibatch_standard_deviation(&of("x").unwrap()));
    let target = golden.get("binary_cross_entropy.target");
    compare(&golden, "binary_cross_entropy", &["x"], &|of| binary_cross_entropy(&of("x").unwrap(), &target));
}

#[test]
fn spectral_normalisation() {
    let golden = Golden::own("operations");
    let [u, v] = ["u", "v"].map(|name| golden.get(&format!("spectral_norm.{name}")));
    compare(&golden, "spectral_norm", &["weight"], &|of| {
        Ok(ops::spectral_norm(&of("weight").unwrap(), &u, &v, true)?.weight)
    });
    let after = ops::spectral_norm(&golden.get("spectral_norm.weight"), &u, &v, true).unwrap();
    check("u after", &after.u, &golden.get("spectral_norm.u_after"), OUTPUT);
    check("v after", &after.v, &golden.get("spectral_norm.v_after"), OUTPUT);
}
