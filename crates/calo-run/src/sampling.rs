//! Showers of a trained model: shower i depends on the weights, the density, the seed and i alone.

use std::ops::Range;

use calo_core::random::{Purpose, stream};
use calo_core::{Grid, ShowerBatch};
use calo_latent::Kde;
use calo_nn::candle::Tensor;
use calo_nn::engine::{Encode, LatentScore, Prior, RandomRows, ShowerModel, standard_normal, uniform};
use ndarray::{Array2, ArrayView1, ArrayView2};
use rand::Rng;
use rayon::prelude::*;

use crate::error::Context as _;
use crate::monitor::Caller;
use crate::networks::{cells_of, energy_tensor, matrix};
use crate::{EnergyRange, Error, Result};

const ENERGY: Purpose = Purpose::new("generated energy");
const DENSITY: Purpose = Purpose::new("generated latent");
const NOISE: Purpose = Purpose::new("generated latent noise");
const VALIDATION_NOISE: Purpose = Purpose::new("validation latent noise");

/// Where the encoded latent variables come from; the others are noise.
pub enum LatentSource {
    /// The model's own prior.
    Prior,
    /// A density of latent variables and incident energy, sampled at the energy that is wanted.
    Kde(Box<Kde>),
    /// The prior, from where they are moved to better scores of the model's critic, as the model was trained with.
    Optimised,
}

/// Showers that are made at a time. Products of other numbers of rows round in other ways, so blocks begin at multiples of
/// this and are always whole: a shower is the same to the bit whatever part of a sample is asked for.
const BLOCK: u64 = 32;

/// Cells of a grid on which a block takes a millisecond.
const SMALL_GRID: usize = 1000;

/// A model that makes showers.
pub struct Generator<'a> {
    model: &'a ShowerModel,
    latent: LatentSource,
    seed: u64,
    n_stages: usize,
    noise: Purpose,
}

impl<'a> Generator<'a> {
    /// `model` with latent variables from `latent`, as far as stage `n_stages` of its own.
    ///
    /// # Errors
    /// A density of another number of variables, or latent variables to be optimised of a model without such a critic.
    pub fn new(model: &'a ShowerModel, latent: LatentSource, seed: u64, n_stages: usize) -> Result<Self> {
        match &latent {
            LatentSource::Prior => {}
            LatentSource::Kde(kde) => kde.check_latent_size(n_encoded(model))?,
            LatentSource::Optimised => drop(latent_score(model)?),
        }
        Ok(Self { model, latent, seed, n_stages, noise: NOISE })
    }

    /// `model` with latent variables from its prior and all of its stages, for showers that an epoch is chosen by.
    ///
    /// Their noise is not that of [`Self::new`]: an epoch that is lucky with the one is not with the other.
    pub fn for_validation(model: &'a ShowerModel, seed: u64) -> Self {
        let n_stages = model.stages().len();
        Self { model, latent: LatentSource::Prior, seed, n_stages, noise: VALIDATION_NOISE }
    }

    /// Incident energy of shower `i`, uniform in `range`, GeV.
    pub fn energy_gev(&self, range: EnergyRange, i: u64) -> f64 {
        let EnergyRange { low_gev, high_gev } = range;
        low_gev + (high_gev - low_gev) * stream(self.seed, ENERGY, i).random::<f64>()
    }

    /// Hands the showers of `range` to `consume`, block by block, with incident energies `energy_gev(i)`.
    ///
    /// # Errors
    /// An interruption, those of `consume`, Candle's; a density that has no centre near an energy.
    pub fn for_each_block(
        &self,
        range: Range<u64>,
        energy_gev: impl Fn(u64) -> f64,
        caller: Caller<'_>,
        mut consume: impl FnMut(&Block) -> Result<()>,
    ) -> Result<()> {
        let n_at_once = self.blocks_at_once();
        let mut start = range.start - range.start % BLOCK;
        while start < range.end {
            caller.check()?;
            let starts = (start..range.end).step_by(BLOCK as usize).take(n_at_once);
            let wanted: Vec<_> = starts
                .map(|start| {
                    let energies_gev: Vec<f64> = (start..start + BLOCK).map(&energy_gev).collect();
                    (start, energies_gev, start.max(range.start)..(start + BLOCK).min(range.end))
                })
                .collect();
            start += BLOCK * wanted.len() as u64;
            let make = |(start, energies_gev, wanted): (u64, Vec<f64>, Range<u64>)| {
                self.block(start, &energies_gev, wanted)
            };
            let blocks: Vec<Result<Block>> = if wanted.len() > 1 {
                wanted.into_par_iter().map(make).collect()
            } else {
                wanted.into_iter().map(make).collect()
            };
            for block in blocks {
                consume(&block?)?;
            }
        }
        Ok(())
    }

    /// Blocks that are made at the same time: several where a network's own operations are too small for all cores.
    fn blocks_at_once(&self) -> usize {
        let n_cells: usize = self.model.grid().iter().product();
        if n_cells <= SMALL_GRID && self.model.device().is_cpu() {
            8 * rayon::current_num_threads()
        } else {
            1
        }
    }

    /// As [`Self::for_each_block`], for showers from `first` on of the given energies; those numbers of a sample of its own.
    ///
    /// # Errors
    /// As there.
    pub fn for_each_block_of(
        &self,
        first: u64,
        energies_gev: &[f64],
        caller: Caller<'_>,
        consume: impl FnMut(&Block) -> Result<()>,
    ) -> Result<()> {
        if energies_gev.is_empty() {
            return Ok(());
        }
        let (n, last) = (energies_gev.len() as u64, energies_gev.len() - 1);
        // A block reaches beyond the last one and may begin before the first: those showers are dropped.
        let energy_gev = |i: u64| energies_gev[(i.saturating_sub(first) as usize).min(last)];
        self.for_each_block(first..first + n, energy_gev, caller, consume)
    }

    /// The block of showers from `first` on.
    fn block(&self, first: u64, energies_gev: &[f64], wanted: Range<u64>) -> Result<Block> {
        let (n, device) = (energies_gev.len(), self.model.device());
        let (prior, encoded) = (self.model.prior(), n_encoded(self.model));
        let latent = prior.dim();
        let rows = RandomRows { seed: self.seed, purpose: self.noise, first, n };
        let noise = match prior {
            Prior::Normal(_) => standard_normal(rows, latent, device)?,
            Prior::Uniform(_) => uniform(rows, latent, device)?,
        };
        let energies = energy_tensor(energies_gev, device)?;
        let z = match &self.latent {
            LatentSource::Prior => noise,
            LatentSource::Optimised => {
                let score = latent_score(self.model)?;
                let tensor =
                    |z: ArrayView2<'_, f32>| Tensor::from_vec(z.iter().copied().collect(), z.dim(), device);
                let gradient = |z: ArrayView2<'_, f32>| matrix(&score.gradient(&tensor(z)?, &energies)?);
                tensor(score.settings().optimise(matrix(&noise)?, gradient)?.view())?
            }
            LatentSource::Kde(kde) => {
                let given = ArrayView1::from(energies_gev);
                let sampled: Array2<f64> =
                    kde.samples_given(given, first, |i| stream(self.seed, DENSITY, i))?;
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
        let stages = self.model.sample(&z, &energies, self.n_stages)?;
        Ok(Block { first, wanted, energies_gev: energies_gev.to_vec(), stages })
    }
}

/// What the model's critic thinks of latent variables.
///
/// # Errors
/// A model whose critic cannot say.
fn latent_score(model: &ShowerModel) -> Result<&dyn LatentScore> {
    model.latent_score().map_err(|reason| {
        let family = model.family().family();
        Error::Usage(format!("--latent optimised is not for family {family}: {reason}"))
    })
}

/// Latent variables that are encoded; none without an encoder.
fn n_encoded(model: &ShowerModel) -> usize {
    model.encoder().map_or(0, Encode::n_encoded)
}

/// A block of showers behind each stage of a model, of which some are wanted.
pub struct Block {
    first: u64,
    wanted: Range<u64>,
    energies_gev: Vec<f64>,
    stages: Vec<Tensor>,
}

impl Block {
    /// The showers that are wanted behind the last stage, as a file has them.
    ///
    /// # Errors
    /// Cells that are not finite.
    pub fn last(&self) -> Result<ShowerBatch<f32>> {
        self.batch(self.stages.len().saturating_sub(1))
    }

    /// The showers that are wanted behind stage `stage`, from 0, as a file has them.
    ///
    /// # Errors
    /// Cells that are not finite; a stage that was not asked for.
    pub fn batch(&self, stage: usize) -> Result<ShowerBatch<f32>> {
        let showers = self.stages.get(stage).context("no such stage was asked for")?;
        let (start, end) =
            ((self.wanted.start - self.first) as usize, (self.wanted.end - self.first) as usize);
        let cells_mev = cells_of(&showers.narrow(0, start, end - start)?)?;
        let (_, layers, nx, ny) = cells_mev.dim();
        Ok(ShowerBatch {
            first_shower: self.wanted.start,
            energies_gev: self.energies_gev[start..end].to_vec(),
            cells_mev,
            ..ShowerBatch::empty(Grid { layers, nx, ny })
        })
    }
}
