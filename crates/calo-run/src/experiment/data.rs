//! The showers of a seed: simulated, or parts of files.

mod simulated;
mod split_files;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use calo_data::ReadOptions;

use super::pipeline::Pipeline;
use super::step::Step;
use crate::files::{self, FixedEnergyFile, InputOptions, StorageOptions, create_folder};
use crate::monitor::Caller;
use crate::prepare::{FilterRequest, PunchThroughRule};
use crate::{EnergyRange, Result};

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

/// Where the showers of a seed go, and what makes them others than those of another seed.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// The seed, as names of stages begin.
    pub(super) seed: u64,
    /// Seed of the simulated showers, or of the split of files.
    pub(super) data_seed: u64,
    /// Their folder.
    pub(super) folder: PathBuf,
}

impl Place {
    /// Name of a stage.
    fn name(&self, what: &str) -> String {
        format!("seed-{}: {what}", self.seed)
    }
}

/// The samples of a seed, from files where these are given.
///
/// # Errors
/// Those of the stages.
pub(super) fn make(pipeline: &mut Pipeline<'_>, place: &Place) -> Result<Data> {
    create_folder(&place.folder)?;
    if pipeline.request.data.is_some() {
        return split_files::take(pipeline, place);
    }
    simulated::simulate(pipeline, place)
}

/// Showers of one energy, GeV.
pub(super) fn single(energy_gev: f64) -> EnergyRange {
    EnergyRange { low_gev: energy_gev, high_gev: energy_gev }
}

/// Where the simulation keeps finished blocks of a file.
pub(super) fn partial(output: &Path) -> PathBuf {
    let mut name = output.as_os_str().to_owned();
    name.push(".partial");
    name.into()
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

/// The samples, whose showers are counted: filtered, they are fewer than were asked for.
fn counted(
    pipeline: &Pipeline<'_>,
    train: PathBuf,
    [validation, reference]: [Showers; 2],
    origin: &'static str,
) -> Result<Data> {
    let count = |path: &PathBuf| Ok((path.clone(), n_showers(pipeline, path)?));
    let n_reference = reference.files().map(count).collect::<Result<_>>()?;
    let n_train = if pipeline.request.pretrained { 0 } else { n_showers(pipeline, &train)? };
    Ok(Data { train, n_train, validation, reference, n_reference, origin })
}

/// Showers in a file.
fn n_showers(pipeline: &Pipeline<'_>, file: &Path) -> Result<u64> {
    let caller = Caller { command: "calo inspect", monitor: pipeline.runner.monitor };
    Ok(files::open(file, &ReadOptions::default(), caller)?.n_showers())
}
