//! Fluctuations of the continuous loss in a step: excitations and ionisations below the cut.
//!
//! The model of Urban, Nucl. Instrum. Methods A 362 (1995) 416, as the Geant4 Physics Reference Manual describes it
//! ("Energy loss fluctuations") with the single excitation level of Geant4 11: atoms are excited at one level or
//! ionised with a loss distributed as 1/E^2 up to the cut, both Poisson in number. Many small losses at once are
//! drawn as one Gaussian.

use crate::material::Material;
use crate::random::Random;

/// Lowest ionisation loss, MeV.
const IONISATION_MEV: f64 = 1e-5;
/// Smaller mean losses do not fluctuate, MeV.
const LEAST_MEAN_MEV: f64 = 1e-5;
/// Share of the mean loss that goes into ionisation.
const IONISED_SHARE: f64 = 0.56;
/// More collisions than this are grouped into a Gaussian.
const MANY: f64 = 8.0;
/// Excitations of the tuned model are fewer and larger by this factor: it makes up for the width that distant
/// collisions with inner shells would bring...
const WIDENED: f64 = 4.0;
/// ...where there are at least this many. Below, the factor falls to a tenth with the root of their number.
const WIDENED_FROM: f64 = 42.0;
/// Straggling in one material with one cut.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Straggling {
    excitation_mev: f64,
    cut_mev: f64,
    limits: Limits,
}

/// What depends on the largest transfer.
#[derive(Debug, Clone, Copy)]
struct Limits {
    largest_mev: f64,
    inverse_largest_per_mev: f64,
    /// Largest transfer over the lowest.
    ratio: f64,
    /// Inverse of the mean loss of an ionisation, 1/MeV.
    inverse_mean_per_mev: f64,
    /// Correction of the width for low cuts.
    scaling: f64,
}

impl Limits {
    #[inline]
    fn new(largest_mev: f64) -> Self {
        let ratio = largest_mev / IONISATION_MEV;
        Self {
            largest_mev,
            inverse_largest_per_mev: 1.0 / largest_mev,
            ratio,
            // Mean of 1/E^2 between E0 and E1: E0 E1 ln(E1/E0) / (E1 - E0).
            inverse_mean_per_mev: (ratio - 1.0) / (largest_mev * ratio.ln()),
            scaling: (1.0 + 0.5e-3 / largest_mev).min(1.5),
        }
    }
}

impl Straggling {
    /// The constants for collisions that transfer less than `cut_mev`.
    pub(crate) fn new(material: &Material, cut_mev: f64) -> Self {
        Self { excitation_mev: material.mean_excitation_mev, cut_mev, limits: Limits::new(cut_mev) }
    }

    /// Loss in a step whose mean loss is `mean_loss_mev`, from collisions of up to `highest_transfer_mev` (the most
    /// that kinematics allows: T/2 for electrons, T for positrons) or the cut. Not negative, and the mean is kept.
    #[inline]
    pub(crate) fn sample_mev(
        &self,
        mean_loss_mev: f64,
        highest_transfer_mev: f64,
        random: &mut Random,
    ) -> f64 {
        if mean_loss_mev < LEAST_MEAN_MEV {
            return mean_loss_mev;
        }
        if highest_transfer_mev >= self.cut_mev {
            return self.sample_within(&self.limits, mean_loss_mev, random);
        }
        if highest_transfer_mev <= IONISATION_MEV {
            return mean_loss_mev;
        }
        self.sample_within(&Limits::new(highest_transfer_mev), mean_loss_mev, random)
    }

    #[inline]
    fn sample_within(&self, limits: &Limits, mean_loss_mev: f64, random: &mut Random) -> f64 {
        if limits.largest_mev <= IONISATION_MEV {
            return mean_loss_mev;
        }
        let mean_loss_mev = mean_loss_mev / limits.scaling;
        let mut loss_mev = 0.0;
        let mut ionised_share = 1.0;
        if limits.largest_mev > self.excitation_mev {
            ionised_share = IONISED_SHARE;
            loss_mev = self.excitations_mev(mean_loss_mev * (1.0 - IONISED_SHARE), random);
        }
        loss_mev += ionisations_mev(limits, mean_loss_mev * ionised_share, random);
        loss_mev * limits.scaling
    }

    /// Loss to excitations whose mean is `mean_loss_mev`.
    #[inline]
    fn excitations_mev(&self, mean_loss_mev: f64, random: &mut Random) -> f64 {
        let number = mean_loss_mev / self.excitation_mev;
        let widened = if number < WIDENED_FROM {
            0.1 + (WIDENED - 0.1) * (number * (1.0 / WIDENED_FROM)).sqrt()
        } else {
            WIDENED
        };
        let (number, level_mev) = (number / widened, self.excitation_mev * widened);
        if number > MANY {
            return bounded_normal(mean_loss_mev, number.sqrt() * level_mev, random);
        }
        let n = small_number(number, random);
        // Smeared over one level to either side: sums of discrete levels are not seen.
        if n > 0 { (f64::from(n) + 1.0 - 2.0 * random.uniform()) * level_mev } else { 0.0 }
    }
}

/// Loss to ionisations whose mean is `mean_loss_mev`.
#[inline]
fn ionisations_mev(limits: &Limits, mean_loss_mev: f64, random: &mut Random) -> f64 {
    let ratio = limits.ratio;
    let number = mean_loss_mev * limits.inverse_mean_per_mev;
    let (mut single_number, mut from_mev, mut loss_mev) = (number, IONISATION_MEV, 0.0);
    if number > MANY {
        // Losses up to `grouped` times the lowest one come as a group, so that fewer than MANY stay to be drawn
        // singly: MANY number / (MANY + number) of them.
        let part = 1.0 / (MANY + number);
        single_number = MANY * number * part;
        let grouped = ratio * (MANY + number) / (ratio * MANY + number);
        let mean = grouped * grouped.ln() / (grouped - 1.0);
        let group_number = number * number * part;
        let variance = group_number * (grouped - mean * mean);
        loss_mev = bounded_normal(
            group_number * mean * IONISATION_MEV,
            variance.max(0.0).sqrt() * IONISATION_MEV,
            random,
        );
        from_mev *= grouped;
    }
    if limits.largest_mev > from_mev {
        let reach = (limits.largest_mev - from_mev) * limits.inverse_largest_per_mev;
        let mut left = small_number(single_number, random);
        let mut inverses = 0.0;
        // Two at a time, from the halves of one draw, with one division.
        while left >= 2 {
            let (u, v) = two_uniforms(random);
            let (a, b) = (1.0 - reach * u, 1.0 - reach * v);
            inverses += (a + b) / (a * b);
            left -= 2;
        }
        if left == 1 {
            inverses += 1.0 / (1.0 - reach * random.uniform());
        }
        loss_mev += from_mev * inverses;
    }
    loss_mev
}

/// Two uniform numbers in (0, 1), of 26 and 27 bits.
#[inline]
fn two_uniforms(random: &mut Random) -> (f64, f64) {
    const HALF: f64 = (1_u32 << 26) as f64;
    let scaled = random.uniform() * HALF;
    let whole = f64::from(scaled as u32);
    ((whole + 0.5) * (1.0 / HALF), scaled - whole)
}

/// Poisson number of a mean up to MANY, by inversion with a single draw.
#[inline]
fn small_number(mean: f64, random: &mut Random) -> u32 {
    let draw = random.uniform();
    let mut term = (-mean).exp();
    let mut sum = term;
    let mut n = 0;
    // The last terms below one rounding stop it where the sum cannot reach the draw.
    while draw > sum && n + 1 < INVERSE.len() {
        n += 1;
        term *= mean * INVERSE[n];
        sum += term;
    }
    n as u32
}

/// 1 / n.
const INVERSE: [f64; 48] = {
    let mut inverse = [0.0; 48];
    let mut n = 1;
    while n < inverse.len() {
        inverse[n] = 1.0 / n as f64;
        n += 1;
    }
    inverse
};

/// Gaussian between zero and twice its mean; uniform there when it is very wide.
#[inline]
fn bounded_normal(mean: f64, width: f64, random: &mut Random) -> f64 {
    if mean < 0.25 * width {
        return 2.0 * mean * random.uniform();
    }
    symmetric_normal(mean, width, random)
}

/// Gaussian between zero and twice its mean, which cuts both tails alike and keeps the mean.
#[inline]
fn symmetric_normal(mean: f64, width: f64, random: &mut Random) -> f64 {
    loop {
        let value = mean + width * random.normal();
        if (0.0..=2.0 * mean).contains(&value) {
            return value;
        }
    }
}

#[cfg(test)]
mod tests;
