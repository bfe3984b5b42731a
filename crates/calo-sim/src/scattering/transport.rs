//! How much a material scatters: transport cross-section, screening, size of the nucleus.
//!
//! Screened Rutherford scattering with Moliere's screening, to which three corrections are made:
//! * the difference between Mott's exact cross-section and Rutherford's, in the transport cross-section. It sits at large
//!   angles, where screening does not matter, so it is a number of each nucleus and velocity: see [`mott`];
//! * collisions with electrons that transfer less than they need to be tracked;
//! * the nucleus's size, which ends the law at an angle that falls with momentum: see [`Scattering::cut`].

use std::f64::consts::PI;

use super::{first_moment, logarithm};
use crate::constants::{ELECTRON_MASS_MEV, ELECTRON_RADIUS_MM, FINE_STRUCTURE, HBAR_C_MEV_MM};
use crate::material::{Element, Material};
use crate::particle::Kind;

/// Energy transfers from which an electron is tracked in its own right and turns the particle explicitly, MeV. Only its
/// logarithm counts, and that a few per cent: thresholds between 0.05 and 0.5 MeV are all well served.
const ELECTRON_THRESHOLD_MEV: f64 = 0.1;
/// Angles up to here are small: nuclear size is taken as an end of the scattering law below, ignored above.
const SMALL_MU: f64 = 0.5;

/// What a material does to the direction of a particle, per mm of its path. All but `cut` may be interpolated between
/// energies and multiplied by a path.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scattering {
    /// Inverse of the first transport mean free path: `<cos> = exp(-s / lambda1)`.
    pub(crate) inverse_transport_mm: f64,
    /// Elastic collisions.
    pub(crate) collisions_per_mm: f64,
    /// Largest `mu = (1 - cos) / 2` of a collision, 1 or less. Below 1 it stands for the nucleus's form factor: it is where a
    /// sharp end of the law gives the same transport cross-section.
    pub(crate) cut: f64,
    /// Screening parameter in units of `cut`: collisions are spread as `1 / (mu / cut + screening)^2`.
    pub(crate) screening: f64,
    /// Collisions that carry Mott's excess over Rutherford's law, at large angles: `mu` is the square of a uniform number.
    pub(crate) hard_per_mm: f64,
}

/// `<1 - cos>` of a collision of Mott's excess.
const HARD_MOMENT: f64 = 2.0 / 3.0;

impl Scattering {
    /// Scattering of a charged particle of `kinetic_mev`.
    pub(crate) fn of(material: &Material, kind: Kind, kinetic_mev: f64) -> Self {
        let (mass_mev, charge) = (kind.mass_mev(), kind.charge());
        Self::with(material, &Motion::new(mass_mev, charge, kinetic_mev))
    }

    fn with(material: &Material, motion: &Motion) -> Self {
        let (mut weights, mut moment, mut rutherford, mut ln_screening) = (0.0, 0.0, 0.0, 0.0);
        for component in &material.components {
            let nucleus = Nucleus::new(component.element, motion);
            // Collisions with electrons belong to the core: they count as additional nuclei.
            let z2 = component.element.z.powi(2);
            let electrons = component.element.z * electron_logarithm(material, motion);
            let weight = component.atoms_per_mm3 * (z2 + electrons / logarithm(nucleus.screening));
            weights += weight;
            moment += component.atoms_per_mm3 * (z2 * nucleus.logarithm + electrons);
            rutherford += component.atoms_per_mm3 * (z2 * nucleus.rutherford + electrons);
            ln_screening += weight * nucleus.screening.ln();
        }
        let inverse_transport_mm = 2.0 * motion.strength_mm2() * moment;
        let moliere = (ln_screening / weights).exp();
        // A sharp end that gives the same transport cross-section as the form factor.
        let sharp = solve_screening(rutherford / weights);
        let (cut, screening) =
            if moliere < SMALL_MU * sharp { (moliere / sharp, sharp) } else { (1.0, moliere) };
        // Mott's excess must not widen the core; its lack, in light elements, is small enough to narrow it.
        let hard =
            if cut < 1.0 { 0.0 } else { (2.0 * motion.strength_mm2() * (moment - rutherford)).max(0.0) };
        let collisions_per_mm = (inverse_transport_mm - hard) / cut / first_moment(screening);
        Self { inverse_transport_mm, collisions_per_mm, cut, screening, hard_per_mm: hard / HARD_MOMENT }
    }
}

/// A particle's motion in the forms that scattering asks for.
#[derive(Debug, Clone, Copy)]
struct Motion {
    kinetic_mev: f64,
    momentum_mev: f64,
    beta: f64,
    charge: f64,
    is_light: bool,
}

impl Motion {
    fn new(mass_mev: f64, charge: f64, kinetic_mev: f64) -> Self {
        let momentum_mev = (kinetic_mev * (kinetic_mev + 2.0 * mass_mev)).sqrt();
        let beta = momentum_mev / (kinetic_mev + mass_mev);
        Self { kinetic_mev, momentum_mev, beta, charge, is_light: mass_mev < 2.0 * ELECTRON_MASS_MEV }
    }

    /// `pi (r_e m_e z / (p beta))^2`: Rutherford's cross-section for a unit charge is this over `mu^2`, per `d mu`.
    fn strength_mm2(&self) -> f64 {
        PI * (ELECTRON_RADIUS_MM * ELECTRON_MASS_MEV * self.charge / (self.momentum_mev * self.beta)).powi(2)
    }
}

/// Scattering on one kind of nucleus.
#[derive(Debug, Clone, Copy)]
struct Nucleus {
    /// Screening parameter of Moliere.
    screening: f64,
    /// Transport cross-section over `2 Z^2` times the strength.
    logarithm: f64,
    /// The same without Mott's correction.
    rutherford: f64,
}

impl Nucleus {
    fn new(element: &Element, motion: &Motion) -> Self {
        let screening = moliere_screening(element.z, motion);
        let end = form_factor_end(element, motion);
        let rutherford = (logarithm(screening) - missing_from_size(end)).max(0.05);
        let mut sum = rutherford;
        if motion.is_light {
            // Mott's excess is spread over large angles, and goes with them as the nucleus fades.
            sum += mott(element.z, motion.beta, -motion.charge) / (1.0 + 0.5 / end).powi(4);
        }
        Self { screening, logarithm: sum.max(0.05), rutherford }
    }
}

/// Moliere's screening parameter (Bethe, Phys. Rev. 89 (1953) 1256, eq. 21) with the Thomas-Fermi radius.
///
/// Moliere's departure from Born's approximation is for momenta far above the atom's. Below, where the wave length comes
/// near the atom's radius, it is too much: the factors at the end bring the transport cross-section of electrons and
/// positrons down to 10 keV to the partial-wave ones of Liljequist et al., J. Appl. Phys. 68 (1990) 3061, within 12 % (5 % from 0.1 MeV).
fn moliere_screening(z: f64, motion: &Motion) -> f64 {
    let bohr_radius_mm = HBAR_C_MEV_MM / (ELECTRON_MASS_MEV * FINE_STRUCTURE);
    let radius_mm = 0.885_34 * bohr_radius_mm / z.cbrt();
    let chi2 = (HBAR_C_MEV_MM / (motion.momentum_mev * radius_mm)).powi(2);
    let born2 = (FINE_STRUCTURE * z * motion.charge / motion.beta).powi(2);
    let slow = match (motion.is_light, motion.charge < 0.0) {
        (true, true) => 1.0 + 20.0 * z.powf(0.45) * chi2,
        (true, false) => 1.0 + (0.4 * z * chi2).powi(2),
        _ => 1.0,
    };
    0.25 * chi2 * (1.13 + 3.76 * born2) / slow
}

/// Integral of (Mott - Rutherford) / Rutherford over `d mu / mu`; `sign` is 1 for electrons, -1 for positrons.
///
/// The first terms are those of McKinley and Feshbach, Phys. Rev. 74 (1948) 1759. The higher ones were fitted for
/// calo to the phase shifts of a Dirac particle in a Coulomb field (Rose, "Relativistic electron theory", 1961): the
/// transport cross-section is a sum over `sin^2` of their differences, from which Rutherford's is taken term by term. The fit is
/// within 0.05 rms of the sums for Z = 1 to 92 from 10 keV up; the logarithm it adds to is 3 to 20.
fn mott(z: f64, beta: f64, sign: f64) -> f64 {
    let a = FINE_STRUCTURE * z;
    let (a2, b2) = (a * a, beta * beta);
    let born = -b2 + sign * PI * a * beta;
    let second = a2 * b2 * (10.3194 - 5.9758 * b2 - 1.5465 * (1.0 - b2).max(0.0).sqrt() - 2.3699 * a2);
    born + second + sign * a2 * a * beta * (3.8686 * b2 - 3.0996)
}

/// Where the form factor of the nucleus ends scattering, in `mu`. It is `(1 + mu / end)^-2` for a charge spread
/// exponentially with the radius of Butkevich et al., Nucl. Instrum. Meth. A 488 (2002) 282: `1.27 A^0.27` fm.
fn form_factor_end(element: &Element, motion: &Motion) -> f64 {
    // A proton is smaller than the rule says.
    let radius_fm = if element.z < 1.5 { 0.85 } else { 1.27 * element.a_g_mol.powf(0.27) };
    let radius_mm = radius_fm * 1e-12;
    // q^2 = 4 p^2 mu, and 1 + (q R)^2 / 12.
    3.0 * (HBAR_C_MEV_MM / (motion.momentum_mev * radius_mm)).powi(2)
}

/// What the form factor takes from the transport logarithm: the integral over 0 to 1 of `(1 - (1 + mu / end)^-4) / mu`.
fn missing_from_size(end: f64) -> f64 {
    let x = 1.0 / end;
    let fraction = x / (1.0 + x);
    // The integral of (1 - s^-4) / (s - 1) over s from 1 to 1 + x, where 1 / s ends at 1 - fraction.
    let rest = 1.0 - fraction;
    x.ln_1p() + (1.0 - rest) + (1.0 - rest * rest) / 2.0 + (1.0 - rest * rest * rest) / 3.0
}

/// Transport logarithm of collisions with electrons that stay below the tracking threshold, one electron against one unit charge.
///
/// An energy transfer `W` turns by `theta^2 = 2 m W / p^2`, and goes as `dW / W^2`: the moment goes as `dW / W` from about
/// the mean excitation energy.
fn electron_logarithm(material: &Material, motion: &Motion) -> f64 {
    let highest_mev = ELECTRON_THRESHOLD_MEV.min(0.5 * motion.kinetic_mev);
    (highest_mev / material.mean_excitation_mev).ln().max(0.0)
}

/// The screening parameter whose transport logarithm is `target`.
fn solve_screening(target: f64) -> f64 {
    // The logarithm falls with the parameter. Beyond 2 the law is all but isotropic: let it be.
    let (mut low, mut high) = (-80.0_f64, 2.0_f64.ln());
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if logarithm(middle.exp()) > target {
            low = middle;
        } else {
            high = middle;
        }
    }
    (0.5 * (low + high)).exp()
}

#[cfg(test)]
mod tests;
