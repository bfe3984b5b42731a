//! The showers: simulated, or parts of real files.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::Pipeline;
use super::stages::Stage;
use crate::process::{command, read};

/// Energies of the fixed-energy samples, GeV.
pub(super) const FIXED_GEV: [&str; 3] = ["20", "50", "80"];
/// The full spectrum, GeV.
pub(super) const SPECTRUM_GEV: &str = "10..100";

/// Numbers of showers of one energy begin here times the energy's place: no two samples share a random stream.
pub(super) const FIRST: u64 = 1_000_000_000;

/// Parts of real files, per cent, where nothing is trained: validation showers are looked at for the latent figures alone.
const SCORING_ALONE: &str = "0,20,80";

/// What the pooled detector's showers are made from.
const POOLED: (&str, &str, &str) = ("ild-ecal-pooled", "ild-ecal", "1x3x3");

/// Showers of the full spectrum and of fixed energies.
#[derive(Debug, Clone, Default)]
pub(super) struct Showers {
    pub(super) full: PathBuf,
    /// Energies in GeV as written, and their files.
    pub(super) fixed: Vec<(String, PathBuf)>,
}

impl Showers {
    pub(super) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        std::iter::once(&self.full).chain(self.fixed.iter().map(|(_, path)| path))
    }
}

/// The three samples that share no shower.
#[derive(Debug, Clone)]
pub(super) struct Data {
    /// Not made where nothing is trained.
    pub(super) train: PathBuf,
    /// Showers in it.
    pub(super) n_train: u64,
    pub(super) validation: Showers,
    pub(super) reference: Showers,
    /// Showers in each file of the reference.
    pub(super) n_reference: BTreeMap<PathBuf, u64>,
    /// What made the reference, in tables and legends.
    pub(super) origin: &'static str,
}

/// Simulates all samples, each from a simulator seed of its own.
pub(super) fn simulate(pipeline: &mut Pipeline<'_>) -> Result<Data> {
    let folder = pipeline.out.join("data");
    fs::create_dir_all(&folder).with_context(|| format!("{}: cannot create it", folder.display()))?;
    let counts = pipeline.profile.n_showers;
    let seed = |sample: u64| 3 * pipeline.flags.data_seed + sample;
    let detector = &pipeline.detector;
    let words = |energy: &str, n: u64, seed: u64, first: u64, out: &Path| -> Vec<String> {
        let mut words: Vec<String> =
            ["simulate", "--detector", detector, "--particle", "gamma", "--energy", energy]
                .map(str::to_owned)
                .to_vec();
        for (option, value) in
            [("-n", n.to_string()), ("--seed", seed.to_string()), ("--first", first.to_string())]
        {
            words.extend([option.to_owned(), value]);
        }
        words.extend(["--out".to_owned(), out.display().to_string()]);
        words
    };
    let sample = |name: &str, seed: u64| {
        let full = folder.join(format!("{name}.hdf5"));
        let fixed = FIXED_GEV.map(|energy| (energy.to_owned(), folder.join(format!("{name}_{energy}.hdf5"))));
        let mut commands = vec![words(SPECTRUM_GEV, counts.full, seed, 0, &full)];
        for (place, (energy, path)) in (1..).zip(&fixed) {
            commands.push(words(energy, counts.fixed, seed, place * FIRST, path));
        }
        (Showers { full, fixed: fixed.to_vec() }, commands)
    };
    let train = folder.join("train.hdf5");
    let (validation, validation_commands) = sample("validation", seed(1));
    let (reference, reference_commands) = sample("reference", seed(2));
    let mut stages = vec![
        (
            "simulate training showers",
            vec![words(SPECTRUM_GEV, counts.train, seed(0), 0, &train)],
            vec![train.clone()],
        ),
        ("simulate validation showers", validation_commands, validation.files().cloned().collect()),
        ("simulate reference showers", reference_commands, reference.files().cloned().collect()),
    ];
    if pipeline.flags.pretrained {
        stages.remove(0);
    }
    for (name, commands, outputs) in stages {
        pipeline.stage(&Stage { name: name.to_owned(), commands, inputs: vec![], outputs })?;
    }
    let fixed = reference.fixed.iter().map(|(_, path)| (path.clone(), counts.fixed));
    let n_reference = fixed.chain([(reference.full.clone(), counts.full)]).collect();
    Ok(Data { train, n_train: counts.train, validation, reference, n_reference, origin: "calo-sim" })
}

/// Splits real files: training, validation and reference of the full spectrum, validation and reference of each energy.
/// For the pooled detector their cells are pooled first.
pub(super) fn take_real(pipeline: &mut Pipeline<'_>, data: &Path) -> Result<Data> {
    let flags = pipeline.flags;
    let [fractions, fractions_at] =
        if flags.pretrained { [SCORING_ALONE; 2] } else { [pipeline.profile.fractions, "0,50,50"] };
    let full = split(pipeline, "full spectrum", data, fractions)?;
    let [mut validation, mut reference] =
        ["validation", "test"].map(|part| Showers { full: full.join(format!("{part}.hdf5")), fixed: vec![] });
    for file in &flags.data_at {
        let path = std::path::absolute(&file.path).context("--data-at")?;
        let folder = split(pipeline, &format!("{} GeV", file.energy_gev), &path, fractions_at)?;
        validation.fixed.push((file.energy_gev.clone(), folder.join("validation.hdf5")));
        reference.fixed.push((file.energy_gev.clone(), folder.join("test.hdf5")));
    }
    let count = |path: &PathBuf| Ok((path.clone(), n_showers(&pipeline.calo, path)?));
    let n_reference = reference.files().map(count).collect::<Result<_>>()?;
    let train = full.join("train.hdf5");
    let n_train = if flags.pretrained { 0 } else { n_showers(&pipeline.calo, &train)? };
    Ok(Data { train, n_train, validation, reference, n_reference, origin: "reference" })
}

/// Splits one file, pooled where needed, and returns the folder of its parts.
fn split(pipeline: &mut Pipeline<'_>, name: &str, data: &Path, fractions: &str) -> Result<PathBuf> {
    ensure!(data.is_file(), "{}: no such file; expected showers", data.display());
    let folder = pipeline.out.join("data").join(name.replace(' ', "_"));
    fs::create_dir_all(&folder).with_context(|| format!("{}: cannot create it", folder.display()))?;
    let word = |path: &Path| path.display().to_string();
    let mut commands = Vec::new();
    let mut source = data.to_owned();
    let (pooled, fine, by) = POOLED;
    if pipeline.detector == pooled {
        source = folder.join("pooled.hdf5");
        let words = ["pool", &word(data), "--detector", fine, "--by", by, "--out", &word(&source)];
        commands.push(words.map(str::to_owned).to_vec());
    }
    let seed = pipeline.flags.data_seed.to_string();
    let detector = pipeline.detector.clone();
    let words = ["split", &word(&source), "--detector", &detector, "--fractions", fractions, "--seed", &seed];
    let mut words = words.map(str::to_owned).to_vec();
    words.extend(["--out".to_owned(), word(&folder)]);
    commands.push(words);
    let parts: &[&str] = if fractions.starts_with("0,") { &[] } else { &["train"] };
    let parts = parts.iter().chain(&["validation", "test"]).map(|part| folder.join(format!("{part}.hdf5")));
    let name = format!("split {name}");
    pipeline.stage(&Stage { name, commands, inputs: vec![data.to_owned()], outputs: parts.collect() })?;
    Ok(folder)
}

/// Showers in a file.
fn n_showers(calo: &Path, file: &Path) -> Result<u64> {
    let text = read(command(calo).arg("inspect").arg(file).arg("--json"))?;
    let json: Value = serde_json::from_str(&text).context("cannot parse what `calo inspect` prints")?;
    let n = json["file"]["n_showers"].as_u64();
    n.with_context(|| format!("{}: `calo inspect` does not say how many showers", file.display()))
}
