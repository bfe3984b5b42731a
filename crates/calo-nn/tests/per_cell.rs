//! The fused per-cell network against the composition of separate operations, and against the published model.

#![expect(clippy::unwrap_used, reason = "helpers of tests, where a failed expectation is the report")]

use std::collections::HashMap;
use std::path::Path;

use calo_nn::candle::{DType, Device, Tensor, safetensors};
use calo_nn::ops::{PerCellLayer, PerCellNetwork, layer_norm, leaky_relu, linear};

const SLOPE: f64 = 0.01;

/// Numbers of no pattern between -1 and 1.
fn tensor(dims: &[usize], seed: u64) -> Tensor {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let values: Vec<f32> = (0..dims.iter().product::<usize>())
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
        })
        .collect();
    Tensor::from_vec(values, dims, &Device::Cpu).unwrap()
}

/// A chain of layers with these widths between one input and one output.
fn layers(widths: &[usize], n_condition: usize, grid: &[usize]) -> Vec<PerCellLayer> {
    let last = widths.len();
    (0..=last)
        .map(|idx| {
            let seed = 10 * idx as u64;
            let outputs = widths.get(idx).copied().unwrap_or(1);
            let inputs = if idx == 0 { 1 } else { widths[idx - 1] } + if idx == 1 { n_condition } else { 0 };
            PerCellLayer {
                weight: tensor(&[outputs, inputs, 1, 1, 1], seed + 1),
                bias: (idx < last).then(|| tensor(&[outputs], seed + 2)),
                norm: (idx + 1 < last)
                    .then(|| ((tensor(grid, seed + 3) + 1.5).unwrap(), tensor(grid, seed + 4))),
            }
        })
        .collect()
}

/// The same network in f64, one operation after the other.
fn composition(layers: &[PerCellLayer], x: &Tensor, condition: &Tensor) -> Tensor {
    let double = |tensor: &Tensor| tensor.to_dtype(DType::F64).unwrap();
    let (n, grid) = (x.dim(0).unwrap(), x.dims()[2..].to_vec());
    let cells: usize = grid.iter().product();
    // Cells last but one, channels last.
    let mut h = double(x).reshape((n, cells, 1)).unwrap();
    for (idx, layer) in layers.iter().enumerate() {
        if idx == 1 {
            let n_condition = condition.dim(1).unwrap();
            let condition =
                double(condition).unsqueeze(1).unwrap().broadcast_as((n, cells, n_condition)).unwrap();
            h = Tensor::cat(&[&h, &condition.contiguous().unwrap()], 2).unwrap();
        }
        let weight = double(&layer.weight).flatten_from(1).unwrap();
        h = linear(&h, &weight, layer.bias.as_ref().map(double).as_ref()).unwrap();
        if let Some((weight, bias)) = &layer.norm {
            let outputs = h.dim(2).unwrap();
            let rows = h.transpose(1, 2).unwrap().reshape([&[n, outputs], &grid[..]].concat()).unwrap();
            let rows = layer_norm(&rows, &double(weight), &double(bias), Some(SLOPE)).unwrap();
            h = rows.flatten_from(2).unwrap().transpose(1, 2).unwrap().contiguous().unwrap();
        } else if idx + 1 < layers.len() {
            h = leaky_relu(&h, SLOPE).unwrap();
        }
    }
    h.reshape(x.dims()).unwrap()
}

/// Largest difference relative to the largest value expected.
fn error(found: &Tensor, expected: &Tensor) -> f64 {
    assert_eq!(found.dims(), expected.dims());
    let expected = expected.to_dtype(DType::F64).unwrap();
    let difference = (found.to_dtype(DType::F64).unwrap() - &expected).unwrap();
    let largest = |tensor: &Tensor| tensor.abs().unwrap().max_all().unwrap().to_scalar::<f64>().unwrap();
    largest(&difference) / largest(&expected)
}

#[test]
fn agrees_with_separate_operations() {
    let cases: [(&[usize], usize, [usize; 3]); 6] = [
        (&[4, 4, 4, 4, 4], 2, [3, 4, 5]),
        (&[16, 16], 3, [7, 1, 1]),
        (&[8, 24], 0, [2, 3, 3]),
        (&[5, 19, 33, 70], 7, [5, 5, 5]),
        (&[128, 128, 128, 128, 128], 64, [6, 5, 10]),
        (&[100, 47, 81], 0, [4, 7, 9]),
    ];
    for (widths, n_condition, grid) in cases {
        let layers = layers(widths, n_condition, &grid);
        let network = PerCellNetwork::new(&layers, SLOPE).unwrap();
        // Off zero, as energies are.
        let x = (tensor(&[3, 1, grid[0], grid[1], grid[2]], 7) + 3.0).unwrap();
        let condition = match n_condition {
            0 => Tensor::zeros((3, 0), DType::F32, &Device::Cpu).unwrap(),
            n => tensor(&[3, n], 8),
        };
        let expected = if n_condition == 0 {
            composition(&layers, &x, &tensor(&[3, 1], 8).narrow(1, 0, 0).unwrap())
        } else {
            composition(&layers, &x, &condition)
        };
        let error = error(&network.forward(&x, &condition).unwrap(), &expected);
        assert!(error < 1e-5, "widths {widths:?}: {error}");
    }
}

#[test]
fn threads_and_company_change_no_bit() {
    let grid = [6, 5, 7];
    let network = PerCellNetwork::new(&layers(&[20, 20, 20], 2, &grid), SLOPE).unwrap();
    let (x, condition) = (tensor(&[4, 1, 6, 5, 7], 1), tensor(&[4, 2], 2));
    let bits = |x: &Tensor, condition: &Tensor| -> Vec<u32> {
        let y = network.forward(x, condition).unwrap().flatten_all().unwrap();
        y.to_vec1::<f32>().unwrap().into_iter().map(f32::to_bits).collect()
    };
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| bits(&x, &condition))
    };
    let all = run(1);
    assert!(all == run(2));
    let alone: Vec<u32> = (0..4)
        .flat_map(|idx| bits(&x.narrow(0, idx, 1).unwrap(), &condition.narrow(0, idx, 1).unwrap()))
        .collect();
    assert!(all == alone);
}

#[test]
fn an_empty_shower_stays_finite() {
    let network = PerCellNetwork::new(&layers(&[4, 4, 4], 2, &[3, 3, 3]), SLOPE).unwrap();
    let x = Tensor::zeros((1, 1, 3, 3, 3), DType::F32, &Device::Cpu).unwrap();
    let y = network.forward(&x, &tensor(&[1, 2], 2)).unwrap().flatten_all().unwrap();
    assert!(y.to_vec1::<f32>().unwrap().into_iter().all(f32::is_finite));
}

#[test]
fn chains_that_do_not_fit_are_named() {
    let good = layers(&[4, 4, 4], 2, &[3, 3, 3]);
    let message = |layers: &[PerCellLayer]| PerCellNetwork::new(layers, SLOPE).unwrap_err().to_string();
    assert!(message(&good[..2]).contains("three or more"));
    assert!(message(&[]).contains("three or more"));
    let mut wrong = good.clone();
    wrong[2].weight = tensor(&[4, 5, 1, 1, 1], 1);
    assert!(message(&wrong).contains("layer 3"));
    let mut wrong = good.clone();
    wrong[1].norm = None;
    assert!(message(&wrong).contains("normalisation"));
    let mut wrong = good.clone();
    wrong[0].weight = tensor(&[4, 1, 3, 3, 3], 1);
    assert!(message(&wrong).contains("layer 1"));
    let mut wrong = good.clone();
    wrong[1].weight = tensor(&[4, 3, 1, 1, 1], 1);
    assert!(message(&wrong).contains("at least 4 inputs"));
    assert!(PerCellNetwork::new(&good, f64::NAN).is_err());
    let network = PerCellNetwork::new(&good, SLOPE).unwrap();
    let condition = tensor(&[2, 2], 2);
    assert!(network.forward(&tensor(&[2, 1, 3, 3, 4], 1), &condition).is_err());
    assert!(network.forward(&tensor(&[1, 1, 3, 3, 3], 1), &condition).is_err());
    assert!(network.forward(&Tensor::zeros((), DType::F32, &Device::Cpu).unwrap(), &condition).is_err());
}

#[test]
fn agrees_with_the_published_post_processor() {
    let folder = std::env::var("CALO_FIXTURES").unwrap_or_default();
    let path = Path::new(&folder).join("post_processor_photon.safetensors");
    if folder.is_empty() || !path.is_file() {
        println!("skipped: CALO_FIXTURES names no folder with post_processor_photon.safetensors");
        return;
    }
    let tensors: HashMap<String, Tensor> = safetensors::load(path, &Device::Cpu).unwrap();
    let weight = |name: &str| tensors[&format!("post_processor.weights.{name}")].clone();
    let layers: Vec<PerCellLayer> = (1..=6)
        .map(|idx| PerCellLayer {
            weight: weight(&format!("conv{idx}.weight")),
            bias: (idx < 6).then(|| weight(&format!("conv{idx}.bias"))),
            norm: (idx < 5)
                .then(|| (weight(&format!("bnco{idx}.weight")), weight(&format!("bnco{idx}.bias")))),
        })
        .collect();
    let x = &tensors["decoder.y"];
    let sum = x.flatten_from(1).unwrap().sum_keepdim(1).unwrap();
    let mut condition = Tensor::cat(&[&sum, &tensors["e_inc_gev"]], 1).unwrap();
    for idx in 1..=3 {
        let (weight, bias) = (weight(&format!("fcec{idx}.weight")), weight(&format!("fcec{idx}.bias")));
        condition = linear(&condition, &weight, Some(&bias)).unwrap();
        if idx < 3 {
            condition = leaky_relu(&condition, SLOPE).unwrap();
        }
    }
    let y = PerCellNetwork::new(&layers, SLOPE).unwrap().forward(x, &condition).unwrap();
    let exact = composition(&layers, x, &condition);
    let (ours, theirs) = (error(&y, &exact), error(&tensors["post_processor.y"], &exact));
    println!("post-processor against f64: ours {ours:e}, PyTorch's f32 {theirs:e}");
    assert!(ours < 1e-5, "{ours}");
    // The stored output is itself 1.05e-4 off what its weights give in f64: rounding before the normalisations.
    let error = error(&y, &tensors["post_processor.y"]);
    assert!(error < 1.2e-4, "{error}");
}
