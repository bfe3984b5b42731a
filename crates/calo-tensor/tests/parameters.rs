//! Parameters and weights files: seeded values, PyTorch's distributions, round trips, refusals.

#![expect(clippy::unwrap_used, reason = "helpers of tests report by panicking, as tests do")]

use std::collections::BTreeMap;
use std::path::Path;

use calo_tensor::candle::{DType, Device, Tensor};
use calo_tensor::parameters::checkpoint::{self, Checkpoint};
use calo_tensor::parameters::{Init, Parameters};

fn store(seed: u64) -> Parameters {
    Parameters::new(seed, DType::F32, &Device::Cpu)
}

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

fn draw(shape: &[usize], init: Init) -> Vec<f64> {
    let tensor = Parameters::new(3, DType::F64, &Device::Cpu).path().parameter("w", shape, init).unwrap();
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

/// Trained networks start from these: they must never change.
#[test]
fn first_values_are_pinned() {
    let parameters = store(42);
    let path = parameters.path();
    let conv = path.parameter("conv", &[2, 1, 2, 2, 2], Init::Conv).unwrap();
    let normal = path.parameter("normal", &[3], Init::Normal { mean: 0.0, std: 1.0 }).unwrap();
    assert_eq!(values(&conv)[..3], PINNED_CONV);
    assert_eq!(values(&normal), PINNED_NORMAL);
}

const PINNED_CONV: [f32; 3] = [-0.183_379_53, 0.063_729, -0.190_846_96];
const PINNED_NORMAL: [f32; 3] = [-0.002_104_547_3, 0.859_496_5, 0.127_088_06];

#[test]
fn values_depend_on_seed_and_place_alone() {
    let make = |seed, dtype, first_len: usize| {
        let parameters = Parameters::new(seed, dtype, &Device::Cpu);
        parameters.path().parameter("first", &[first_len], Init::Uniform { bound: 1.0 }).unwrap();
        let second = parameters.path().parameter("second", &[9], Init::Uniform { bound: 1.0 }).unwrap();
        values(&second.to_dtype(DType::F32).unwrap())
    };
    assert_eq!(make(1, DType::F32, 3), make(1, DType::F32, 300));
    assert_eq!(make(1, DType::F32, 3), make(1, DType::F64, 3));
    assert_ne!(make(1, DType::F32, 3), make(2, DType::F32, 3));
    let half = make(1, DType::BF16, 3);
    assert!(half.iter().zip(make(1, DType::F32, 3)).all(|(a, b)| (a - b).abs() < 0.01));
}

/// The fans are those that `torch.nn.init._calculate_fan_in_and_fan_out` gives for the layers named.
#[test]
fn distributions_are_those_of_pytorch() {
    let uniform: [(&[usize], Init, f64); 6] = [
        (&[10, 6, 4, 3, 2], Init::Conv, 144_f64.powf(-0.5)), // Conv3d(6, 10, (4, 3, 2))
        (&[6, 10, 4, 3, 2], Init::Conv, 240_f64.powf(-0.5)), // ConvTranspose3d(6, 10, (4, 3, 2))
        (&[200, 50], Init::Linear, 50_f64.powf(-0.5)),       // Linear(50, 200)
        (&[2000], Init::Bias { fan_in: 144 }, 1.0 / 12.0),   // their biases
        (&[2000], Init::Uniform { bound: 0.3 }, 0.3),
        (&[64, 32, 3, 3, 3], Init::XavierUniform, (6.0_f64 / 2592.0).sqrt()),
    ];
    for (shape, init, bound) in uniform {
        let drawn = draw(shape, init);
        let n = drawn.len() as f64;
        let largest = drawn.iter().fold(0.0_f64, |a, b| a.max(b.abs()));
        // Of n uniform numbers the largest misses the bound by about 1/n of it; 20/n is all but impossible.
        assert!(largest <= bound && largest >= bound * (1.0 - 20.0 / n), "{init:?}: {largest} of {bound}");
        let mean = drawn.iter().sum::<f64>() / n;
        let square = drawn.iter().map(|v| v * v).sum::<f64>() / n;
        // Standard errors: bound/sqrt(3 n) of the mean, bound^2 sqrt(4/45/n) of the mean square.
        assert!(mean.abs() < 5.0 * bound / (3.0 * n).sqrt(), "{init:?}: mean {mean}");
        assert!((square - bound * bound / 3.0).abs() < 5.0 * bound * bound * (4.0 / 45.0 / n).sqrt());
    }
    let normal: [(&[usize], Init, f64, f64); 3] = [
        (&[64, 32, 3, 3, 3], Init::KaimingNormal, 0.0, (2.0_f64 / 864.0).sqrt()),
        (&[64, 32, 3, 3, 3], Init::XavierNormal, 0.0, (2.0_f64 / 2592.0).sqrt()),
        (&[5000], Init::Normal { mean: 1.0, std: 0.02 }, 1.0, 0.02),
    ];
    for (shape, init, mean, std) in normal {
        let drawn: Vec<f64> = draw(shape, init).iter().map(|v| (v - mean) / std).collect();
        let n = drawn.len() as f64;
        let moment = |k: i32| drawn.iter().map(|v| v.powi(k)).sum::<f64>() / n;
        assert!(moment(1).abs() < 5.0 / n.sqrt(), "{init:?}");
        assert!((moment(2) - 1.0).abs() < 5.0 * (2.0 / n).sqrt(), "{init:?}");
        assert!((moment(4) - 3.0).abs() < 5.0 * (96.0 / n).sqrt(), "{init:?}");
    }
    assert!(draw(&[7], Init::Constant(0.25)).iter().all(|v| (v - 0.25).abs() < f64::EPSILON));
}

#[test]
fn names_are_in_order_of_creation_and_taken_once() {
    let parameters = store(1);
    let layer = parameters.path().join("decoder").join(3);
    let weight = layer.parameter("weight", &[4, 2], Init::Linear).unwrap();
    let mean = layer.buffer("running_mean", &[2], 0.5).unwrap();
    layer.parameter("bias", &[4], Init::Constant(0.0)).unwrap();
    let names: Vec<String> = parameters.state().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["decoder.3.weight", "decoder.3.running_mean", "decoder.3.bias"]);
    let trained: Vec<String> = parameters.trainable().into_iter().map(|(name, _)| name).collect();
    assert_eq!(trained, ["decoder.3.weight", "decoder.3.bias"]);
    assert_eq!(parameters.n_weights(), 12);
    assert_eq!(values(&mean), [0.5, 0.5]);
    assert!(weight.is_variable());

    let again = layer.parameter("weight", &[4, 2], Init::Constant(7.0)).unwrap();
    assert_eq!((again.id(), values(&again)), (weight.id(), values(&weight)));
    for (message, expected) in [
        (
            layer.parameter("weight", &[2, 4], Init::Linear).unwrap_err(),
            "its shape is [4, 2]; expected [2, 4]",
        ),
        (layer.buffer("weight", &[4, 2], 0.0).unwrap_err(), "a trained weight; expected a buffer"),
        (layer.parameter("running_mean", &[2], Init::Linear).unwrap_err(), "it is a buffer"),
        (layer.parameter("empty", &[0, 2], Init::Linear).unwrap_err(), "its shape is [0, 2]"),
        (layer.parameter("huge", &[usize::MAX, 2], Init::Linear).unwrap_err(), "its shape is"),
        (layer.parameter("flat", &[2], Init::Conv).unwrap_err(), "has no fan"),
        (layer.parameter("nan", &[2], Init::Constant(f64::NAN)).unwrap_err(), "finite"),
        (layer.parameter("bias2", &[2], Init::Bias { fan_in: 0 }).unwrap_err(), "finite"),
    ] {
        let message = message.to_string();
        assert!(message.starts_with("parameter `decoder.3.") && message.contains(expected), "{message}");
    }
    assert_eq!(parameters.state().len(), 3);
}

#[test]
fn a_frozen_view_follows_but_is_cut_from_the_graph() {
    let parameters = store(1);
    assert!(parameters.frozen().parameter("w", &[2], Init::Constant(1.0)).is_err());
    let trained = parameters.path().parameter("w", &[2], Init::Constant(1.0)).unwrap();
    let frozen = parameters.frozen().parameter("w", &[2], Init::Constant(1.0)).unwrap();
    assert!(trained.track_op() && !frozen.track_op());
    parameters.trainable()[0].1.set(&Tensor::new(&[3_f32, 4.0], &Device::Cpu).unwrap()).unwrap();
    assert_eq!(values(&frozen), [3.0, 4.0]);
    assert!(parameters.frozen().parameter("w", &[3], Init::Constant(1.0)).is_err());
}

#[test]
fn restoring_is_exact_or_changes_nothing() {
    let make = |seed| {
        let parameters = store(seed);
        parameters.path().parameter("a", &[2, 3], Init::Linear).unwrap();
        parameters.path().join("norm").buffer("running_var", &[3], 1.0).unwrap();
        parameters
    };
    let (from, to) = (make(1), make(2));
    let state: BTreeMap<_, _> = from.state().into_iter().collect();
    let before = values(&to.state()[0].1);
    let ones = || Tensor::ones(3, DType::F32, &Device::Cpu).unwrap();
    let count = || Tensor::new(5_i64, &Device::Cpu).unwrap();
    for (name, tensor, expected) in [
        ("a", None, "missing `a`; expected"),
        ("b", Some(ones()), "unknown `b`"),
        ("a", Some(ones()), "`a`: its shape is [3]; expected [2, 3]"),
        ("norm.running_var", Some(ones().to_dtype(DType::I64).unwrap()), "I64"),
    ] {
        let mut state = state.clone();
        match tensor {
            Some(tensor) => drop(state.insert(name.to_owned(), tensor)),
            None => drop(state.remove(name)),
        }
        let message = to.restore(&state).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
        assert_eq!(values(&to.state()[0].1), before);
    }
    let many: BTreeMap<_, _> = (0..9).map(|i| (format!("x{i}"), ones())).collect();
    let message = to.restore(&many).unwrap_err().to_string();
    assert!(
        message.contains("missing `a`, `norm.running_var`; unknown `x0`, `x1`, `x2`, `x3` and 5 more"),
        "{message}"
    );

    let mut with_counter = state.clone();
    with_counter.insert("norm.num_batches_tracked".to_owned(), count());
    to.restore(&with_counter).unwrap();
    assert_eq!(values(&to.state()[0].1), values(&from.state()[0].1));
    // A store's own state shares its memory.
    from.restore(&state).unwrap();
    let wide: BTreeMap<_, _> =
        state.iter().map(|(n, t)| (n.clone(), t.to_dtype(DType::F64).unwrap())).collect();
    make(3).restore(&wide).unwrap();
}

fn some_tensors() -> Vec<(String, Tensor)> {
    let cpu = &Device::Cpu;
    let grid = Tensor::arange(0_f32, 12.0, cpu).unwrap().reshape((3, 4)).unwrap();
    vec![
        ("z.weight".to_owned(), grid.clone()),
        ("transposed".to_owned(), grid.t().unwrap()),
        ("part".to_owned(), grid.narrow(0, 1, 2).unwrap()),
        ("half".to_owned(), grid.to_dtype(DType::F16).unwrap()),
        ("brain".to_owned(), grid.to_dtype(DType::BF16).unwrap()),
        ("double \"quoted\" \u{3b1}".to_owned(), grid.to_dtype(DType::F64).unwrap()),
        ("count".to_owned(), Tensor::new(-3_i64, cpu).unwrap()),
        ("seed".to_owned(), Tensor::new(&[1_u32, u32::MAX], cpu).unwrap()),
        ("empty".to_owned(), Tensor::zeros((0, 3), DType::F32, cpu).unwrap()),
        ("large".to_owned(), Tensor::arange(0_f32, 300_000.0, cpu).unwrap()),
    ]
}

fn texts() -> BTreeMap<String, String> {
    (0..20).map(|i| (format!("key {i}"), format!("line\n{i} \"\u{e9}\""))).collect()
}

#[test]
fn files_hold_what_was_saved_in_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (folder.path().join("a.safetensors"), folder.path().join("b.safetensors"));
    checkpoint::save(&a, &some_tensors(), &texts()).unwrap();
    checkpoint::save(&b, &some_tensors(), &texts()).unwrap();
    assert_eq!(std::fs::read(&a).unwrap(), std::fs::read(&b).unwrap());
    let Checkpoint { tensors, metadata } = checkpoint::load(&a, &Device::Cpu).unwrap();
    assert_eq!(metadata, texts());
    assert_eq!(tensors.len(), some_tensors().len());
    for (name, tensor) in some_tensors() {
        let read = &tensors[&name];
        assert_eq!((read.dtype(), read.dims()), (tensor.dtype(), tensor.dims()), "{name}");
        let wide =
            |t: &Tensor| t.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1::<f64>().unwrap();
        assert_eq!(wide(read), wide(&tensor), "{name}");
    }
    // Other programs read it as well.
    let others = calo_tensor::candle::safetensors::load(&a, &Device::Cpu).unwrap();
    assert_eq!(values(&others["transposed"]), values(&some_tensors()[1].1));
}

#[test]
fn what_a_file_cannot_hold_is_refused_and_the_old_one_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("w.safetensors");
    std::fs::write(&path, "old").unwrap();
    let tensor = |values: &[f32]| Tensor::new(values, &Device::Cpu).unwrap();
    let named = |name: &str, tensor: Tensor| vec![(name.to_owned(), tensor)];
    let twice = [named("a", tensor(&[1.0])), named("a", tensor(&[2.0]))].concat();
    for (tensors, expected) in [
        (named("w", tensor(&[1.0, f32::NAN])), "element 1 of tensor `w` is not a finite number"),
        (named("w", tensor(&[f32::INFINITY])), "element 0 of tensor `w`"),
        (twice, "called `a`"),
        (named("__metadata__", tensor(&[1.0])), "called `__metadata__`"),
        (named("w", Tensor::new(&[1_u8], &Device::Cpu).unwrap()), "U8"),
    ] {
        let message = checkpoint::save(&path, &tensors, &BTreeMap::new()).unwrap_err().to_string();
        assert!(message.contains("w.safetensors") && message.contains(expected), "{message}");
    }
    assert_eq!(std::fs::read(&path).unwrap(), b"old");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    let message =
        checkpoint::save(&folder.path().join("no/w"), &[], &BTreeMap::new()).unwrap_err().to_string();
    assert!(message.contains("does not exist"), "{message}");
}

/// A file with this header and so many bytes of zeros behind it.
fn craft(path: &Path, header: &str, data: usize) {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.resize(bytes.len() + data, 0);
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn damaged_and_foreign_files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("w.safetensors");
    let refused = |expected: &str| {
        let message = checkpoint::load(&path, &Device::Cpu).unwrap_err().to_string();
        assert!(message.contains("w.safetensors") && message.contains(expected), "{expected}: {message}");
    };
    refused("cannot open for reading");
    for (content, expected) in [
        (&b""[..], "is empty"),
        (b"\x01", "has 1 bytes"),
        (b"a text of some length, no weights", "is no safetensors file or truncated"),
        (b"\xff\xff\xff\xff\xff\xff\xff\xff", "is no safetensors file or truncated"),
        (b"\0\0\0\0\0\0\0\0", "its header cannot be read"),
    ] {
        std::fs::write(&path, content).unwrap();
        refused(expected);
    }
    let one = |dtype: &str, shape: &str, from: u64, to: u64| {
        format!(r#"{{"a":{{"dtype":"{dtype}","shape":{shape},"data_offsets":[{from},{to}]}}}}"#)
    };
    for (header, data, expected) in [
        ("[1]".to_owned(), 0, "its header cannot be read"),
        (one("F32", "[2]", 0, 8), 7, "holds 7 bytes of data where its header tells of 8"),
        (one("F32", "[2]", 0, 8), 9, "holds 9 bytes"),
        (one("F32", "[3]", 0, 8), 8, "contradicts itself"),
        (one("F32", "[2]", 8, 0), 8, "contradicts itself"),
        (one("F32", "[2]", 4, 12), 12, "contradicts itself"),
        (one("F32", "[18446744073709551615,18446744073709551615]", 0, 8), 8, "contradicts itself"),
        (one("F32", "[-2]", 0, 8), 8, "its header cannot be read"),
        (one("F99", "[2]", 0, 8), 8, "its header cannot be read"),
        (one("BOOL", "[8]", 0, 8), 8, "element type BOOL"),
        (
            one("F32", "[1]", 0, 4).replace('}', "") + "}," + &one("F32", "[1]", 4, 8)[1..],
            8,
            "two tensors are called `a`",
        ),
    ] {
        craft(&path, &header, data);
        refused(expected);
    }
    craft(&path, &one("F32", "[2]", 0, 8), 8);
    let mut bytes = std::fs::read(&path).unwrap();
    let n = bytes.len();
    bytes[n - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    std::fs::write(&path, bytes).unwrap();
    refused("element 1 of tensor `a` is not a finite number");
}

/// Whatever becomes of a file: an answer or an error that names it, never a panic.
#[test]
fn no_mutation_makes_the_reader_panic() {
    use rand::{Rng, SeedableRng};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("w.safetensors");
    checkpoint::save(&path, &some_tensors()[..9], &BTreeMap::new()).unwrap();
    let whole = std::fs::read(&path).unwrap();
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
    for i in 0..2000 {
        let mut bytes = whole.clone();
        if i % 3 == 0 {
            bytes.truncate(rng.random_range(0..bytes.len()));
        } else {
            for _ in 0..rng.random_range(1..4) {
                let place = rng.random_range(0..bytes.len());
                bytes[place] = rng.random();
            }
        }
        std::fs::write(&path, bytes).unwrap();
        if let Err(error) = checkpoint::load(&path, &Device::Cpu) {
            assert!(error.to_string().contains("w.safetensors"), "{error}");
        }
    }
}
