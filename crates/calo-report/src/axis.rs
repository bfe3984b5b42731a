//! Axes: from values to pixels, with ticks at round numbers.

use crate::text::{fixed, number, superscript};

/// A tick; minor ticks carry no label.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tick {
    pub(crate) value: f64,
    pub(crate) label: Option<String>,
}

/// Values between `low` and `high` on pixels between `from_px` and `to_px`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Axis {
    low: f64,
    high: f64,
    from_px: f64,
    to_px: f64,
    log: bool,
}

impl Axis {
    /// A linear axis; an empty or non-finite range is widened to one that can be drawn.
    pub(crate) fn linear(low: f64, high: f64, from_px: f64, to_px: f64) -> Self {
        let usable = low.is_finite() && high.is_finite() && (high - low).is_finite();
        let (low, high) = if usable { (low, high) } else { (0.0, 1.0) };
        // In a narrower range, rounding would dominate ticks and pixels.
        let high =
            if high - low > 1e-9 * low.abs().max(high.abs()) { high } else { low + low.abs().max(1.0) };
        Self { low, high, from_px, to_px, log: false }
    }

    /// A logarithmic axis; a range that is not positive becomes one decade around one.
    pub(crate) fn log(low: f64, high: f64, from_px: f64, to_px: f64) -> Self {
        let usable = low > 1e-250 && high < 1e250 && low < high;
        let (low, high) = if usable { (low, high) } else { (0.1, 10.0) };
        Self { low, high, from_px, to_px, log: true }
    }

    /// Position of `value`, kept within the axis.
    pub(crate) fn at(&self, value: f64) -> f64 {
        let part = if self.log {
            (value.max(f64::MIN_POSITIVE) / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        let part = if part.is_nan() { 0.0 } else { part.clamp(0.0, 1.0) };
        self.from_px + part * (self.to_px - self.from_px)
    }

    /// Whether `value` lies below a logarithmic axis, which has no place for it; a linear one ends at it.
    pub(crate) fn is_below(&self, value: f64) -> bool {
        self.log && value < self.low
    }

    /// Whether `value` lies on the axis.
    pub(crate) fn contains(&self, value: f64) -> bool {
        value >= self.low && value <= self.high
    }

    pub(crate) fn low(&self) -> f64 {
        self.low
    }

    pub(crate) fn high(&self) -> f64 {
        self.high
    }

    /// The same pixels with values divided by `unit`.
    pub(crate) fn in_units_of(&self, unit: f64) -> Self {
        let (low, high) = (self.low / unit, self.high / unit);
        if self.log {
            Self::log(low, high, self.from_px, self.to_px)
        } else {
            Self::linear(low, high, self.from_px, self.to_px)
        }
    }

    /// Ticks from low to high, labels at least about `spacing_px` apart.
    pub(crate) fn ticks(&self, spacing_px: f64) -> Vec<Tick> {
        let n = ((self.to_px - self.from_px).abs() / spacing_px).clamp(1.0, 20.0);
        if self.log { self.log_ticks(n) } else { self.linear_ticks(n) }
    }

    fn linear_ticks(&self, n: f64) -> Vec<Tick> {
        let step = round_up((self.high - self.low) / n);
        let minor = if (step / 10f64.powi(step.log10().floor() as i32)).round() as i32 == 5 { 5 } else { 4 };
        let first = (self.low / step - 1e-6).ceil() as i64 - 1;
        let last = (self.high / step + 1e-6).floor() as i64;
        let decimals = usize::try_from(-(step.log10() + 1e-9).floor() as i64).unwrap_or(0);
        let slack = 1e-6 * step;
        let mut ticks = Vec::new();
        for major in first..=last {
            for part in 0..minor {
                let value = (major as f64 + f64::from(part) / f64::from(minor)) * step;
                if value < self.low - slack || value > self.high + slack {
                    continue;
                }
                let label = (part == 0).then(|| {
                    if decimals > 4 || value.abs() >= 1e6 { number(value, 3) } else { fixed(value, decimals) }
                });
                ticks.push(Tick { value, label });
            }
        }
        ticks
    }

    fn log_ticks(&self, n: f64) -> Vec<Tick> {
        let first = self.low.log10().floor() as i32;
        let last = (self.high.log10() + 1e-9).floor() as i32;
        let every = (f64::from(last - first + 1) / n).ceil().max(1.0) as i32;
        let narrow = (self.high / self.low).log10() < 1.2;
        let mut ticks = Vec::new();
        for exponent in first..=last {
            for digit in 1..10 {
                let value = f64::from(digit) * 10f64.powi(exponent);
                if value < self.low * (1.0 - 1e-9) || value > self.high * (1.0 + 1e-9) {
                    continue;
                }
                let label = match digit {
                    1 if exponent.rem_euclid(every) == 0 => Some(format!("10{}", superscript(exponent))),
                    2 | 5 if narrow => Some(number(value, 1)),
                    _ => None,
                };
                // Where not every decade has a label, minor ticks would merge into a smear.
                if digit == 1 || every == 1 {
                    ticks.push(Tick { value, label });
                }
            }
        }
        ticks
    }
}

/// The smallest and the largest of the finite values; infinity and minus infinity where there is none.
pub(crate) fn extent(values: impl Iterator<Item = f64>) -> [f64; 2] {
    let finite = values.filter(|value| value.is_finite());
    finite.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], value| [low.min(value), high.max(value)])
}

/// The next of 1, 2, 5 times a power of ten.
pub(crate) fn round_up(value: f64) -> f64 {
    let power = 10f64.powi(value.abs().max(1e-280).log10().floor() as i32);
    [1.0, 2.0, 5.0]
        .map(|digit| digit * power)
        .into_iter()
        .find(|&step| step >= value * (1.0 - 1e-9))
        .unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis, spacing_px: f64) -> Vec<String> {
        axis.ticks(spacing_px).into_iter().filter_map(|tick| tick.label).collect()
    }

    #[test]
    fn ticks_are_round_numbers_inside_the_range() {
        assert_eq!(labels(&Axis::linear(150.0, 2300.0, 0.0, 400.0), 80.0), ["500", "1000", "1500", "2000"]);
        assert_eq!(labels(&Axis::linear(-0.1, 0.1, 0.0, 90.0), 30.0), ["−0.1", "0.0", "0.1"]);
        assert_eq!(labels(&Axis::log(0.01, 30.0, 0.0, 400.0), 40.0), ["10⁻²", "10⁻¹", "10⁰", "10¹"]);
    }

    #[test]
    fn positions_are_clamped_and_finite() {
        let axis = Axis::log(0.1, 10.0, 0.0, 100.0);
        assert!((axis.at(1.0) - 50.0).abs() < 1e-9);
        for value in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!((0.0..=100.0).contains(&axis.at(value)));
        }
    }

    #[test]
    fn hopeless_ranges_give_few_ticks_and_no_hang() {
        for (low, high) in
            [(0.0, 0.0), (f64::NAN, 1.0), (1e300, 1e300), (-1e308, 1e308), (5.0, 4.0), (0.0, 1e-300)]
        {
            for axis in [Axis::linear(low, high, 0.0, 300.0), Axis::log(low, high, 0.0, 300.0)] {
                assert!(axis.ticks(40.0).len() < 200, "{low} {high}");
                assert!(axis.at(low).is_finite());
            }
        }
    }
}
