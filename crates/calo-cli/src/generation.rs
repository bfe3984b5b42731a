//! Showers of a trained model: shower i depends on the weights, the density, the seed and i alone.

use anyhow::{Context, ensure};
use calo_data::random::{Purpose, stream};
use calo_data::{Grid, ShowerBatch};
use calo_latent::Kde;
use calo_nn::candle::Tensor;
use calo_nn::training::{ShowerModel, standard_normal};
use ndarray::{Array2, Array4, ArrayView1};
use rand::Rng;

use crate::args::EnergyRange;

const ENERGY: Purpose = Purpose::new("generated energy");
const DENSITY: Purpose = Purpose::new("generated latent");
const NOISE: Purpose = Purpose::new("generated latent noise");

/// Where the encoded latent variables come from; the others are noise.
pub(crate) enum LatentSource {
    /// N(0, 1).
    Normal,
    /// A density of latent variables and incident energy, sampled at the energy that is wanted.
    Kde(Box<Kde>),
}

/// A model that makes showers.
pub(crate) struct Generator<'a> {
    model: &'a ShowerModel,
    latent: LatentSource,
    seed: u64,
}

impl<'a> Generator<'a> {
    /// `model` with latent variables from `latent`.
    ///
    /// # Errors
    /// A density of another number of variables.
    pub(crate) fn new(model: &'a ShowerModel, latent: LatentSource, seed: u64) -> anyhow::Result<Self> {
        if let LatentSource::Kde(kde) = &latent {
            kde.check_latent_size(model.encoded())?;
        }
        Ok(Self { model, latent, seed })
    }

    /// Incident energies of `n` showers from `first` on, uniform in `range`, GeV.
    pub(crate) fn energies(&self, range: EnergyRange, first: u64, n: usize) -> Vec<f64> {
        let EnergyRange { low_gev, high_gev } = range;
        let draw = |i| low_gev + (high_gev - low_gev) * stream(self.seed, ENERGY, i).random::<f64>();
        (first..first + n as u64).map(draw).collect()
    }

    /// Showers from `first` on of the given energies, as the decoder makes them, cells never negative.
    ///
    /// # Errors
    /// Candle's; a density that has no centre near an energy.
    pub(crate) fn decoded(&self, first: u64, energies_gev: &[f64]) -> anyhow::Result<Decoded> {
        let (n, device) = (energies_gev.len(), self.model.device());
        let (encoded, latent) = (self.model.encoded(), self.model.latent());
        let noise = standard_normal((self.seed, NOISE), first, (n, latent), device)?;
        let z = match &self.latent {
            LatentSource::Normal => noise,
            LatentSource::Kde(kde) => {
                let sampled: Array2<f64> = kde.samples_given(ArrayView1::from(energies_gev), first, |i| stream(self.seed, DENSITY, i))?;
                #[expect(clippy::cast_possible_truncation, reason = "networks are f32")]
                let values: Vec<f32> = sampled.iter().map(|z| *z as f32).collect();
                let sampled = Tensor::from_vec(values, (n, encoded), device)?;
                if latent > encoded {
                    Tensor::cat(&[&sampled, &noise.narrow(1, encoded, latent - encoded)?], 1)?
                } else {
                    sampled
                }
            }
        };
        #[expect(clippy::cast_possible_truncation, reason = "networks are f32")]
        let energies: Vec<f32> = energies_gev.iter().map(|energy| *energy as f32).collect();
        let energies = Tensor::from_vec(energies, (n, 1), device)?;
        let showers = self.model.decode(&z, &energies)?;
        Ok(Decoded { first, energies_gev: energies_gev.to_vec(), energies, showers })
    }

    /// The same showers behind the post-processor.
    ///
    /// # Errors
    /// A model without one.
    pub(crate) fn post_processed(&self, decoded: &Decoded) -> anyhow::Result<ShowerBatch<f32>> {
        decoded.batch(&self.model.post_process(&decoded.showers, &decoded.energies)?)
    }
}

/// Showers as the decoder made them.
pub(crate) struct Decoded {
    first: u64,
    energies_gev: Vec<f64>,
    energies: Tensor,
    showers: Tensor,
}

impl Decoded {
    /// These showers as a file has them.
    ///
    /// # Errors
    /// Candle's.
    pub(crate) fn raw(&self) -> anyhow::Result<ShowerBatch<f32>> {
        self.batch(&self.showers)
    }

    fn batch(&self, showers: &Tensor) -> anyhow::Result<ShowerBatch<f32>> {
        let (n, _, layers, nx, ny) = showers.dims5()?;
        let mut cells: Vec<f32> = showers.flatten_all()?.to_vec1()?;
        for cell in &mut cells {
            ensure!(cell.is_finite(), "the model makes a cell of {cell} MeV; expected finite energies");
            // Networks may produce any number, files hold energies.
            *cell = cell.max(0.0);
        }
        let cells_mev = Array4::from_shape_vec((n, layers, nx, ny), cells).context("showers have another size")?;
        let mut batch = ShowerBatch::empty(Grid { layers, nx, ny });
        batch.first_shower = self.first;
        batch.energies_gev.clone_from(&self.energies_gev);
        batch.cells_mev = cells_mev;
        Ok(batch)
    }
}
