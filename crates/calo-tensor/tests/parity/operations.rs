//! Each operation: result, gradients, and gradients of a gradient penalty.

use calo_tensor::candle::DType;
use calo_tensor::ops;

use crate::compare::compare;
use crate::golden::{Golden, OUTPUT, check};

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
    let golden = Golden::operations();
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
    let golden = Golden::operations();
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
    let golden = Golden::operations();
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
    let golden = Golden::operations();
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
    let golden = Golden::operations();
    let slope = scalar(&golden, "leaky_relu.slope");
    compare(&golden, "leaky_relu", &["x"], &|of| ops::leaky_relu(&of("x").unwrap(), slope));
    compare(&golden, "softplus", &["x"], &|of| ops::softplus(&of("x").unwrap()));
    let count = scalar(&golden, "sort_descending.count") as usize;
    compare(&golden, "sort_descending", &["x"], &|of| ops::sort_descending(&of("x").unwrap(), count));
    compare(&golden, "minibatch_stddev", &["x"], &|of| ops::minibatch_standard_deviation(&of("x").unwrap()));
}

#[test]
fn spectral_normalisation() {
    let golden = Golden::operations();
    let [u, v] = ["u", "v"].map(|name| golden.get(&format!("spectral_norm.{name}")));
    compare(&golden, "spectral_norm", &["weight"], &|of| {
        Ok(ops::spectral_norm(&of("weight").unwrap(), &u, &v, true)?.weight)
    });
    let after = ops::spectral_norm(&golden.get("spectral_norm.weight"), &u, &v, true).unwrap();
    check("u after", &after.u, &golden.get("spectral_norm.u_after"), OUTPUT);
    check("v after", &after.v, &golden.get("spectral_norm.v_after"), OUTPUT);
}
