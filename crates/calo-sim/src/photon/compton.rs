//! Compton scattering on electrons at rest.
//!
//! Klein and Nishina, Z. Phys. 52 (1929) 853; sampled by composition and rejection after Butcher and Messel (Nucl.
//! Phys. 20 (1960) 15), as in EGS and the Geant4 Physics Reference Manual. Binding lowers the total at low energy and
//! is left out of the kinematics.

use std::f64::consts::PI;

use crate::constants::{ELECTRON_MASS_MEV, ELECTRON_RADIUS_MM};
use crate::random::Random;

/// Above this energy the electrons count as free, MeV.
const FREE_FROM_MEV: f64 = 0.5;
/// Square millimetres in a barn.
const BARN_MM2: f64 = 1e-22;
/// Urban's fit to measured cross-sections: coefficients of `Z`, `Z^2`, `Z^3` in each of four terms, barn (Geant4
/// Physics Reference Manual, "Compton scattering", total cross-section).
const FIT: [[f64; 3]; 4] = [
    [2.7965e-1, 1.9756e-5, -3.9178e-7],
    [-1.8300e-1, -1.0205e-2, 6.8241e-5],
    [6.7527, -7.3913e-2, 6.0480e-5],
    [-1.9798e1, 2.7079e-2, 3.0274e-4],
];

/// A photon and the electron that it hit, on opposite sides of the photon's first direction.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scattered {
    pub(crate) photon_mev: f64,
    /// Cosine of the photon's angle of scattering.
    pub(crate) photon_cos: f64,
    /// Kinetic energy, MeV: what the photon lost.
    pub(crate) electron_mev: f64,
    /// Cosine of the electron's angle with the photon's first direction.
    pub(crate) electron_cos: f64,
}

/// Cross-section of an atom, mm2.
pub(crate) fn cross_section_mm2(z: f64, photon_mev: f64) -> f64 {
    let free = z * free_electron_mm2(photon_mev);
    if photon_mev >= FREE_FROM_MEV {
        return free;
    }
    let k = photon_mev / ELECTRON_MASS_MEV;
    let [p1, p2, p3, p4] = FIT.map(|[d, e, f]| z * (d + z * (e + z * f)));
    let bound =
        p1 * (2.0 * k).ln_1p() / k + (p2 + k * (p3 + k * p4)) / (1.0 + k * (20.0 + k * (230.0 + k * 440.0)));
    (bound * BARN_MM2).clamp(0.0, free)
}

/// Cross-section of a free electron, mm2.
pub(crate) fn free_electron_mm2(photon_mev: f64) -> f64 {
    let k = photon_mev / ELECTRON_MASS_MEV;
    if k < 0.01 {
        // The full form loses precision here: expand it.
        return 8.0 / 3.0
            * PI
            * ELECTRON_RADIUS_MM.powi(2)
            * (1.0 - 2.0 * k + 5.2 * k * k - 13.3 * k * k * k);
    }
    let (double, log) = (1.0 + 2.0 * k, (2.0 * k).ln_1p());
    let shape = (1.0 + k) / (k * k) * (2.0 * (1.0 + k) / double - log / k) + log / (2.0 * k)
        - (1.0 + 3.0 * k) / (double * double);
    2.0 * PI * ELECTRON_RADIUS_MM.powi(2) * shape
}

/// Scatters a photon.
#[inline]
pub(crate) fn sample(photon_mev: f64, random: &mut Random) -> Scattered {
    let k = photon_mev / ELECTRON_MASS_MEV;
    // Smallest share of its energy that the photon keeps.
    let least = 1.0 / (1.0 + 2.0 * k);
    let least2 = least * least;
    let (weight_inverse, weight_linear) = (-least.ln(), 0.5 * (1.0 - least2));
    let probability_inverse = weight_inverse / (weight_inverse + weight_linear);
    loop {
        let kept = if random.happens(probability_inverse) {
            (-weight_inverse * random.uniform()).exp()
        } else {
            (least2 + (1.0 - least2) * random.uniform()).sqrt()
        };
        // One minus the cosine, which keeps its digits for small angles.
        let turn = ((1.0 - kept) / (k * kept)).clamp(0.0, 2.0);
        let sin2 = turn * (2.0 - turn);
        if random.happens(1.0 - kept * sin2 / (1.0 + kept * kept)) {
            let scattered_mev = kept * photon_mev;
            // Conservation of momentum: cot(electron's angle) = (1 + k) tan(photon's angle / 2).
            let electron_cos = (1.0 + k) * (turn / (2.0 + k * (k + 2.0) * turn)).sqrt();
            return Scattered {
                photon_mev: scattered_mev,
                photon_cos: 1.0 - turn,
                electron_mev: photon_mev - scattered_mev,
                electron_cos: electron_cos.min(1.0),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::random;

    /// Klein and Nishina's differential cross-section integrated over the sphere, mm2, and with it the mean and the
    /// mean square of the electron's share in the energy.
    fn integrated(photon_mev: f64) -> (f64, f64, f64) {
        let k = photon_mev / ELECTRON_MASS_MEV;
        let n = 20_000;
        let (mut total, mut mean, mut square) = (0.0, 0.0, 0.0);
        for i in 0..n {
            // Even steps of the logarithm of the energy kept suit every energy.
            let low = 1.0 / (1.0 + 2.0 * k);
            let kept = low.powf((f64::from(i) + 0.5) / f64::from(n));
            let turn = (1.0 - kept) / (k * kept);
            let per_turn =
                PI * ELECTRON_RADIUS_MM.powi(2) * kept * kept * (kept + 1.0 / kept - turn * (2.0 - turn));
            // d turn = d kept / (k kept^2), d kept = kept d ln kept.
            let part = per_turn / (k * kept) * -low.ln() / f64::from(n);
            total += part;
            mean += part * (1.0 - kept);
            square += part * (1.0 - kept).powi(2);
        }
        (total, mean / total, square / total)
    }

    #[test]
    fn shares_have_klein_and_nishinas_moments() {
        let n = 100_000;
        for photon_mev in [0.01, 0.1, 1.0, 10.0, 1e3] {
            let (_, mean, square) = integrated(photon_mev);
            let mut random = random(1);
            let drawn = (0..n).map(|_| sample(photon_mev, &mut random).electron_mev / photon_mev);
            let (mut sum, mut sum2, mut sum4) = (0.0, 0.0, 0.0);
            for share in drawn {
                sum += share / f64::from(n);
                sum2 += share.powi(2) / f64::from(n);
                sum4 += share.powi(4) / f64::from(n);
            }
            // Four standard errors.
            let tolerance = 4.0 * ((square - mean * mean) / f64::from(n)).sqrt();
            assert!((sum - mean).abs() < tolerance, "{photon_mev}: {sum}, expected {mean}");
            let tolerance2 = 4.0 * ((sum4 - square * square) / f64::from(n)).sqrt();
            assert!((sum2 - square).abs() < tolerance2, "{photon_mev}: {sum2}, expected {square}");
        }
    }

    /// The total at all energies, and Thomson's limit (CODATA: 0.665 245 87 barn).
    #[test]
    fn totals_are_klein_and_nishinas() {
        for photon_mev in [0.002, 0.01, 0.1, 1.0, 10.0, 1e3] {
            let (total, ..) = integrated(photon_mev);
            let ratio = free_electron_mm2(photon_mev) / total;
            assert!((ratio - 1.0).abs() < 1e-5, "{photon_mev}: {ratio}");
        }
        assert!((free_electron_mm2(1e-9) / BARN_MM2 - 0.665_245_87).abs() < 1e-6);
        // Series and full form agree where they meet.
        let at = 0.01 * ELECTRON_MASS_MEV;
        let (below, above) = (free_electron_mm2(at * (1.0 - 1e-9)), free_electron_mm2(at * (1.0 + 1e-9)));
        assert!((below / above - 1.0).abs() < 1e-6);
    }

    #[test]
    fn binding_lowers_the_total_at_low_energy_only() {
        for z in [6.0, 14.0, 26.0, 74.0] {
            let share = |mev: f64| cross_section_mm2(z, mev) / (z * free_electron_mm2(mev));
            assert!(share(0.02) < 0.9 && share(0.02) > 0.4, "{z}: {}", share(0.02));
            assert!(share(0.4) > 0.97, "{z}: {}", share(0.4));
            assert!((share(1.0) - 1.0).abs() < 1e-12);
        }
    }

    proptest::proptest! {
        /// Energy and both components of momentum are conserved.
        #[test]
        fn conserves_energy_and_momentum(log_mev in -3.0..4.0_f64, seed: u64) {
            let photon_mev = 10_f64.powf(log_mev);
            let s = sample(photon_mev, &mut random(seed));
            let momentum = (s.electron_mev * (s.electron_mev + 2.0 * ELECTRON_MASS_MEV)).sqrt();
            let sin = |cos: f64| (1.0 - cos * cos).max(0.0).sqrt();
            let along = s.photon_mev * s.photon_cos + momentum * s.electron_cos - photon_mev;
            let across = s.photon_mev * sin(s.photon_cos) - momentum * sin(s.electron_cos);
            proptest::prop_assert!((s.photon_mev + s.electron_mev - photon_mev).abs() <= 1e-12 * photon_mev);
            proptest::prop_assert!(along.abs() < 1e-6 * photon_mev, "{along}");
            // Sines of tiny angles keep half of the digits.
            proptest::prop_assert!(across.abs() < 1e-5 * photon_mev + 1e-7, "{across}");
            proptest::prop_assert!(s.electron_mev >= 0.0 && s.photon_mev > 0.0);
        }
    }
}
