//! One training step: the critics several times, encoder and decoder once, the post-processor once.
//!
//! # Reference
//! decoding-photons, section 3; Gulrajani et al., arXiv 1704.00028, for the critics.

use candle_core::{DType, Tensor};

use super::config::{Losses, PostProcessorTraining};
use super::networks::{Critics, Generator, Networks};
use super::noise::Noise;
use crate::Result;
use crate::autograd::backward;
use crate::losses::{
    gaussian_mmd, gradient_penalty, gradient_penalty_of_all, kld_of_each, sorted_difference, sorted_mmd,
};
use crate::ops::sort_descending;
use crate::optimiser::Adam;

/// Mean of the decoder's cells, in the unit it works in: no loss, but how much the decoder makes at all.
pub(super) const DECODED_MEAN: &str = "decoded_mean";

/// Values of the losses by name, in a fixed order.
pub type Terms = Vec<(&'static str, f64)>;

/// Showers of a batch on the device.
pub(super) struct Showers {
    /// `[n, 1, layer, x, y]`
    pub(super) cells_mev: Tensor,
    /// `[n, 1]`
    pub(super) energies_gev: Tensor,
}

impl Showers {
    fn len(&self) -> Result<usize> {
        Ok(self.cells_mev.dim(0)?)
    }
}

/// Scalars that are still on the device; read together, for every reading waits for the device.
#[derive(Default)]
pub(super) struct Pending(Vec<(&'static str, Tensor)>);

impl Pending {
    fn add(&mut self, name: &'static str, value: &Tensor) {
        self.0.push((name, value.detach()));
    }

    pub(super) fn read(self) -> Result<Terms> {
        if self.0.is_empty() {
            return Ok(Terms::new());
        }
        let values: Vec<&Tensor> = self.0.iter().map(|(_, value)| value).collect();
        let values: Vec<f64> = Tensor::stack(&values, 0)?.to_dtype(DType::F64)?.to_vec1()?;
        Ok(self.0.iter().map(|(name, _)| *name).zip(values).collect())
    }
}

/// Latent variables and scaled images of `showers`, without a graph.
fn reconstruct(
    generator: &Generator,
    showers: &Showers,
    noise: &mut Noise,
    latent: usize,
) -> Result<(Tensor, Tensor)> {
    let Showers { cells_mev, energies_gev } = showers;
    let noise = noise.normal(showers.len()?, latent)?;
    let z = generator.encode(cells_mev, energies_gev)?.sample(&noise)?;
    let images = generator.decode(&z, energies_gev)?;
    Ok((z, images))
}

/// A step of all critics.
pub(super) fn critics(
    networks: &Networks,
    [adam, latent_adam, profile_adam]: [&mut Adam; 3],
    losses: &Losses,
    showers: &Showers,
    noise: &mut Noise,
    latent: usize,
) -> Result<Pending> {
    let generator = &networks.generator.applied;
    let Critics { critic, latent_critic, profile_critic } = &networks.critics.trained;
    let n = showers.len()?;
    let (z, images) = reconstruct(generator, showers, noise, latent)?;
    let mut terms = Pending::default();

    let scaled = generator.scaled(&showers.cells_mev)?;
    let condition = generator.condition(&showers.energies_gev)?;
    let seen = [generator.for_critic(&scaled)?, generator.for_critic(&images)?];
    let score = |pair: &[Tensor]| critic.forward(&pair[0], &pair[1], &condition);
    let (distance, penalty) = of_pairs(score, &seen, &noise.fractions(n)?, losses)?;
    terms.add("critic_distance", &distance);
    terms.add("critic_penalty", &penalty);
    adam.step(&backward(&(penalty - distance)?)?)?;

    let normal = noise.normal(n, latent)?;
    let alpha = noise.fractions(n)?;
    let distance = (latent_critic.forward(&normal)?.mean_all()? - latent_critic.forward(&z)?.mean_all()?)?;
    let score = |z: &Tensor| Ok(latent_critic.forward(z)?.sum(1)?);
    let penalty = gradient_penalty(score, &normal, &z, &alpha, losses.gradient_penalty)?;
    terms.add("latent_critic_distance", &distance);
    terms.add("latent_critic_penalty", &penalty);
    latent_adam.step(&backward(&(penalty - distance)?)?)?;

    if let Some(critic) = profile_critic {
        let seen = [generator.profiles(critic, &scaled)?, generator.profiles(critic, &images)?];
        let score = |pair: &[Tensor]| critic.forward(&pair[0], &pair[1], &condition);
        let (distance, penalty) = of_pairs(score, &seen, &noise.fractions(n)?, losses)?;
        terms.add("profile_critic_distance", &distance);
        terms.add("profile_critic_penalty", &penalty);
        profile_adam.step(&backward(&(penalty - distance)?)?)?;
    }
    Ok(terms)
}

/// What a critic of pairs tells showers beside themselves from showers beside their images by, and its gradient penalty.
fn of_pairs(
    score: impl Fn(&[Tensor]) -> Result<Tensor>,
    seen: &[Tensor; 2],
    alpha: &Tensor,
    losses: &Losses,
) -> Result<(Tensor, Tensor)> {
    let [x, image] = seen;
    let real = score(&[x.clone(), x.clone()])?.mean_all()?;
    let fake = score(&[x.clone(), image.clone()])?.mean_all()?;
    let penalty = gradient_penalty_of_all(score, &[x, x], &[x, image], alpha, losses.gradient_penalty)?;
    Ok(((real - fake)?, penalty))
}

/// A step of encoder and decoder, with `factor` times their rate and `beta` for each encoded variable; gives the scaled
/// images too, without their graph.
pub(super) fn autoencoder(
    networks: &Networks,
    (adam, factor): (&mut Adam, f64),
    (losses, beta): (&Losses, &[f64]),
    showers: &Showers,
    noise: &mut Noise,
    latent: usize,
) -> Result<(Tensor, Pending)> {
    let generator = &networks.generator.trained;
    let Critics { critic, latent_critic, profile_critic } = &networks.critics.applied;
    let Showers { cells_mev, energies_gev } = showers;
    let n = showers.len()?;
    let posterior = generator.encode(cells_mev, energies_gev)?;
    let z = posterior.sample(&noise.normal(n, latent)?)?;
    let images = generator.decode(&z, energies_gev)?;

    let condition = generator.condition(energies_gev)?;
    let scaled = generator.scaled(cells_mev)?;
    let pair = (generator.for_critic(&scaled)?, generator.for_critic(&images)?);
    let score = critic.forward(&pair.0, &pair.1, &condition)?.mean_all()?;
    let latent_score = latent_critic.forward(&z)?.mean_all()?;
    let divergences = kld_of_each(&posterior.mean, &posterior.log_variance)?;
    let beta = Tensor::new(beta, divergences.device())?.to_dtype(divergences.dtype())?;
    let mmd = gaussian_mmd(&z, &noise.normal(n, latent)?, &losses.latent_mmd_exponents)?;
    let mut terms = Pending::default();
    terms.add("critic_score", &score);
    terms.add("latent_critic_score", &latent_score);
    terms.add("kld", &divergences.sum_all()?);
    terms.add("latent_mmd", &mmd);
    terms.add(DECODED_MEAN, &images.detach().mean_all()?);

    let mut scores = ((score * losses.critic)? + (latent_score * losses.latent_critic)?)?;
    if let Some(critic) = profile_critic {
        let pair = (generator.profiles(critic, &scaled)?, generator.profiles(critic, &images)?);
        let score = critic.forward(&pair.0, &pair.1, &condition)?.mean_all()?;
        terms.add("profile_critic_score", &score);
        scores = (scores + (score * losses.profile_critic)?)?;
    }
    let divergence = (divergences * beta)?.sum_all()?;
    let loss = ((divergence + (mmd * losses.latent_mmd)?)? - scores)?;
    adam.step_at(&backward(&loss)?, factor)?;
    Ok((images.detach(), terms))
}

/// Scaled images of `showers`, for a post-processor that is trained by itself.
pub(super) fn images(
    networks: &Networks,
    showers: &Showers,
    noise: &mut Noise,
    latent: usize,
) -> Result<Tensor> {
    Ok(reconstruct(&networks.generator.applied, showers, noise, latent)?.1)
}

/// A step of the post-processor on scaled `images` of `showers`; `identity` leaves the squared change alone.
pub(super) fn post_processor(
    networks: &Networks,
    adam: &mut Adam,
    training: &PostProcessorTraining,
    showers: &Showers,
    images: &Tensor,
    identity: bool,
) -> Result<Pending> {
    let mut terms = Pending::default();
    let generator = &networks.generator.trained;
    let Some(processed) = generator.post_process(images, &showers.energies_gev)? else {
        return Ok(terms);
    };
    let losses = &training.losses;
    let change = (&processed - images)?.sqr()?.mean_all()?;
    terms.add("post_processor_change", &change);
    let mut loss = (change * losses.change)?;
    if !identity {
        let cells: usize = processed.dims()[1..].iter().product();
        let sorts_all = losses.sorted_absolute > 0.0 || losses.sorted_squared > 0.0;
        let n_sorted = if sorts_all { cells } else { training.sorted_mmd.cells().min(cells) };
        let sorted = |x: &Tensor| sort_descending(&x.flatten_from(1)?, n_sorted);
        let (real, processed) = (sorted(&generator.scaled(&showers.cells_mev)?)?, sorted(&processed)?);
        if losses.sorted_mmd > 0.0 {
            let mmd = sorted_mmd(&real, &processed, &training.sorted_mmd)?;
            terms.add("post_processor_mmd", &mmd);
            loss = (loss + (mmd * losses.sorted_mmd)?)?;
        }
        if sorts_all {
            let difference = sorted_difference(&real, &processed)?;
            terms.add("post_processor_absolute", &difference.absolute);
            terms.add("post_processor_squared", &difference.squared);
            loss = (loss + (difference.absolute * losses.sorted_absolute)?)?;
            loss = (loss + (difference.squared * losses.sorted_squared)?)?;
        }
    }
    adam.step(&backward(&loss)?)?;
    Ok(terms)
}
