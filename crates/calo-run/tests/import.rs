//! Published checkpoints become runs that generate, and encode, as the published networks do.
//!
//! The project's own small tensors are always used; those of the published networks where `CALO_FIXTURES` names their
//! folder.

#![expect(clippy::unwrap_used, reason = "a failed expectation is a test's report")]

mod pth;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use calo_core::random::Purpose;
use calo_nn::candle::{DType, Device, Tensor, safetensors};
use calo_nn::engine::{RandomRows, Recipe, ShowerModel, Trainer, uniform};
use calo_nn::families;
use calo_nn::parameters::checkpoint;
use calo_run::import::{ImportRequest, import};
use calo_run::model::{Compute, ModelChoice, ModelSource};
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

/// An error and what caused it, on one line.
fn with_sources(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {}", with_sources(source)))
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

    let choice =
        ModelChoice { source: ModelSource::Run(out), epoch: EpochChoice::Best, compute: Compute::default() };
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

/// The GAN and WGANs as published, but for the number of channels.
const GAN: &str = "[model.generator]\nnoise = 6\nfirst = { channels = 3, kernel = [4, 4, 4] }\nlayers = [\
    { channels = 2, kernel = [4, 4, 4], stride = [2, 2, 2], padding = [1, 1, 1] },\
    { channels = 3, kernel = [4, 4, 4], stride = [2, 2, 2], padding = [1, 1, 1] },\
    { channels = 2, kernel = [4, 4, 4], stride = [2, 2, 2], padding = [1, 1, 1] },\
    { channels = 1, kernel = [3, 3, 3], padding = [2, 2, 2] }]\n\
    [model.discriminator]\nminibatch_deviation = true\nhidden = 5\n";
const CONSTRAINER: &str = "[model.constrainer]\nhidden = 4\n";
const WGAN_OF_PIONS: &str = include_str!("../../../configs/experiments/wgan-pions-paper.toml");

/// Fresh networks of a family: the weights of each group as a state dictionary, and the model.
fn fresh(family: &str, text: &str) -> (BTreeMap<String, Tensors>, ShowerModel) {
    let mut file: toml::Table = text.parse().unwrap();
    file.retain(|key, _| ["model", "losses", "schedule", "optim"].contains(&key));
    let grid = if text == WGAN_OF_PIONS { [48, 13, 13] } else { [30; 3] };
    let recipe =
        Recipe::from_tables(families::find(family).unwrap(), &file.try_into().unwrap(), Some(grid)).unwrap();
    let trainer = Trainer::new(recipe, 3, &Device::Cpu).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let [state, weights] = ["state", "weights"].map(|name| folder.path().join(name));
    trainer.save(&state, &BTreeMap::new()).unwrap();
    trainer.save_weights(&weights, &BTreeMap::new()).unwrap();
    let mut groups = BTreeMap::<String, Tensors>::new();
    for (name, tensor) in checkpoint::load(&state, &Device::Cpu).unwrap().tensors {
        let (group, name) = name.split_once('.').unwrap();
        if group != "adam" {
            groups.entry(group.to_owned()).or_default().insert(name.to_owned(), tensor);
        }
    }
    (groups, ShowerModel::load(&weights, families::ALL, &Device::Cpu, DType::F32).unwrap())
}

fn showers(model: &ShowerModel, z: &Tensor, energies: &Tensor) -> Tensor {
    model.sample(z, energies, 1).unwrap().remove(0)
}

/// What `calo import` makes of these state dictionaries.
fn imported(folder: &Path, dicts: &[&Tensors], detector: &str) -> (ShowerModel, Vec<(String, String)>) {
    let checkpoints: Vec<PathBuf> = (0..dicts.len()).map(|i| folder.join(format!("{i}.pth"))).collect();
    for (path, dict) in checkpoints.iter().zip(dicts) {
        pth::write(path, dict, "module.");
    }
    let out = folder.join("run");
    let request = ImportRequest { checkpoints, out: out.clone(), key: None, detector: detector.to_owned() };
    let imported = import(&request, Caller::silent("test")).unwrap();
    let choice =
        ModelChoice { source: ModelSource::Run(out), epoch: EpochChoice::Best, compute: Compute::default() };
    (choice.load().unwrap().networks, imported.left_out)
}

#[test]
fn gans_and_wgans_become_runs_that_generate() {
    let wgan = GAN.split("[model.discriminator]").next().unwrap();
    let wgan = format!("{wgan}[model.critic]\nhidden = [3, 4]\n");
    let cases = [
        ("gan", GAN.to_owned(), &["generator"][..], "ild-ecal"),
        ("gan", GAN.to_owned(), &["discriminator", "generator"], "ild-ecal"),
        ("wgan", wgan.clone(), &["generator", "critic"], "ild-ecal"),
        ("wgan", format!("{wgan}{CONSTRAINER}"), &["constrainer", "generator", "critic"], "ild-ecal"),
        ("wgan", WGAN_OF_PIONS.to_owned(), &["critic", "generator"], "ild-ahcal"),
    ];
    for (family, text, given, detector) in cases {
        let (groups, model) = fresh(family, &text);
        let folder = tempfile::tempdir().unwrap();
        let dicts: Vec<&Tensors> = given.iter().map(|group| &groups[*group]).collect();
        let (found, left_out) = imported(folder.path(), &dicts, detector);
        assert_eq!((found.family().family(), found.grid()), (family, model.grid()));
        let is_left_out = left_out.iter().any(|(name, _)| name == "discriminator");
        assert_eq!(is_left_out, given.contains(&"discriminator"), "{left_out:?}");
        let rows = RandomRows { seed: 1, purpose: Purpose::new("z"), first: 0, n: 2 };
        let z = uniform(rows, model.prior().dim(), &Device::Cpu).unwrap();
        let energies = Tensor::new(&[[20_f32], [70.0]], &Device::Cpu).unwrap();
        let off = difference(&showers(&model, &z, &energies), &showers(&found, &z, &energies));
        assert!(off < 1e-6, "{family}, {given:?}: off by {off:e}");
        if family == "wgan" {
            let [expected, found] =
                [&model, &found].map(|model| model.latent_score().unwrap().gradient(&z, &energies).unwrap());
            assert!(difference(&expected, &found) < 1e-5, "{given:?}: slopes");
        }
    }
}

#[test]
fn published_gans_and_wgans_become_runs() {
    let Some(folder) = std::env::var_os("CALO_FIXTURES").map(PathBuf::from) else {
        println!("skipped: CALO_FIXTURES names no folder of published tensors");
        return;
    };
    for (file, networks, detector, output) in [
        ("gan_photon", &["generator", "discriminator"][..], "ild-ecal", "generator.y_eval"),
        ("wgan_photon", &["generator", "critic", "constrainer"], "ild-ecal", "generator.y"),
        ("wgan_pion", &["generator", "critic"], "ild-ahcal", "generator.y"),
    ] {
        let tensors = read(&folder.join(format!("{file}.safetensors")));
        let dicts: Vec<Tensors> = networks.iter().map(|network| weights(&tensors, network)).collect();
        let here = tempfile::tempdir().unwrap();
        let (model, _) = imported(here.path(), &dicts.iter().collect::<Vec<_>>(), detector);
        let z = tensors["noise"].flatten_from(1).unwrap();
        let found = showers(&model, &z, &tensors["e_inc_gev"]);
        // The stored output of the GAN has statistics that one batch moved: the run has the initial ones.
        if file != "gan_photon" {
            let off = difference(&tensors[output], &found);
            assert!(off < 1e-5, "{file}: off by {off:e}");
        }
    }
}

#[test]
fn parts_of_published_models_are_named() {
    let (groups, _) = fresh("gan", GAN);
    let folder = tempfile::tempdir().unwrap();
    let message = |dicts: &[&Tensors]| {
        let paths: Vec<PathBuf> = (0..dicts.len()).map(|i| folder.path().join(format!("{i}.pth"))).collect();
        paths.iter().zip(dicts).for_each(|(path, dict)| pth::write(path, dict, ""));
        let out = folder.path().join("run");
        let request = ImportRequest { checkpoints: paths, out, key: None, detector: "ild-ecal".to_owned() };
        let error = import(&request, Caller::silent("test")).unwrap_err();
        with_sources(&error)
    };
    let [generator, discriminator] = ["generator", "discriminator"].map(|group| &groups[group]);
    let text = message(&[generator, generator, discriminator]);
    assert!(text.contains("expected generator, discriminator"), "{text}");
    let mut fewer = generator.clone();
    fewer.remove("main_conv.9.weight");
    let text = message(&[&fewer]);
    assert!(text.contains("a network of other layers\"; expected that for photons"), "{text}");
    let (groups, _) = fresh("wgan", WGAN_OF_PIONS);
    let text = message(&[&groups["generator"]]);
    assert!(text.contains("expected generator and critic; constrainer"), "{text}");
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
        let text = with_sources(&error);
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
