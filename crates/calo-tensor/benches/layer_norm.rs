//! Normalisations, linear layers and the per-cell network at the published sizes, batch 8.

use std::hint::black_box;
use std::time::Duration;

use calo_tensor::autograd::{backward, input_gradient};
use calo_tensor::candle::{Device, Tensor, Var};
use calo_tensor::ops::{PerCellLayer, PerCellNetwork, layer_norm, linear};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// Numbers of no pattern between -1 and 1.
fn tensor(dims: &[usize], seed: u32) -> Tensor {
    let mut state = seed.wrapping_mul(0x9e37_79b9) | 1;
    let values: Vec<f32> = (0..dims.iter().product::<usize>())
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state as f32 / (1_u32 << 31) as f32 - 1.0
        })
        .collect();
    Tensor::from_vec(values, dims, &Device::Cpu).expect("as many values as the shape says")
}

fn var(dims: &[usize], seed: u32) -> Var {
    Var::from_tensor(&tensor(dims, seed)).expect("a variable on the CPU")
}

/// LayerNorm and LeakyReLU: forward, with gradients, and a gradient penalty's two passes.
fn norms(criterion: &mut Criterion) {
    for (rows, side) in [(64, 30), (128, 60), (1024, 14), (1024, 6), (1024, 30)] {
        let dims = [side, side, side];
        let (x, weight, bias) = (var(&[rows, 1, side, side, side], 1), var(&dims, 2), var(&dims, 3));
        let g = tensor(x.dims(), 4);
        let forward = || {
            layer_norm(x.as_tensor(), weight.as_tensor(), bias.as_tensor(), Some(0.2))
                .expect("shapes that fit")
        };
        let mut group = criterion.benchmark_group("layer_norm");
        group.throughput(Throughput::Elements(x.elem_count() as u64));
        let name = format!("{rows}x{side}^3");
        let (plain_x, plain_weight, plain_bias) =
            (x.as_tensor().detach(), weight.as_tensor().detach(), bias.as_tensor().detach());
        group.bench_function(BenchmarkId::new("forward", &name), |bencher| {
            bencher.iter(|| layer_norm(black_box(&plain_x), &plain_weight, &plain_bias, Some(0.2)));
        });
        let scores = || (forward() * &g).and_then(|y| y.sum_all()).expect("one shape");
        group.bench_function(BenchmarkId::new("forward_backward", &name), |bencher| {
            bencher.iter(|| backward(&scores()));
        });
        if x.elem_count() < 20_000_000 {
            group.bench_function(BenchmarkId::new("penalty", &name), |bencher| {
                bencher.iter(|| {
                    let gradient = input_gradient(&scores(), &x).expect("scores of x");
                    backward(&gradient.sqr().and_then(|square| square.sum_all()).expect("f32"))
                });
            });
        }
    }
}

/// The decoder's largest linear layer: its weights are read, or written, once.
fn linears(criterion: &mut Criterion) {
    let weight = tensor(&[8000, 4000], 1);
    let x = tensor(&[8, 4000], 2);
    let mut group = criterion.benchmark_group("linear");
    group.throughput(Throughput::Bytes(4 * weight.elem_count() as u64));
    group.bench_function("forward", |bencher| bencher.iter(|| linear(black_box(&x), &weight, None)));
    let moving = var(&[8, 4000], 2);
    group.bench_function("input_gradient", |bencher| {
        bencher.iter(|| {
            backward(&linear(moving.as_tensor(), &weight, None).and_then(|y| Ok(y.sum_all()?)).expect("fit"))
        });
    });
    let trained = var(&[8000, 4000], 1);
    group.bench_function("weight_gradient", |bencher| {
        bencher.iter(|| {
            backward(&linear(&x, trained.as_tensor(), None).and_then(|y| Ok(y.sum_all()?)).expect("fit"))
        });
    });
}

/// The published post-processor.
fn per_cell(criterion: &mut Criterion) {
    const WIDTH: usize = 128;
    let grid = [30, 30, 30];
    let layers: Vec<PerCellLayer> = (0..6)
        .map(|idx| {
            let outputs = if idx < 5 { WIDTH } else { 1 };
            let inputs = if idx == 0 { 1 } else { WIDTH };
            PerCellLayer {
                weight: tensor(&[outputs, inputs, 1, 1, 1], 1),
                bias: (idx < 5).then(|| tensor(&[outputs], 2)),
                norm: (idx < 4).then(|| (tensor(&grid, 3), tensor(&grid, 4))),
            }
        })
        .collect();
    let network = PerCellNetwork::new(&layers, 0.01).expect("the published chain");
    let mut group = criterion.benchmark_group("per_cell");
    for n in [1, 8] {
        let x = tensor(&[n, 1, 30, 30, 30], 5);
        group.throughput(Throughput::Elements(n as u64));
        group.bench_function(BenchmarkId::new("post_processor", n), |bencher| {
            bencher.iter(|| network.forward(black_box(&x)));
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(1));
    targets = norms, linears, per_cell
}
criterion_main!(benches);
