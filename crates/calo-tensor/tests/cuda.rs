//! A GPU computes what the CPU does, to 1e-4: results, gradients and second derivatives. Each test says so and passes
//! where there is no GPU, or no support for one in this build; TF32 is off.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;

use calo_tensor::autograd::{backward, input_gradient};
use calo_tensor::candle::{DType, Device, Tensor, Var};
use calo_tensor::ops::{
    SortedMmd, batch_norm, batch_statistics, conv_transpose3d, conv3d, layer_norm, leaky_relu, linear,
    softplus, sort_descending, sorted_mmd,
};
use calo_tensor::optimiser::{Adam, AdamConfig};
use calo_tensor::{Result, cuda, device};

/// The first GPU, or a line that says why nothing is tested.
fn gpu() -> Option<Device> {
    let say = |error: calo_tensor::candle::Error| {
        // The backtrace is not what matters here.
        eprintln!("skipped, no GPU: {}", error.to_string().lines().next().unwrap_or_default());
    };
    Device::new_cuda(0).map_err(say).ok()
}

/// Numbers in (-1, 1), the same for any device.
fn numbers(shape: &[usize], seed: usize, dtype: DType) -> Tensor {
    let n: usize = shape.iter().product();
    let number = |i: usize| {
        let hash = (i + 1 + 7919 * seed).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (hash >> 40) as f64 / f64::from(1 << 23) - 1.0
    };
    let values: Vec<f64> = (0..n).map(number).collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap().to_dtype(dtype).unwrap()
}

/// By name: the result, a gradient for each operand, and with `twice` those of a gradient penalty on the first.
fn everything(
    op: &dyn Fn(&[Tensor]) -> Result<Tensor>,
    shapes: &[&[usize]],
    device: &Device,
    dtype: DType,
    twice: bool,
) -> Result<BTreeMap<String, Tensor>> {
    let operands: Vec<Var> = shapes
        .iter()
        .enumerate()
        .map(|(i, shape)| Ok(Var::from_tensor(&numbers(shape, i, dtype).to_device(device)?)?))
        .collect::<Result<_>>()?;
    let tensors: Vec<Tensor> = operands.iter().map(|operand| operand.as_tensor().clone()).collect();
    let result = op(&tensors)?;
    let mut all = BTreeMap::from([("result".to_owned(), result.detach())]);
    let weights = numbers(result.dims(), 99, dtype).to_device(device)?;
    let mut take = |order: &str, score: &Tensor| -> Result<()> {
        let gradients = backward(score)?;
        for (i, operand) in tensors.iter().enumerate() {
            if let Some(gradient) = gradients.get(operand) {
                all.insert(format!("{order} gradient {i}"), gradient.clone());
            }
        }
        Ok(())
    };
    take("first", &(&result * &weights)?.sum_all()?)?;
    if twice {
        let gradient = input_gradient(&(op(&tensors)? * &weights)?, &operands[0])?;
        take("second", &gradient.sqr()?.sum_all()?)?;
    }
    Ok(all)
}

/// Largest difference relative to the largest value of the first.
fn difference(a: &Tensor, b: &Tensor) -> f64 {
    let flat = |t: &Tensor| {
        let t = t.to_device(&Device::Cpu).unwrap().to_dtype(DType::F64).unwrap();
        t.flatten_all().unwrap().to_vec1::<f64>().unwrap()
    };
    let (a, b) = (flat(a), flat(b));
    assert_eq!(a.len(), b.len());
    let largest = a.iter().fold(0.0_f64, |largest, x| largest.max(x.abs()));
    let off = a.iter().zip(&b).map(|(a, b)| (a - b).abs());
    let worst = off.fold(0.0_f64, |worst, off| if off.is_finite() { worst.max(off) } else { f64::INFINITY });
    worst / largest.max(1e-30)
}

/// The same on both devices, in f32 and f64, and the same bits twice on the GPU.
fn agree(name: &str, op: impl Fn(&[Tensor]) -> Result<Tensor>, shapes: &[&[usize]], twice: bool) {
    let Some(gpu) = gpu() else { return };
    cuda::allow_tf32(false);
    for (dtype, tolerance) in [(DType::F32, 1e-4), (DType::F64, 1e-10)] {
        let expected = everything(&op, shapes, &Device::Cpu, dtype, twice).unwrap();
        let found = everything(&op, shapes, &gpu, dtype, twice).unwrap();
        let again = everything(&op, shapes, &gpu, dtype, twice).unwrap();
        assert!(expected.keys().eq(found.keys()), "{name}: {:?} and {:?}", expected.keys(), found.keys());
        for (what, expected) in &expected {
            let off = difference(expected, &found[what]);
            assert!(off < tolerance, "{name} {dtype:?}, {what}: off by {off:e} of the largest");
            let bits = difference(&found[what], &again[what]);
            assert!(bits <= 0.0, "{name} {dtype:?}, {what}: other bits the second time, {bits:e}");
        }
    }
}

/// In a build without CUDA, on a machine without a driver, and on one with fewer GPUs.
#[test]
fn a_gpu_that_is_not_there_is_named() {
    let message = device::select("cuda:63").unwrap_err().to_string();
    assert!(message.starts_with("field `device`: `cuda:63`: "), "{message}");
    assert!(message.contains("; expected ") && !message.contains('\n'), "{message}");
}

#[test]
fn every_kernel_compiles() {
    for (major, minor) in [(7, 5), (8, 0), (9, 0)] {
        let capability = cuda::ComputeCapability { major, minor };
        match cuda::compile_kernels(capability).unwrap() {
            Some(files) => assert_eq!(files, 18, "six files, for three element types"),
            None => eprintln!("skipped: no NVRTC in this build, or a stub in its place"),
        }
    }
}

#[test]
fn convolutions_agree() {
    type Case = (&'static [usize], &'static [usize], [usize; 3], [usize; 3]);
    let cases: [Case; 5] = [
        (&[2, 3, 8, 7, 9], &[4, 3, 3, 3, 3], [1; 3], [1; 3]),
        (&[2, 1, 12, 12, 12], &[8, 1, 4, 4, 4], [2; 3], [2; 3]),
        (&[1, 2, 14, 9, 9], &[3, 2, 6, 2, 2], [1, 2, 2], [0, 1, 1]),
        (&[2, 8, 6, 6, 6], &[4, 8, 2, 2, 2], [2; 3], [0; 3]),
        (&[3, 5, 4, 5, 6], &[7, 5, 1, 1, 1], [1; 3], [0; 3]),
    ];
    for (x, w, stride, padding) in cases {
        let op = |t: &[Tensor]| conv3d(&t[0], &t[1], Some(&t[2]), stride, padding);
        agree("conv3d", op, &[x, w, &w[..1]], true);
    }
    let op = |t: &[Tensor]| conv3d(&t[0], &t[1], Some(&t[2]), [1; 3], [0; 3]);
    agree("conv3d with a bias for each sample", op, &[&[2, 3, 5, 5, 5], &[4, 3, 1, 1, 1], &[2, 4]], true);
}

#[test]
fn transposed_convolutions_agree() {
    let op = |t: &[Tensor]| conv_transpose3d(&t[0], &t[1], None, [3; 3], [1; 3], [2; 3]);
    agree("conv_transpose3d", op, &[&[2, 4, 4, 4, 4], &[4, 6, 3, 3, 3]], true);
    let op = |t: &[Tensor]| conv_transpose3d(&t[0], &t[1], Some(&t[2]), [2, 1, 1], [1; 3], [0; 3]);
    agree("conv_transpose3d", op, &[&[1, 3, 6, 5, 5], &[3, 2, 4, 4, 4], &[2]], true);
}

#[test]
fn layer_norms_agree() {
    let cases: [(&[usize], &[usize]); 4] = [
        (&[3, 5, 6, 7, 5], &[6, 7, 5]),
        (&[2, 2, 30, 30, 30], &[30, 30, 30]),
        (&[64, 5, 5, 5], &[5, 5, 5]),
        (&[7, 3], &[3]),
    ];
    for (x, axes) in cases {
        for slope in [None, Some(0.2)] {
            agree("layer_norm", |t| layer_norm(&t[0], &t[1], &t[2], slope), &[x, axes, axes], true);
        }
    }
}

#[test]
fn linear_layers_agree() {
    agree("linear", |t| linear(&t[0], &t[1], Some(&t[2])), &[&[8, 40], &[33, 40], &[33]], true);
    agree("linear", |t| linear(&t[0], &t[1], None), &[&[5, 3, 17], &[1, 17]], true);
}

#[test]
fn activations_agree() {
    agree("leaky_relu", |t| leaky_relu(&t[0], 0.2), &[&[3, 1001]], false);
    agree("relu", |t| leaky_relu(&t[0], 0.0), &[&[70_000]], false);
    agree("softplus", |t| softplus(&(&t[0] * 40.0)?), &[&[3, 1001]], true);
}

#[test]
fn sorting_agrees_also_where_most_are_equal() {
    agree("sort_descending", |t| sort_descending(&t[0], 2075), &[&[3, 27_000]], false);
    agree("sort_descending", |t| sort_descending(&t[0], 700), &[&[2, 700]], false);
    // Four in five are zero: ties come in the order of their indices.
    let sparse = |t: &[Tensor]| sort_descending(&leaky_relu(&(&t[0] - 0.6)?, 0.0)?, 900);
    agree("sort_descending of few", sparse, &[&[2, 1000]], false);
}

#[test]
fn batch_norms_agree() {
    let trained = |t: &[Tensor]| {
        let (mean, variance) = batch_statistics(&t[0])?;
        batch_norm(&t[0], &t[1], &t[2], &mean, &variance)
    };
    agree("batch_norm", trained, &[&[4, 3, 5, 4, 6], &[3], &[3]], true);
}

#[test]
fn sorted_mmds_agree() {
    let settings = SortedMmd { window: 20, stride: 5, windows: 9, exponent: 3.0 };
    let op = |t: &[Tensor]| {
        let sorted = |x: &Tensor| sort_descending(x, settings.cells());
        sorted_mmd(&sorted(&t[0])?, &sorted(&t[1])?, &settings)
    };
    agree("sorted_mmd", op, &[&[3, 200], &[3, 200]], false);
}

#[test]
fn adam_agrees() {
    let Some(gpu) = gpu() else { return };
    let trained = |device: &Device| -> Result<Tensor> {
        let weight = Var::from_tensor(&numbers(&[300, 7], 1, DType::F32).to_device(device)?)?;
        let config =
            AdamConfig { rate: 1e-2, beta1: 0.5, beta2: 0.9, weight_decay: 0.01, ..Default::default() };
        let mut adam = Adam::new(vec![(vec![("weight".to_owned(), weight.clone())], config)])?;
        for _ in 0..10 {
            adam.step(&backward(&(weight.as_tensor() - 0.3)?.sqr()?.sqr()?.sum_all()?)?)?;
        }
        Ok(weight.as_detached_tensor())
    };
    let off = difference(&trained(&Device::Cpu).unwrap(), &trained(&gpu).unwrap());
    assert!(off < 1e-5, "off by {off:e}");
}

type Operation = Box<dyn Fn(&[Tensor]) -> Result<Tensor>>;

/// Operations of inference, on what bf16 can hold exactly: by name, with the shapes of their operands.
fn inference() -> Vec<(&'static str, Vec<&'static [usize]>, Operation)> {
    let (x, channels): (&[usize], &[usize]) = (&[2, 8, 9, 9, 9], &[8]);
    vec![
        ("conv3d", vec![x, &[16, 8, 3, 3, 3]], Box::new(|t| conv3d(&t[0], &t[1], None, [1; 3], [1; 3]))),
        (
            "conv3d per cell",
            vec![x, &[5, 8, 1, 1, 1]],
            Box::new(|t| conv3d(&t[0], &t[1], None, [1; 3], [0; 3])),
        ),
        (
            "conv_transpose3d",
            vec![x, &[8, 4, 3, 3, 3]],
            Box::new(|t| conv_transpose3d(&t[0], &t[1], None, [2; 3], [1; 3], [1; 3])),
        ),
        (
            "layer_norm",
            vec![x, &[9, 9, 9], &[9, 9, 9]],
            Box::new(|t| layer_norm(&t[0], &t[1], &t[2], Some(0.2))),
        ),
        ("linear", vec![&[3, 40], &[7, 40], &[7]], Box::new(|t| linear(&t[0], &t[1], Some(&t[2])))),
        ("leaky_relu", vec![x], Box::new(|t| leaky_relu(&t[0], 0.2))),
        ("softplus", vec![x], Box::new(|t| softplus(&t[0]))),
        ("sort_descending", vec![&[3, 500]], Box::new(|t| sort_descending(&t[0], 100))),
        (
            "batch_norm",
            vec![x, channels, channels, channels],
            Box::new(|t| batch_norm(&t[0], &t[1], &t[2], &t[3], &t[3].sqr()?)),
        ),
    ]
}

#[test]
fn bf16_infers() {
    let Some(gpu) = gpu() else { return };
    for (name, shapes, op) in inference() {
        let half: Vec<Tensor> =
            shapes.iter().enumerate().map(|(i, shape)| numbers(shape, i, DType::BF16)).collect();
        let moved: Vec<Tensor> = half.iter().map(|t| t.to_device(&gpu).unwrap()).collect();
        let single: Vec<Tensor> = half.iter().map(|t| t.to_dtype(DType::F32).unwrap()).collect();
        let found = op(&moved).unwrap();
        assert_eq!(found.dtype(), DType::BF16, "{name}");
        let off = difference(&op(&single).unwrap(), &found);
        assert!(off < 2e-2, "{name}: off by {off:e}");
    }
}

/// The CPU has no kernels for it, which is an error before anything is changed.
#[test]
fn bf16_is_refused_by_name_on_a_cpu() {
    for (name, shapes, op) in inference() {
        let half: Vec<Tensor> = shapes.iter().map(|shape| numbers(shape, 1, DType::BF16)).collect();
        let message = op(&half).unwrap_err().to_string();
        let operation = name.trim_end_matches(" per cell");
        assert!(message.starts_with(&format!("{operation}: ")), "{message}");
        assert!(message.ends_with("is BF16; expected f32 or f64, or bf16 on a GPU"), "{message}");
    }
}
