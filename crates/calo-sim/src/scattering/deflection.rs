//! Angles of multiple scattering: the Goudsmit-Saunderson distribution of screened Rutherford scattering, tabulated.
//!
//! `n` collisions with the law `A (1 + A) / (mu + A)^2`, where `mu = (1 - cos) / 2`, turn by an angle whose
//! distribution is a Legendre series (Goudsmit and Saunderson, Phys. Rev. 57 (1940) 24). In `w = mu / (1 - mu) =
//! tan^2(angle / 2)` its upper tail is that of single scattering, `P(> w) = n a / w` with `a = A / (1 + A)`, right up
//! to 180 degrees. So `w = n a k (1 - v) / v`, with `v` uniform, is exact for single scattering where `k = 1`, and `k`
//! is a smooth function of `v`, of the number of collisions and of the path in transport mean free paths: that is
//! tabulated.

use rayon::prelude::*;

use super::{first_moment, transport::Scattering};
use crate::random::{Random, uniform_of};

const FRACTION_BITS: u32 = 52;
/// Numbers of collisions in the table: powers of two from here ...
const FIRST_COLLISIONS: i32 = 2;
/// ... to here. A path through 10 cm of tungsten has 2^21.
const LAST_COLLISIONS: i32 = 26;
const N_COLLISIONS: usize = (LAST_COLLISIONS - FIRST_COLLISIONS + 1) as usize;
/// Paths in transport mean free paths in the table: powers of two from here, below which angles scale with their width, ...
const FIRST_PATH: i32 = -9;
/// ... to here, where the direction is almost random.
const LAST_PATH: i32 = 2;
const N_PATHS: usize = (LAST_PATH - FIRST_PATH + 1) as usize;
/// Parts of each octave of `v`, as a power of two.
const PART_BITS: u32 = 3;
const PARTS: usize = 1 << PART_BITS;
/// Octaves of `v` below 1.
const OCTAVES: usize = 9;
/// Nodes in `v`: 1, then downwards to `2^-OCTAVES`, then 0.
const N_NODES: usize = OCTAVES * PARTS + 2;
/// Longest path in one draw where the law ends at a small angle: there the sphere's finiteness stands for that end, and
/// must not bend the core.
const LONGEST_SMALL_ANGLE: f64 = 0.5;

/// A [`Scattering`] in the numbers that a draw needs, in 32 bits to sit in tables.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Law {
    /// Path in transport mean free paths of the law without its end, 1/mm.
    path_per_mm: f32,
    collisions_per_mm: f32,
    /// `n a` of a path, 1/mm.
    strength_per_mm: f32,
    hard_per_mm: f32,
    cut: f32,
    screening: f32,
}

impl Law {
    pub(crate) fn new(scattering: &Scattering) -> Self {
        let Scattering { inverse_transport_mm, collisions_per_mm, cut, screening, hard_per_mm } = *scattering;
        Self {
            path_per_mm: (inverse_transport_mm / cut) as f32,
            collisions_per_mm: collisions_per_mm as f32,
            strength_per_mm: (collisions_per_mm * screening / (1.0 + screening)) as f32,
            hard_per_mm: hard_per_mm as f32,
            cut: cut as f32,
            screening: screening as f32,
        }
    }

    /// Between two energies; the shape is that of the lower one.
    pub(crate) fn between(a: &Self, b: &Self, way: f32) -> Self {
        let at = |a: f32, b: f32| a + way * (b - a);
        Self {
            path_per_mm: at(a.path_per_mm, b.path_per_mm),
            collisions_per_mm: at(a.collisions_per_mm, b.collisions_per_mm),
            strength_per_mm: at(a.strength_per_mm, b.strength_per_mm),
            hard_per_mm: at(a.hard_per_mm, b.hard_per_mm),
            ..*a
        }
    }
}

/// `mu` of `tan^2` of half the angle.
#[inline]
fn mu_of(w: f64) -> f64 {
    if w < f64::INFINITY { w / (1.0 + w) } else { 1.0 }
}

/// Tables from which deflections are drawn.
#[derive(Debug, Clone)]
pub(crate) struct Deflections {
    /// `k[path][collisions][node of v]`, from `v = 0` up.
    k: Vec<f32>,
}

impl Deflections {
    /// Computes the tables: 0.1 s.
    pub(crate) fn new() -> Self {
        let rows: Vec<[f32; N_NODES]> = (0..N_PATHS * N_COLLISIONS)
            .into_par_iter()
            .map(|row| {
                let path = 2_f64.powi(FIRST_PATH + (row / N_COLLISIONS) as i32);
                let collisions = 2_f64.powi(FIRST_COLLISIONS + (row % N_COLLISIONS) as i32);
                tabulate(&Series::new(path, collisions))
            })
            .collect();
        Self { k: rows.concat() }
    }

    /// Draws `mu = (1 - cos) / 2` of the deflection along `path_mm`.
    #[inline]
    pub(crate) fn sample(&self, law: &Law, path_mm: f64, random: &mut Random) -> f64 {
        let path = f64::from(law.path_per_mm) * path_mm;
        if law.cut < 1.0 {
            return self.sample_small(law, path, path_mm, random);
        }
        let w = self.sample_tan2(law, path, path_mm, random);
        let mu = mu_of(w);
        if law.hard_per_mm > 0.0 && uniform_of(random.bits_pair().0) < f64::from(law.hard_per_mm) * path_mm {
            return then(mu, random.uniform().powi(2), random);
        }
        mu
    }

    /// As [`Self::sample`] where the law ends at a small angle: angles add up in the plane.
    fn sample_small(&self, law: &Law, path: f64, path_mm: f64, random: &mut Random) -> f64 {
        // The sphere shortens the mean by (1 - exp(-x)) / x. The inverse to fourth order: x is at most a half.
        let stretch = |x: f64| 1.0 + x * (0.5 + x * (1.0 / 12.0 - x * x * (1.0 / 720.0)));
        let cut = f64::from(law.cut);
        if path <= LONGEST_SMALL_ANGLE {
            let mu = mu_of(self.sample_tan2(law, path, path_mm, random));
            return (cut * mu * stretch(path)).min(1.0);
        }
        let n_parts = (path / LONGEST_SMALL_ANGLE).ceil().clamp(1.0, 64.0);
        let part = path / n_parts;
        let (mut x, mut y) = (0.0, 0.0);
        for _ in 0..n_parts as usize {
            let mu = mu_of(self.sample_tan2(law, part, path_mm / n_parts, random));
            let angle = (mu * stretch(part.min(LONGEST_SMALL_ANGLE))).sqrt();
            let azimuth = random.azimuth();
            x += angle * azimuth.cos;
            y += angle * azimuth.sin;
        }
        (cut * (x * x + y * y)).min(1.0)
    }

    /// Draws `tan^2` of half the angle.
    #[inline]
    fn sample_tan2(&self, law: &Law, path: f64, path_mm: f64, random: &mut Random) -> f64 {
        const FEWEST: f64 = (1_u64 << FIRST_COLLISIONS) as f64;
        let collisions = f64::from(law.collisions_per_mm) * path_mm;
        if collisions < FEWEST {
            return few_collisions(collisions, f64::from(law.screening), random);
        }
        // No scattering at all is left out of the table.
        if collisions < 32.0 && random.happens((-collisions).exp()) {
            return 0.0;
        }
        // One random number serves all choices: 16 bits for each node, 32 for the angle.
        let (choice, v) = random.bits_pair();
        let v = uniform_of(v);
        let i = node(path, FIRST_PATH, N_PATHS, uniform_of(choice));
        let j = node(collisions, FIRST_COLLISIONS, N_COLLISIONS, uniform_of(choice << 16));
        let (at, way) = place(v);
        let start = (i * N_COLLISIONS + j) * N_NODES + at;
        let (low, high) = match self.k.get(start..start + 2) {
            Some(&[low, high]) => (f64::from(low), f64::from(high)),
            _ => (1.0, 1.0),
        };
        f64::from(law.strength_per_mm) * path_mm * (low + way * (high - low)) * (1.0 - v) / v
    }
}

/// Index of the power of two at or above `value`, or of that at or below: over uniform `u` the logarithm is right on average.
#[inline]
fn node(value: f64, first: i32, n: usize, u: f64) -> usize {
    let bits = value.to_bits();
    let exponent = (bits >> FRACTION_BITS) as i32 - 1023;
    let below = exponent - first;
    if below < 0 {
        return 0;
    }
    if below as usize >= n - 1 {
        return n - 1;
    }
    // log2(1 + f) within 0.01, f the fraction.
    let f = f64::from_bits(bits & ((1 << FRACTION_BITS) - 1) | (1023 << FRACTION_BITS)) - 1.0;
    let log2 = f * (1.0 + 0.346 * (1.0 - f));
    below as usize + usize::from(u < log2)
}

/// The node of `v` below and the way to the next.
#[inline]
fn place(v: f64) -> (usize, f64) {
    const LOWEST: u64 = ((1023 - OCTAVES as u64) << FRACTION_BITS) >> (FRACTION_BITS - PART_BITS);
    const SCALE: f64 = (1_u64 << OCTAVES) as f64;
    let bits = v.to_bits();
    let part = bits >> (FRACTION_BITS - PART_BITS);
    if part < LOWEST {
        return (0, v * SCALE);
    }
    let rest = bits & ((1 << (FRACTION_BITS - PART_BITS)) - 1);
    let way = rest.cast_signed() as f64 * (1.0 / (1_u64 << (FRACTION_BITS - PART_BITS)) as f64);
    (((part - LOWEST) as usize + 1).min(N_NODES - 2), way)
}

/// `v` of node `i`.
fn v_of(i: usize) -> f64 {
    let Some(above) = i.checked_sub(1) else { return 0.0 };
    let octave = 2_f64.powi((above / PARTS) as i32 - OCTAVES as i32);
    octave * (1.0 + (above % PARTS) as f64 / PARTS as f64)
}

/// Collisions one by one, and one random turn after the other.
fn few_collisions(collisions: f64, screening: f64, random: &mut Random) -> f64 {
    let n = random.poisson(collisions) as u32;
    let mut mu = 0.0;
    for i in 0..n {
        let u = random.uniform();
        let one = screening * u / (1.0 + screening - u);
        if i == 0 {
            mu = one;
        } else {
            mu = then(mu, one, random);
        }
    }
    mu / (1.0 - mu)
}

/// One turn after another, as `mu`: the spherical cosine law, written for 1 - cos so that tiny angles keep their digits.
fn then(mu: f64, one: f64, random: &mut Random) -> f64 {
    let cross = (mu * (1.0 - mu) * one * (1.0 - one)).max(0.0).sqrt();
    (mu + one - 2.0 * mu * one + 2.0 * cross * random.azimuth().cos).clamp(0.0, 1.0)
}

/// `k` at the nodes of `v`.
fn tabulate(series: &Series) -> [f32; N_NODES] {
    let mut k = [0.0; N_NODES];
    // From the core outwards: each node starts the search of the next. At v = 1 the limit is taken just before.
    let mut w = series.strength;
    for i in (0..N_NODES).rev() {
        let v = match i {
            0 => 2e-6,
            _ if i == N_NODES - 1 => 0.99,
            _ => v_of(i),
        };
        w = series.quantile(v, w);
        k[i] = (w * v / ((1.0 - v) * series.strength)) as f32;
    }
    k
}

/// The Legendre series of the distribution after at least one collision.
struct Series {
    collisions: f64,
    /// `n a`.
    strength: f64,
    a: f64,
    /// What two collisions and more add to the coefficients, over the chance of a collision.
    coefficients: Vec<f64>,
}

impl Series {
    fn new(path: f64, collisions: f64) -> Self {
        let a = screening_of(path / collisions);
        let none = (-collisions).exp();
        let scattered = -(-collisions).exp_m1();
        let mut coefficients = Vec::new();
        for moment in moments(a, path) {
            // exp(-n g) - exp(-n) (1 + n (1 - g)): all, less those with none and with one.
            let c = (-collisions * moment).exp() - none * (1.0 + collisions * (1.0 - moment));
            coefficients.push(c / scattered);
            if c < 1e-11 {
                break;
            }
        }
        Self { collisions, strength: collisions * a / (1.0 + a), a, coefficients }
    }

    /// Probability of `tan^2` of half the angle above `w`.
    fn above(&self, w: f64) -> f64 {
        let mu = w / (1.0 + w);
        let x = 1.0 - 2.0 * mu;
        // The integral of (2 l + 1) / 2 P_l from -1 to x is (P_{l+1} - P_{l-1}) / 2; that of l = 0 is 1 - mu.
        let (mut before, mut now) = (1.0, x);
        let mut sum = self.coefficients.first().map_or(0.0, |c| c * (1.0 - mu));
        for (l, c) in self.coefficients.iter().enumerate().skip(1) {
            let l = l as f64;
            let next = ((2.0 * l + 1.0) * x * now - l * before) / (l + 1.0);
            sum += 0.5 * c * (next - before);
            before = now;
            now = next;
        }
        let scattered = -(-self.collisions).exp_m1();
        let once = self.collisions * (-self.collisions).exp() / scattered;
        sum + once * self.a * (1.0 - mu) / (mu + self.a)
    }

    /// `w` with probability `v` above, by the secant rule in the logarithm of `w` and of the odds.
    fn quantile(&self, v: f64, guess: f64) -> f64 {
        let target = ((1.0 - v) / v).ln();
        let odds = |ln_w: f64| {
            let above = self.above(ln_w.exp()).clamp(1e-12, 1.0 - 1e-12);
            ((1.0 - above) / above).ln() - target
        };
        let mut x0 = guess.ln();
        let mut f0 = odds(x0);
        let mut x1 = x0 - 0.7 * f0.clamp(-1.0, 1.0);
        for _ in 0..40 {
            let f1 = odds(x1);
            if f1.abs() < 1e-6 {
                break;
            }
            let slope = ((f1 - f0) / (x1 - x0)).max(0.3);
            (x0, f0) = (x1, f1);
            x1 -= (f1 / slope).clamp(-1.5, 1.5);
        }
        x1.exp()
    }
}

/// Moments `1 - <P_l>` of one collision, for `l` = 0, 1 and on: from the Legendre functions of the second kind `Q_l(1 + 2 a)`.
///
/// `<P_l> = (1 - x^2) Q_l'(x)`, so that `<P_{l+1}> - <P_{l-1}> = -(x^2 - 1) (2 l + 1) Q_l`: all terms have one sign, no
/// digits are lost.
fn moments(a: f64, path: f64) -> Vec<f64> {
    // Where multiple scattering has died out in l, or single scattering, whichever is first.
    let root = a.sqrt();
    let n = (8.0 / path.sqrt()).min(14.0 / root).max(12.0) as usize + 8;
    let x = 1.0 + 2.0 * a;
    let mut q = vec![0.0; n + 1];
    q[0] = 0.5 * (1.0 / a).ln_1p();
    if n as f64 * root < 1.0 {
        q[1] = x * q[0] - 1.0;
        for l in 1..n {
            q[l + 1] = ((2.0 * l as f64 + 1.0) * x * q[l] - l as f64 * q[l - 1]) / (l as f64 + 1.0);
        }
    } else {
        // Ratios from far out, where they have forgotten where they started.
        let start = n + (10.0 / root) as usize + 20;
        let mut ratio = 0.0;
        for l in (1..=start).rev() {
            let l_real = l as f64;
            ratio = l_real / ((2.0 * l_real + 1.0) * x - (l_real + 1.0) * ratio);
            if l <= n {
                q[l] = ratio;
            }
        }
        for l in 1..=n {
            q[l] *= q[l - 1];
        }
    }
    let mut moments = vec![0.0, first_moment(a)];
    for l in 1..n {
        moments.push(moments[l - 1] + 4.0 * a * (1.0 + a) * (2.0 * l as f64 + 1.0) * q[l]);
    }
    moments
}

/// The screening parameter at which one collision's first moment is `target`.
fn screening_of(target: f64) -> f64 {
    let (mut low, mut high) = (-80.0_f64, 7.0_f64);
    for _ in 0..70 {
        let middle = 0.5 * (low + high);
        if first_moment(middle.exp()) < target {
            low = middle;
        } else {
            high = middle;
        }
    }
    (0.5 * (low + high)).exp()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng as _;
    use rand_chacha::ChaCha8Rng;

    fn random(seed: u64) -> Random {
        Random::new(ChaCha8Rng::seed_from_u64(seed))
    }

    /// Scattering with a path of 1 mm.
    fn plain(path: f64, screening: f64) -> Scattering {
        Scattering {
            inverse_transport_mm: path,
            collisions_per_mm: path / first_moment(screening),
            cut: 1.0,
            screening,
            hard_per_mm: 0.0,
        }
    }

    /// Exact: `<P_l> = exp(-n g_l)`, whatever the regime.
    #[test]
    fn first_and_second_moments_are_exact() {
        let deflections = Deflections::new();
        let mut random = random(1);
        let n = 60_000;
        for path in [3e-3, 0.03, 0.15, 0.35, 0.7, 1.0] {
            for screening in [1e-9, 1e-6, 3e-5, 1e-3, 1e-2, 0.05] {
                let scattering = plain(path, screening);
                let collisions = scattering.collisions_per_mm;
                let (mut sum1, mut sum2) = (0.0, 0.0);
                for _ in 0..n {
                    let mu = deflections.sample(&Law::new(&scattering), 1.0, &mut random);
                    sum1 += 2.0 * mu;
                    sum2 += 6.0 * mu * (1.0 - mu);
                }
                let first = -(-path).exp_m1();
                let second = -(-collisions * moments(screening, 1.0)[2]).exp_m1();
                // The variance of 2 mu is exact; that of 6 mu (1 - mu), which is at most 1.5, is bounded by its mean.
                let variance1 = 4.0 * (0.5 * first - second / 6.0) - first * first;
                let n = f64::from(n);
                for (sum, expected, variance, what) in
                    [(sum1, first, variance1, "1 - <cos>"), (sum2, second, 1.5 * second, "1 - <P2>")]
                {
                    let (mean, error) = (sum / n, (variance / n).sqrt());
                    // Rare large angles dominate the mean where there are few: a skewed sum.
                    assert!(
                        (mean - expected).abs() < 5.0 * error + 0.02 * expected,
                        "{what} at {path}, {screening}: {mean} +- {error}, expected {expected}"
                    );
                }
            }
        }
    }
}
