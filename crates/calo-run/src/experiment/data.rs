//! The showers: simulated, or parts of files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use calo_data::ReadOptions;
use calo_sim::Kind;

use super::pipeline::Pipeline;
use super::plan::normalised;
use super::seeds::N_SAMPLES;
use super::stages::Stage;
use super::step::Step;
use crate::error::{Context as _, ensure};
use crate::files::{self, FixedEnergyFile, InputOptions, StorageOptions, create_folder};
use crate::monitor::Caller;
use crate::prepare::{FilterRequest, PoolRequest, PunchThroughRule, SplitRequest};
use crate::simulate::SimulateRequest;
use crate::{EnergyRange, Error, Result};

/// Numbers of showers of one energy begin here times the energy's place: no two samples share a random stream.
pub(super) const FIRST: u64 = 1_000_000_000;

/// Showers of the full spectrum and of fixed energies.
#[derive(Debug, Clone, Default)]
pub(super) struct Showers {
    pub(super) full: PathBuf,
    pub(super) fixed: Vec<FixedEnergyFile>,
}

impl Showers {
    pub(super) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        std::iter::once(&self.full).chain(self.fixed.iter().map(|file| &file.path))
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

/// Showers of one energy, GeV.
pub(super) fn single(energy_gev: f64) -> EnergyRange {
    EnergyRange { low_gev: energy_gev, high_gev: energy_gev }
}

/// Simulates all samples, each from a simulator seed of its own.
pub(super) fn simulate(pipeline: &mut Pipeline<'_>) -> Result<Data> {
    let folder = pipeline.out.join("data");
    create_folder(&folder)?;
    let (experiment, profile) = (pipeline.experiment, pipeline.profile);
    let plan = &experiment.data;
    let particle = plan.particle.parse::<Kind>().map_err(|problem| {
        Error::Invalid(format!("{}: field `data.particle`: {problem}", experiment.source.place))
    })?;
    let spectrum = experiment.spectrum()?;
    let seed = |sample: u64| N_SAMPLES * pipeline.request.data_seed + sample;
    let detector = pipeline.detector.clone();
    let request = |energies: EnergyRange, n_showers: u64, seed: u64, first: u64, out: &Path| {
        let simulated = if plan.drops_punch_through { unfiltered(out) } else { out.to_owned() };
        let simulate = Step::Simulate(SimulateRequest {
            detector: detector.clone(),
            particle,
            energies,
            n_showers,
            seed,
            first,
            restart: false,
            out: simulated.clone(),
            storage: StorageOptions::default(),
        });
        let filter = plan.drops_punch_through.then(|| drop_punch_through(&detector, &simulated, out));
        std::iter::once(simulate).chain(filter)
    };
    let sample = |name: &str, seed: u64| {
        let full = folder.join(format!("{name}.hdf5"));
        let mut steps: Vec<Step> = request(spectrum, profile.n_full, seed, 0, &full).collect();
        let mut showers = Showers { full, fixed: Vec::new() };
        for (place, &energy_gev) in (1..).zip(&plan.fixed_gev) {
            let path = folder.join(format!("{name}_{energy_gev}.hdf5"));
            steps.extend(request(single(energy_gev), profile.n_fixed, seed, place * FIRST, &path));
            showers.fixed.push(FixedEnergyFile { energy_gev, path });
        }
        (showers, steps)
    };
    let train = folder.join("train.hdf5");
    let train_steps = request(spectrum, profile.n_train, seed(0), 0, &train).collect();
    let (validation, validation_steps) = sample("validation", seed(1));
    let (reference, reference_steps) = sample("reference", seed(2));
    let mut stages = vec![
        ("simulate training showers", train_steps, vec![train.clone()]),
        ("simulate validation showers", validation_steps, validation.files().cloned().collect()),
        ("simulate reference showers", reference_steps, reference.files().cloned().collect()),
    ];
    if pipeline.request.pretrained {
        stages.remove(0);
    }
    for (name, steps, outputs) in stages {
        let unfinished =
            outputs.iter().flat_map(|output| unfinished(output, plan.drops_punch_through)).collect();
        pipeline.stage(Stage { name: name.to_owned(), steps, inputs: vec![], outputs, unfinished })?;
    }
    // Filtered, samples are smaller than they were asked for.
    let n_reference = counted(pipeline, &reference)?;
    let n_train = if pipeline.request.pretrained { 0 } else { n_showers(pipeline, &train)? };
    Ok(Data { train, n_train, validation, reference, n_reference, origin: "calo-sim" })
}

/// Where showers are simulated of which some will be dropped.
fn unfiltered(output: &Path) -> PathBuf {
    output.with_extension("unfiltered.hdf5")
}

/// What a kill leaves of a simulated file.
fn unfinished(output: &Path, is_filtered: bool) -> Vec<PathBuf> {
    if is_filtered {
        let simulated = unfiltered(output);
        vec![partial(&simulated), simulated]
    } else {
        vec![partial(output)]
    }
}

fn drop_punch_through(detector: &str, input: &Path, out: &Path) -> Step {
    Step::Filter(FilterRequest {
        input: input.to_owned(),
        out: out.to_owned(),
        punch_through: Some(PunchThroughRule::OfDetector),
        energies: None,
        cell_cut_mev: None,
        from: InputOptions { detector: Some(detector.to_owned()), ..InputOptions::default() },
        storage: StorageOptions::default(),
    })
}

/// Showers in each file of a sample.
fn counted(pipeline: &Pipeline<'_>, showers: &Showers) -> Result<BTreeMap<PathBuf, u64>> {
    showers.files().map(|path| Ok((path.clone(), n_showers(pipeline, path)?))).collect()
}

/// Where the simulation keeps finished blocks of a file.
pub(super) fn partial(output: &Path) -> PathBuf {
    let mut name = output.as_os_str().to_owned();
    name.push(".partial");
    name.into()
}

/// Splits files: training, validation and reference of the full spectrum, validation and reference of each energy. Where
/// showers are for a detector of pooled cells, these are pooled first.
pub(super) fn take_files(pipeline: &mut Pipeline<'_>, data: &Path) -> Result<Data> {
    let (request, plan) = (pipeline.request, &pipeline.experiment.data.files);
    let [fractions, fractions_at] = if request.pretrained {
        [plan.fractions_pretrained; 2]
    } else {
        [pipeline.profile.fractions, plan.fractions_at]
    };
    let full = split(pipeline, "full spectrum", data, fractions)?;
    let [mut validation, mut reference] =
        ["validation", "test"].map(|part| Showers { full: full.join(format!("{part}.hdf5")), fixed: vec![] });
    for file in &request.data_at {
        let energy_gev = file.energy_gev;
        let path = std::path::absolute(&file.path).context("--data-at")?;
        let folder = split(pipeline, &format!("{energy_gev} GeV"), &path, fractions_at)?;
        let part = |name: &str| FixedEnergyFile { energy_gev, path: folder.join(name) };
        validation.fixed.push(part("validation.hdf5"));
        reference.fixed.push(part("test.hdf5"));
    }
    let n_reference = counted(pipeline, &reference)?;
    let train = full.join("train.hdf5");
    let n_train = if request.pretrained { 0 } else { n_showers(pipeline, &train)? };
    Ok(Data { train, n_train, validation, reference, n_reference, origin: "reference" })
}

/// Splits one file, pooled where needed, and returns the folder of its parts.
fn split(pipeline: &mut Pipeline<'_>, name: &str, data: &Path, fractions: [f64; 3]) -> Result<PathBuf> {
    ensure!(data.is_file(), "{}: no such file; expected showers", data.display());
    let folder = pipeline.out.join("data").join(name.replace(' ', "_"));
    create_folder(&folder)?;
    let (detector, mut steps) = (pipeline.detector.clone(), Vec::new());
    let of = |detector: &str| InputOptions { detector: Some(detector.to_owned()), ..InputOptions::default() };
    let mut input = data.to_owned();
    let pooled = &pipeline.experiment.data.files.pooled;
    if let Some(pooling) = pooled.iter().find(|pooling| pooling.detector == detector) {
        let out = folder.join("pooled.hdf5");
        steps.push(Step::Pool(PoolRequest {
            input,
            by: pooling.by,
            out: out.clone(),
            from: of(&pooling.from),
            storage: StorageOptions::default(),
        }));
        input = out;
    }
    if pipeline.experiment.data.drops_punch_through {
        let out = folder.join("filtered.hdf5");
        steps.push(drop_punch_through(&detector, &input, &out));
        input = out;
    }
    steps.push(Step::Split(SplitRequest {
        input,
        out: folder.clone(),
        fractions: normalised(fractions),
        seed: pipeline.request.data_seed,
        from: of(&detector),
        storage: StorageOptions::default(),
    }));
    let all = ["train", "validation", "test"].into_iter().zip(fractions);
    let parts = all.filter(|(_, share)| *share > 0.0).map(|(part, _)| folder.join(format!("{part}.hdf5")));
    let (inputs, outputs) = (vec![data.to_owned()], parts.collect());
    // An empty part has no file; one that another split left would be in the way.
    let unfinished = vec![folder.join("train.hdf5")];
    pipeline.stage(Stage { name: format!("split {name}"), steps, inputs, outputs, unfinished })?;
    Ok(folder)
}

/// Showers in a file.
fn n_showers(pipeline: &Pipeline<'_>, file: &Path) -> Result<u64> {
    let caller = Caller { command: "calo inspect", monitor: pipeline.runner.monitor };
    Ok(files::open(file, &ReadOptions::default(), caller)?.n_showers())
}
