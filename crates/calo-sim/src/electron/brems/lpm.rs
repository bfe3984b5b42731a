//! Suppression of bremsstrahlung by multiple scattering within the formation length (Landau, Pomeranchuk, Migdal).
//!
//! Migdal, Phys. Rev. 103 (1956) 1811; the fits to his functions by Stanev et al., Phys. Rev. D 25 (1982) 1291.

use std::f64::consts::{PI, SQRT_2};

/// Migdal's s_1 = Z^(2/3) / 184.15^2.
pub(super) fn s1(z: f64) -> f64 {
    z.powf(2.0 / 3.0) / (184.15 * 184.15)
}

/// What takes the place of 1 - y + 3 y^2 / 4: xi (y^2 G / 4 + (1 - y + y^2 / 2) phi), for Migdal's s before the
/// change of the logarithm (`s`) and the factor by which the dielectric effect lengthens it.
pub(super) fn suppressed(y: f64, s: f64, dielectric: f64, s1: f64) -> f64 {
    let mut xi = xi(s, s1);
    let s = s / xi.sqrt() * dielectric;
    let (g, phi) = functions(s);
    // No enhancement: where the fits would give one there is no suppression.
    if xi * phi > 1.0 || s > 0.57 {
        xi = 1.0 / phi;
    }
    let y2 = 0.25 * y * y;
    xi * (y2 * g + (1.0 - y + 2.0 * y2) * phi)
}

/// Growth of the radiation logarithm as large momentum transfers take over, 1 to 2.
fn xi(s: f64, s1: f64) -> f64 {
    if s >= 1.0 {
        return 1.0;
    }
    let from = SQRT_2 * s1;
    if s <= from {
        return 2.0;
    }
    let h = s.ln() / from.ln();
    let rest = 1.0 - h;
    1.0 + h - 0.08 * rest * (1.0 - rest * rest) / from.ln()
}

/// Migdal's G and phi.
fn functions(s: f64) -> (f64, f64) {
    if s < 0.01 {
        let phi = 6.0 * s * (1.0 - PI * s);
        return (12.0 * s - 2.0 * phi, phi);
    }
    let s2 = s * s;
    let s4 = s2 * s2;
    let phi = if s < 1.55 {
        1.0 - (-6.0 * s * (1.0 + (3.0 - PI) * s) + s2 * s / (0.623 + 0.796 * s + 0.658 * s2)).exp()
    } else {
        1.0 - 0.011_904_76 / s4
    };
    let g = if s < 0.415_827 {
        let psi =
            1.0 - (-4.0 * s - 8.0 * s2 / (1.0 + 3.936 * s + 4.97 * s2 - 0.05 * s2 * s + 7.5 * s4)).exp();
        3.0 * psi - 2.0 * phi
    } else if s < 1.915_6 {
        (-0.160_723 + 3.755_03 * s - 1.798_138 * s2 + 0.672_827 * s2 * s - 0.120_772 * s4).tanh()
    } else {
        1.0 - 0.023_065_5 / s4
    };
    (g, phi)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_join_and_tend_to_their_limits() {
        for edge in [0.01, 0.415_827, 1.55, 1.915_6] {
            let (below, above) = (functions(edge * (1.0 - 1e-9)), functions(edge * (1.0 + 1e-9)));
            assert!((below.0 - above.0).abs() < 0.005 && (below.1 - above.1).abs() < 0.005, "{edge}");
        }
        // Migdal: G -> 12 pi s^2 and phi -> 6 s for strong suppression, both -> 1 for none.
        let (g, phi) = functions(1e-4);
        assert!((g / (12.0 * PI * 1e-8) - 1.0).abs() < 1e-3 && (phi / 6e-4 - 1.0).abs() < 1e-3);
        let (g, phi) = functions(10.0);
        assert!(1.0 - g < 1e-5 && 1.0 - phi < 1e-5);
    }

    #[test]
    fn nothing_is_suppressed_at_large_s() {
        for y in [0.01, 0.3, 0.9] {
            let free = 1.0 - y + 0.75 * y * y;
            let ratio = suppressed(y, 50.0, 1.0, s1(74.0)) / free;
            assert!((ratio - 1.0).abs() < 1e-6, "{y}: {ratio}");
            let strong = suppressed(y, 0.01, 1.0, s1(74.0)) / free;
            assert!(strong < 0.15, "{y}: {strong}");
        }
    }
}
