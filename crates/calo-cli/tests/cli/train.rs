//! `calo train` and `calo generate`: what a run leaves, that it resumes with the same bits, what is refused.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::common::{calo, read, sample, stderr, stdout};

/// Networks as small as they get, on the pooled grid.
const TINY: &str = r#"
name = "tiny"
detector = "ild-ecal-pooled"

[model]
autoencoder = { width = 1, hidden = 6, bottleneck = 6, n_encoded = 3, latent_dim = 5 }
critic = { width = 2 }
latent_critic = { units = [4] }
post_processor = { width = 2, condition = 2, layer_norm = false }

[schedule]
n_critic = 2
fresh_critic_batches = true
post_processor = { identity_epochs = 1, sorted_mmd = { windows = 5 } }

[optim]
epochs = 3
batch_showers = 8

[data]
group_showers = 64

[checkpoints]
every_steps = 1
log_every_steps = 1
"#;

/// A folder with pooled showers, a configuration, and runs to come.
pub(crate) struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let bench = Self { folder: tempfile::tempdir().unwrap() };
        let mut command = calo();
        command.args(["pool", "--by", "1x3x3", "--detector", "ild-ecal"]).arg(sample("photons.hdf5"));
        command.arg("--out").arg(bench.path("showers.hdf5")).assert().success();
        fs::write(bench.path("tiny.toml"), TINY).unwrap();
        bench
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Words of `calo train` into `out`.
    pub(crate) fn words(&self, out: &str, more: &[&str]) -> Vec<String> {
        let path = |name: &str| self.path(name).display().to_string();
        let words = ["train", &path("tiny.toml"), "--data", &path("showers.hdf5"), "--out", &path(out)];
        words.iter().chain(more).map(ToString::to_string).collect()
    }

    pub(crate) fn train(&self, out: &str, more: &[&str]) -> assert_cmd::assert::Assert {
        calo().args(self.words(out, more)).assert()
    }

    fn generate(&self, run: &str, out: &str, more: &[&str]) -> assert_cmd::assert::Assert {
        let mut command = calo();
        command.arg("generate").arg("--run").arg(self.path(run)).arg("--out").arg(self.path(out));
        command.args(more).assert()
    }
}

/// Everything of a finished run that has to be the same: weights and state to the bit, logs but for the time of day.
fn content(run: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = vec![run.join("last.safetensors"), run.join("validation.jsonl"), run.join("config.toml")];
    files.extend(fs::read_dir(run.join("epochs")).unwrap().map(|entry| entry.unwrap().path()));
    files.sort();
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    let mut content: Vec<(String, Vec<u8>)> =
        files.iter().map(|path| (name(path), fs::read(path).unwrap())).collect();
    let log = fs::read_to_string(run.join("log.jsonl")).unwrap();
    let without_time = |line: &str| {
        let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
        line.as_object_mut().unwrap().remove("time_s");
        line.to_string()
    };
    content
        .push(("log".to_owned(), log.lines().map(without_time).collect::<Vec<_>>().join("\n").into_bytes()));
    content
}

fn assert_same(a: &Path, b: &Path) {
    let (a, b) = (content(a), content(b));
    let names =
        |content: &[(String, Vec<u8>)]| content.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&a), names(&b));
    for ((name, a), (_, b)) in a.iter().zip(&b) {
        assert!(a == b, "{name} differs");
    }
}

#[test]
fn a_run_keeps_what_is_needed_to_understand_it() {
    let bench = Bench::new();
    let text = stdout(&bench.train("run", &[]).success());
    assert!(text.contains("3 epochs") && text.contains("best epoch"), "{text}");
    let run = bench.path("run");
    for name in ["config.toml", "detector.toml", "run.json", "log.jsonl", "events.out.tfevents.calo"] {
        assert!(fs::metadata(run.join(name)).unwrap().len() > 20, "{name}");
    }
    assert_eq!(fs::read_dir(run.join("epochs")).unwrap().count(), 3);
    let validated = fs::read_to_string(run.join("validation.jsonl")).unwrap();
    assert_eq!(validated.lines().count(), 3);
    let first: serde_json::Value = serde_json::from_str(validated.lines().next().unwrap()).unwrap();
    assert_eq!(first["kld_nats"].as_array().unwrap().len(), 3);
    for stage in ["raw", "post_processed"] {
        let jsd = first["jsd"][stage]["cog_z"].as_f64().unwrap();
        assert!((0.0..0.84).contains(&jsd), "{stage}: {jsd}");
    }
    // All losses, in every line.
    let log = fs::read_to_string(run.join("log.jsonl")).unwrap();
    let line: serde_json::Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
    for term in [
        "critic_distance",
        "critic_penalty",
        "kld",
        "latent_mmd",
        "post_processor_change",
        "post_processor_mmd",
    ] {
        assert!(line["terms"][term].is_number(), "{term}: {line}");
    }
    // Again: nothing is left to do, and without --resume a run is not overwritten.
    assert!(stdout(&bench.train("run", &["--resume"]).success()).contains("finished"));
    assert!(stderr(&bench.train("run", &[]).code(2)).contains("--resume"));
    // Precisions that a CPU does not have, or that nothing is learned in.
    assert!(stderr(&bench.train("half", &["--precision", "bf16"]).code(2)).contains("f32 or tf32"));
    for (command, precision) in [("train", "tf32"), ("generate", "bf16")] {
        let refused = match command {
            "train" => bench.train("coarse", &["--precision", precision]),
            _ => {
                bench.generate("run", "coarse.hdf5", &["--energy", "50", "-n", "1", "--precision", precision])
            }
        };
        let message = stderr(&refused.code(1));
        assert!(message.contains(&format!("field `precision`: `{precision}` on the CPU")), "{message}");
    }
    assert!(
        !bench.path("half").exists() && !bench.path("coarse").exists() && !bench.path("coarse.hdf5").exists()
    );
    // The configuration that was written down makes the same run.
    fs::copy(run.join("config.toml"), bench.path("tiny.toml")).unwrap();
    bench.train("again", &["--threads", "1"]).success();
    assert_same(&run, &bench.path("again"));
}

#[test]
fn weights_of_the_last_epochs_and_the_best_are_kept() {
    let bench = Bench::new();
    let more = ["--set", "optim.epochs=5", "--set", "checkpoints.keep_epochs=1"];
    let text = stdout(&bench.train("run", &more).success());
    let best: u32 = text.split("best epoch ").nth(1).unwrap().split(':').next().unwrap().parse().unwrap();
    let kept = |epoch: u32| bench.path("run").join(format!("epochs/epoch-{epoch:04}.safetensors")).exists();
    for epoch in 1..=5 {
        assert_eq!(kept(epoch), epoch == 5 || epoch == best, "epoch {epoch}, best {best}");
    }
    bench.generate("run", "out.hdf5", &["--energy", "50", "-n", "1"]).success();
}

/// Files of their own to validate with: their showers are counted, and the energies are those of the files.
#[test]
fn validation_showers_may_come_in_files() {
    let bench = Bench::new();
    bench.train("first", &["--set", "optim.epochs=1"]).success();
    let at = |energy: &str, name: &str, n: &str| {
        bench.generate("first", name, &["--energy", energy, "-n", n]).success();
        bench.path(name).display().to_string()
    };
    let (full, fixed) = (at("10..100", "full.hdf5", "40"), at("50", "fixed.hdf5", "30"));
    let at_50 = format!("50={fixed}");
    let more = ["--validation", &full, "--validation-at", &at_50, "--set", "data.split=[1, 0, 0]"];
    bench.train("run", &more).success();
    let text = fs::read_to_string(bench.path("run").join("validation.jsonl")).unwrap();
    let line: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!(line["n_showers"], 40);
    // Without a part of the data there is nothing to validate with.
    let message = stderr(&bench.train("empty", &["--set", "data.split=[1, 0, 0]"]).code(1));
    assert!(message.contains("--validation FILE"), "{message}");
}

/// The promise of `--resume`: killed at any moment, twenty times, the run ends with the same bits.
#[test]
fn twenty_kills_change_nothing() {
    let bench = Bench::new();
    // Longer epochs' worth of steps, so that kills meet all that a run does.
    let more = ["--resume", "--set", "optim.epochs=8", "--set", "validation.every_epochs=2"];
    let start = Instant::now();
    bench.train("whole", &more).success();
    let whole = start.elapsed();
    let mut random = ChaCha8Rng::seed_from_u64(20);
    let mut kills = 0;
    for attempt in 0.. {
        assert!(attempt < 400, "{kills} kills in {attempt} attempts");
        let mut child = spawn(&bench.words("killed", &more));
        if kills == 20 {
            assert!(child.wait().unwrap().success());
            break;
        }
        // Most of a start goes into setting up: kills have to fall behind it too, but not all behind the end.
        let deadline = Instant::now() + whole.mul_f64(random.random_range(0.0..0.6));
        while Instant::now() < deadline && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        if child.try_wait().unwrap().is_none() {
            child.kill().unwrap();
            kills += 1;
        } else if kills < 20 {
            // It got to the end: the rest of the kills hit a run from the beginning.
            assert_same(&bench.path("whole"), &bench.path("killed"));
            fs::remove_dir_all(bench.path("killed")).unwrap();
        }
        child.wait().unwrap();
    }
    assert_same(&bench.path("whole"), &bench.path("killed"));
}

/// The state that a run resumes from is as it was before the disk was full.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_keeps_the_last_state_and_the_run_goes_on_from_there() {
    let bench = Bench::new();
    let more = ["--resume", "--set", "optim.epochs=4"];
    bench.train("whole", &more).success();
    let last = bench.path("full/last.safetensors");
    // A limit on the size of files fails writes as a full disk does.
    let on_full_disk = || {
        let assert = assert_cmd::Command::new("sh")
            .args(["-c", "ulimit -f 200; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_calo")])
            .args(bench.words("full", &more))
            .assert()
            .code(1);
        let message = stderr(&assert);
        assert_eq!(message.lines().count(), 1, "{message}");
        assert!(message.contains("safetensors") && message.contains("cannot"), "{message}");
    };
    on_full_disk();
    assert!(!last.exists());
    let mut child = spawn(&bench.words("full", &more));
    while !last.exists() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let state = fs::read(&last).unwrap();
    on_full_disk();
    assert!(fs::read(&last).unwrap() == state);
    bench.train("full", &more).success();
    assert_same(&bench.path("whole"), &bench.path("full"));
}

fn spawn(words: &[String]) -> Child {
    let program = assert_cmd::cargo::cargo_bin("calo");
    Command::new(program).args(words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

#[test]
fn shower_i_is_the_same_in_any_part_of_a_sample() {
    let bench = Bench::new();
    bench.train("run", &["--set", "optim.epochs=1"]).success();
    let energy = ["--energy", "10..100", "--seed", "4"];
    bench.generate("run", "all.hdf5", &[&energy[..], &["-n", "40"]].concat()).success();
    bench.generate("run", "part.hdf5", &[&energy[..], &["-n", "7", "--first", "21"]].concat()).success();
    let (all, part) = (read(&bench.path("all.hdf5")), read(&bench.path("part.hdf5")));
    assert_eq!(all.energies_gev[21..28], part.energies_gev);
    assert!(all.energies_gev.iter().all(|energy| (10.0..100.0).contains(energy)));
    for i in 0..7 {
        let (a, b) = (
            all.cells_mev.index_axis(ndarray::Axis(0), 21 + i),
            part.cells_mev.index_axis(ndarray::Axis(0), i),
        );
        assert_eq!(a, b, "shower {i}");
    }
    assert!(all.cells_mev.iter().all(|cell| *cell >= 0.0));
    // Energies of a file: shower i has that of shower i there.
    let of_file =
        ["--seed", "4", "--energies-of", &bench.path("all.hdf5").display().to_string()].map(str::to_owned);
    let of_file: Vec<&str> = of_file.iter().map(String::as_str).collect();
    bench.generate("run", "like.hdf5", &[&of_file[..], &["-n", "7", "--first", "21"]].concat()).success();
    let like = read(&bench.path("like.hdf5"));
    assert_eq!((&like.energies_gev, &like.cells_mev), (&part.energies_gev, &part.cells_mev));
    let attributes = calo_data::read_attributes(&bench.path("like.hdf5"), None).unwrap();
    assert!(attributes.iter().any(|(name, _)| name == "energies_of_blake3"), "{attributes:?}");
    let message =
        stderr(&bench.generate("run", "more.hdf5", &[&of_file[..], &["-n", "41"]].concat()).code(1));
    assert!(message.contains("all.hdf5: 40 showers; expected at least 41"), "{message}");
    let message = stderr(&bench.generate("run", "all.hdf5", &[&of_file[..], &["-n", "1"]].concat()).code(2));
    assert!(message.contains("is the input"), "{message}");
    let attributes = calo_data::read_attributes(&bench.path("all.hdf5"), None).unwrap();
    assert!(attributes.iter().any(|(name, text)| name == "epoch" && text == "1"), "{attributes:?}");
}

#[test]
fn what_cannot_be_trained_is_named() {
    let bench = Bench::new();
    let pions = sample("pions.hdf5").display().to_string();
    for (more, part) in [
        (&["--set", "optim.epoch=1"][..], "epoch"),
        (&["--set", "model.autoencoder.width=0"], "width"),
        (&["--set", "optim.batch_showers=100000"], "batch"),
        (&["--set", "schedule.post_processor.sorted_mmd.windows=5000"], "sorted_mmd"),
        (&["--set", "detector=nowhere"], "nowhere"),
        (&["--device", "tpu"], "tpu"),
        (&["--validation", &pions], "48x13x13"),
    ] {
        let message = stderr(&bench.train("run", more).code(1));
        assert!(message.contains(part) && message.lines().count() == 1, "{more:?}: {message}");
    }
    let mut command = calo();
    command.arg("train").arg(bench.path("tiny.toml")).arg("--data").arg(&pions);
    let message = stderr(&command.arg("--out").arg(bench.path("run")).assert().code(1));
    assert!(message.contains("pions.hdf5"), "{message}");
}

#[test]
fn damaged_and_foreign_checkpoints_are_named() {
    let bench = Bench::new();
    bench.train("run", &["--set", "optim.epochs=1"]).success();
    let run = bench.path("run");
    let resumed = |bench: &Bench, more: &[&str]| {
        let words = [&["--resume", "--set", "optim.epochs=1"], more].concat();
        stderr(&bench.train("run", &words).code(1))
    };
    assert!(resumed(&bench, &["--set", "seed=2"]).contains("seed"), "another seed");
    let last = run.join("last.safetensors");
    let whole = fs::read(&last).unwrap();
    fs::write(&last, &whole[..whole.len() / 2]).unwrap();
    let message = resumed(&bench, &[]);
    assert!(message.contains("last.safetensors") && message.lines().count() == 1, "{message}");
    // Weights alone are no checkpoint of a run, and a checkpoint is no model.
    let epoch = run.join("epochs/epoch-0001.safetensors");
    fs::copy(&epoch, &last).unwrap();
    assert!(resumed(&bench, &[]).contains("last.safetensors"));
    fs::write(&epoch, &whole).unwrap();
    let message = stderr(&bench.generate("run", "out.hdf5", &["--energy", "50", "-n", "1"]).code(1));
    assert!(message.contains("epoch-0001"), "{message}");
    let message =
        stderr(&bench.generate("run", "out.hdf5", &["--energy", "50", "-n", "1", "--epoch", "9"]).code(1));
    assert!(message.contains("epoch-0009"), "{message}");
    assert!(!bench.path("out.hdf5").exists());
}

#[test]
fn a_training_that_diverges_stops_and_keeps_the_last_good_state() {
    let bench = Bench::new();
    let more = ["--set", "optim.learning_rate.autoencoder=1e30", "--set", "optim.learning_rate.critic=1e30"];
    let message = stderr(&bench.train("run", &more).code(1));
    assert!(message.contains("diverged at step"), "{message}");
    // Rates are part of the checkpoint's configuration, so only the same run can be resumed: it stops there again.
    let again = stderr(&bench.train("run", &[&["--resume"][..], &more].concat()).code(1));
    assert!(again.contains("diverged at step"), "{again}");
}
