//! Normalisations, activations and linear layers: against plain formulas, PyTorch's kinks and one thread.
//!
//! Derivatives are held against finite differences in `tests/derivatives`.

#![expect(clippy::unwrap_used, reason = "helpers of tests, where a failed expectation is the report")]

use calo_tensor::autograd::{backward, input_gradient};
use calo_tensor::candle::{DType, Device, Tensor, Var};
use calo_tensor::ops::{batch_norm, batch_statistics, layer_norm, leaky_relu, linear, softplus};
use proptest::prelude::*;

type Result<T> = calo_tensor::Result<T>;

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
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn layer_norm_is_its_definition(
        samples in 1_usize..4, channels in 1_usize..4, dims in prop::array::uniform3(1_usize..5),
        slope in prop::option::of(prop::sample::select(vec![0.0, 0.2])), seed in 1_u64..1000,
    ) {
        let x = tensor(&[samples, channels, dims[0], dims[1], dims[2]], seed);
        let (weight, bias) = ((tensor(&dims, seed + 1) + 1.5).unwrap(), tensor(&dims, seed + 2));
        let y = layer_norm(&x, &weight, &bias, slope).unwrap();
        let expected = plain_layer_norm(&x, &weight, &bias, slope).unwrap();
        // Values are about 1 and the weight less than 3: what may cancel is at most 3 / sqrt(1e-5).
        for (found, expected) in values(&y).into_iter().zip(values(&expected)) {
            prop_assert!((found - expected).abs() < 16.0 * 1e3 * f64::EPSILON, "{} for {}", found, expected);
        }
    }

    /// Rows beyond what the kernels for few of them take, features that leave a rest in every piece and vector.
    #[test]
    fn linear_is_its_definition(rows in 1_usize..20, from in 1_usize..1300, to in 1_usize..70, seed in 1_u64..1000) {
        let operands = [tensor(&[rows, from], seed), tensor(&[to, from], seed + 1), tensor(&[to], seed + 2)];
        let in_type = |dtype: DType| {
            let [x, weight, bias] = operands.each_ref().map(|operand| operand.to_dtype(dtype).unwrap());
            values(&linear(&x, &weight, Some(&bias)).unwrap())
        };
        let [x, weight, bias] = operands.each_ref().map(values);
        let expected: Vec<f64> = (0..rows * to)
            .map(|i| {
                let (row, column) = (i / to, i % to);
                let products = x[row * from..].iter().zip(&weight[column * from..]).take(from).map(|(x, w)| x * w);
                products.sum::<f64>() + bias[column]
            })
            .collect();
        // No operand is larger than 1.05, so no sum of products is larger than about `from`.
        for (dtype, epsilon) in [(DType::F64, f64::EPSILON), (DType::F32, f64::from(f32::EPSILON))] {
            for (found, expected) in in_type(dtype).into_iter().zip(&expected) {
                prop_assert!((found - expected).abs() < 4.0 * (from as f64 + 1.0) * epsilon, "{} for {}", found, expected);
            }
        }
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
