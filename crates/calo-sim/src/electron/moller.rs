//! Moller scattering: electrons knock electrons out of atoms.
//!
//! Geant4 Physics Reference Manual, "Ionisation", "Total cross section per atom and mean free path"; Messel and
//! Crawford, Electron-Photon Shower Distribution Function (1970). The partners cannot be told apart: the slower one
//! counts as knocked on, so the transfer is at most half the kinetic energy.

use super::{TWO_PI_RADIUS2_MM2, Velocity};
use crate::random::Random;

/// Cross section per electron for transfers above `cut_mev`, mm2; zero below twice the cut. Times the density of
/// electrons it is the inverse of the mean free path.
pub(crate) fn cross_section_mm2(kinetic_mev: f64, cut_mev: f64) -> f64 {
    if kinetic_mev <= 2.0 * cut_mev {
        return 0.0;
    }
    let Velocity { gamma, gamma2, beta2 } = Velocity::of(kinetic_mev);
    let low = cut_mev / kinetic_mev;
    let mixed = (2.0 * gamma - 1.0) / gamma2;
    let integral =
        (1.0 - mixed) * (0.5 - low) + 1.0 / low - 1.0 / (1.0 - low) - mixed * ((1.0 - low) / low).ln();
    TWO_PI_RADIUS2_MM2 / (beta2 * (gamma - 1.0)) * integral
}

/// Cross section per electron and transferred energy, mm2/MeV.
#[cfg(test)]
pub(super) fn differential_mm2_per_mev(kinetic_mev: f64, transferred_mev: f64) -> f64 {
    let Velocity { gamma, gamma2, beta2 } = Velocity::of(kinetic_mev);
    let part = transferred_mev / kinetic_mev;
    let rest = 1.0 - part;
    let mixed = (2.0 * gamma - 1.0) / gamma2;
    let shape = 1.0 - mixed + 1.0 / (part * part) + 1.0 / (rest * rest) - mixed / (part * rest);
    TWO_PI_RADIUS2_MM2 / (beta2 * (gamma - 1.0)) * shape / kinetic_mev
}

/// Energy transferred to the knocked-on electron, `cut_mev` to half of `kinetic_mev`, which must exceed twice the
/// cut. [`collision_cos`](super::collision_cos) gives the angles.
#[inline]
pub(crate) fn sample_transfer_mev(kinetic_mev: f64, cut_mev: f64, random: &mut Random) -> f64 {
    let Velocity { gamma, gamma2, .. } = Velocity::of(kinetic_mev);
    let mixed = (2.0 * gamma - 1.0) / gamma2;
    let low = cut_mev / kinetic_mev;
    // The positive terms 1/e^2, 1/(1-e)^2 and a constant are drawn directly, in proportion to their integrals; the
    // negative interference term is left to rejection, which keeps at least half.
    let direct = 1.0 / low - 2.0;
    let exchanged = 2.0 - 1.0 / (1.0 - low);
    let constant = (1.0 - mixed) * (0.5 - low);
    let sum = direct + exchanged + constant;
    loop {
        let draw = random.uniform() * sum;
        let part = if draw < direct {
            1.0 / (1.0 / low - draw)
        } else if draw < direct + exchanged {
            1.0 - 1.0 / (1.0 / (1.0 - low) + (draw - direct))
        } else {
            low + (draw - direct - exchanged) / (1.0 - mixed)
        };
        let rest = 1.0 - part;
        let product = part * rest;
        // Both sides multiplied by (e (1-e))^2.
        let positive = rest * rest + part * part + (1.0 - mixed) * product * product;
        if random.uniform() * positive < positive - mixed * product {
            return (part * kinetic_mev).clamp(cut_mev, 0.5 * kinetic_mev);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{CHI2_LIMIT, chi2_per_bin, log_integral, random};

    const CASES: [(f64, f64); 5] = [(0.05, 0.01), (1.0, 0.1), (1.0, 0.49), (50.0, 0.08), (1e4, 0.3)];

    #[test]
    fn cross_section_is_the_integral() {
        for (kinetic_mev, cut_mev) in CASES {
            let sum = log_integral(cut_mev, 0.5 * kinetic_mev, |w| differential_mm2_per_mev(kinetic_mev, w));
            let closed = cross_section_mm2(kinetic_mev, cut_mev);
            assert!((closed / sum - 1.0).abs() < 1e-5, "{kinetic_mev} {cut_mev}: {closed} {sum}");
        }
        assert!(cross_section_mm2(0.2, 0.1) <= 0.0);
    }

    #[test]
    fn transfers_follow_the_cross_section() {
        for (i, (kinetic_mev, cut_mev)) in CASES.into_iter().enumerate() {
            let mut random = random(10 + i as u64);
            let samples: Vec<f64> =
                (0..100_000).map(|_| sample_transfer_mev(kinetic_mev, cut_mev, &mut random)).collect();
            assert!(samples.iter().all(|&w| (cut_mev..=0.5 * kinetic_mev).contains(&w)));
            let chi2 = chi2_per_bin(&samples, cut_mev, 0.5 * kinetic_mev, |w| {
                differential_mm2_per_mev(kinetic_mev, w)
            });
            assert!(chi2 < CHI2_LIMIT, "{kinetic_mev} {cut_mev}: {chi2}");
        }
    }
}
