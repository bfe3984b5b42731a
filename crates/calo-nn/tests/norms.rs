//! Normalisations, activations and linear layers: against plain formulas, finite differences and one thread.

#![expect(clippy::unwrap_used, reason = "helpers of tests, where a failed expectation is the report")]

use calo_nn::autograd::{backward, input_gradient};
use calo_nn::candle::{DType, Device, Tensor, Var};
use calo_nn::ops::{batch_norm, batch_statistics, layer_norm, leaky_relu, linear, softplus};
use proptest::prelude::*;

type Result<T> = calo_nn::Result<T>;

/// Numbers of no pattern, none of them close to zero, where activations have their kink.
fn tensor(dims: &[usize], seed: u64) -> Tensor {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let values: Vec<f64> = (0..dims.iter().product::<usize>())
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let unit = (state >> 11) as f64 / (1u64 << 53) as f64;
            let value = 2.0 * unit - 1.0;
            value + 0.05 * value.signum()
        })
        .collect();
    Tensor::from_vec(values, dims, &Device::Cpu).unwrap()
}

fn values(tensor: &Tensor) -> Vec<f64> {
    tensor.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

fn bits(tensor: &Tensor) -> Vec<u32> {
    let values: Vec<f32> = tensor.flatten_all().unwrap().to_vec1().unwrap();
    values.into_iter().map(f32::to_bits).collect()
}

/// Largest difference, relative to the largest value of `expected`.
fn error(found: &Tensor, expected: &Tensor) -> f64 {
    assert_eq!(found.dims(), expected.dims());
    let (found, expected) = (values(found), values(expected));
    let scale = expected.iter().fold(1e-300_f64, |scale, value| scale.max(value.abs()));
    found.iter().zip(&expected).fold(0.0, |worst: f64, (a, b)| worst.max((a - b).abs() / scale))
}

/// A scalar that depends on every element of `y` in its own way, not linearly.
fn scalar(y: &Tensor, seed: u64) -> Result<Tensor> {
    let weights = tensor(y.dims(), seed);
    Ok(((y * weights)? + (y.sqr()? * 0.3)?)?.sum_all()?)
}

/// Checks the gradients of `f` for all operands by central differences at some elements.
fn check_gradients(operands: &[Tensor], f: impl Fn(&[Tensor]) -> Result<Tensor>, tolerance: f64) {
    let vars: Vec<Var> = operands.iter().map(|operand| Var::from_tensor(operand).unwrap()).collect();
    let tracked: Vec<Tensor> = vars.iter().map(|var| var.as_tensor().clone()).collect();
    let gradients = backward(&f(&tracked).unwrap()).unwrap();
    for (which, var) in vars.iter().enumerate() {
        let gradient = match gradients.get(var.as_tensor()) {
            Some(gradient) => values(gradient),
            None => vec![0.0; operands[which].elem_count()],
        };
        let scale = gradient.iter().fold(1.0_f64, |scale, value| scale.max(value.abs()));
        let original = values(&operands[which]);
        let step = (original.len() / 7).max(1);
        for at in (0..original.len()).step_by(step) {
            let shifted = |by: f64| {
                let mut moved = original.clone();
                moved[at] += by;
                let mut all: Vec<Tensor> = operands.to_vec();
                // As variables too, since some functions differentiate for them.
                all[which] = Tensor::from_vec(moved, operands[which].dims(), &Device::Cpu).unwrap();
                f(&all).unwrap().to_scalar::<f64>().unwrap()
            };
            let expected = (shifted(1e-5) - shifted(-1e-5)) / 2e-5;
            let found = gradient[at];
            assert!(
                (found - expected).abs() <= tolerance * scale,
                "operand {which}, element {at}: gradient {found}, differences {expected}"
            );
        }
    }
}

/// Checks first derivatives of `f`, and those of the gradient for its first operand.
fn check_twice(operands: &[Tensor], f: impl Fn(&[Tensor]) -> Result<Tensor>) {
    check_gradients(operands, |operands| scalar(&f(operands)?, 5), 1e-6);
    // The first operand is x + e, e a variable at zero: so the gradient for e can be taken again for x.
    let second = |operands: &[Tensor]| {
        let e = Var::zeros(operands[0].shape(), DType::F64, &Device::Cpu)?;
        let mut moved = operands.to_vec();
        moved[0] = (&operands[0] + e.as_tensor())?;
        let gradient = input_gradient(&scalar(&f(&moved)?, 5)?, &e)?;
        scalar(&gradient, 6)
    };
    check_gradients(operands, second, 1e-5);
}

/// The definition of layer normalisation, in Candle's own operations.
fn plain_layer_norm(x: &Tensor, weight: &Tensor, bias: &Tensor, slope: Option<f64>) -> Result<Tensor> {
    let n = weight.elem_count();
    let rows = x.reshape((x.elem_count() / n, n))?;
    let centred = rows.broadcast_sub(&rows.mean_keepdim(1)?)?;
    let sigma = (centred.sqr()?.mean_keepdim(1)? + 1e-5)?.sqrt()?;
    let z = centred
        .broadcast_div(&sigma)?
        .broadcast_mul(&weight.reshape((1, n))?)?
        .broadcast_add(&bias.reshape((1, n))?)?
        .reshape(x.dims())?;
    Ok(match slope {
        Some(slope) => (z.relu()? - (z.neg()?.relu()? * slope)?)?,
        None => z,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn layer_norm_differentiates_twice(
        samples in 1_usize..4, channels in 1_usize..4, dims in prop::array::uniform3(1_usize..5),
        slope in prop::option::of(prop::sample::select(vec![0.0, 0.2])), seed in 1_u64..1000,
    ) {
        // One element per row has no spread: its gradient is noise about zero.
        prop_assume!(dims.iter().product::<usize>() > 1);
        let x = tensor(&[samples, channels, dims[0], dims[1], dims[2]], seed);
        let weight = (tensor(&dims, seed + 1) + 1.5).unwrap();
        let bias = tensor(&dims, seed + 2);
        let y = layer_norm(&x, &weight, &bias, slope).unwrap();
        prop_assert!(error(&y, &plain_layer_norm(&x, &weight, &bias, slope).unwrap()) < 1e-12);
        // An element on the kink has no derivative.
        prop_assume!(values(&layer_norm(&x, &weight, &bias, None).unwrap()).iter().all(|z| z.abs() > 1e-3));
        check_twice(&[x, weight, bias], |operands| layer_norm(&operands[0], &operands[1], &operands[2], slope));
    }

    #[test]
    fn activations_differentiate_twice(n in 1_usize..40, slope in prop::sample::select(vec![0.0, 0.01, 0.2]), seed in 1_u64..1000) {
        let x = (tensor(&[n], seed) * 3.0).unwrap();
        check_twice(std::slice::from_ref(&x), |operands| leaky_relu(&operands[0], slope));
        check_twice(&[x], |operands| softplus(&operands[0]));
    }

    #[test]
    fn batch_norm_differentiates_twice(
        samples in 1_usize..4, channels in 1_usize..4, inner in 1_usize..7, seed in 1_u64..1000,
    ) {
        prop_assume!(samples * inner > 1);
        let x = tensor(&[samples, channels, inner, 2], seed);
        let weight = tensor(&[channels], seed + 1);
        let bias = tensor(&[channels], seed + 2);
        let mean = tensor(&[channels], seed + 3);
        let variance = (tensor(&[channels], seed + 4) + 1.5).unwrap();
        let given = [x.clone(), weight.clone(), bias.clone(), mean, variance];
        check_twice(&given, |o| batch_norm(&o[0], &o[1], &o[2], &o[3], &o[4]));
        check_twice(&[x, weight, bias], |o| {
            let (mean, variance) = batch_statistics(&o[0])?;
            batch_norm(&o[0], &o[1], &o[2], &mean, &variance)
        });
    }

    #[test]
    fn linear_differentiates_twice(rows in 1_usize..20, inner in 1_usize..40, out in 1_usize..20, seed in 1_u64..1000) {
        let x = tensor(&[rows, inner], seed);
        let weight = tensor(&[out, inner], seed + 1);
        let bias = tensor(&[out], seed + 2);
        let y = linear(&x, &weight, Some(&bias)).unwrap();
        let expected = x.matmul(&weight.t().unwrap()).unwrap().broadcast_add(&bias).unwrap();
        prop_assert!(error(&y, &expected) < 1e-13);
        check_twice(&[x, weight, bias], |o| linear(&softplus(&o[0])?, &o[1], Some(&o[2])));
    }
}

/// Everything that can be summed in another order, on operands larger than one task.
fn one_step() -> Vec<Vec<u32>> {
    let float = |dims: &[usize], seed| tensor(dims, seed).to_dtype(DType::F32).unwrap();
    let x = Var::from_tensor(&float(&[3, 13, 11, 12, 13], 1)).unwrap();
    let affine = |seed| Var::from_tensor(&float(&[11, 12, 13], seed)).unwrap();
    let (weight, bias) = (affine(2), affine(3));
    let matrix = Var::from_tensor(&float(&[70, 13 * 11 * 12 * 13], 4)).unwrap();
    let scores = |x: &Tensor| -> Result<Tensor> {
        let y = layer_norm(x, weight.as_tensor(), bias.as_tensor(), Some(0.2))?;
        let (mean, variance) = batch_statistics(&y)?;
        let one = variance.ones_like()?;
        let y = softplus(&batch_norm(&y, &one, &one, &mean, &variance)?)?;
        linear(&y.flatten_from(1)?, matrix.as_tensor(), None)
    };
    let y = scores(x.as_tensor()).unwrap();
    let gradient = input_gradient(&y, &x).unwrap();
    let loss = (gradient.sqr().unwrap().sum_all().unwrap() + y.sum_all().unwrap()).unwrap();
    let gradients = backward(&loss).unwrap();
    let mut all = vec![bits(&y), bits(&gradient)];
    all.extend([&x, &weight, &bias, &matrix].map(|var| bits(gradients.get(var.as_tensor()).unwrap())));
    all
}

#[test]
fn threads_change_no_bit() {
    let run =
        |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(one_step);
    let one = run(1);
    assert!(one == run(2), "results depend on the number of threads");
    assert!(one == run(1), "results differ from run to run");
}

#[test]
fn f32_agrees_with_f64_on_published_rows() {
    for n in [125, 216, 729, 2744, 4096, 27_000] {
        let (x, weight, bias) = (tensor(&[2, 3, n], 1), tensor(&[n], 2), tensor(&[n], 3));
        let x = (x + 10.0).unwrap();
        let vars = |dtype| {
            [&x, &weight, &bias].map(|operand| Var::from_tensor(&operand.to_dtype(dtype).unwrap()).unwrap())
        };
        let run = |dtype| {
            let vars = vars(dtype);
            let [x, weight, bias] = vars.each_ref().map(Var::as_tensor);
            let y = layer_norm(x, weight, bias, Some(0.2)).unwrap();
            let loss = (y.sqr().unwrap() * 0.5).unwrap().sum_all().unwrap();
            let gradients = backward(&loss).unwrap();
            let mut all = vec![y];
            all.extend(vars.each_ref().map(|var| gradients.get(var.as_tensor()).unwrap().clone()));
            all
        };
        for (which, (single, double)) in run(DType::F32).iter().zip(run(DType::F64)).enumerate() {
            let error = error(single, &double);
            assert!(error < 3e-6, "n = {n}, result {which}: {error}");
        }
    }
}

#[test]
fn third_derivatives_are_refused() {
    let x = Var::from_tensor(&tensor(&[2, 6], 1)).unwrap();
    let (weight, bias) = (tensor(&[6], 2), tensor(&[6], 3));
    let y = layer_norm(x.as_tensor(), &weight, &bias, Some(0.2)).unwrap().sqr().unwrap();
    let first = input_gradient(&y, &x).unwrap();
    let message = input_gradient(&first.sqr().unwrap(), &x).unwrap_err().to_string();
    assert!(message.contains("order of the derivative is 3"), "{message}");
}

#[test]
fn a_weight_that_is_computed_keeps_its_second_derivative() {
    let (x, weight, bias) = (tensor(&[4, 6], 1), tensor(&[6], 2), tensor(&[6], 3));
    check_twice(&[weight, x, bias], |o| layer_norm(&o[1], &(&o[0] * 2.0)?, &(&o[2] + &o[0])?, Some(0.2)));
}

#[test]
fn kinks_follow_pytorch() {
    // torch.nn.functional.leaky_relu(x, 0.2) and relu of [-1, 0, 2]: gradients [.2, .2, 1] and [0, 0, 1].
    let x = Var::new(&[-1.0_f32, 0.0, 2.0], &Device::Cpu).unwrap();
    for (slope, expected) in [(0.2, [0.2_f32, 0.2, 1.0]), (0.0, [0.0, 0.0, 1.0])] {
        let gradients = backward(&leaky_relu(x.as_tensor(), slope).unwrap().sum_all().unwrap()).unwrap();
        assert_eq!(gradients.get(x.as_tensor()).unwrap().to_vec1::<f32>().unwrap(), expected);
    }
}

#[test]
fn softplus_neither_overflows_nor_vanishes() {
    let x = Tensor::new(&[-80.0_f32, -20.0, 0.0, 20.0, 500.0], &Device::Cpu).unwrap();
    let y = softplus(&x).unwrap().to_vec1::<f32>().unwrap();
    let expected = [1.804_851_4e-35, 2.061_153_6e-9, std::f32::consts::LN_2, 20.0, 500.0];
    for (y, expected) in y.iter().zip(expected) {
        assert!((y - expected).abs() <= 1e-6 * expected, "{y} for {expected}");
    }
}

#[test]
fn operands_that_do_not_fit_are_named() {
    let x = tensor(&[2, 3, 4], 1);
    let message = |result: Result<Tensor>| result.unwrap_err().to_string();
    let (four, five) = (tensor(&[4], 1), tensor(&[5], 1));
    assert!(message(layer_norm(&x, &five, &five, None)).contains("weight"));
    assert!(message(layer_norm(&x, &four, &five, None)).contains("bias"));
    assert!(message(layer_norm(&x, &four, &four, Some(-1.0))).contains("slope"));
    assert!(message(layer_norm(&x, &four.to_dtype(DType::F32).unwrap(), &four, None)).contains("F32"));
    assert!(message(batch_norm(&x, &four, &four, &four, &four)).contains("[4]"));
    assert!(message(linear(&x, &tensor(&[7, 5], 1), None)).contains("[.., 5]"));
    assert!(
        message(leaky_relu(&Tensor::zeros((0, 3), DType::F32, &Device::Cpu).unwrap(), 0.0))
            .contains("element")
    );
    assert!(message(softplus(&Tensor::zeros(3, DType::U8, &Device::Cpu).unwrap())).contains("U8"));
}

#[test]
fn views_are_taken_for_what_they_show() {
    let x = tensor(&[3, 5, 4], 1).transpose(1, 2).unwrap();
    let (weight, bias) = (tensor(&[4, 5], 2), tensor(&[4, 5], 3));
    let expected = plain_layer_norm(&x.contiguous().unwrap(), &weight, &bias, None).unwrap();
    assert!(error(&layer_norm(&x, &weight, &bias, None).unwrap(), &expected) < 1e-12);
    let matrix = tensor(&[5, 2], 4).t().unwrap();
    let expected = x.contiguous().unwrap().broadcast_matmul(&matrix.t().unwrap()).unwrap();
    assert!(error(&linear(&x, &matrix, None).unwrap(), &expected) < 1e-12);
}
