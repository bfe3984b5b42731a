//! `calo export` and `calo generate` without a run: models that are given to others.

use std::fs;
use std::path::Path;

use calo_nn::candle::{DType, Device};
use calo_nn::parameters::checkpoint;

use crate::common::{calo, read, sample, stderr, stdout};
use crate::trained::Trained;

/// All texts below `folder`.
fn texts(folder: &Path) -> Vec<String> {
    let mut texts = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            texts.extend(self::texts(&path));
        } else {
            texts.push(String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned());
        }
    }
    texts
}

#[test]
fn an_exported_model_generates_as_the_trained_one_and_says_nothing_of_its_maker_s_folders() {
    let trained = Trained::new();
    let [latent, density, out] =
        ["latent.hdf5", "density.safetensors", "exported"].map(|name| trained.path(name));
    trained.command("encode", &latent).assert().success();
    let mut command = calo();
    command.arg("density").arg("--latent").arg(&latent).arg("--out").arg(&density);
    command.args(["--bandwidth", "0.3"]).assert().success();
    let mut export = calo();
    export.arg("export").arg("--run").arg(trained.run()).arg("--density").arg(&density);
    export.args(["--max-centres", "50"]).arg("--out").arg(&out);
    assert!(stdout(&export.assert().success()).contains("in 16 bits"));
    assert!(stderr(&export.assert().code(1)).contains("new or empty"));

    // Small: no state to resume from, one epoch, halves.
    let epochs: Vec<_> = fs::read_dir(out.join("epochs")).unwrap().map(|e| e.unwrap().path()).collect();
    let [weights] = &epochs[..] else { panic!("{epochs:?}") };
    let tensors = checkpoint::load(weights, &Device::Cpu).unwrap().tensors;
    assert!(!tensors.is_empty() && tensors.values().all(|tensor| tensor.dtype() == DType::F16));
    assert!(!out.join("last.safetensors").exists());
    let folder = trained.path("");
    let folder = folder.display().to_string();
    for text in texts(&out) {
        assert!(!text.contains(&folder), "{text}");
    }

    let generate = |run: &Path, name: &str, more: &[&str]| {
        let path = trained.path(name);
        let mut command = calo();
        command.args(["generate", "--energy", "20..80", "-n", "40"]).arg("--run").arg(run);
        command.args(more).arg("--out").arg(&path).assert().success();
        read(&path)
    };
    // The same noise through nearly the same weights.
    let exact = generate(&trained.run(), "exact.hdf5", &[]);
    let rounded = generate(&out, "rounded.hdf5", &["--latent", "normal"]);
    assert_eq!(exact.energies_gev, rounded.energies_gev);
    let [a, b] = [&exact, &rounded].map(|batch| batch.cells_mev.sum());
    assert!(a > 0.0 && (a - b).abs() < 0.01 * a && exact.cells_mev != rounded.cells_mev, "{a} {b}");
    // It comes with its density, which is used unless told otherwise.
    let sampled = generate(&out, "sampled.hdf5", &[]);
    assert_ne!(sampled.cells_mev, rounded.cells_mev);
    let attributes = calo_data::read_attributes(&trained.path("sampled.hdf5"), None).unwrap();
    let text = |name: &str| attributes.iter().find(|(key, _)| key == name).map(|(_, text)| text.as_str());
    assert!(
        text("input_1").is_some_and(|path| path.ends_with("exported/density.safetensors")),
        "{attributes:?}"
    );
    let mut latent = trained.command("latent", &trained.path("latent"));
    latent.args(["--n-generated", "50"]).assert().success();

    // The best epoch of an exported model is the one that it has.
    for epoch in ["1", "2"] {
        let out = trained.path(epoch);
        let mut export = calo();
        export.arg("export").arg("--run").arg(trained.run()).args(["--epoch", epoch]);
        export.arg("--out").arg(&out).assert().success();
        let mut generate = calo();
        generate.args(["generate", "--energy", "50", "-n", "1", "--run"]).arg(&out);
        let text = stdout(&generate.arg("--out").arg(trained.path("one.hdf5")).assert().success());
        assert!(text.contains(&format!("1 showers of epoch {epoch} of")), "{text}");
    }

    // It is neither exported again nor resumed, but a run may begin with it.
    let mut again = calo();
    again.arg("export").arg("--run").arg(&out).arg("--out").arg(trained.path("again"));
    assert!(stderr(&again.assert().code(1)).contains("exported model"));
    let train = |out: &Path, more: &[&str]| {
        let mut command = calo();
        command.arg("train").arg(trained.path("config.toml")).arg("--data").arg(trained.data());
        command.arg("--out").arg(out).args(more).assert()
    };
    assert!(stderr(&train(&out, &["--resume"]).code(1)).contains("--from"));
    let (run, from) = (trained.path("tuned"), out.display().to_string());
    let text = stderr(&train(&run, &["--from", &from]).success());
    assert!(text.contains("autoencoder, post_processor of"), "{text}");
    let description = fs::read_to_string(run.join("run.json")).unwrap();
    assert!(description.contains("\"from\""), "{description}");
    assert!(stderr(&train(&run, &["--resume"]).code(1)).contains("--from"));
    assert!(stdout(&train(&run, &["--resume", "--from", &from]).success()).contains("finished"));
    // From the folder of a run come the critics too.
    let from = trained.run().display().to_string();
    let text = stderr(&train(&trained.path("tuned2"), &["--from", &from]).success());
    assert!(text.contains("autoencoder, critic, latent_critic, post_processor of"), "{text}");
}

/// A clone has a model: showers on the full grid that have about the energy and depth of real ones.
#[test]
fn the_built_in_model_makes_photon_showers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("generated.hdf5");
    let mut command = calo();
    command.args(["generate", "--energy", "10..100", "-n", "96", "--seed", "3", "--out"]).arg(&path);
    let text = stdout(&command.assert().success());
    assert!(text.contains("96 showers") && text.contains("built-in photons-bib-ae"), "{text}");
    let (ours, real) = (read(&path), read(&sample("photons.hdf5")));
    assert_eq!(ours.cells_mev.dim(), (96, 30, 30, 30));
    let per_gev = |batch: &calo_core::ShowerBatch<f32>| {
        f64::from(batch.cells_mev.sum()) / batch.energies_gev.iter().sum::<f64>()
    };
    let (ours_per_gev, real_per_gev) = (per_gev(&ours), per_gev(&real));
    assert!((ours_per_gev / real_per_gev - 1.0).abs() < 0.05, "{ours_per_gev} {real_per_gev} MeV/GeV");
    let depth = |batch: &calo_core::ShowerBatch<f32>| {
        let layers = batch.cells_mev.sum_axis(ndarray::Axis(3)).sum_axis(ndarray::Axis(2));
        let layers = layers.sum_axis(ndarray::Axis(0));
        let weighted: f32 = layers.iter().zip(0_u8..).map(|(mev, layer)| mev * f32::from(layer)).sum();
        weighted / layers.sum()
    };
    assert!((depth(&ours) - depth(&real)).abs() < 1.0, "{} {}", depth(&ours), depth(&real));
    let attributes = calo_data::read_attributes(&path, None).unwrap();
    let names: Vec<&str> = attributes
        .iter()
        .filter(|(key, _)| ["input_0", "input_1"].contains(&key.as_str()))
        .map(|(_, text)| text.as_str())
        .collect();
    assert_eq!(names, ["built-in photons-bib-ae", "built-in photons-bib-ae, density"]);
    // Epochs are those of a run.
    let mut command = calo();
    command.args(["generate", "--energy", "50", "-n", "1", "--epoch", "3", "--out"]).arg(&path);
    assert!(stderr(&command.assert().code(2)).contains("--run"));
}
