//! The entry point: a simulator for one detector and one kind of particle, and workers that make showers with it.

use calo_core::detector::Geometry as Described;
use calo_core::random::{Purpose, stream};
use calo_core::{Detector, Error, Result};

use crate::geometry::Geometry;
use crate::particle::{Kind, Particle};
use crate::random::Random;
use crate::tally::{CellDeposit, EnergyBalance, Tally};
use crate::transport::Transport;

/// Lowest kinetic energy of an incident particle, GeV.
pub const MIN_ENERGY_GEV: f64 = 0.01;
/// Highest kinetic energy of an incident particle, GeV.
pub const MAX_ENERGY_GEV: f64 = 1000.0;

/// What all random numbers of a shower are drawn for.
const SHOWER: Purpose = Purpose::new("simulated shower");

/// Showers of one kind of particle in one detector. Threads share it, each with its own [`Worker`].
///
/// ```
/// use calo_core::Detector;
/// use calo_sim::{Kind, Simulator};
///
/// # fn main() -> calo_core::Result<()> {
/// let simulator = Simulator::new(&Detector::load("ild-ecal")?, Kind::Photon)?;
/// let mut worker = simulator.worker();
/// let shower = worker.shower(1, 0, [1.0, 2.0]);
/// assert!(shower.energy_gev >= 1.0 && shower.energy_gev <= 2.0);
/// // A photon's energy goes into the calorimeter or leaves it: nothing is lost.
/// let total_mev = shower.balance.total_mev();
/// assert!((total_mev - 1000.0 * shower.energy_gev).abs() < 1e-6 * total_mev);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Simulator {
    transport: Transport,
    gun: Gun,
    /// Cleared, to be cloned for every worker.
    tally: Tally,
}

/// Where incident particles start.
#[derive(Debug, Clone, Copy)]
struct Gun {
    kind: Kind,
    depth_mm: f64,
    centre_mm: [f64; 2],
    spread_mm: [f64; 2],
}

impl Gun {
    fn new(geometry: &Described, kind: Kind) -> Self {
        Self {
            kind,
            depth_mm: geometry.front_face_mm,
            centre_mm: geometry.beam_mm,
            spread_mm: geometry.beam_spread_mm,
        }
    }

    /// An incident particle: energy and impact point are uniform, the direction is that of the depth axis.
    fn shoot(&self, energies_gev: [f64; 2], rng: &mut Random) -> (f64, Particle) {
        let [low_gev, high_gev] = energies_gev;
        // Files store 32 bits: the particle has the energy that the file will hold.
        let energy_gev = (low_gev + (high_gev - low_gev) * rng.uniform()) as f32;
        let energy_gev = f64::from(energy_gev).clamp(low_gev.min(high_gev), high_gev.max(low_gev));
        let mut at = |axis: usize| self.centre_mm[axis] + self.spread_mm[axis] * (2.0 * rng.uniform() - 1.0);
        let particle = Particle {
            kind: self.kind,
            // The first slab is the air in front.
            slab: 1,
            kinetic_mev: 1e3 * energy_gev,
            position_mm: [at(0), self.depth_mm, at(1)],
            direction: [0.0, 1.0, 0.0],
        };
        (energy_gev, particle)
    }
}

impl Simulator {
    /// Prepares tables for the materials of `detector`.
    ///
    /// # Errors
    /// A material that is not known, or a detector that is not valid.
    pub fn new(detector: &Detector, particle: Kind) -> Result<Self> {
        detector.validate(&detector.name)?;
        let geometry = Geometry::new(detector)?;
        let transport = Transport::new(geometry, detector.geometry.production_range_cut_mm);
        Ok(Self { transport, gun: Gun::new(&detector.geometry, particle), tally: Tally::new(detector) })
    }

    /// A worker for one thread.
    pub fn worker(&self) -> Worker<'_> {
        Worker {
            simulator: self,
            tally: self.tally.clone(),
            stack: Vec::with_capacity(1024),
            deposits: Vec::with_capacity(4096),
        }
    }
}

/// Checks incident energies, GeV: lowest and highest.
///
/// # Errors
/// Energies that are NaN, in the wrong order, or outside the range of the models.
pub fn check_energies(energies_gev: [f64; 2]) -> Result<()> {
    let [low, high] = energies_gev;
    // Written so that NaN fails.
    if MIN_ENERGY_GEV <= low && low <= high && high <= MAX_ENERGY_GEV {
        return Ok(());
    }
    let found =
        if low.to_bits() == high.to_bits() { format!("{low} GeV") } else { format!("{low}..{high} GeV") };
    let expected =
        format!("LOW..HIGH within {MIN_ENERGY_GEV} to {MAX_ENERGY_GEV} GeV, where the models hold");
    Err(Error::option("energy", found, expected))
}

/// Makes showers one after the other, reusing its memory.
#[derive(Debug)]
pub struct Worker<'a> {
    simulator: &'a Simulator,
    tally: Tally,
    stack: Vec<Particle>,
    deposits: Vec<CellDeposit>,
}

/// One shower.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shower<'a> {
    /// Kinetic energy of the incident particle, GeV, as the 32 bits of a file hold it (or the end of the range that it came from).
    pub energy_gev: f64,
    /// Cells with signal, in order of layer, x and y.
    pub deposits: &'a [CellDeposit],
    /// Where the energy went.
    pub balance: EnergyBalance,
}

impl Worker<'_> {
    /// Shower `index` under `seed`, of an energy uniform in `energies_gev` (see [`check_energies`]).
    ///
    /// The same for any worker, thread and order of calls.
    pub fn shower(&mut self, seed: u64, index: u64, energies_gev: [f64; 2]) -> Shower<'_> {
        let mut rng = Random::new(stream(seed, SHOWER, index));
        let (energy_gev, primary) = self.simulator.gun.shoot(energies_gev, &mut rng);
        self.stack.clear();
        self.stack.push(primary);
        self.simulator.transport.track(&mut self.stack, &mut self.tally, &mut rng);
        self.deposits.clear();
        let balance = self.tally.take(&mut self.deposits);
        Shower { energy_gev, deposits: &self.deposits, balance }
    }
}
