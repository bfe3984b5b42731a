//! What is measured of the showers of a detector: binnings, cuts and energies of every comparison.

use calo_core::Detector;
use calo_core::detector::{Binning, Scale};
use calo_metrics::results::DetectorInfo;
use calo_metrics::{Axis, SampleSettings, binned_observables};

use crate::Result;

/// Energies at which observables of fixed energies are compared, GeV.
pub const COMPARED_AT_GEV: [f64; 3] = [20.0, 50.0, 80.0];

/// What is gathered of showers of `detector`.
///
/// # Errors
/// A binning that cannot be.
pub fn sample_settings(detector: &Detector, replicas: usize, seed: u64) -> Result<SampleSettings> {
    let axis = |binning: Binning| match binning.scale {
        Scale::Linear => Axis::linear(binning.bins, binning.low, binning.high),
        Scale::Log => Axis::log(binning.bins, binning.low, binning.high),
    };
    let histograms = binned_observables(|key| detector.binning.get(key).map(axis))?;
    let readout = &detector.readout;
    Ok(SampleSettings {
        energies_gev: COMPARED_AT_GEV.to_vec(),
        replicas,
        seed,
        ..SampleSettings::new(detector.grid.shape(), readout.cell_cut_mev, readout.mip_mev, histograms)
    })
}

/// What results say of the detector.
pub fn detector_info(detector: &Detector) -> DetectorInfo {
    DetectorInfo {
        name: detector.name.clone(),
        grid: detector.grid.shape(),
        cell_size_mm: detector.readout.cell_size_mm,
        mip_mev: detector.readout.mip_mev,
        cell_cut_mev: detector.readout.cell_cut_mev,
    }
}
