//! How a uniform magnetic field turns charged particles.

use crate::constants::MEV_PER_TESLA_MM;

/// A uniform field.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MagneticField {
    /// Unit vector along the field.
    axis: [f64; 3],
    /// Angle turned over 1 mm by a charge with a momentum of 1 MeV/c, rad.
    angle: f64,
}

impl MagneticField {
    pub(crate) fn new(field_tesla: [f64; 3]) -> Self {
        let tesla = field_tesla.iter().map(|b| b * b).sum::<f64>().sqrt();
        let axis = if tesla > 0.0 { field_tesla.map(|b| b / tesla) } else { [0.0; 3] };
        Self { axis, angle: MEV_PER_TESLA_MM * tesla }
    }

    /// Angle that a charge of momentum `momentum_mev` turns over 1 mm, rad; negative charges turn the other way.
    #[inline]
    pub(crate) fn per_mm(&self, charge: f64, momentum_mev: f64) -> f64 {
        // dv/ds = q/p v x B: the rotation about B is by minus the charge.
        -charge * self.angle / momentum_mev
    }

    /// `direction` turned about the field by a small `angle` (below about 1 rad).
    #[inline]
    pub(crate) fn turned(&self, direction: [f64; 3], angle: f64) -> [f64; 3] {
        // Sine and cosine by the tangent of the half angle: length is kept exactly, and the angle to third order.
        let t = 0.5 * angle * (1.0 + angle * angle * (1.0 / 12.0));
        let scale = 1.0 / (1.0 + t * t);
        let (sin, one_minus_cos) = (2.0 * t * scale, 2.0 * t * t * scale);
        let [bx, bd, by] = self.axis;
        let [x, d, y] = direction;
        let along = (bx * x + bd * d + by * y) * one_minus_cos;
        let cos = 1.0 - one_minus_cos;
        [
            x * cos + (bd * y - by * d) * sin + bx * along,
            d * cos + (by * x - bx * y) * sin + bd * along,
            y * cos + (bx * d - bd * x) * sin + by * along,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_positive_charge_turns_as_the_lorentz_force_says() {
        // F = q v x B: along depth (second axis) in a field along y (third): second x third = first axis.
        let field = MagneticField::new([0.0, 0.0, 3.5]);
        let angle = field.per_mm(1.0, 1000.0);
        let turned = field.turned([0.0, 1.0, 0.0], angle);
        assert!(turned[0] > 0.0, "{turned:?}");
        // 1 GeV/c in 3.5 T: radius 953 mm.
        assert!((angle.abs() - 1.0 / 953.0).abs() < 1e-6, "{angle}");
    }

    #[test]
    fn a_circle_closes_and_keeps_the_length() {
        let field = MagneticField::new([1.0, -2.0, 0.5]);
        let start = [0.0, 0.6, 0.8];
        let mut direction = start;
        for _ in 0..64 {
            direction = field.turned(direction, std::f64::consts::TAU / 64.0);
        }
        for (a, b) in start.iter().zip(direction) {
            assert!((a - b).abs() < 1e-3, "{start:?} {direction:?}");
        }
        assert!((direction.iter().map(|a| a * a).sum::<f64>() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn no_field_no_turn() {
        let field = MagneticField::new([0.0; 3]);
        let turned = field.turned([0.6, 0.8, 0.0], field.per_mm(-1.0, 1.0));
        assert_eq!(turned.map(f64::to_bits), [0.6, 0.8, 0.0].map(f64::to_bits));
    }
}
