//! Elastic scattering on nuclei: how far a path of a charged particle turns it.
//!
//! A step is a condensed history: [`transport`] says how much a material scatters, [`deflection`] draws the angle.

mod deflection;
mod transport;

pub(crate) use deflection::{Deflections, Law};
pub(crate) use transport::Scattering;

/// First moment of screened Rutherford scattering with screening parameter `a`, `<1 - cos>` per collision.
///
/// With `mu = (1 - cos) / 2` the law is `a (1 + a) / (mu + a)^2` on 0 to 1 (Kawrakow and Bielajew, Nucl. Instrum. Meth. B
/// 134 (1998) 325, eq. 12).
pub(crate) fn first_moment(a: f64) -> f64 {
    2.0 * a * (1.0 + a) * logarithm(a)
}

/// Transport logarithm: the integral of `mu / (mu + a)^2` over 0 to 1.
pub(crate) fn logarithm(a: f64) -> f64 {
    if a > 100.0 {
        // The difference below cancels: use its series.
        return 0.5 / (a * a) - 2.0 / (3.0 * a * a * a);
    }
    (1.0 / a).ln_1p() - 1.0 / (1.0 + a)
}

#[cfg(test)]
mod tests;
