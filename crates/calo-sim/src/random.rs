//! Random numbers of one shower, in the distributions that the physics needs.

use std::f64::consts::TAU;
use std::sync::LazyLock;

use rand::RngCore;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution as _, Exp1, Poisson, StandardNormal};

/// Equal sectors of the circle.
const SECTORS: usize = 256;

/// The middle of every sector.
static CIRCLE: LazyLock<[Azimuth; SECTORS]> =
    LazyLock::new(|| std::array::from_fn(|i| Azimuth::at((i as f64 + 0.5) * (TAU / SECTORS as f64))));

/// An angle around an axis.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Azimuth {
    pub(crate) sin: f64,
    pub(crate) cos: f64,
}

impl Azimuth {
    /// The azimuth of an angle in radians.
    pub(crate) fn at(angle: f64) -> Self {
        let (sin, cos) = angle.sin_cos();
        Self { sin, cos }
    }

    /// The azimuth `2 pi bits / 2^32`: a table, turned by what is left. No loop and no branch that the CPU would have
    /// to guess, and good to 1e-13.
    #[inline]
    pub(crate) fn of(bits: u32) -> Self {
        const REST_BITS: u32 = u32::BITS - SECTORS.trailing_zeros();
        let Self { sin, cos } = CIRCLE[(bits >> REST_BITS) as usize % SECTORS];
        let rest = (bits & ((1 << REST_BITS) - 1)).cast_signed() - (1 << (REST_BITS - 1));
        let rest = f64::from(rest) * (TAU / (1_u64 << 32) as f64);
        let rest2 = rest * rest;
        let rest_sin = rest * (1.0 - rest2 * (1.0 / 6.0) * (1.0 - rest2 * (1.0 / 20.0)));
        let rest_cos = 1.0 - rest2 * 0.5 * (1.0 - rest2 * (1.0 / 12.0));
        Self { sin: sin * rest_cos + cos * rest_sin, cos: cos * rest_cos - sin * rest_sin }
    }

    /// Half a turn further on.
    #[inline]
    pub(crate) fn opposite(self) -> Self {
        Self { sin: -self.sin, cos: -self.cos }
    }
}

/// Uniform in (0, 1), of 32 bits.
#[inline]
pub(crate) fn uniform_of(bits: u32) -> f64 {
    (f64::from(bits) + 0.5) * (1.0 / (1_u64 << 32) as f64)
}

/// Words drawn from the stream at a time.
const WORDS: usize = 64;

/// The random numbers of one shower.
#[derive(Debug, Clone)]
pub(crate) struct Random {
    stream: ChaCha8Rng,
    /// A draw is then one comparison and one load.
    words: [u64; WORDS],
    next: usize,
}

impl RngCore for Random {
    fn next_u32(&mut self) -> u32 {
        self.next_u64() as u32
    }

    #[inline]
    fn next_u64(&mut self) -> u64 {
        if self.next >= WORDS {
            self.refill();
        }
        let word = self.words[self.next % WORDS];
        self.next += 1;
        word
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.next_u64().to_le_bytes()[..chunk.len()]);
        }
    }
}

impl Random {
    /// Draws from `stream` on.
    pub(crate) fn new(stream: ChaCha8Rng) -> Self {
        Self { stream, words: [0; WORDS], next: WORDS }
    }

    #[cold]
    #[inline(never)]
    fn refill(&mut self) {
        let mut bytes = [0; 8 * WORDS];
        self.stream.fill_bytes(&mut bytes);
        for (word, bytes) in self.words.iter_mut().zip(bytes.chunks_exact(8)) {
            *word = u64::from_le_bytes(bytes.try_into().unwrap_or_default());
        }
        self.next = 0;
    }

    /// Uniform in the open interval (0, 1): logarithms and divisions are safe.
    #[inline]
    pub(crate) fn uniform(&mut self) -> f64 {
        // 53 bits, moved from the lower edge of each of the 2^53 cells to its middle.
        ((self.next_u64() >> 11).cast_signed() as f64 + 0.5) * (1.0 / (1_u64 << 53) as f64)
    }

    /// Two draws of 32 random bits at the cost of one number: for places and azimuths ([`uniform_of`],
    /// [`Azimuth::of`]), not for tails.
    #[inline]
    pub(crate) fn bits_pair(&mut self) -> (u32, u32) {
        let bits = self.next_u64();
        ((bits >> 32) as u32, bits as u32)
    }

    /// True with probability `p`.
    #[inline]
    pub(crate) fn happens(&mut self, p: f64) -> bool {
        self.uniform() < p
    }

    /// Exponentially distributed with mean 1: a path in units of the mean free path.
    #[inline]
    pub(crate) fn exponential(&mut self) -> f64 {
        Exp1.sample(self)
    }

    /// Normally distributed with mean 0 and variance 1.
    #[inline]
    pub(crate) fn normal(&mut self) -> f64 {
        StandardNormal.sample(self)
    }

    /// Poisson distributed with `mean`; zero where the mean is not above zero.
    #[inline]
    pub(crate) fn poisson(&mut self, mean: f64) -> f64 {
        if mean <= 0.0 {
            return 0.0;
        }
        // Small means are the common case: multiply uniforms until their product falls below exp(-mean).
        if mean < 12.0 {
            let limit = (-mean).exp();
            let mut n = 0.0;
            let mut product = self.uniform();
            while product > limit {
                n += 1.0;
                product *= self.uniform();
            }
            return n;
        }
        Poisson::new(mean).map_or(mean, |poisson| poisson.sample(self))
    }

    /// A uniform azimuth.
    #[inline]
    pub(crate) fn azimuth(&mut self) -> Azimuth {
        Azimuth::of(self.bits_pair().0)
    }

    /// A direction uniform on the sphere.
    #[inline]
    pub(crate) fn isotropic(&mut self) -> [f64; 3] {
        let cos = 2.0 * self.uniform() - 1.0;
        let sin = (1.0 - cos * cos).max(0.0).sqrt();
        let azimuth = self.azimuth();
        [sin * azimuth.cos, cos, sin * azimuth.sin]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn azimuths_are_those_of_the_library() {
        for i in 0..=10_000_u32 {
            let bits = i * 429_453;
            let Azimuth { sin, cos } = Azimuth::of(bits);
            let (s, c) = (f64::from(bits) / 2_f64.powi(32) * TAU).sin_cos();
            assert!((sin - s).abs() < 1e-12 && (cos - c).abs() < 1e-12, "{bits}: {sin} {cos}, {s} {c}");
        }
    }
}
