//! Checkpoints of PyTorch: what they hold, what is refused, and that no bytes make the reader panic.

#![expect(clippy::unwrap_used, reason = "helpers of tests report by panicking, as tests do")]

use std::path::{Path, PathBuf};

use calo_tensor::candle::{DType, Tensor};
use calo_tensor::parameters::{Imported, read_pytorch};
use rand::{Rng, SeedableRng};

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

fn values(tensor: &Tensor) -> Vec<f64> {
    tensor.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

/// The network of `make_checkpoints.py`.
fn assert_is_net(imported: &Imported) {
    let expected: [(&str, &[usize], usize); 7] = [
        ("conv.weight", &[2, 1, 2, 2, 2], 0),
        ("norm.bias", &[2], 2),
        ("norm.running_mean", &[2], 3),
        ("norm.running_var", &[2], 4),
        ("norm.weight", &[2], 1),
        ("out.bias", &[2], 6),
        ("out.weight", &[2, 3], 5),
    ];
    assert_eq!(imported.tensors.keys().map(String::as_str).collect::<Vec<_>>(), expected.map(|e| e.0));
    for (name, shape, n) in expected {
        let tensor = &imported.tensors[name];
        assert_eq!((tensor.dims(), tensor.dtype()), (shape, DType::F32));
        for (i, value) in values(tensor).into_iter().enumerate() {
            assert!((value - (n as f64 + i as f64 / 100.0)).abs() < 1e-6, "{name}[{i}] is {value}");
        }
    }
}

#[test]
fn state_dictionaries_are_found_wherever_they_are() {
    for (name, key, found, was_parallel, counter) in [
        ("plain.pth", None, "", false, "norm.num_batches_tracked"),
        ("legacy.pth", None, "", false, "norm.num_batches_tracked"),
        ("nested.pth", None, "model_state_dict", true, "module.norm.num_batches_tracked"),
        ("nested.pth", Some("model_state_dict"), "model_state_dict", true, "module.norm.num_batches_tracked"),
    ] {
        let imported = read_pytorch(&data(name), key).unwrap();
        assert_is_net(&imported);
        assert_eq!((imported.key.as_str(), imported.was_parallel), (found, was_parallel), "{name}");
        let left_out: Vec<&str> = imported.left_out.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(left_out, [counter]);
    }
}

#[test]
fn one_of_several_is_chosen_by_its_key() {
    let path = data("several.pth");
    let message = read_pytorch(&path, None).unwrap_err().to_string();
    assert!(message.contains("`models/critic` (5 tensors), `models/generator` (2 tensors)"), "{message}");
    let message = read_pytorch(&path, Some("models")).unwrap_err().to_string();
    assert!(message.contains("under the key `models`, but under: `models/"), "{message}");
    let generator = read_pytorch(&path, Some("models/generator")).unwrap();
    assert_eq!(generator.tensors.keys().collect::<Vec<_>>(), ["bias", "weight"]);
}

#[test]
fn views_and_element_types_are_as_in_python() {
    let tensors = read_pytorch(&data("layouts.pth"), None).unwrap().tensors;
    let transposed: Vec<f64> = (0..6).flat_map(|j| (0..4).map(move |i| f64::from(6 * i + j))).collect();
    assert_eq!((tensors["transposed"].dims(), values(&tensors["transposed"])), (&[6, 4][..], transposed));
    assert_eq!(values(&tensors["part"]), [6.0, 8.0, 10.0, 12.0, 14.0, 16.0]);
    assert_eq!(values(&tensors["shared"]), [18.0, 19.0, 20.0, 21.0, 22.0, 23.0]);
    for (name, dtype) in
        [("double", DType::F64), ("half", DType::F16), ("bfloat", DType::BF16), ("parameter", DType::F32)]
    {
        assert_eq!(tensors[name].dtype(), dtype);
        assert_eq!(values(&tensors[name]), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0], "{name}");
    }
    assert_eq!((tensors["count"].dtype(), values(&tensors["count"])), (DType::I64, vec![7.0]));
    assert_eq!((tensors["scalar"].dims(), values(&tensors["scalar"])), (&[][..], vec![1.5]));
}

#[test]
fn other_files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    let whole = std::fs::read(data("plain.pth")).unwrap();
    let legacy = std::fs::read(data("legacy.pth")).unwrap();
    // A changed weight: 3.00 of `norm.running_mean`.
    let mut changed = whole.clone();
    let place = whole.windows(4).position(|bytes| bytes == 3_f32.to_le_bytes()).unwrap();
    changed[place] ^= 1;
    for (path, expected) in [
        (file("changed", &changed), "checksum"),
        (data("module.pth"), "holds a whole object of class __main__.Net"),
        (data("list.pth"), "holds a list"),
        (folder.path().join("none.pth"), "cannot open for reading"),
        (folder.path().to_owned(), "is not a regular file"),
        (file("empty", b""), "is empty"),
        (file("text", b"epoch,loss\n1,0.5\n"), "is not a PyTorch checkpoint"),
        (file("cut", &whole[..whole.len() / 2]), "is no whole zip archive"),
        (
            file("end_of_central_directory", b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
            "with 0 files data.pkl",
        ),
        (file("legacy_cut", &legacy[..legacy.len() - 20]), "is truncated"),
        (file("legacy_short", &legacy[..30]), "is truncated within its pickled part"),
    ] {
        let message = read_pytorch(&path, None).unwrap_err().to_string();
        assert!(message.starts_with(&path.display().to_string()) && message.contains(expected), "{message}");
        assert_eq!(message.lines().count(), 1, "{message}");
    }
}

/// Flipped bytes and cut ends: an answer or one line that names the file, never a panic.
#[test]
fn no_mutation_makes_the_reader_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mutated.pth");
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
    for name in ["plain.pth", "legacy.pth", "nested.pth", "layouts.pth", "module.pth"] {
        let whole = std::fs::read(data(name)).unwrap();
        for i in 0..100 {
            let mut bytes = whole.clone();
            if i % 5 == 0 {
                bytes.truncate(rng.random_range(0..bytes.len()));
            } else {
                for _ in 0..rng.random_range(1..4) {
                    let place = rng.random_range(0..bytes.len());
                    bytes[place] =
                        if i % 2 == 0 { rng.random() } else { bytes[place] ^ (1 << rng.random_range(0..8)) };
                }
            }
            std::fs::write(&path, &bytes).unwrap();
            if let Err(error) = read_pytorch(&path, None) {
                let message = error.to_string();
                assert!(!message.contains("panic"), "{name} {i}: {message}");
                assert!(message.contains("mutated.pth"), "{name} {i}: {message}");
            }
        }
    }
}

/// Of PyTorch's last five years: what scripts keep beside the weights never stands in their way.
#[test]
fn wrappers_seeds_and_states_of_generators_are_passed_over() {
    let imported = read_pytorch(&data("wrapped.pth"), None).unwrap();
    assert_eq!((imported.key.as_str(), imported.was_parallel), ("state_dict", true));
    let found: Vec<_> = imported
        .tensors
        .iter()
        .map(|(name, tensor)| (name.as_str(), tensor.dtype(), values(tensor)))
        .collect();
    let expected = [
        ("bias", DType::I32, vec![-1.0, 300.0]),
        ("mask", DType::I32, vec![1.0, 0.0]),
        ("steps", DType::I32, vec![-5.0, 7.0]),
        ("weight", DType::F32, vec![1.0, 2.0, 3.0, 4.0]),
    ];
    assert_eq!(found, expected);
    // The state of the generator can still be had by its key.
    let imported = read_pytorch(&data("wrapped.pth"), Some("")).unwrap();
    assert_eq!(imported.tensors.keys().collect::<Vec<_>>(), ["loss", "rng_state"]);
    for name in ["seed.pth", "rng.pth"] {
        let imported = read_pytorch(&data(name), None).unwrap();
        assert_eq!(
            (imported.key.as_str(), values(&imported.tensors["w"])),
            ("state_dict", vec![1.0; 2]),
            "{name}"
        );
    }
    assert_eq!(values(&read_pytorch(&data("python2.pth"), None).unwrap().tensors["w"]), [1.0; 2]);
}

#[test]
fn expanded_tensors_are_written_as_they_look() {
    let imported = read_pytorch(&data("expand.pth"), None).unwrap();
    assert_eq!(values(&imported.tensors["scale"]), [2.0; 4]);
    let rows = &read_pytorch(&data("expand2.pth"), None).unwrap().tensors["t"];
    assert_eq!(rows.dims(), [3, 5]);
    let expected: Vec<f64> = (0..15).map(|i| f64::from(i / 5)).collect();
    assert_eq!(values(rows), expected);
}
