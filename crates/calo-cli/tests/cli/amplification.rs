//! `calo amplification`: toy showers of a known truth, copies of the training set, and what cannot be.

use std::path::{Path, PathBuf};

use calo_core::{Grid, ShowerBatch};
use calo_data::{ShowerWriter, WriteOptions};
use calo_report::amplification::{Amplification, Factor, SampleKind};
use ndarray::Array4;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::common::{calo, read, stderr, stdout};

/// A VAE-GAN that learns nothing.
const TINY: &str = "name = 'tiny'
family = 'vae-gan'
detector = 'ild-ecal-image'
[model]
latent_dim = 3
encoder = { channels = [2, 2, 2] }
generator = { dense_channels = 2, conv_channels = 2, channels = [2] }
discriminator = { channels = [2], features = 4 }
scaling = { cells = 'root', standardisation_steps = 2 }
[optim]
epochs = 1
batch_showers = 10
[data]
split = [1.0, 0.0, 0.0]
passes_per_epoch = 2
[validation]
every_epochs = 0
";

const GRID: Grid = Grid { layers: 1, nx: 10, ny: 10 };

/// Images of four cells whose energies are sums of uniform numbers, so that no observable is constant.
fn showers(n: usize, seed: u64) -> ShowerBatch<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut batch = ShowerBatch::empty(GRID);
    batch.energies_gev = vec![50.0; n];
    batch.cells_mev = Array4::zeros((n, 1, 10, 10));
    for mut image in batch.cells_mev.outer_iter_mut() {
        for (cell, mean) in [([0, 4, 4], 400.0), ([0, 4, 5], 200.0), ([0, 5, 4], 100.0), ([0, 5, 6], 50.0)] {
            let spread: f32 = (0..4).map(|_| rng.random::<f32>()).sum::<f32>() / 2.0;
            image[cell] = mean * spread + 0.2;
        }
    }
    batch
}

fn write(batch: &ShowerBatch<f32>, path: &Path) {
    let mut options = WriteOptions::new(GRID);
    options.group = Some("1x10x10".to_owned());
    let mut writer = ShowerWriter::create(path, &options).unwrap();
    writer.write(batch).unwrap();
    writer.finish().unwrap();
}

fn file(folder: &Path, name: &str, batch: &ShowerBatch<f32>) -> PathBuf {
    let path = folder.join(name);
    write(batch, &path);
    path
}

/// Those numbers of showers of `batch`.
fn select(batch: &ShowerBatch<f32>, showers: &[usize]) -> ShowerBatch<f32> {
    let mut selected = ShowerBatch::empty(GRID);
    showers.iter().for_each(|&i| selected.push_from(batch, i));
    selected
}

#[test]
fn copies_of_the_training_set_are_worth_the_set_and_independent_showers_their_number() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let training = showers(1000, 2);
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let drawn: Vec<usize> = (0..20_000).map(|_| rng.random_range(0..1000)).collect();
    let reference = file(folder.path(), "reference.hdf5", &showers(40_000, 1));
    let train = file(folder.path(), "train.hdf5", &training);
    let copies = file(folder.path(), "copies.hdf5", &select(&training, &drawn));
    let [more, rest] = [("more.hdf5", 4), ("rest.hdf5", 5)]
        .map(|(name, seed)| file(folder.path(), name, &showers(2000, seed)));
    let mut command = calo();
    command.args(["amplification", "--detector", "ild-ecal-image", "--estimators", "20000"]);
    command.arg("--reference").arg(&reference).arg("--train").arg(&train);
    command.args(["--observables", "visible_energy", "high_cell_energy", "visible_energy+cog_x"]);
    for (name, path) in [("copies", &copies), ("independent", &more), ("independent", &rest)] {
        command.arg("--candidate").arg(format!("{name}={}", path.display()));
    }
    let assert = command.arg("--out").arg(path("out")).assert().success();
    assert!(stdout(&assert).contains("copies: 20000 of 20000 showers are copies of training showers"));
    let json = std::fs::read(path("out/amplification.json")).unwrap();
    let found: Amplification = serde_json::from_slice(&json).unwrap();
    assert_eq!((found.n_truth, found.n_independent, found.observables.len()), (Some(32_000), 8000, 3));
    let kinds: Vec<SampleKind> = found.samples.iter().map(|sample| sample.kind).collect();
    let generated = SampleKind::Generated;
    assert_eq!(kinds, [SampleKind::Training, generated, generated, SampleKind::Kde, SampleKind::Histogram]);
    assert_eq!((found.samples[2].n_showers, found.samples[1].n_copies), (4000, 20_000));
    let visible = &found.observables[0];
    let factor = |sample: usize| visible.curves[sample].factor.unwrap();
    let covers = |factor: &Factor, expected: f64| {
        // Twice as far as one standard error.
        let (low, high) =
            (factor.low.unwrap_or(f64::INFINITY) / 1.5, factor.high.unwrap_or(f64::INFINITY) * 1.5);
        assert!((low..high).contains(&expected), "{factor:?}, not {expected}");
    };
    covers(&factor(0), 1.0);
    covers(&factor(1), 1.0);
    covers(&factor(2), 4.0);
    // Single cells are not estimated.
    assert_eq!(found.observables[1].curves.len(), 3);
    let kde = &found.observables[2].curves[3];
    assert!((0.02..1.0).contains(&kde.settings[0].value), "{:?}", kde.settings);
    assert_eq!(found.observables[2].curves[4].settings.len(), 2);
    assert!(path("out/figures/quantiles_visible_energy-cog_x.png").is_file());
    assert!(path("out/figures/estimators_visible_energy.svg").is_file());
    let page = std::fs::read_to_string(path("out/amplification.html")).unwrap();
    assert!(page.contains("What is missing") && page.contains("numbers of bins"));
    let inputs: Vec<&str> = found.inputs.iter().map(|input| input.sample.as_str()).collect();
    assert_eq!(inputs, ["reference", "training set", "copies", "independent", "independent"]);
    assert_eq!((found.seed, found.holdout), (Some(1), Some(0.2)));
    assert!(page.contains("copies.hdf5</code>") && page.contains("seed 1, a share of 0.2"), "{page}");
    assert!(found.gaps.iter().any(|gap| gap.why.contains("not of single cells")), "{:?}", found.gaps);
    // Drawn again from the file alone.
    std::fs::remove_file(path("out/amplification.html")).unwrap();
    calo().arg("report").arg(path("out")).assert().success();
    assert_eq!(std::fs::read_to_string(path("out/amplification.html")).unwrap(), page);
}

/// Observables of showers say the same as the showers.
#[test]
fn observables_are_taken_for_showers() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let many = file(folder.path(), "many.hdf5", &showers(2000, 1));
    let train = file(folder.path(), "train.hdf5", &showers(100, 2));
    let candidate = file(folder.path(), "candidate.hdf5", &showers(400, 3));
    let observe = |input: &Path, out: &str, sorted: bool| {
        let mut command = calo();
        command.args(["observe", "--detector", "ild-ecal-image"]).arg(input).arg("--out").arg(path(out));
        command.args(sorted.then_some("--sorted")).assert().success();
    };
    observe(&many, "many_observables.hdf5", false);
    observe(&many, "sorted.hdf5", true);
    observe(&candidate, "candidate_observables.hdf5", false);
    let size = |name: &str| std::fs::metadata(path(name)).unwrap().len();
    assert!(size("sorted.hdf5") < size("many_observables.hdf5") && size("sorted.hdf5") < size("many.hdf5"));
    let compare = |reference: &str, candidate: &str, out: &str, more: &[&str]| {
        let mut command = calo();
        command.args(["amplification", "--detector", "ild-ecal-image"]).args(more);
        command.args(["--observables", "visible_energy", "high_cell_energy", "cog_x+cog_y"]);
        command.arg("--reference").arg(path(reference)).arg("--train").arg(&train);
        command.arg("--candidate").arg(format!("model={}", path(candidate).display()));
        command.arg("--out").arg(path(out)).assert()
    };
    compare("many.hdf5", "candidate.hdf5", "showers", &[]).success();
    compare("many_observables.hdf5", "candidate_observables.hdf5", "observables", &[]).success();
    let found = |out: &str| {
        let json = std::fs::read(path(out).join("amplification.json")).unwrap();
        let found: Amplification = serde_json::from_slice(&json).unwrap();
        Amplification { inputs: Vec::new(), ..found }
    };
    assert_eq!(found("showers"), found("observables"));
    // Whose the cells are is lost: such a file is no training set, and nothing of it can be held out.
    let error = stderr(&compare("sorted.hdf5", "candidate.hdf5", "sorted", &[]).failure());
    assert!(error.contains("sorted.hdf5: needs --independent FILE"), "{error}");
    assert!(error.contains("cells of all showers are sorted"), "{error}");
    let error = stderr(&compare("many.hdf5", "sorted.hdf5", "sorted", &[]).failure());
    assert!(error.contains("sorted.hdf5: cells of all showers are sorted"), "{error}");
    let independent = path("many_observables.hdf5").display().to_string();
    let error = stderr(
        &compare("sorted.hdf5", "candidate.hdf5", "sorted", &["--independent", &independent]).failure(),
    );
    assert!(
        error.contains("many_observables.hdf5: 2000 of its 2000 showers are in the reference too"),
        "{error}"
    );
    let other = file(folder.path(), "other.hdf5", &showers(2000, 9)).display().to_string();
    compare("sorted.hdf5", "candidate.hdf5", "sorted", &["--independent", &other]).success();
    // Other commands say what the file is.
    let error = stderr(&calo().arg("inspect").arg(path("sorted.hdf5")).assert().failure());
    assert!(error.contains("holds observables (calo observe), not showers"), "{error}");
    let error = |words: &[&str], out: &str| {
        let mut command = calo();
        command.args(["observe", "--detector", "ild-ecal-image"]).args(words).arg("--out").arg(path(out));
        stderr(&command.assert().failure())
    };
    let [candidate, observables] =
        [&candidate, &path("candidate_observables.hdf5")].map(|path| path.display().to_string());
    assert!(error(&[&candidate], "candidate.hdf5").contains("is the input, which it would replace"));
    let twice = [&candidate, "--observables", "n_hits", "n_hits"];
    assert!(error(&twice, "twice.hdf5").contains("`n_hits` twice"));
    let missing = error(&[&observables, "--observables", "m2_x"], "missing.hdf5");
    assert!(missing.contains("candidate_observables.hdf5: does not hold m2_x"), "{missing}");
    assert!(!path("missing.hdf5").exists());
}

/// Blocks of small images are made side by side: showers do not depend on how many threads there are, nor on the part.
#[test]
fn small_images_are_the_same_on_any_number_of_threads_and_in_any_part() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let train = file(folder.path(), "train.hdf5", &showers(60, 1));
    let config = path("run.toml");
    std::fs::write(&config, TINY).unwrap();
    // One thread, as batch systems give it: the thread that reads ahead must not wait for one that waits for it.
    let mut command = calo();
    command.arg("train").arg(&config).arg("--data").arg(&train).arg("--out").arg(path("run"));
    command.env("RAYON_NUM_THREADS", "1").timeout(std::time::Duration::from_secs(120));
    command.assert().success();
    let generate = |out: &str, more: &[&str]| {
        let mut command = calo();
        command.arg("generate").arg("--run").arg(path("run")).args(["--epoch", "1", "--energy", "50"]);
        command.args(["--seed", "7"]).args(more).arg("--out").arg(path(out)).assert().success();
    };
    // The family does not see the energy: all showers are of the one that it was trained on.
    let mut command = calo();
    command
        .arg("generate")
        .arg("--run")
        .arg(path("run"))
        .args(["--epoch", "1", "--energy", "10..100", "-n", "5"]);
    let error = stderr(&command.arg("--out").arg(path("other.hdf5")).assert().failure().code(2));
    assert!(error.contains("--energy 10..100") && error.contains("showers of 50 GeV alone"), "{error}");
    let mut several = showers(60, 2);
    several.energies_gev[7] = 20.0;
    let several = file(folder.path(), "several.hdf5", &several);
    let mut command = calo();
    command.arg("train").arg(&config).arg("--data").arg(&several).arg("--out").arg(path("several"));
    let error = stderr(&command.assert().failure());
    assert!(error.contains("several.hdf5: showers of 50 and of 20 GeV; expected one energy"), "{error}");
    assert!(!path("several").exists());
    generate("one.hdf5", &["-n", "700", "--threads", "1"]);
    generate("three.hdf5", &["-n", "700", "--threads", "3"]);
    generate("part.hdf5", &["-n", "100", "--first", "77"]);
    let [one, three, part] = ["one.hdf5", "three.hdf5", "part.hdf5"].map(|name| read(&path(name)).cells_mev);
    assert!(one.iter().any(|cell| *cell > 0.1) && one == three);
    assert_eq!(part, one.slice(ndarray::s![77..177, .., .., ..]));
    // Observables at once are those of the showers.
    generate("at_once.hdf5", &["-n", "700", "--observables"]);
    let mut command = calo();
    command.args(["observe", "--detector", "ild-ecal-image"]).arg(path("one.hdf5"));
    command.arg("--out").arg(path("after.hdf5")).assert().success();
    for name in ["visible_energy", "cog_x", "high_cell_energy"] {
        let column = |file: &str| {
            let values = calo_data::TableReader::open(&path(file)).unwrap().read(name).unwrap();
            values.iter().map(|value| value.to_bits()).collect::<Vec<_>>()
        };
        assert_eq!(column("at_once.hdf5"), column("after.hdf5"), "{name}");
    }
}

#[test]
fn what_cannot_be_compared_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let many = file(folder.path(), "many.hdf5", &showers(400, 1));
    let few = file(folder.path(), "few.hdf5", &showers(15, 2));
    let train = file(folder.path(), "train.hdf5", &showers(100, 3));
    let mut constant = showers(400, 4);
    constant.cells_mev.fill(0.0);
    constant.cells_mev.slice_mut(ndarray::s![.., 0, 4, 4]).fill(7.0);
    let constant = file(folder.path(), "constant.hdf5", &constant);
    let run = |reference: &Path, train: &Path, candidate: &Path| {
        let mut command = calo();
        command.args(["amplification", "--detector", "ild-ecal-image", "--observables", "visible_energy"]);
        command.arg("--reference").arg(reference).arg("--train").arg(train);
        command.arg("--candidate").arg(candidate).arg("--out").arg(&out).assert()
    };
    let error = stderr(&run(&few, &few, &many).failure());
    assert!(error.contains("12 showers") || error.contains("15 showers to train with"), "{error}");
    let error = stderr(&run(&train, &many, &many).failure());
    assert!(error.contains("400 showers to train with; expected no more than the 80"), "{error}");
    let error = stderr(&run(&constant, &train, &many).failure());
    assert!(error.contains("visible energy: it is 7 in every shower of the reference"), "{error}");
    assert!(!out.exists());
    // A candidate of empty showers has no highest cell to speak of, but an energy: zero.
    let mut empty = showers(50, 5);
    empty.cells_mev.fill(0.0);
    let empty = file(folder.path(), "empty.hdf5", &empty);
    let assert = run(&many, &train, &empty).success();
    assert!(stdout(&assert).contains("empty"));
    let error = stderr(&run(&many, &many, &train).failure());
    assert!(error.contains("400 showers to train with; expected no more than the 320"), "{error}");
    let some = file(folder.path(), "some.hdf5", &select(&showers(400, 1), &(0..50).collect::<Vec<_>>()));
    let error = stderr(&run(&many, &some, &train).failure());
    assert!(error.contains("some.hdf5: 50 of its 50 showers are in the reference too"), "{error}");
    let error = stderr(&run(&many, &train, &some).failure());
    assert!(error.contains("some: 50 of its 50 showers are in the reference too"), "{error}");
    let mut command = calo();
    command.args(["amplification", "--detector", "ild-ecal-image", "--estimators", "100", "--reference"]);
    command
        .arg(&many)
        .arg("--train")
        .arg(&train)
        .arg("--candidate")
        .arg(&few)
        .arg("--estimate-from")
        .arg(&some);
    let error = stderr(&command.arg("--out").arg(&out).assert().failure());
    assert!(error.contains("some: 50 of its 50 showers are in the reference too"), "{error}");
    // A model that makes one shower only is worth nothing, which is said.
    let one = file(folder.path(), "one.hdf5", &select(&showers(1, 9), &[0; 100]));
    let text = stdout(&run(&many, &train, &one).success());
    assert!(text.contains("all of its values are equal, so it is worth fewer than 20"), "{text}");
    let few = file(folder.path(), "few.hdf5", &showers(7, 10));
    let text = stdout(&run(&many, &train, &few).success());
    assert!(text.contains("factor of few: visible energy: 7 showers; expected at least 20"), "{text}");
    calo().args(["amplification", "--observables", "nada"]).assert().failure().code(2);
}
