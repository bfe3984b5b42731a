//! What is measured of the showers of a detector: binnings, cuts and energies of every comparison.

use calo_data::Detector;
use calo_data::detector::{Binning, Scale};
use calo_metrics::results::DetectorInfo;
use calo_metrics::{Axis, SampleSettings, SixAxes};

use crate::Result;

/// Energies at which histograms of visible energy and hits are compared, GeV.
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
    let binning = &detector.binning;
    let axes = SixAxes {
        cell_energy_mev: axis(binning.cell_energy_mev)?,
        visible_energy_mev: axis(binning.visible_energy_mev)?,
        n_hits: axis(binning.n_hits)?,
        cog_z: axis(binning.cog_z)?,
        radial: axis(binning.radial)?,
        longitudinal: axis(binning.longitudinal)?,
    };
    let readout = &detector.readout;
    Ok(SampleSettings {
        energies_gev: COMPARED_AT_GEV.to_vec(),
        replicas,
        seed,
        ..SampleSettings::new(detector.grid.shape(), readout.cell_cut_mev, readout.mip_mev, axes)
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
