//! A family without an encoder goes the same way as any: trained, validated, selected, generated; commands that
//! need an encoder refuse it in one line.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::{calo, stderr};
use crate::train::Bench;

fn config() -> String {
    let configs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs/experiments");
    configs.join("gan-quick.toml").display().to_string()
}

/// The shipped configuration for two short epochs on the sample of the sources.
fn train(bench: &Bench, out: &str, more: &[&str]) -> assert_cmd::assert::Assert {
    let mut words = bench.words(out, more);
    words[1] = config();
    for set in
        ["optim.epochs=2", "optim.batch_showers=20", "validation.first_epoch=1", "validation.every_epochs=1"]
    {
        words.extend(["--set".to_owned(), set.to_owned()]);
    }
    calo().args(words).assert()
}

#[test]
fn a_gan_goes_the_way_of_every_model() {
    let bench = Bench::new();
    train(&bench, "run", &[]).success();
    let run = bench.path("run");
    let description: serde_json::Value =
        serde_json::from_slice(&fs::read(run.join("run.json")).unwrap()).unwrap();
    assert_eq!(description["name"], "GAN");
    let validation = fs::read_to_string(run.join("validation.jsonl")).unwrap();
    assert_eq!(validation.lines().count(), 2);
    assert!(!validation.contains("post_processed") && validation.contains("\"kld_nats\":[]"), "{validation}");

    let path = |name: &str| bench.path(name).display().to_string();
    let (run, showers) = (path("run"), path("showers.hdf5"));
    calo().args(["select", "--run", &run, "--out", &path("selection")]).assert().success();
    let generate = |n: &str, first: &str, out: PathBuf| {
        let mut command = calo();
        command.args(["generate", "--run", &run, "--energy", "10..100", "-n", n, "--first", first]);
        command.arg("--out").arg(out).assert().success();
    };
    generate("40", "0", bench.path("all.hdf5"));
    generate("4", "33", bench.path("part.hdf5"));
    let all = crate::common::read(&bench.path("all.hdf5"));
    let part = crate::common::read(&bench.path("part.hdf5"));
    assert_eq!(part.cells_mev, all.cells_mev.slice(ndarray::s![33..37, .., .., ..]));
    for command in ["encode", "latent"] {
        let assert =
            calo().args([command, "--run", &run, "--data", &showers, "--out", &path("z")]).assert().code(1);
        let message = stderr(&assert);
        assert_eq!(message.lines().count(), 1, "{message}");
        assert!(message.contains("family gan") && message.contains("no encoder"), "{message}");
    }
    let message = stderr(&train(&bench, "run", &[]).code(2));
    assert!(message.contains("--resume"), "{message}");
}
