//! Bhabha scattering: positrons knock electrons out of atoms.
//!
//! Geant4 Physics Reference Manual, "Ionisation"; Messel and Crawford, Electron-Photon Shower Distribution Function
//! (1970). The transfer may be all of the kinetic energy.

use super::{TWO_PI_RADIUS2_MM2, Velocity};
use crate::random::Random;

/// Coefficients of 1/e, 1, e and e^2 beside 1/(beta^2 e^2), without their signs.
#[inline]
fn coefficients(gamma: f64) -> [f64; 4] {
    let y = 1.0 / (gamma + 1.0);
    let y2 = y * y;
    let base = 1.0 - 2.0 * y;
    let cube = base * base * base;
    [2.0 - y2, base * (3.0 + y2), base * base + cube, cube]
}

/// Cross section per electron for transfers above `cut_mev`, mm2; zero below the cut.
pub(crate) fn cross_section_mm2(kinetic_mev: f64, cut_mev: f64) -> f64 {
    if kinetic_mev <= cut_mev {
        return 0.0;
    }
    let Velocity { gamma, beta2, .. } = Velocity::of(kinetic_mev);
    let [b1, b2, b3, b4] = coefficients(gamma);
    let low = cut_mev / kinetic_mev;
    let integral = (1.0 / low - 1.0) / beta2 + b1 * low.ln() + b2 * (1.0 - low)
        - b3 / 2.0 * (1.0 - low * low)
        + b4 / 3.0 * (1.0 - low * low * low);
    TWO_PI_RADIUS2_MM2 / (gamma - 1.0) * integral
}

/// Cross section per electron and transferred energy, mm2/MeV.
#[cfg(test)]
pub(super) fn differential_mm2_per_mev(kinetic_mev: f64, transferred_mev: f64) -> f64 {
    let Velocity { gamma, beta2, .. } = Velocity::of(kinetic_mev);
    let [b1, b2, b3, b4] = coefficients(gamma);
    let part = transferred_mev / kinetic_mev;
    let shape = 1.0 / (beta2 * part * part) - b1 / part + b2 - b3 * part + b4 * part * part;
    TWO_PI_RADIUS2_MM2 / (gamma - 1.0) * shape / kinetic_mev
}

/// Energy transferred to the electron, `cut_mev` to `kinetic_mev`, which must exceed the cut.
/// [`collision_cos`](super::collision_cos) gives the angles.
#[inline]
pub(crate) fn sample_transfer_mev(kinetic_mev: f64, cut_mev: f64, random: &mut Random) -> f64 {
    let Velocity { gamma, beta2, .. } = Velocity::of(kinetic_mev);
    let [b1, b2, b3, b4] = coefficients(gamma);
    let low = cut_mev / kinetic_mev;
    loop {
        let part = low / (1.0 - random.uniform() * (1.0 - low));
        // What the other terms leave of 1 / (beta e)^2; it is at most one.
        let kept = 1.0 - beta2 * part * (b1 - part * (b2 - part * (b3 - part * b4)));
        if random.uniform() < kept {
            return (part * kinetic_mev).clamp(cut_mev, kinetic_mev);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{CHI2_LIMIT, chi2_per_bin, log_integral, random};

    const CASES: [(f64, f64); 5] = [(0.05, 0.01), (1.0, 0.1), (1.0, 0.9), (50.0, 0.08), (1e4, 0.3)];

    #[test]
    fn cross_section_is_the_integral() {
        for (kinetic_mev, cut_mev) in CASES {
            let sum = log_integral(cut_mev, kinetic_mev, |w| differential_mm2_per_mev(kinetic_mev, w));
            let closed = cross_section_mm2(kinetic_mev, cut_mev);
            assert!((closed / sum - 1.0).abs() < 1e-5, "{kinetic_mev} {cut_mev}: {closed} {sum}");
        }
        assert!(cross_section_mm2(0.1, 0.1) <= 0.0);
    }

    #[test]
    fn transfers_follow_the_cross_section() {
        for (i, (kinetic_mev, cut_mev)) in CASES.into_iter().enumerate() {
            let mut random = random(20 + i as u64);
            let samples: Vec<f64> =
                (0..100_000).map(|_| sample_transfer_mev(kinetic_mev, cut_mev, &mut random)).collect();
            assert!(samples.iter().all(|&w| (cut_mev..=kinetic_mev).contains(&w)));
            let chi2 =
                chi2_per_bin(&samples, cut_mev, kinetic_mev, |w| differential_mm2_per_mev(kinetic_mev, w));
            assert!(chi2 < CHI2_LIMIT, "{kinetic_mev} {cut_mev}: {chi2}");
        }
    }
}
