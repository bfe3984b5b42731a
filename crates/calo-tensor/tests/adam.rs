//! Adam: next to PyTorch, the same for any number of threads, resumed to the bit, refusing what cannot be.

#![expect(clippy::unwrap_used, reason = "helpers of tests report by panicking, as tests do")]

use std::collections::BTreeMap;

use calo_tensor::autograd::backward;
use calo_tensor::candle::backprop::GradStore;
use calo_tensor::candle::{DType, Device, Tensor, Var};
use calo_tensor::optimiser::{Adam, AdamConfig};

fn variable(values: &[f32], shape: &[usize]) -> Var {
    Var::from_slice(values, shape, &Device::Cpu).unwrap()
}

fn group(name: &str, var: &Var, config: AdamConfig) -> (Vec<(String, Var)>, AdamConfig) {
    (vec![(name.to_owned(), var.clone())], config)
}

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

fn bits(tensor: &Tensor) -> Vec<u32> {
    values(tensor).into_iter().map(f32::to_bits).collect()
}

fn assert_near(found: &Tensor, expected: &[f32]) {
    let found = values(found);
    assert_eq!(found.len(), expected.len());
    for (a, b) in found.iter().zip(expected) {
        assert!((a - b).abs() <= 1e-6 * b.abs().max(1.0), "{found:?} against {expected:?}");
    }
}

/// `0.1 * (x ** 3).sum() + (x * [1, 2, 3, 4]).sin().sum()`, and but for steps 1, 4, 7 `(y.exp() * [1, -2]).sum()`.
fn gradients(x: &Var, y: &Var, step: usize) -> GradStore {
    let factors = Tensor::new(&[1_f32, 2.0, 3.0, 4.0], &Device::Cpu).unwrap();
    let cubes = (x.powf(3.0).unwrap().sum_all().unwrap() * 0.1).unwrap();
    let sines = (x.as_tensor() * factors).unwrap().sin().unwrap().sum_all().unwrap();
    let mut loss = (cubes + sines).unwrap();
    if step % 3 != 1 {
        let factors = Tensor::new(&[[1_f32, -2.0]], &Device::Cpu).unwrap();
        loss = (loss + (y.exp().unwrap() * factors).unwrap().sum_all().unwrap()).unwrap();
    }
    backward(&loss).unwrap()
}

/// `torch.optim.Adam([{"params": [x]}, {"params": [y], "lr": 0.02}], **options)` in PyTorch 2.15, ten steps of the loss
/// above from x = [1, -2, 0.5, 3] and y = [[0.1, 0.2]], gradients set to none between.
#[test]
fn ten_steps_are_those_of_pytorch() {
    let default = AdamConfig::default();
    let cases = [
        (
            AdamConfig { rate: 0.05, beta1: 0.5, beta2: 0.9, ..default },
            [0.492_167_17, -1.418_586, -0.082_131_55, 2.633_011_8],
            [-0.037_974_052, 0.341_981],
            [0.933_026_8, -1.252_583_1, 2.887_431_6, 0.985_954_9],
            [0.558_070_06, 3.584_092_1],
        ),
        (
            AdamConfig { rate: 0.01, weight_decay: 0.1, ..default },
            [0.899_951_64, -1.898_406, 0.398_599, 2.900_724_2],
            [-0.039_448_794, 0.340_405],
            [0.617_419_66, -0.337_859_2, 0.516_552_8, 3.729_700_3],
            [0.007_645_474, 0.046_177_685],
        ),
    ];
    for (config, x_after, y_after, x_mean, y_square) in cases {
        let (x, y) = (variable(&[1.0, -2.0, 0.5, 3.0], &[4]), variable(&[0.1, 0.2], &[1, 2]));
        let groups = vec![group("x", &x, config), group("y", &y, AdamConfig { rate: 0.02, ..config })];
        let mut adam = Adam::new(groups).unwrap();
        for step in 0..10 {
            adam.step(&gradients(&x, &y, step)).unwrap();
        }
        assert_near(&x, &x_after);
        assert_near(&y, &y_after);
        let state: BTreeMap<_, _> = adam.state().unwrap().into_iter().collect();
        assert_near(&state["x.exp_avg"], &x_mean);
        assert_near(&state["y.exp_avg_sq"], &y_square);
        // A parameter without a gradient is skipped, its count too.
        assert_eq!(state["x.step"].to_scalar::<i64>().unwrap(), 10);
        assert_eq!(state["y.step"].to_scalar::<i64>().unwrap(), 7);
    }
}

#[test]
fn double_precision_follows_the_equations() {
    let x = Var::new(&[0.3_f64, -0.7], &Device::Cpu).unwrap();
    let config = AdamConfig { rate: 0.01, beta1: 0.8, beta2: 0.95, epsilon: 1e-4, weight_decay: 0.2 };
    let mut adam = Adam::new(vec![group("x", &x, config)]).unwrap();
    let (mut p, mut m, mut v) = ([0.3, -0.7], [0.0; 2], [0.0; 2]);
    for t in 1..=5 {
        adam.step(&backward(&x.sqr().unwrap().sum_all().unwrap()).unwrap()).unwrap();
        for i in 0..2 {
            let g = 2.0 * p[i] + 0.2 * p[i];
            m[i] = 0.8 * m[i] + 0.2 * g;
            v[i] = 0.95 * v[i] + 0.05 * g * g;
            let (c1, c2): (f64, f64) = (1.0 - 0.8_f64.powi(t), 1.0 - 0.95_f64.powi(t));
            p[i] -= 0.01 * (m[i] / c1) / ((v[i] / c2).sqrt() + 1e-4);
        }
    }
    let found: Vec<f64> = x.to_vec1().unwrap();
    assert!(found.iter().zip(p).all(|(a, b)| (a - b).abs() < 1e-12), "{found:?} against {p:?}");
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let start: Vec<f32> = (0..10_007).map(|i| (i as f32 * 0.37).sin()).collect();
            let x = variable(&start, &[10_007]);
            let mut adam = Adam::new(vec![group("x", &x, AdamConfig::default())]).unwrap();
            for _ in 0..3 {
                adam.step(&backward(&x.cos().unwrap().sum_all().unwrap()).unwrap()).unwrap();
            }
            bits(&x)
        })
    };
    assert_eq!(run(1), run(2));
}

#[test]
fn a_resumed_run_gives_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("adam.safetensors");
    let start = [1.0, -2.0, 0.5, 3.0];
    let config = AdamConfig { rate: 0.05, ..AdamConfig::default() };
    let make = |values: &[f32]| {
        let (x, y) = (variable(values, &[4]), variable(&[0.1, 0.2], &[1, 2]));
        let adam = Adam::new(vec![group("x", &x, config), group("y", &y, config)]).unwrap();
        (x, y, adam)
    };
    let (x, y, mut adam) = make(&start);
    for step in 0..6 {
        adam.step(&gradients(&x, &y, step)).unwrap();
    }
    adam.decay_rate(0.95).unwrap();
    calo_tensor::parameters::checkpoint::save(&path, &adam.state().unwrap(), &BTreeMap::new()).unwrap();

    let (x_again, y_again, mut again) = make(&start);
    x_again.set(&x).unwrap();
    y_again.set(&y).unwrap();
    again.restore(&calo_tensor::parameters::checkpoint::load(&path, &Device::Cpu).unwrap().tensors).unwrap();
    assert_eq!(again.rate(1).map(f64::to_bits), adam.rate(1).map(f64::to_bits));
    for step in 6..10 {
        adam.step(&gradients(&x, &y, step)).unwrap();
        again.step(&gradients(&x_again, &y_again, step)).unwrap();
    }
    assert_eq!(bits(&x), bits(&x_again));
    assert_eq!(bits(&y), bits(&y_again));
    // Its own state shares memory with it and restores all the same.
    let own: BTreeMap<_, _> = again.state().unwrap().into_iter().collect();
    again.restore(&own).unwrap();
    assert_eq!(bits(&again.state().unwrap()[0].1), bits(&adam.state().unwrap()[0].1));
}

#[test]
fn a_gradient_that_is_not_finite_changes_nothing() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let (x, y) = (variable(&[1.0, 2.0], &[2]), variable(&vec![1.0; 5000], &[5000]));
        let config = AdamConfig::default();
        let mut adam =
            Adam::new(vec![group("encoder.x", &x, config), group("decoder.y", &y, config)]).unwrap();
        let mut factors = vec![1.0; 5000];
        factors[4999] = bad;
        let factors = Tensor::new(factors, &Device::Cpu).unwrap();
        let loss = (x.sum_all().unwrap() + (y.as_tensor() * factors).unwrap().sum_all().unwrap()).unwrap();
        let gradients = backward(&loss).unwrap();
        let message = adam.step(&gradients).unwrap_err().to_string();
        assert!(message.contains("`decoder.y`") && message.contains("NaN"), "{message}");
        assert_eq!(values(&x), [1.0, 2.0]);
        assert_eq!(values(&adam.state().unwrap()[0].1), [0.0, 0.0]);
        adam.check_gradients(false);
        adam.step(&gradients).unwrap();
        assert!(values(&x)[0] < 1.0);
    }
}

#[test]
fn a_gradient_in_another_order_in_memory_is_understood() {
    let x = variable(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &[2, 3]);
    let mut adam = Adam::new(vec![group("x", &x, AdamConfig::default())]).unwrap();
    let factors = Tensor::new(&[[1_f32, -1.0], [-1.0, 1.0], [1.0, -1.0]], &Device::Cpu).unwrap();
    adam.step(&backward(&(x.t().unwrap() * factors).unwrap().sum_all().unwrap()).unwrap()).unwrap();
    assert_near(&x, &[0.999, 2.001, 2.999, 4.001, 4.999, 6.001]);
}

#[test]
fn impossible_settings_are_named() {
    let x = variable(&[1.0], &[1]);
    let default = AdamConfig::default();
    for (field, config) in [
        ("rate", AdamConfig { rate: -1.0, ..default }),
        ("rate", AdamConfig { rate: f64::NAN, ..default }),
        ("beta1", AdamConfig { beta1: 1.0, ..default }),
        ("beta2", AdamConfig { beta2: -0.1, ..default }),
        ("epsilon", AdamConfig { epsilon: f64::INFINITY, ..default }),
        ("weight_decay", AdamConfig { weight_decay: -0.1, ..default }),
    ] {
        let message = Adam::new(vec![group("x", &x, config)]).unwrap_err().to_string();
        assert!(message.starts_with(&format!("field `{field}`")), "{message}");
    }
    let twice = vec![group("x", &x, default), group("x", &x, default)];
    assert!(Adam::new(twice).unwrap_err().to_string().contains("`x`: two parameters"));
    let integers = Var::new(&[1_i64], &Device::Cpu).unwrap();
    assert!(Adam::new(vec![group("n", &integers, default)]).unwrap_err().to_string().contains("I64"));
    let mut adam = Adam::new(vec![group("x", &x, default)]).unwrap();
    assert!(adam.set_rate(1, 0.1).is_err());
    assert!(adam.set_rate(0, f64::NAN).is_err());
    assert!(adam.decay_rate(-1.0).is_err());
    assert_eq!(adam.rate(0), Some(1e-3));
    adam.set_rate(0, 0.5).unwrap();
    adam.decay_rate(0.5).unwrap();
    assert_eq!(adam.rate(0), Some(0.25));
}

#[test]
fn a_state_of_something_else_changes_nothing() {
    let x = variable(&[1.0, 2.0], &[2]);
    let mut adam = Adam::new(vec![group("x", &x, AdamConfig::default())]).unwrap();
    adam.step(&backward(&x.sum_all().unwrap()).unwrap()).unwrap();
    let good: BTreeMap<_, _> =
        adam.state().unwrap().into_iter().map(|(n, t)| (n, t.copy().unwrap())).collect();
    let number = |value: i64| Tensor::new(value, &Device::Cpu).unwrap();
    let zeros = |n: usize| Tensor::zeros(n, DType::F32, &Device::Cpu).unwrap();
    let changes: [(&str, Option<Tensor>, &str); 6] = [
        ("x.exp_avg", None, "missing `x.exp_avg`"),
        ("z.exp_avg", Some(zeros(2)), "unknown `z.exp_avg`"),
        ("x.exp_avg_sq", Some(zeros(3)), "its shape is [3]"),
        ("x.exp_avg_sq", Some(zeros(2).to_dtype(DType::F64).unwrap()), "F64"),
        ("x.step", Some(number(-1)), "it is -1"),
        ("group.0.rate", Some(Tensor::new(-1_f64, &Device::Cpu).unwrap()), "field `rate`: -1"),
    ];
    for (name, tensor, expected) in changes {
        let mut state = good.clone();
        match tensor {
            Some(tensor) => drop(state.insert(name.to_owned(), tensor)),
            None => drop(state.remove(name)),
        }
        let message = adam.restore(&state).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
        assert_eq!(bits(&adam.state().unwrap()[0].1), bits(&good["x.exp_avg"]));
    }
}
