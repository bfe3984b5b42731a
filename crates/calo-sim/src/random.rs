//! Random numbers of one shower, in the forms that physics asks for.

use rand::RngCore;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution as _, Exp1, Poisson, StandardNormal};

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
        for word in &mut self.words {
            *word = self.stream.next_u64();
        }
        self.next = 0;
    }

    /// Uniform in the open interval (0, 1): logarithms and divisions are safe.
    #[inline]
    pub(crate) fn uniform(&mut self) -> f64 {
        // 53 bits, moved from the lower edge of each of the 2^53 cells to its middle.
        ((self.next_u64() >> 11) as f64 + 0.5) * (1.0 / (1_u64 << 53) as f64)
    }

    /// Two uniform numbers in (0, 1) of 32 bits each, for the price of one: for places and azimuths, not for tails.
    #[inline]
    pub(crate) fn uniform_pair(&mut self) -> (f64, f64) {
        let bits = self.next_u64();
        let uniform = |half: u32| (f64::from(half) + 0.5) * (1.0 / (1_u64 << 32) as f64);
        (uniform((bits >> 32) as u32), uniform(bits as u32))
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

    /// Sine and cosine of a uniform azimuth.
    #[inline]
    pub(crate) fn azimuth(&mut self) -> (f64, f64) {
        // A point in the unit disc needs no trigonometry.
        loop {
            let (a, b) = self.uniform_pair();
            let (a, b) = (2.0 * a - 1.0, 2.0 * b - 1.0);
            let r2 = a * a + b * b;
            if r2 <= 1.0 && r2 > 1e-12 {
                // Doubling the angle keeps it uniform and avoids the root.
                return (2.0 * a * b / r2, (a * a - b * b) / r2);
            }
        }
    }

    /// A direction uniform on the sphere.
    #[inline]
    pub(crate) fn isotropic(&mut self) -> [f64; 3] {
        let cos = 2.0 * self.uniform() - 1.0;
        let sin = (1.0 - cos * cos).max(0.0).sqrt();
        let (s, c) = self.azimuth();
        [sin * c, cos, sin * s]
    }
}
