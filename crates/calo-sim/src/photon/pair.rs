//! Pair production in the field of a nucleus and of its electrons.
//!
//! Total cross-section and energy sharing follow the Geant4 Physics Reference Manual, "Gamma conversion into e+e-
//! pair": Urban's parametrised total, and the Bethe-Heitler spectrum with Thomas-Fermi screening (Butcher and Messel,
//! Nucl. Phys. 20 (1960) 15) and Coulomb correction.

use crate::constants::ELECTRON_MASS_MEV;
use crate::material::Element;
use crate::random::Random;

/// Energy below which no pair can be produced, MeV.
pub(crate) const THRESHOLD_MEV: f64 = 2.0 * ELECTRON_MASS_MEV;
/// Limits of the parametrisation, MeV. Above, the cross-section stays: it has reached its limit.
const FIT_LOW_MEV: f64 = 1.5;
const FIT_HIGH_MEV: f64 = 1e5;
/// Below this energy the spectrum is taken as flat, MeV.
const FLAT_BELOW_MEV: f64 = 2.0;
/// From this energy on the Coulomb correction holds, MeV.
const COULOMB_FROM_MEV: f64 = 50.0;
/// Square millimetres in a microbarn.
const MICROBARN_MM2: f64 = 1e-28;

/// Coefficients of the total cross-section in powers of `ln(E / m)`: for `Z (Z + 1)` times 1, `Z` and `1 / Z`,
/// microbarn.
const FIT: [[f64; 6]; 3] = [
    [8.7842e2, -1.9625e3, 1.2949e3, -2.0028e2, 1.2575e1, -2.8333e-1],
    [-1.0342e1, 1.7692e1, -8.2381, 1.3063, -9.0815e-2, 2.3586e-3],
    [-4.5263e2, 1.1161e3, -8.6749e2, 2.1773e2, -2.0467e1, 6.5372e-1],
];

/// An electron and a positron. They leave on opposite sides of the photon's direction.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pair {
    /// Kinetic energies, MeV: with both rest energies they make up the photon's.
    pub(crate) electron_mev: f64,
    pub(crate) positron_mev: f64,
    /// Cosines of the angles with the photon.
    pub(crate) electron_cos: f64,
    pub(crate) positron_cos: f64,
}

/// Cross-section of an atom, mm2.
pub(crate) fn cross_section_mm2(z: f64, photon_mev: f64) -> f64 {
    if photon_mev <= THRESHOLD_MEV {
        return 0.0;
    }
    let x = (photon_mev.clamp(FIT_LOW_MEV, FIT_HIGH_MEV) / ELECTRON_MASS_MEV).ln();
    let [constant, linear, inverse] =
        FIT.map(|powers| powers.iter().rev().fold(0.0, |sum, coefficient| sum * x + coefficient));
    let fit = z * (z + 1.0) * (constant + linear * z + inverse / z) * MICROBARN_MM2;
    // Between threshold and the fit's lower end it grows with the square of the excess.
    let excess = ((photon_mev - THRESHOLD_MEV) / (FIT_LOW_MEV - THRESHOLD_MEV)).min(1.0);
    fit.max(0.0) * excess * excess
}

/// What sampling needs to know of an element.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PairSampler {
    /// Screening variable at `eps (1 - eps) = 1` for a photon of the electron's rest energy.
    screening: f64,
    /// For photons below [`COULOMB_FROM_MEV`].
    low: Subtraction,
    /// For the others.
    high: Subtraction,
}

/// What is taken off the screening functions.
#[derive(Debug, Clone, Copy)]
struct Subtraction {
    subtracted: f64,
    /// Screening variable at which nothing is left of them.
    largest: f64,
}

impl PairSampler {
    pub(crate) fn new(element: &Element) -> Self {
        let limits = |subtracted: f64| Subtraction {
            subtracted,
            largest: ((42.24 - subtracted) / 8.368).exp() - 0.952,
        };
        let low = 8.0 / 3.0 * element.z.ln();
        Self {
            screening: 136.0 / element.z.cbrt(),
            low: limits(low),
            high: limits(low + 8.0 * element.coulomb_correction()),
        }
    }

    /// The pair that a photon above [`THRESHOLD_MEV`] turns into.
    #[inline]
    pub(crate) fn sample(&self, photon_mev: f64, random: &mut Random) -> Pair {
        let smaller = self.sample_share(photon_mev, random);
        let smaller_mev = (smaller * photon_mev - ELECTRON_MASS_MEV).max(0.0);
        let larger_mev = (photon_mev - THRESHOLD_MEV - smaller_mev).max(0.0);
        let (electron_mev, positron_mev) =
            if random.happens(0.5) { (smaller_mev, larger_mev) } else { (larger_mev, smaller_mev) };
        Pair {
            electron_mev,
            positron_mev,
            electron_cos: sample_cos(electron_mev, random),
            positron_cos: sample_cos(positron_mev, random),
        }
    }

    /// Share of the photon's energy that goes to the one that gets less, rest energy included: at most one half.
    #[inline]
    fn sample_share(&self, photon_mev: f64, random: &mut Random) -> f64 {
        let rest = ELECTRON_MASS_MEV / photon_mev;
        if photon_mev < FLAT_BELOW_MEV {
            return rest + (0.5 - rest) * random.uniform();
        }
        let Subtraction { subtracted, largest } =
            if photon_mev < COULOMB_FROM_MEV { self.low } else { self.high };
        let unit = self.screening * rest;
        let smallest = (4.0 * unit).min(largest);
        let from = rest.max(0.5 - 0.5 * (1.0 - smallest / largest).sqrt());
        let range = 0.5 - from;
        let (phi1, phi2) = screening_functions(smallest);
        let (first, second) = (combine_first(phi1, phi2, subtracted), combine_second(phi1, phi2, subtracted));
        let (weight1, weight2) = ((first * range * range).max(0.0), (1.5 * second).max(0.0));
        let probability1 = weight1 / (weight1 + weight2);
        loop {
            let quadratic = random.happens(probability1);
            let share = if quadratic {
                // The cube root of a uniform number is distributed as the largest of three.
                0.5 - range * random.uniform().max(random.uniform()).max(random.uniform())
            } else {
                from + range * random.uniform()
            };
            let (phi1, phi2) = screening_functions(unit / (share * (1.0 - share)));
            let ratio = if quadratic {
                combine_first(phi1, phi2, subtracted) / first
            } else {
                combine_second(phi1, phi2, subtracted) / second
            };
            if random.happens(ratio) {
                return share;
            }
        }
    }
}

/// `Phi_1` and `Phi_2` of the screening variable.
#[inline]
fn screening_functions(delta: f64) -> (f64, f64) {
    if delta <= 1.0 {
        (20.867 - delta * (3.242 - 0.625 * delta), 20.209 - delta * (1.930 + 0.086 * delta))
    } else {
        let phi = 21.12 - 4.184 * (delta + 0.952).ln();
        (phi, phi)
    }
}

/// The factor of `(1/2 - eps)^2` in the spectrum.
#[inline]
fn combine_first(phi1: f64, phi2: f64, subtracted: f64) -> f64 {
    3.0 * phi1 - phi2 - subtracted
}

/// The part of the spectrum that is flat but for screening.
#[inline]
fn combine_second(phi1: f64, phi2: f64, subtracted: f64) -> f64 {
    1.5 * phi1 + 0.5 * phi2 - subtracted
}

/// Cosine of the angle between photon and lepton: Urban's fit to Tsai's distribution (Geant4 Physics Reference
/// Manual, "Gamma conversion", polar angle), with the angle `u m / E` kept inside the sphere.
#[inline]
fn sample_cos(kinetic_mev: f64, random: &mut Random) -> f64 {
    const SLOPE: f64 = 0.625;
    let largest = 2.0 * (1.0 + kinetic_mev / ELECTRON_MASS_MEV);
    loop {
        let slope = if random.happens(0.25) { SLOPE } else { 3.0 * SLOPE };
        let u = (random.exponential() + random.exponential()) / slope;
        if u <= largest {
            return 1.0 - 2.0 * (u / largest).powi(2);
        }
    }
}

#[cfg(test)]
mod tests;
