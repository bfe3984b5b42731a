//! The layer in which a shower starts.

use crate::error::{Error, Result};

/// A shower starts in the first layer from which on `n_layers` consecutive layers each hold more than
/// `threshold_mips` times the energy of a minimum ionising particle.
///
/// A track ahead of the shower leaves about one MIP in a layer; a few times that in three layers running is neither
/// a track nor a single fluctuation. Layers count from 0; a shower that never gets there has no start.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ShowerStart {
    /// Most probable energy of a minimum ionising particle in one layer, MeV.
    pub mip_mev: f64,
    /// Energy a layer must exceed, in MIPs.
    pub threshold_mips: f64,
    /// How many layers in a row.
    pub n_layers: usize,
}

impl ShowerStart {
    /// Five MIPs in three layers running.
    pub fn new(mip_mev: f64) -> Self {
        Self { mip_mev, threshold_mips: 5.0, n_layers: 3 }
    }

    pub(crate) fn validate(&self) -> Result<()> {
        for (name, value) in [("mip_mev", self.mip_mev), ("threshold_mips", self.threshold_mips)] {
            if !(value.is_finite() && value > 0.0) {
                let name = format!("shower_start.{name}");
                return Err(Error::parameter(name, value, "a finite number above 0"));
            }
        }
        if self.n_layers == 0 {
            return Err(Error::parameter("shower_start.n_layers", 0, "at least one layer"));
        }
        Ok(())
    }

    /// The start of a shower with these layer energies, if it has one.
    pub fn layer(&self, layer_energies_mev: &[f64]) -> Option<usize> {
        let threshold_mev = self.threshold_mips * self.mip_mev;
        let starts = |layers: &[f64]| layers.iter().all(|&energy| energy > threshold_mev);
        layer_energies_mev.windows(self.n_layers.max(1)).position(starts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_high_layer_is_no_start() {
        let start = ShowerStart { mip_mev: 0.5, threshold_mips: 4.0, n_layers: 2 };
        assert_eq!(start.layer(&[0.5, 9.0, 0.5, 2.1, 3.0, 0.0]), Some(3));
        assert_eq!(start.layer(&[0.5, 9.0, 2.0, 9.0]), None, "the threshold is exclusive");
        assert_eq!(start.layer(&[9.0]), None, "fewer layers than needed");
    }
}
