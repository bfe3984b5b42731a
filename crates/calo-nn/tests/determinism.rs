//! A whole training step of the BIB-AE gives the same bits each time, and for any number of threads.
//!
//! Candle's products take the number of threads from the environment, not from a pool, so the test runs this very
//! binary again with `RAYON_NUM_THREADS` set, and compares what its children print.

#![expect(clippy::unwrap_used, reason = "a failed expectation is a test's report")]

use std::hash::{DefaultHasher, Hasher as _};
use std::process::Command;

use calo_data::random::{Purpose, stream};
use calo_nn::Result;
use calo_nn::autograd::backward;
use calo_nn::candle::{DType, Device, Tensor};
use calo_nn::losses::{SortedMmd, gaussian_mmd, gradient_penalty, gradient_penalty_of_all, kld, sorted_mmd};
use calo_nn::models::Grid;
use calo_nn::models::bibae::{BibAe, BibAeConfig, Critic, CriticConfig, LatentCritic, LatentCriticConfig};
use calo_nn::models::post_processor::{PostProcessor, PostProcessorConfig};
use calo_nn::ops::sort_descending;
use calo_nn::optimiser::{Adam, AdamConfig};
use calo_nn::parameters::{Parameters, Path};
use rand::Rng as _;
use rand_distr::{Distribution as _, Exp1, StandardNormal};

/// More rows than the linear layer's own kernels take, and no multiple of a vector.
const BATCH: usize = 21;
const GRID: Grid = [9, 11, 10];
const LATENT: usize = 37;
const CRITIC_STEPS: usize = 3;
const PENALTY: f64 = 10.0;

/// Draws tensors, each from a stream of its own.
struct Source {
    drawn: u64,
}

impl Source {
    fn tensor(
        &mut self,
        shape: &[usize],
        draw: impl Fn(&mut rand_chacha::ChaCha8Rng) -> f32,
    ) -> Result<Tensor> {
        const PURPOSE: Purpose = Purpose::new("determinism");
        self.drawn += 1;
        let mut random = stream(7, PURPOSE, self.drawn);
        let values: Vec<f32> = (0..shape.iter().product()).map(|_| draw(&mut random)).collect();
        Ok(Tensor::from_vec(values, shape, &Device::Cpu)?)
    }

    fn normal(&mut self) -> Result<Tensor> {
        self.tensor(&[BATCH, LATENT], |random| StandardNormal.sample(random))
    }

    /// From 0 to 1, one a shower.
    fn uniform(&mut self) -> Result<Tensor> {
        self.tensor(&[BATCH, 1], rand_chacha::ChaCha8Rng::random)
    }

    /// A third of the cells hit.
    fn showers(&mut self) -> Result<Tensor> {
        self.tensor(&[BATCH, 1, GRID[0], GRID[1], GRID[2]], |random| {
            let energy: f32 = Exp1.sample(random);
            if random.random_bool(0.3) { energy } else { 0.0 }
        })
    }
}

/// A network that is trained, the same one applied without gradients, and its optimiser.
struct Part<N> {
    trained: N,
    applied: N,
    parameters: Parameters,
    adam: Adam,
}

impl<N> Part<N> {
    fn new(seed: u64, rate: f64, build: impl Fn(&Path<'_>) -> Result<N>) -> Result<Self> {
        let parameters = Parameters::new(seed, DType::F32, &Device::Cpu);
        let (trained, applied) = (build(&parameters.path())?, build(&parameters.frozen())?);
        let config = AdamConfig { rate, beta1: 0.5, beta2: 0.9, ..AdamConfig::default() };
        let adam = Adam::new(vec![(parameters.trainable(), config)])?;
        Ok(Self { trained, applied, parameters, adam })
    }
}

/// The four networks and optimisers of the BIB-AE, and a batch.
struct Training {
    bibae: Part<BibAe>,
    critic: Part<Critic>,
    latent_critic: Part<LatentCritic>,
    post_processor: Part<PostProcessor>,
    showers: Tensor,
    energies: Tensor,
    source: Source,
}

impl Training {
    fn new() -> Result<Self> {
        // Wide enough for products that are shared out between threads.
        let bibae =
            BibAeConfig { grid: GRID, width: 3, hidden: 300, bottleneck: 190, encoded: 5, latent: LATENT };
        let critic = CriticConfig { grid: GRID, width: 18 };
        let post_processor = PostProcessorConfig { grid: GRID, width: 20, condition: 6 };
        let mut source = Source { drawn: 0 };
        Ok(Self {
            bibae: Part::new(1, 0.5e-3, |path| BibAe::new(path, &bibae))?,
            critic: Part::new(2, 0.5e-3, |path| Critic::new(path, &critic))?,
            latent_critic: Part::new(3, 2e-3, |path| {
                LatentCritic::new(path, &LatentCriticConfig::default())
            })?,
            post_processor: Part::new(4, 0.5e-3, |path| PostProcessor::new(path, &post_processor))?,
            showers: source.showers()?,
            energies: (source.uniform()? * 90.0)?,
            source,
        })
    }

    /// What training does for one batch.
    fn step(&mut self) -> Result<()> {
        for _ in 0..CRITIC_STEPS {
            self.critics()?;
        }
        let images = self.encoder_and_decoder()?;
        self.post_processor(&images)
    }

    fn critics(&mut self) -> Result<()> {
        let (x, e) = (&self.showers, &self.energies);
        let bibae = &self.bibae.applied;
        let z = bibae.encoder.forward(x, e)?.sample(&self.source.normal()?)?;
        let images = bibae.decoder.forward(&z, e)?;

        let critic = &self.critic.trained;
        let difference =
            (critic.forward(x, &images, e)?.mean_all()? - critic.forward(x, x, e)?.mean_all()?)?;
        let score = |pair: &[Tensor]| critic.forward(&pair[0], &pair[1], e);
        let alpha = self.source.uniform()?;
        let penalty = gradient_penalty_of_all(score, &[x, x], &[x, &images], &alpha, PENALTY)?;
        self.critic.adam.step(&backward(&(difference + penalty)?)?)?;

        let critic = &self.latent_critic.trained;
        let (real, alpha) = (self.source.normal()?, self.source.uniform()?);
        let difference = (critic.forward(&z)?.mean_all()? - critic.forward(&real)?.mean_all()?)?;
        let penalty = gradient_penalty(|z| Ok(critic.forward(z)?.sum(1)?), &real, &z, &alpha, PENALTY)?;
        self.latent_critic.adam.step(&backward(&(difference + penalty)?)?)
    }

    fn encoder_and_decoder(&mut self) -> Result<Tensor> {
        let (x, e) = (&self.showers, &self.energies);
        let posterior = self.bibae.trained.encoder.forward(x, e)?;
        let z = posterior.sample(&self.source.normal()?)?;
        let images = self.bibae.trained.decoder.forward(&z, e)?;
        let score = self.critic.applied.forward(x, &images, e)?.mean_all()?;
        let latent_score = self.latent_critic.applied.forward(&z)?.mean_all()?;
        let mmd = gaussian_mmd(&z, &self.source.normal()?, &[1.0, 0.01])?;
        let divergence = kld(&posterior.mean, &posterior.log_variance)?;
        let loss = (((divergence * 0.05)? + (mmd * 100.0)?)? - (score + (latent_score * 100.0)?)?)?;
        self.bibae.adam.step(&backward(&loss)?)?;
        Ok(images.detach())
    }

    fn post_processor(&mut self, images: &Tensor) -> Result<()> {
        let settings = SortedMmd { windows: 30, ..SortedMmd::default() };
        let sorted = |x: &Tensor| sort_descending(&x.flatten_from(1)?, settings.cells());
        let processed = self.post_processor.trained.forward(images)?;
        let mmd = sorted_mmd(&sorted(&self.showers)?, &sorted(&processed)?, &settings)?;
        let change = (processed - images)?.sqr()?.mean_all()?;
        self.post_processor.adam.step(&backward(&((mmd * 5.0)? + change)?)?)
    }

    /// Weights, moments of the optimisers, and what the fused network for inference makes of the batch.
    fn state(&self) -> Result<Vec<(String, Tensor)>> {
        let processed = self.post_processor.applied.forward(&self.showers)?;
        let mut state = vec![("processed".to_owned(), processed)];
        let parts = [
            ("bibae", &self.bibae.parameters, &self.bibae.adam),
            ("critic", &self.critic.parameters, &self.critic.adam),
            ("latent_critic", &self.latent_critic.parameters, &self.latent_critic.adam),
            ("post_processor", &self.post_processor.parameters, &self.post_processor.adam),
        ];
        for (part, parameters, adam) in parts {
            let tensors = parameters.state().into_iter().chain(adam.state()?);
            state.extend(tensors.map(|(name, tensor)| (format!("{part}.{name}"), tensor)));
        }
        Ok(state)
    }
}

/// A line for every tensor of the state, with a hash of its bits.
fn digest(training: &Training) -> Vec<String> {
    let line = |(name, tensor): (String, Tensor)| {
        // Steps are integers and rates f64: exact in f64, as every f32 is.
        let values = tensor.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1::<f64>().unwrap();
        assert!(values.iter().all(|value| value.is_finite()), "{name} is not finite");
        let mut hasher = DefaultHasher::new();
        values.iter().for_each(|value| hasher.write_u64(value.to_bits()));
        format!("{name} {:016x}", hasher.finish())
    };
    training.state().unwrap().into_iter().map(line).collect()
}

/// The digest after one step, which every weight took part in.
fn after_a_step() -> Vec<String> {
    let mut training = Training::new().unwrap();
    let start = digest(&training);
    training.step().unwrap();
    let end = digest(&training);
    for line in start.iter().filter(|line| end.contains(line)) {
        // The condition of the post-processor cannot change its result: see its documentation.
        let is_weight = line.contains(".weight ") && !line.contains(".fcec");
        assert!(!is_weight, "untouched by a step: {line}");
    }
    end
}

/// Run by the test below in processes of its own.
#[test]
#[ignore = "needs a number of threads of its own"]
fn child_of_some_threads() {
    let digest = after_a_step();
    assert!(digest == after_a_step(), "results differ from run to run");
    println!("threads {}", rayon::current_num_threads());
    digest.iter().for_each(|line| println!("digest {line}"));
}

#[test]
fn a_training_step_gives_the_same_bits_each_time_and_for_any_number_of_threads() {
    let children: Vec<_> = [1, 2, 3]
        .into_iter()
        .map(|threads| {
            let child = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "child_of_some_threads", "--ignored", "--nocapture"])
                .env("RAYON_NUM_THREADS", threads.to_string())
                .output()
                .unwrap();
            let text = String::from_utf8_lossy(&child.stdout).into_owned();
            let error = String::from_utf8_lossy(&child.stderr);
            assert!(child.status.success(), "{threads} threads: {text}{error}");
            assert!(text.contains(&format!("threads {threads}\n")), "not {threads} threads: {text}");
            let digest: Vec<String> =
                text.lines().filter_map(|line| line.strip_prefix("digest ")).map(str::to_owned).collect();
            (threads, digest)
        })
        .collect();
    let (_, one) = &children[0];
    // Weights and two moments of all that is trained.
    assert!(one.len() > 200, "only {} tensors", one.len());
    for (threads, digest) in &children[1..] {
        let differing: Vec<&String> = digest.iter().filter(|line| !one.contains(line)).collect();
        assert!(
            differing.is_empty() && digest.len() == one.len(),
            "{threads} threads differ in {differing:?}"
        );
    }
}
