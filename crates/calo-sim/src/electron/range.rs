//! Ranges in the continuous-slowing-down approximation, from a stopping power tabulated on an energy grid.

use crate::energy_grid::EnergyGrid;

/// Range against kinetic energy and back.
#[derive(Debug, Clone)]
pub(crate) struct RangeTable {
    grid: EnergyGrid,
    /// Range at each node, mm.
    ranges_mm: Vec<f64>,
}

impl RangeTable {
    /// Integrates the inverse of `stopping_mev_per_mm`, a positive function of the kinetic energy: the restricted
    /// collision loss and the radiative loss below the cuts together, or the total loss. Below the lowest node the
    /// loss is taken as proportional to the velocity.
    pub(crate) fn new(grid: EnergyGrid, stopping_mev_per_mm: impl Fn(f64) -> f64) -> Self {
        let first_mev = grid.node_mev(0);
        // S ~ sqrt(T) makes the range 2 T / S.
        let mut range_mm = 2.0 * first_mev / stopping_mev_per_mm(first_mev);
        let mut ranges_mm = vec![range_mm];
        for i in 1..grid.len() {
            let (from, to) = (grid.node_mev(i - 1), grid.node_mev(i));
            // Three points of Gauss and Legendre: the loss is smooth within a sixteenth of an octave.
            let (middle, half) = (0.5 * (from + to), 0.5 * (to - from));
            let offset = half * 0.6_f64.sqrt();
            range_mm += half / 9.0
                * (8.0 / stopping_mev_per_mm(middle)
                    + 5.0 / stopping_mev_per_mm(middle - offset)
                    + 5.0 / stopping_mev_per_mm(middle + offset));
            ranges_mm.push(range_mm);
        }
        Self { grid, ranges_mm }
    }

    /// Range of a particle with `kinetic_mev`, mm.
    #[inline]
    pub(crate) fn range_mm(&self, kinetic_mev: f64) -> f64 {
        let first_mev = self.grid.node_mev(0);
        if kinetic_mev < first_mev {
            return self.ranges_mm[0] * (kinetic_mev.max(0.0) / first_mev).sqrt();
        }
        let (i, way) = self.grid.locate(kinetic_mev);
        self.ranges_mm[i] + way * (self.ranges_mm[i + 1] - self.ranges_mm[i])
    }

    /// Kinetic energy of a particle that has `range_mm` left, MeV; at most that of the last node.
    #[inline]
    pub(crate) fn kinetic_mev(&self, range_mm: f64) -> f64 {
        let first_mm = self.ranges_mm[0];
        if range_mm < first_mm {
            let part = range_mm.max(0.0) / first_mm;
            return part * part * self.grid.node_mev(0);
        }
        let above = self.ranges_mm.partition_point(|&range| range <= range_mm);
        if above == self.ranges_mm.len() {
            return self.grid.node_mev(above - 1);
        }
        let (low, high) = (self.ranges_mm[above - 1], self.ranges_mm[above]);
        let (from, to) = (self.grid.node_mev(above - 1), self.grid.node_mev(above));
        from + (to - from) * (range_mm - low) / (high - low)
    }
}

#[cfg(test)]
mod tests {
    use super::super::brems::Brems;
    use super::super::stopping;
    use super::*;
    use crate::material::Material;

    fn total(name: &str) -> (RangeTable, f64) {
        let material = Material::named(name).unwrap();
        let brems = Brems::new(&material);
        let grid = EnergyGrid::covering(0.001, 20.0);
        let table = RangeTable::new(grid, |kinetic_mev| {
            stopping::restricted_mev_per_mm(&material, false, kinetic_mev, f64::INFINITY)
                + brems.restricted_mev_per_mm(kinetic_mev, f64::INFINITY)
        });
        (table, material.density_g_cm3)
    }

    /// NIST ESTAR (2017), CSDA range, g/cm2.
    #[test]
    fn ranges_are_those_of_estar() {
        for (name, kinetic_mev, expected) in [
            ("water", 0.1, 0.01431),
            ("water", 1.0, 0.4367),
            ("water", 10.0, 4.975),
            ("aluminium", 1.0, 0.5546),
        ] {
            let (table, density) = total(name);
            let found = 0.1 * table.range_mm(kinetic_mev) * density;
            assert!((found / expected - 1.0).abs() < 0.02, "{name} {kinetic_mev}: {found}, ESTAR {expected}");
        }
    }

    #[test]
    fn energy_and_range_invert_each_other() {
        let (table, _) = total("tungsten");
        let mut last = 0.0;
        for i in 0..1000 {
            let kinetic_mev = 1e-5 * 1.0145_f64.powi(i);
            let range_mm = table.range_mm(kinetic_mev);
            assert!(range_mm > last);
            last = range_mm;
            let back = table.kinetic_mev(range_mm);
            assert!((back / kinetic_mev - 1.0).abs() < 1e-9, "{kinetic_mev} {back}");
        }
        assert!(table.kinetic_mev(0.0).abs() < 1e-300);
        assert!(table.range_mm(0.0).abs() < 1e-300);
    }
}
