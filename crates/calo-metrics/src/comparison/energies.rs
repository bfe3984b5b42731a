//! Fixed energies: where their showers come from, and the linearity and resolution at each.

use super::sample_set::{FixedEnergy, SampleSet};
use crate::observables::Column;
use crate::resolution::resolution90;
use crate::results::{EnergySource, Gap, LinearityPoint};

/// Decides for each energy where the showers of histograms come from, so that like is compared with like. Files are taken
/// if every sample has one; else windows of the full spectrum, if every sample has showers there (files that only some
/// samples have are then not used); else each sample's file or window.
pub fn fixed_energies(samples: &[&SampleSet], energies_gev: &[f64]) -> Vec<FixedEnergy> {
    let preferred = |energy_gev: f64| {
        let all_have_files = samples.iter().all(|sample| sample.file_at(energy_gev).is_some());
        let all_have_windows = samples.iter().all(|sample| !sample.window(energy_gev).is_empty());
        if all_have_windows && !all_have_files { EnergySource::Window } else { EnergySource::FixedEnergyFile }
    };
    energies_gev
        .iter()
        .map(|&energy| FixedEnergy { energy_gev: energy, preferred: preferred(energy) })
        .collect()
}

/// mu90 and sigma90 of every sample at every energy.
#[derive(Debug, Clone, PartialEq)]
pub struct Linearity {
    /// One for each sample and energy; `sample` in it is the index in the list of samples.
    pub points: Vec<LinearityPoint>,
    /// The points that could not be computed, and why.
    pub gaps: Vec<Gap>,
}

/// mu90 and sigma90 of the visible energy of every sample at every energy, and the points that could not be computed.
///
/// A sample's own file is preferred here, whatever the choice for histograms: scaled to the nominal energy, the window of
/// another sample has the same mean and width, only with fewer showers.
pub fn linearity(samples: &[&SampleSet], energies: &[FixedEnergy]) -> Linearity {
    let mut linearity = Linearity { points: Vec::new(), gaps: Vec::new() };
    for (index, sample) in samples.iter().enumerate() {
        for energy in energies {
            match linearity_point(sample, index, energy) {
                Ok(point) => linearity.points.push(point),
                Err(why) => {
                    let what = format!("{}: mu90 and sigma90 at {} GeV", sample.name, energy.energy_gev);
                    linearity.gaps.push(Gap { what, why });
                }
            }
        }
    }
    linearity
}

fn linearity_point(sample: &SampleSet, index: usize, energy: &FixedEnergy) -> Result<LinearityPoint, String> {
    let energy_gev = energy.energy_gev;
    let (values, source) = match sample.file_at(energy_gev) {
        Some(file) => (file.table().column(Column::VisibleEnergyMev).to_vec(), EnergySource::FixedEnergyFile),
        None => (sample.window(energy_gev), EnergySource::Window),
    };
    let resolution = resolution90(&values).map_err(|error| error.to_string())?;
    Ok(LinearityPoint {
        sample: index,
        energy_gev,
        source,
        n_showers: values.len() as u64,
        mu90_mev: resolution.mu90,
        sigma90_mev: resolution.sigma90,
        resolution: resolution.relative_width,
    })
}
