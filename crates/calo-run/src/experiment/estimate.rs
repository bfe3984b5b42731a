//! What a profile would cost: two training steps of small batches are measured here, and extrapolated.

use std::fmt::Write as _;
use std::fs;
use std::time::Instant;

use calo_core::ShowerBatch;
use calo_core::random::{Purpose, stream};
use calo_nn::candle::Device;
use calo_nn::engine::Trainer;
use ndarray::Array4;
use rand::Rng;

use super::request::ReproduceRequest;
use super::run_configs;
use super::step::network_pool;
use crate::Result;
use crate::config::RunConfig;
use crate::monitor::Monitor;

const SHOWERS: Purpose = Purpose::new("estimate showers");

/// Showers of the two batches that are measured. Two is the least that statistics of a batch take.
const BATCHES: [usize; 2] = [2, 4];

/// Steps of each, of which the faster counts: the first one also sets up.
const N_STEPS: usize = 2;

/// Share of cells that are hit, and the largest energy of a hit, MeV: about those of a shower of this energy.
const HIT_SHARE: f64 = 0.05;
const HIT_MEV: f32 = 1.6;
const ENERGY_GEV: f64 = 50.0;

const SECONDS_A_DAY: f64 = 86_400.0;

/// A step of some showers.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Measured {
    n_showers: usize,
    seconds: f64,
    /// Most memory that the program had, bytes; where the system tells.
    memory: Option<f64>,
}

/// Memory and time of the runs of a profile, in words: two steps at small batches are measured on this machine, and
/// extrapolated to the batch, the showers and the epochs of the profile.
///
/// # Errors
/// A configuration that cannot be; a step that fails; an interruption.
pub fn estimate(request: &ReproduceRequest, monitor: &dyn Monitor) -> Result<String> {
    let own = request.experiment.in_profile(&request.profile)?;
    let request = &ReproduceRequest { experiment: own, ..request.clone() };
    let experiment = &request.experiment;
    let profile = experiment.profile(&request.profile)?;
    let configs = run_configs::all(request, profile)?;
    run_configs::detector(request, profile, &configs)?;
    let (device, _) = request.compute.select()?;
    let pool = network_pool(rayon::current_num_threads())?;
    let mut text = format!(
        "{}, profile {}: measured on {} with {N_STEPS} steps each of {} and {} showers, and extrapolated\n",
        experiment.title, profile.name, request.compute.device, BATCHES[0], BATCHES[1]
    );
    for (index, (run, config)) in experiment.runs.iter().zip(&configs).enumerate() {
        // Runs of one configuration hardly differ in what they cost.
        if configs[..index].iter().any(|other| other.name() == config.name()) {
            continue;
        }
        monitor.check()?;
        let n_runs = configs.iter().filter(|other| other.name() == config.name()).count();
        let overrides = [&profile.overrides_of(&run.name)[..], &request.overrides, &run.overrides].concat();
        // Steps of the critics alone would look cheap.
        let whole = [&overrides[..], &["schedule.critic_warmup_steps=0".to_owned()]].concat();
        let config = config.with(&whole).or_else(|_| config.with(&overrides))?;
        let cost = pool.install(|| Cost::of(&config, profile.n_train, &device))?;
        let _ = write!(text, "{}", cost.shown(&run.label, n_runs));
    }
    Ok(text)
}

/// What a run costs.
#[derive(Debug, Clone, PartialEq)]
struct Cost {
    n_weights: usize,
    batch_showers: usize,
    n_steps: u64,
    epochs: u32,
    measured: [Measured; 2],
}

impl Cost {
    /// Measures steps of a run on `n_train` showers.
    fn of(config: &RunConfig, n_train: u64, device: &Device) -> Result<Self> {
        let mut trainer = Trainer::new(config.recipe.clone(), config.seed, device)?;
        let measured = [measure(&mut trainer, BATCHES[0])?, measure(&mut trainer, BATCHES[1])?];
        let batch_showers = config.recipe.optim.batch_showers;
        Ok(Self {
            n_weights: trainer.n_weights(),
            batch_showers,
            // Every step counts as one of the first phase, which is measured.
            n_steps: trainer.total_steps(n_train / batch_showers.max(1) as u64),
            epochs: trainer.epochs(),
            measured,
        })
    }

    /// A quantity of the batch of the run, on the line through both measurements.
    fn extrapolated(&self, quantity: fn(&Measured) -> Option<f64>) -> Option<f64> {
        let [small, large] = &self.measured;
        let (a, b) = (quantity(small)?, quantity(large)?);
        // A step of more showers takes no less: what is measured may say so by chance.
        let slope = ((b - a) / (large.n_showers - small.n_showers) as f64).max(0.0);
        Some(a + slope * (self.batch_showers as f64 - small.n_showers as f64).max(0.0))
    }

    fn shown(&self, run: &str, n_runs: usize) -> String {
        let [small, large] = &self.measured;
        let seconds = self.extrapolated(|one| Some(one.seconds)).unwrap_or(f64::NAN);
        let memory = |bytes: Option<f64>| {
            bytes.map_or_else(|| "unknown memory".to_owned(), |bytes| format!("{:.1} GB", bytes / 1e9))
        };
        let days = seconds * self.n_steps as f64 / SECONDS_A_DAY;
        format!(
            "{run}: {:.1} million weights\n  measured: {:.2} s a step of {}, {:.2} s of {}; {} and {}\n  batches of {}: {seconds:.2} s \
             a step, {}\n  {} steps in {} epochs: {days:.1} days a run, {n_runs} such {}\n",
            self.n_weights as f64 / 1e6,
            small.seconds,
            small.n_showers,
            large.seconds,
            large.n_showers,
            memory(small.memory),
            memory(large.memory),
            self.batch_showers,
            memory(self.extrapolated(|one| one.memory)),
            self.n_steps,
            self.epochs,
            if n_runs == 1 { "run" } else { "runs" }
        )
    }
}

/// Steps of `n_showers`.
fn measure(trainer: &mut Trainer, n_showers: usize) -> Result<Measured> {
    // The most memory is counted from here on, where the system allows it.
    let _ = fs::write("/proc/self/clear_refs", "5");
    let mut seconds = f64::INFINITY;
    for step in 0..N_STEPS {
        let batches: Vec<ShowerBatch<f32>> = (0..trainer.batches_per_step())
            .map(|batch| showers(trainer.grid(), n_showers, step as u64 * 1000 + batch))
            .collect();
        let start = Instant::now();
        trainer.step(&batches)?;
        seconds = seconds.min(start.elapsed().as_secs_f64());
    }
    Ok(Measured { n_showers, seconds, memory: most_memory() })
}

/// Showers with about as many hits as real ones: what a step costs does not depend on where they are.
fn showers(grid: [usize; 3], n: usize, index: u64) -> ShowerBatch<f32> {
    let mut random = stream(0, SHOWERS, index);
    let [layers, nx, ny] = grid;
    let cells_mev = Array4::from_shape_simple_fn((n, layers, nx, ny), || {
        if random.random::<f64>() < HIT_SHARE { HIT_MEV * random.random::<f32>() } else { 0.0 }
    });
    ShowerBatch {
        energies_gev: vec![ENERGY_GEV; n],
        cells_mev,
        ..ShowerBatch::empty(calo_core::Grid { layers, nx, ny })
    }
}

/// The largest resident memory of this program, bytes; on Linux alone.
fn most_memory() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_lie_on_the_line_through_both_measurements() {
        let of = |n_showers, seconds, memory| Measured { n_showers, seconds, memory };
        let cost = Cost {
            n_weights: 71_400_000,
            batch_showers: 8,
            n_steps: 11_250_000,
            epochs: 100,
            measured: [of(2, 3.0, Some(2.0e9)), of(4, 5.0, Some(2.5e9))],
        };
        // A second a shower, and one besides; a quarter of a gigabyte a shower.
        assert!((cost.extrapolated(|one| Some(one.seconds)).unwrap() - 9.0).abs() < 1e-12);
        let shown = cost.shown("beta 0.05", 2);
        for part in
            ["71.4 million weights", "batches of 8: 9.00 s a step, 3.5 GB", "1171.9 days a run, 2 such runs"]
        {
            assert!(shown.contains(part), "{part} is not in {shown}");
        }
        let faster = Cost { measured: [of(2, 3.0, None), of(4, 2.9, None)], ..cost };
        assert!((faster.extrapolated(|one| Some(one.seconds)).unwrap() - 3.0).abs() < 1e-12);
        assert!(faster.shown("one", 1).contains("3.00 s a step, unknown memory"));
    }
}
