//! The fused per-cell network against the composition of separate operations.

#![expect(clippy::unwrap_used, reason = "helpers of tests, where a failed expectation is the report")]

use calo_tensor::candle::{DType, Device, Tensor};
use calo_tensor::ops::{PerCellLayer, PerCellNetwork, layer_norm, leaky_relu, linear};

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
fn layers(widths: &[usize], grid: &[usize]) -> Vec<PerCellLayer> {
    let last = widths.len();
    (0..=last)
        .map(|idx| {
            let seed = 10 * idx as u64;
            let outputs = widths.get(idx).copied().unwrap_or(1);
            let inputs = if idx == 0 { 1 } else { widths[idx - 1] };
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
fn composition(layers: &[PerCellLayer], x: &Tensor) -> Tensor {
    let double = |tensor: &Tensor| tensor.to_dtype(DType::F64).unwrap();
    let (n, grid) = (x.dim(0).unwrap(), x.dims()[2..].to_vec());
    let cells: usize = grid.iter().product();
    // Cells last but one, channels last.
    let mut h = double(x).reshape((n, cells, 1)).unwrap();
    for (idx, layer) in layers.iter().enumerate() {
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
    let cases: [(&[usize], [usize; 3]); 6] = [
        (&[4, 4, 4, 4, 4], [3, 4, 5]),
        (&[16, 16], [7, 1, 1]),
        (&[8, 24], [2, 3, 3]),
        (&[5, 19, 33, 70], [5, 5, 5]),
        (&[128, 128, 128, 128, 128], [6, 5, 10]),
        (&[100, 47, 81], [4, 7, 9]),
    ];
    for (widths, grid) in cases {
        let layers = layers(widths, &grid);
        let network = PerCellNetwork::new(&layers, SLOPE).unwrap();
        // Off zero, as energies are.
        let x = (tensor(&[3, 1, grid[0], grid[1], grid[2]], 7) + 3.0).unwrap();
        let error = error(&network.forward(&x).unwrap(), &composition(&layers, &x));
        assert!(error < 1e-5, "widths {widths:?}: {error}");
    }
}

#[test]
fn threads_and_company_change_no_bit() {
    let grid = [6, 5, 7];
    let network = PerCellNetwork::new(&layers(&[20, 20, 20], &grid), SLOPE).unwrap();
    let x = tensor(&[4, 1, 6, 5, 7], 1);
    let bits = |x: &Tensor| -> Vec<u32> {
        let y = network.forward(x).unwrap().flatten_all().unwrap();
        y.to_vec1::<f32>().unwrap().into_iter().map(f32::to_bits).collect()
    };
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| bits(&x))
    };
    let all = run(1);
    assert!(all == run(2));
    let alone: Vec<u32> = (0..4).flat_map(|idx| bits(&x.narrow(0, idx, 1).unwrap())).collect();
    assert!(all == alone);
}

#[test]
fn an_empty_shower_stays_finite() {
    let network = PerCellNetwork::new(&layers(&[4, 4, 4], &[3, 3, 3]), SLOPE).unwrap();
    let x = Tensor::zeros((1, 1, 3, 3, 3), DType::F32, &Device::Cpu).unwrap();
    let y = network.forward(&x).unwrap().flatten_all().unwrap();
    assert!(y.to_vec1::<f32>().unwrap().into_iter().all(f32::is_finite));
}

#[test]
fn chains_that_do_not_fit_are_named() {
    let good = layers(&[4, 4, 4], &[3, 3, 3]);
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
    assert!(message(&wrong).contains("layer 2"));
    assert!(PerCellNetwork::new(&good, f64::NAN).is_err());
    let network = PerCellNetwork::new(&good, SLOPE).unwrap();
    assert!(network.forward(&tensor(&[2, 1, 3, 3, 4], 1)).is_err());
    assert!(network.forward(&tensor(&[1, 2, 3, 3, 3], 1)).is_err());
    assert!(network.forward(&Tensor::zeros((), DType::F32, &Device::Cpu).unwrap()).is_err());
}
