//! Published checkpoints of the BIB-AE become runs that generate and encode as the published networks do.
//!
//! The project's own small tensors are always used; those of the published networks where `CALO_FIXTURES` names their
//! folder.

#![expect(clippy::unwrap_used, reason = "a failed expectation is a test's report")]

mod pth;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use calo_nn::candle::{Device, Tensor, safetensors};
use calo_nn::engine::ShowerModel;
use calo_run::import::{ImportRequest, import};
use calo_run::model::{Compute, ModelChoice};
use calo_run::monitor::Caller;
use calo_run::run_folder::EpochChoice;

type Tensors = BTreeMap<String, Tensor>;

/// The tensors of one network, as a state dictionary names them.
fn weights(all: &Tensors, network: &str) -> Tensors {
    let prefix = format!("{network}.weights.");
    let own =
        |(name, tensor): (&String, &Tensor)| Some((name.strip_prefix(&prefix)?.to_owned(), tensor.clone()));
    all.iter().filter_map(own).collect()
}

fn read(path: &Path) -> Tensors {
    safetensors::load(path, &Device::Cpu).unwrap().into_iter().collect()
}

fn own() -> Tensors {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../calo-nn/tests/data/goldens");
    read(&data.join("bibae.safetensors"))
}

/// A detector with the grid of the showers `x` `[n, layer, x, y]`.
fn detector(folder: &Path, x: &Tensor) -> String {
    let dims = &x.dims()[1..];
    if dims == [30, 30, 30] {
        return "ild-ecal".to_owned();
    }
    let [layers, nx, ny]: [usize; 3] = dims.try_into().unwrap();
    let positions: Vec<f64> = (0..layers).map(|layer| 1811.0 + 10.0 * f64::from(layer as u32)).collect();
    let text = format!(
        "extends = \"ild-ecal\"\nname = \"small\"\n         grid = {{ layers = {layers}, nx = {nx}, ny = {ny} }}\nhdf5 = {{ group = \"small\" }}\n\
         [projection]\nstaggering = false\nlayer_positions_mm = {positions:?}\n\
         x = {{ origin_mm = 0.0, width_mm = 5.0, bins = {nx} }}\n\
         y = {{ origin_mm = 0.0, width_mm = 5.0, bins = {ny} }}\n\
         [binning]\nlongitudinal = {{ scale = \"linear\", bins = {layers}, low = 0.0, high = {layers}.0 }}\n\
         [geometry]\nfront_face_mm = 1801.5\n[[geometry.stack]]\nrepeat = {layers}\n\
         slabs = [{{ material = \"tungsten\", thickness_mm = 9.5 }}, \
         {{ material = \"silicon\", thickness_mm = 0.5, active = true }}]\n"
    );
    let path = folder.join("detector.toml");
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

/// The largest difference in units of the largest value.
fn difference(expected: &Tensor, found: &Tensor) -> f32 {
    let values = |x: &Tensor| x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let (expected, found) = (values(expected), values(found));
    assert_eq!(expected.len(), found.len());
    let largest = expected.iter().fold(0_f32, |max, x| max.max(x.abs()));
    expected.iter().zip(&found).fold(0_f32, |max, (a, b)| max.max((a - b).abs())) / largest
}

/// Imports the BIB-AE of `tensors`, saved as a checkpoint with `prefix` before its names, and compares what its run
/// encodes and decodes with what PyTorch did.
fn check(tensors: &Tensors, prefix: &str) {
    let folder = tempfile::tempdir().unwrap();
    let [checkpoint, out] = ["model.pth", "run"].map(|name| folder.path().join(name));
    pth::write(&checkpoint, &weights(tensors, "bibae"), prefix);
    let detector = detector(folder.path(), &tensors["x"]);
    let request = ImportRequest { checkpoints: vec![checkpoint], out: out.clone(), key: None, detector };
    let caller = Caller::silent("test");
    let imported = import(&request, caller).unwrap();
    assert_eq!((imported.family, &imported.grid[..]), ("bib-ae", &tensors["x"].dims()[1..]));

    let choice = ModelChoice { run: Some(out), epoch: EpochChoice::Best, compute: Compute::default() };
    let model = choice.load().unwrap();
    assert_eq!(model.epoch, 1);
    compare(&model.networks, tensors);
    // A second import does not overwrite it.
    assert!(import(&request, caller).unwrap_err().to_string().contains("holds something"));
}

fn compare(model: &ShowerModel, tensors: &Tensors) {
    let energies = &tensors["e_inc_gev"];
    let posterior = model.encoder().unwrap().encode(&tensors["x"], energies).unwrap();
    let showers = model.sample(&tensors["z"], energies, 1).unwrap();
    let found = [
        ("encoder.mu", &posterior.mean),
        ("encoder.logvar", &posterior.log_variance),
        ("decoder.y", &showers[0]),
    ];
    for (name, found) in found {
        let off = difference(&tensors[name], found);
        assert!(off < 1e-5, "{name}: off by {off:e}");
    }
}

#[test]
fn a_checkpoint_becomes_a_run_that_computes_the_same() {
    check(&own(), "");
    check(&own(), "module.");
}

#[test]
fn the_published_networks_become_a_run() {
    let Some(folder) = std::env::var_os("CALO_FIXTURES").map(PathBuf::from) else {
        println!("skipped: CALO_FIXTURES names no folder of published tensors");
        return;
    };
    check(&read(&folder.join("bibae_photon.safetensors")), "module.");
}

#[test]
fn what_is_no_published_model_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.pth");
    let out = folder.path().join("run");
    let message = |tensors: &Tensors| {
        pth::write(&path, tensors, "");
        let request = ImportRequest {
            checkpoints: vec![path.clone()],
            out: out.clone(),
            key: None,
            detector: "ild-ecal".to_owned(),
        };
        let error = import(&request, Caller::silent("test")).unwrap_err();
        let mut text = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(inner) = source {
            text = format!("{text}: {inner}");
            source = inner.source();
        }
        assert!(!out.exists(), "{text}");
        text
    };
    let own = weights(&own(), "bibae");
    let text = message(&own);
    assert!(text.contains("[7, 11, 12]") && text.contains("--detector"), "{text}");
    let mut other = own.clone();
    other.remove("fc31.weight");
    let text = message(&other);
    assert!(text.contains("fc31.weight") && text.contains("missing"), "{text}");
    let text = message(&own.iter().map(|(name, x)| (format!("x{name}"), x.clone())).collect());
    assert!(text.contains("xbnco0.bias") && text.contains("bib-ae"), "{text}");
}
