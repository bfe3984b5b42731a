//! The convolutions of the published networks, batch 8: output and the two gradients, by the kernels that the sizes
//! choose and by either kind: the rule in `cpu/conv3d/kernels.rs` is made of these figures.
//!
//! `cargo bench -p calo-tensor --bench conv3d -- critic` runs the critic's. The figures beside PyTorch's are in
//! `docs/performance.md`.

use std::time::Duration;

use calo_tensor::Result;
use calo_tensor::candle::{DType, Device, Tensor};
use calo_tensor::ops::{Kernels, conv_transpose3d, conv3d, conv3d_weight_gradient, with_kernels};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

const BATCH: usize = 8;

/// One layer: name, input channels and length, output channels, kernel, stride, padding, output padding if transposed.
type Layer = (&'static str, usize, usize, usize, usize, usize, usize, Option<usize>);

const LAYERS: &[Layer] = &[
    ("encoder 1->8 k4 s2", 1, 30, 8, 4, 2, 2, None),
    ("encoder 8->16 k4 s2", 8, 16, 16, 4, 2, 2, None),
    ("encoder 16->32 k4 s2", 16, 9, 32, 4, 2, 2, None),
    ("encoder 32->64 k3", 32, 5, 64, 3, 1, 1, None),
    ("decoder 8->8 k3 s3 transposed", 8, 10, 8, 3, 3, 1, Some(2)),
    ("decoder 8->16 k3 s2 transposed", 8, 30, 16, 3, 2, 1, Some(1)),
    ("decoder 16->8 k2 s2", 16, 60, 8, 2, 2, 0, None),
    ("decoder 8->16 k3", 8, 30, 16, 3, 1, 1, None),
    ("decoder 16->32 k3", 16, 30, 32, 3, 1, 1, None),
    ("decoder 32->16 k3", 32, 30, 16, 3, 1, 1, None),
    ("decoder 16->1 k3", 16, 30, 1, 3, 1, 1, None),
    ("critic 1->128 k3 s2", 1, 30, 128, 3, 2, 0, None),
    ("critic 128->128 k3 s2", 128, 14, 128, 3, 2, 0, None),
    ("critic 128->128 k3", 128, 6, 128, 3, 1, 0, None),
    ("cells 1->128", 1, 30, 128, 1, 1, 0, None),
    ("cells 192->128", 192, 30, 128, 1, 1, 0, None),
    ("cells 128->128", 128, 30, 128, 1, 1, 0, None),
    ("cells 128->1", 128, 30, 1, 1, 1, 0, None),
];

fn random(shape: &[usize]) -> Result<Tensor> {
    // Any numbers but denormal ones take the same time.
    let count = shape.iter().product::<usize>();
    let elements: Vec<f32> = (0..count).map(|i| ((i * 7919) % 1013) as f32 / 1013.0 - 0.5).collect();
    Ok(Tensor::from_vec(elements, shape, &Device::Cpu)?.to_dtype(DType::F32)?)
}

fn layers(criterion: &mut Criterion) {
    for &layer in LAYERS {
        if let Err(error) = bench(criterion, layer) {
            eprintln!("{}: {error}", layer.0);
        }
    }
}

fn bench(criterion: &mut Criterion, layer: Layer) -> Result<()> {
    let (name, from, length, to, kernel, stride, padding, output_padding) = layer;
    let x = random(&[BATCH, from, length, length, length])?;
    let (stride, padding) = ([stride; 3], [padding; 3]);
    let mut group = criterion.benchmark_group(name);
    group
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600));
    let mut run = |product: &str, compute: &dyn Fn() -> Result<Tensor>| -> Result<Tensor> {
        for kernels in
            [Kernels::Fastest, Kernels::Positions, Kernels::Channels, Kernels::Unpadded, Kernels::Matrices]
        {
            let name = BenchmarkId::new(product, format!("{kernels:?}"));
            group.bench_function(name, |bencher| with_kernels(kernels, || bencher.iter(compute)));
        }
        compute()
    };
    if let Some(output_padding) = output_padding {
        let w = random(&[from, to, kernel, kernel, kernel])?;
        let y = run("output", &|| conv_transpose3d(&x, &w, None, stride, padding, [output_padding; 3]))?;
        run("input gradient", &|| conv3d(&y, &w, None, stride, padding))?;
        run("weight gradient", &|| conv3d_weight_gradient(&y, &x, [kernel; 3], stride, padding))?;
    } else {
        let w = random(&[to, from, kernel, kernel, kernel])?;
        let y = run("output", &|| conv3d(&x, &w, None, stride, padding))?;
        let rest = std::array::from_fn(|a| (length + 2 * padding[a] - kernel) % stride[a]);
        run("input gradient", &|| conv_transpose3d(&y, &w, None, stride, padding, rest))?;
        run("weight gradient", &|| conv3d_weight_gradient(&x, &y, [kernel; 3], stride, padding))?;
    }
    group.finish();
    Ok(())
}

criterion_group!(benches, layers);
criterion_main!(benches);
