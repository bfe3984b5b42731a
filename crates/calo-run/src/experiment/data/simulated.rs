//! Simulated showers: one stage a file, so that another number of showers makes one file again.

use std::path::{Path, PathBuf};

use calo_sim::Kind;

use super::{Data, FIRST, Place, Showers, counted, drop_punch_through, partial, single};
use crate::energies::is_same_energy;
use crate::experiment::pipeline::Pipeline;
use crate::experiment::seeds::N_SAMPLES;
use crate::experiment::stages::Stage;
use crate::experiment::step::Step;
use crate::files::{FixedEnergyFile, StorageOptions};
use crate::measures::COMPARED_AT_GEV;
use crate::simulate::SimulateRequest;
use crate::{EnergyRange, Error, Result};

/// One file of simulated showers.
struct File {
    /// What is in it, as its stage says.
    name: String,
    energies: EnergyRange,
    n_showers: u64,
    seed: u64,
    first: u64,
    out: PathBuf,
}

/// Simulates all samples, each from a simulator seed of its own.
pub(super) fn simulate(pipeline: &mut Pipeline<'_>, place: &Place) -> Result<Data> {
    let spectrum = pipeline.experiment.spectrum()?;
    let profile = pipeline.profile;
    let seed = |sample: u64| N_SAMPLES * place.data_seed + sample;
    let train = File {
        name: "training showers".to_owned(),
        energies: spectrum,
        n_showers: profile.n_train,
        seed: seed(0),
        first: 0,
        out: place.folder.join("train.hdf5"),
    };
    let sample = |name: &str, seed: u64, has: &dyn Fn(f64) -> bool| -> Vec<File> {
        let energies = (1..).zip(&pipeline.experiment.data.fixed_gev);
        let fixed =
            energies.filter(|(_, energy_gev)| has(**energy_gev)).map(|(place_of, &energy_gev)| File {
                name: format!("{name} showers of {energy_gev} GeV"),
                energies: single(energy_gev),
                n_showers: profile.n_fixed,
                seed,
                first: place_of * FIRST,
                out: place.folder.join(format!("{name}_{energy_gev}.hdf5")),
            });
        let full = File {
            name: format!("{name} showers"),
            energies: spectrum,
            n_showers: profile.n_full,
            seed,
            first: 0,
            out: place.folder.join(format!("{name}.hdf5")),
        };
        std::iter::once(full).chain(fixed).collect()
    };
    // Distances that choose the epoch are at these energies alone.
    let is_compared = |energy_gev| COMPARED_AT_GEV.iter().any(|at| is_same_energy(*at, energy_gev));
    let validation = sample("validation", seed(1), &is_compared);
    let reference = sample("reference", seed(2), &|_| true);
    let samples = [&validation, &reference].map(|files| showers(files));
    let train_file = train.out.clone();
    let needed = (!pipeline.request.pretrained).then_some(train);
    for file in needed.into_iter().chain(validation).chain(reference) {
        let stage = stage(pipeline, place, file)?;
        pipeline.stage(stage)?;
    }
    counted(pipeline, train_file, samples, "calo-sim")
}

/// A sample of files, that of the full spectrum first.
fn showers(files: &[File]) -> Showers {
    let mut showers = Showers::default();
    for (index, file) in files.iter().enumerate() {
        if index == 0 {
            showers.full = file.out.clone();
        } else {
            showers.fixed.push(FixedEnergyFile { energy_gev: file.energies.low_gev, path: file.out.clone() });
        }
    }
    showers
}

/// The stage that makes a file.
fn stage(pipeline: &Pipeline<'_>, place: &Place, file: File) -> Result<Stage<Step>> {
    let (experiment, detector) = (pipeline.experiment, &pipeline.detector);
    let plan = &experiment.data;
    let particle = plan.particle.parse::<Kind>().map_err(|problem| {
        Error::Invalid(format!("{}: field `data.particle`: {problem}", experiment.source.place))
    })?;
    let File { name, energies, n_showers, seed, first, out } = file;
    let is_filtered = plan.drops_punch_through;
    let simulated = if is_filtered { unfiltered(&out) } else { out.clone() };
    let mut steps = vec![Step::Simulate(SimulateRequest {
        detector: detector.clone(),
        particle,
        energies,
        n_showers,
        seed,
        first,
        restart: false,
        out: simulated.clone(),
        storage: StorageOptions::default(),
    })];
    let mut unfinished = vec![partial(&simulated)];
    if is_filtered {
        steps.push(drop_punch_through(detector, &simulated, &out));
        unfinished.push(simulated);
    }
    let name = place.name(&format!("simulate {name}"));
    Ok(Stage { name, steps, inputs: vec![], outputs: vec![out], unfinished })
}

/// Where showers are simulated of which some will be dropped.
fn unfiltered(output: &Path) -> PathBuf {
    output.with_extension("unfiltered.hdf5")
}
