//! Our side of `cargo xtask bench nn` and `generate`: one piece of work at the published widths, its times and memory as a line of JSON.
//!
//! ```text
//! bench_nn CASE --batch B --threads T --warm-up W --repetitions R [--device cuda]
//! ```
//! The cases, and what belongs to each, are those of the peer, `xtask/peers/nn.py`. Threads come from
//! `RAYON_NUM_THREADS`, which has to say the same as `--threads`. Memory is allocated as `calo` allocates it.

#[path = "../src/allocator.rs"]
mod allocator;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fs;
use std::time::Instant;

use calo_nn::autograd::backward;
use calo_nn::candle::{DType, Device, Tensor};
use calo_nn::components::GeneratorConfig;
use calo_nn::components::post_processor::{PostProcessor, PostProcessorConfig};
use calo_nn::families::bibae::networks::{
    AutoencoderConfig, Critic, CriticConfig, Decoder, Encoder, LatentCritic, LatentCriticConfig,
};
use calo_nn::families::{gan, wgan};
use calo_nn::layers::Statistics;
use calo_nn::losses::{SortedMmd, gaussian_mmd, gradient_penalty, gradient_penalty_of_all, kld, sorted_mmd};
use calo_nn::ops::sort_descending;
use calo_nn::optimiser::{Adam, AdamConfig};
use calo_nn::parameters::{Parameters, Path};
use calo_nn::{Result, cuda, device};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use serde_json::{Value, json};

const N_CRITIC: usize = 5;
const CELLS: usize = 30 * 30 * 30;
const PENALTY: f64 = 10.0;

type Failure = Box<dyn std::error::Error>;
/// One repetition.
type Work = Box<dyn FnMut() -> Result<()>>;

fn main() -> Result<(), Failure> {
    allocator::keep_freed_memory();
    let mut words = std::env::args().skip(1);
    let case = words.next().ok_or("expected the name of a case")?;
    // As `calo` does: large pages for training alone.
    if !matches!(case.as_str(), "critic-step" | "training-step") {
        allocator::use_small_pages();
    }
    let mut options = BTreeMap::new();
    while let (Some(name), value) = (words.next(), words.next()) {
        options.insert(name, value.ok_or("expected a value after every option")?);
    }
    let option = |name: &str| options.get(name).ok_or_else(|| format!("expected {name}"));
    let number = |name: &str| option(name)?.parse::<usize>().map_err(|e| format!("{name}: {e}"));
    let (warm_up, repetitions) = (number("--warm-up")?, number("--repetitions")?);
    // This thread is one of them: work begins without waking another.
    rayon::ThreadPoolBuilder::new().num_threads(number("--threads")?).use_current_thread().build_global()?;

    let device = device::select(options.get("--device").map_or("cpu", String::as_str))?;
    cuda::allow_tf32(true);
    let bench = Bench::new(number("--batch")?, &device)?;
    let mut work = bench.work(&case)?;
    let loaded = memory("VmRSS");
    forget_peak();
    let (mut wall_s, mut cpu_s) = (Vec::new(), Vec::new());
    for _ in 0..warm_up + repetitions {
        let (cpu, wall) = (processor_seconds(), Instant::now());
        work()?;
        device.synchronize()?;
        wall_s.push(wall.elapsed().as_secs_f64());
        cpu_s.extend(processor_seconds().zip(cpu).map(|(end, start)| end - start));
    }
    let memory = memory("VmHWM").zip(loaded).map(|(peak, loaded)| peak.saturating_sub(loaded));
    let counted = |seconds: &[f64]| seconds.get(warm_up..).unwrap_or_default().to_vec();
    let result: Value = json!({
        "case": case,
        "batch": bench.batch,
        "threads": rayon::current_num_threads(),
        "device": if device.is_cpu() { "cpu" } else { "cuda" },
        "n_weights": bench.n_weights.get(),
        "wall_s": counted(&wall_s),
        "cpu_s": counted(&cpu_s),
        "loaded_bytes": loaded,
        "memory_bytes": if device.is_cpu() { memory } else { None },
    });
    println!("{result}");
    Ok(())
}

/// A network to train, and the same one to apply: cut from the graph, so that it computes no gradients.
struct Network<N> {
    trained: N,
    applied: N,
    parameters: Parameters,
}

/// One batch, and what makes the networks.
struct Bench {
    batch: usize,
    device: Device,
    showers: Tensor,
    energies: Tensor,
    random: RefCell<ChaCha8Rng>,
    n_weights: Cell<usize>,
}

impl Bench {
    fn new(batch: usize, device: &Device) -> Result<Self> {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let energies: Vec<f32> = (0..batch).map(|_| random.random_range(10.0..100.0)).collect();
        Ok(Self {
            batch,
            device: device.clone(),
            showers: showers(batch, &mut random, device)?,
            energies: Tensor::from_vec(energies, (batch, 1), device)?,
            random: RefCell::new(random),
            n_weights: Cell::new(0),
        })
    }

    fn work(&self, case: &str) -> Result<Work, Failure> {
        Ok(match case {
            "encoder" => self.encoder()?,
            "decoder" => self.decoder()?,
            "post-processor" => self.post_processor()?,
            "decoder+post-processor" => self.generation()?,
            "gan" => self.gan()?,
            "wgan" => self.wgan(&wgan::Generator::photons(), [30; 3])?,
            "wgan-pions" => self.wgan(&wgan::Generator::pions(), [48, 13, 13])?,
            "critic" => self.critic()?,
            "critic-step" => self.critic_step()?,
            "training-step" => TrainingStep::new(self)?.work(),
            _ => return Err(format!("no case is called {case}").into()),
        })
    }

    fn encoder(&self) -> Result<Work> {
        let encoder = self.network(|path| Encoder::new(path, &AutoencoderConfig::default()))?;
        let (x, e) = (self.showers.clone(), self.energies.clone());
        Ok(Box::new(move || encoder.applied.forward(&x, &e).map(drop)))
    }

    fn decoder(&self) -> Result<Work> {
        let decoder = self.network(|path| Decoder::new(path, &AutoencoderConfig::default()))?;
        let (z, e) = (self.noise()?, self.energies.clone());
        Ok(Box::new(move || decoder.applied.forward(&z, &e).map(drop)))
    }

    fn post_processor(&self) -> Result<Work> {
        let post = self.network(|path| PostProcessor::new(path, &PostProcessorConfig::default()))?;
        let (x, e) = (self.showers.clone(), self.energies.clone());
        Ok(Box::new(move || post.applied.forward(&x, &e).map(drop)))
    }

    fn generation(&self) -> Result<Work> {
        let decoder = self.network(|path| Decoder::new(path, &AutoencoderConfig::default()))?;
        let post = self.network(|path| PostProcessor::new(path, &PostProcessorConfig::default()))?;
        let (z, e) = (self.noise()?, self.energies.clone());
        Ok(Box::new(move || post.applied.forward(&decoder.applied.forward(&z, &e)?, &e).map(drop)))
    }

    fn gan(&self) -> Result<Work> {
        let (config, grid) = (GeneratorConfig::default(), [30; 3]);
        let generator = self.network(|path| gan::Generator::new(path, &config, grid))?;
        let (z, e) = (self.uniform(config.noise)?, self.energies.clone());
        Ok(Box::new(move || generator.applied.forward(&z, &e, Statistics::Running).map(drop)))
    }

    fn wgan(&self, config: &GeneratorConfig, grid: [usize; 3]) -> Result<Work> {
        let generator = self.network(|path| wgan::Generator::new(path, config, grid))?;
        let (z, e) = (self.uniform(config.noise)?, self.energies.clone());
        Ok(Box::new(move || generator.applied.forward(&z, &e).map(drop)))
    }

    fn critic(&self) -> Result<Work> {
        let critic = self.network(|path| Critic::new(path, &CriticConfig::default()))?;
        let (x, y, e) = (self.showers.clone(), self.other_showers()?, self.energies.clone());
        Ok(Box::new(move || critic.applied.forward(&x, &y, &e).map(drop)))
    }

    fn critic_step(&self) -> Result<Work> {
        let critic = self.network(|path| Critic::new(path, &CriticConfig::default()))?;
        let mut adam = optimiser(&[&critic.parameters], 0.5e-3)?;
        let (x, y, e) = (self.showers.clone(), self.other_showers()?, self.energies.clone());
        let mut random = self.random.borrow().clone();
        Ok(Box::new(move || {
            let alpha = fractions(&mut random, &e)?;
            critic_update(&critic.trained, &mut adam, &x, &y, &e, &alpha)
        }))
    }

    fn network<N>(&self, build: impl Fn(&Path<'_>) -> Result<N>) -> Result<Network<N>> {
        let parameters = Parameters::new(1, DType::F32, &self.device);
        let trained = build(&parameters.path())?;
        let applied = build(&parameters.frozen())?;
        self.n_weights.set(self.n_weights.get() + parameters.n_weights());
        Ok(Network { trained, applied, parameters })
    }

    fn noise(&self) -> Result<Tensor> {
        normal(&mut self.random.borrow_mut(), self.batch, &self.device)
    }

    fn uniform(&self, columns: usize) -> Result<Tensor> {
        let mut random = self.random.borrow_mut();
        let values: Vec<f32> = (0..self.batch * columns).map(|_| random.random_range(-1.0..1.0)).collect();
        Ok(Tensor::from_vec(values, (self.batch, columns), &self.device)?)
    }

    fn other_showers(&self) -> Result<Tensor> {
        showers(self.batch, &mut self.random.borrow_mut(), &self.device)
    }
}

/// Scores of real and fake pairs, the penalty on the gradient for both images, backward, Adam.
fn critic_update(
    critic: &Critic,
    adam: &mut Adam,
    showers: &Tensor,
    images: &Tensor,
    energies: &Tensor,
    alpha: &Tensor,
) -> Result<()> {
    let real = critic.forward(showers, showers, energies)?.mean_all()?;
    let fake = critic.forward(showers, images, energies)?.mean_all()?;
    let score = |pair: &[Tensor]| critic.forward(&pair[0], &pair[1], energies);
    let penalty = gradient_penalty_of_all(score, &[showers, showers], &[showers, images], alpha, PENALTY)?;
    adam.step(&backward(&((fake - real)? + penalty)?)?)
}

/// Five critic steps and one of the rest, as the BIB-AE is trained.
struct TrainingStep {
    encoder: Network<Encoder>,
    decoder: Network<Decoder>,
    critic: Network<Critic>,
    latent_critic: Network<LatentCritic>,
    post_processor: Network<PostProcessor>,
    adam_bibae: Adam,
    adam_critic: Adam,
    adam_latent_critic: Adam,
    adam_post_processor: Adam,
    showers: Tensor,
    energies: Tensor,
    random: ChaCha8Rng,
}

impl TrainingStep {
    fn new(bench: &Bench) -> Result<Self> {
        let config = AutoencoderConfig::default();
        let encoder = bench.network(|path| Encoder::new(path, &config))?;
        let decoder = bench.network(|path| Decoder::new(path, &config))?;
        let critic = bench.network(|path| Critic::new(path, &CriticConfig::default()))?;
        let latent_critic = bench.network(|path| LatentCritic::new(path, &LatentCriticConfig::default()))?;
        let post_processor =
            bench.network(|path| PostProcessor::new(path, &PostProcessorConfig::default()))?;
        Ok(Self {
            adam_bibae: optimiser(&[&encoder.parameters, &decoder.parameters], 0.5e-3)?,
            adam_critic: optimiser(&[&critic.parameters], 0.5e-3)?,
            adam_latent_critic: optimiser(&[&latent_critic.parameters], 2e-3)?,
            adam_post_processor: optimiser(&[&post_processor.parameters], 0.5e-3)?,
            encoder,
            decoder,
            critic,
            latent_critic,
            post_processor,
            showers: bench.showers.clone(),
            energies: bench.energies.clone(),
            random: bench.random.borrow().clone(),
        })
    }

    fn work(mut self) -> Work {
        Box::new(move || {
            for _ in 0..N_CRITIC {
                self.critics()?;
            }
            let images = self.encoder_and_decoder()?;
            self.post_processor(&images)
        })
    }

    fn critics(&mut self) -> Result<()> {
        let (x, e) = (&self.showers, &self.energies);
        let noise = normal(&mut self.random, x.dim(0)?, x.device())?;
        let z = self.encoder.applied.forward(x, e)?.sample(&noise)?;
        let images = self.decoder.applied.forward(&z, e)?;
        let alpha = fractions(&mut self.random, e)?;
        critic_update(&self.critic.trained, &mut self.adam_critic, x, &images, e, &alpha)?;

        let critic = &self.latent_critic.trained;
        let real = normal(&mut self.random, x.dim(0)?, x.device())?;
        let alpha = fractions(&mut self.random, e)?;
        let difference = (critic.forward(&z)?.mean_all()? - critic.forward(&real)?.mean_all()?)?;
        let penalty = gradient_penalty(|z| Ok(critic.forward(z)?.sum(1)?), &real, &z, &alpha, PENALTY)?;
        self.adam_latent_critic.step(&backward(&(difference + penalty)?)?)
    }

    /// Both critics, the divergence from the normal distribution and the latent MMD; gives the images.
    fn encoder_and_decoder(&mut self) -> Result<Tensor> {
        let (x, e) = (&self.showers, &self.energies);
        let noise = normal(&mut self.random, x.dim(0)?, x.device())?;
        let posterior = self.encoder.trained.forward(x, e)?;
        let z = posterior.sample(&noise)?;
        let images = self.decoder.trained.forward(&z, e)?;
        let score = self.critic.applied.forward(x, &images, e)?.mean_all()?;
        let latent_score = self.latent_critic.applied.forward(&z)?.mean_all()?;
        let normal = normal(&mut self.random, x.dim(0)?, x.device())?;
        let mmd = gaussian_mmd(&z, &normal, &[1.0, 0.01])?;
        let divergence = kld(&posterior.mean, &posterior.log_variance)?;
        let loss = (((divergence * 0.05)? + (mmd * 100.0)?)? - (score + (latent_score * 100.0)?)?)?;
        self.adam_bibae.step(&backward(&loss)?)?;
        Ok(images.detach())
    }

    /// The sorted-kernel MMD to the real showers and the mean squared change.
    fn post_processor(&mut self, images: &Tensor) -> Result<()> {
        let settings = SortedMmd::default();
        let sorted = |x: &Tensor| sort_descending(&x.flatten_from(1)?, settings.cells());
        let processed = self.post_processor.trained.forward(images, &self.energies)?;
        let mmd = sorted_mmd(&sorted(&self.showers)?, &sorted(&processed)?, &settings)?;
        let change = (processed - images)?.sqr()?.mean_all()?;
        self.adam_post_processor.step(&backward(&((mmd * 5.0)? + change)?)?)
    }
}

fn optimiser(parameters: &[&Parameters], rate: f64) -> Result<Adam> {
    let config = AdamConfig { rate, beta1: 0.5, beta2: 0.9, ..AdamConfig::default() };
    Adam::new(vec![(parameters.iter().flat_map(|parameters| parameters.trainable()).collect(), config)])
}

/// Sparse and falling, as showers are: `[n, 1, 30, 30, 30]`.
fn showers(n: usize, random: &mut ChaCha8Rng, device: &Device) -> Result<Tensor> {
    let cells = (0..n * CELLS).map(|_| {
        let energy: f32 = random.sample(StandardNormal);
        if random.random_bool(0.05) { energy.exp() } else { 0.0 }
    });
    Ok(Tensor::from_vec(cells.collect(), (n, 1, 30, 30, 30), device)?)
}

/// All latent variables of `n` showers.
fn normal(random: &mut ChaCha8Rng, n: usize, device: &Device) -> Result<Tensor> {
    let latent = AutoencoderConfig::default().latent_dim;
    let values: Vec<f32> = (0..n * latent).map(|_| random.sample(StandardNormal)).collect();
    Ok(Tensor::from_vec(values, (n, latent), device)?)
}

/// Where between real and fake the penalty is taken: shaped like the energies.
fn fractions(random: &mut ChaCha8Rng, energies: &Tensor) -> Result<Tensor> {
    let values: Vec<f32> = (0..energies.elem_count()).map(|_| random.random()).collect();
    Ok(Tensor::from_vec(values, energies.shape(), energies.device())?)
}

/// A size of this process in bytes, as Linux tells it; none elsewhere.
fn memory(field: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}

/// Lets the peak size start anew; where that is not allowed, the peak of loading counts too.
fn forget_peak() {
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// Time that all threads spent computing, as Linux tells it to the nanosecond; none elsewhere.
fn processor_seconds() -> Option<f64> {
    let mut nanoseconds = 0;
    for task in fs::read_dir("/proc/self/task").ok()? {
        let text = fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        nanoseconds += text.split_whitespace().next()?.parse::<u64>().ok()?;
    }
    Some(nanoseconds as f64 * 1e-9)
}
