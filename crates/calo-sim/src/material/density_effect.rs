//! Density effect: how polarisation of the medium screens the field of a fast particle.

/// Parameters of Sternheimer's parametrisation (Phys. Rev. 88 (1952) 851).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct DensityEffect {
    /// `-C`, positive: `2 ln(I / plasma energy) + 1`.
    pub(crate) c_bar: f64,
    pub(crate) a: f64,
    pub(crate) m: f64,
    /// `log10(beta gamma)` below which the effect vanishes, conductors excepted.
    pub(crate) x0: f64,
    /// `log10(beta gamma)` above which the effect has its asymptotic form.
    pub(crate) x1: f64,
    /// Value at `x0`: above zero in conductors.
    pub(crate) delta0: f64,
}

impl DensityEffect {
    /// Parameters of condensed matter without a published fit, by the general rule (Sternheimer and Peierls, Phys.
    /// Rev. B 3 (1971) 3681; PDG review "Passage of particles through matter").
    pub(crate) fn of_condensed(mean_excitation_mev: f64, plasma_energy_mev: f64) -> Self {
        let c_bar = 2.0 * (mean_excitation_mev / plasma_energy_mev).ln() + 1.0;
        let (x1, first, offset) =
            if mean_excitation_mev < 100e-6 { (2.0, 3.681, 1.0) } else { (3.0, 5.215, 1.5) };
        let x0 = if c_bar < first { 0.2 } else { 0.326 * c_bar - offset };
        let m = 3.0;
        let a = (c_bar - 2.0 * std::f64::consts::LN_10 * x0) / (x1 - x0).powf(m);
        Self { c_bar, a, m, x0, x1, delta0: 0.0 }
    }

    /// The same matter at `ratio` times the density. The plasma energy grows with its root, and the effect at one
    /// density is that at another for a momentum scaled in the opposite way (Sternheimer, Berger and Seltzer 1984).
    pub(crate) fn at_density_ratio(self, ratio: f64) -> Self {
        let shift = 0.5 * ratio.log10();
        Self { c_bar: self.c_bar - ratio.ln(), x0: self.x0 - shift, x1: self.x1 - shift, ..self }
    }

    /// The correction `delta` at momentum over mass.
    pub(crate) fn correction(&self, beta_gamma: f64) -> f64 {
        let x = beta_gamma.log10();
        let asymptotic = 2.0 * std::f64::consts::LN_10 * x - self.c_bar;
        if x >= self.x1 {
            asymptotic
        } else if x >= self.x0 {
            (asymptotic + self.a * (self.x1 - x).powf(self.m)).max(0.0)
        } else if self.delta0 > 0.0 {
            self.delta0 * 10_f64.powf(2.0 * (x - self.x0))
        } else {
            0.0
        }
    }
}
