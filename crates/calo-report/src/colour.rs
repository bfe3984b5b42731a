//! Colours that can be told apart with colour blindness and in greyscale.

/// Okabe and Ito's palette without black and yellow: black is the reference's and ink's, yellow fades on paper.
///
/// # Reference
/// M. Okabe, K. Ito, "Color universal design" (2008).
pub(crate) const OKABE_ITO: [&str; 6] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];

/// The same mixed half and half with white, for an earlier stage of a candidate.
pub(crate) const OKABE_ITO_PALE: [&str; 6] =
    ["#80b9d9", "#eaaf80", "#80cfb9", "#e6bcd3", "#f3cf80", "#abdaf4"];

/// Viridis at nine equidistant points: even steps in lightness, safe for colour blindness.
const VIRIDIS: [[u8; 3]; 9] = [
    [68, 1, 84],
    [71, 44, 122],
    [59, 81, 139],
    [44, 113, 142],
    [33, 144, 141],
    [39, 173, 129],
    [92, 200, 99],
    [170, 220, 50],
    [253, 231, 37],
];

/// Viridis for lines: without its yellow end, which fades on paper.
pub(crate) const RAMP: [&str; 13] = [
    "#440154", "#471b6d", "#453580", "#3d4d8a", "#34628d", "#2b758e", "#23898e", "#1f9d89", "#2bb07f",
    "#4bc26d", "#6ccd5a", "#84d44b", "#98d83e",
];

/// ColorBrewer's RdBu reversed: blue is negative, white zero, red positive.
const BLUE_WHITE_RED: [[u8; 3]; 11] = [
    [5, 48, 97],
    [33, 102, 172],
    [67, 147, 195],
    [146, 197, 222],
    [209, 229, 240],
    [247, 247, 247],
    [253, 219, 199],
    [244, 165, 130],
    [214, 96, 77],
    [178, 24, 43],
    [103, 0, 31],
];

/// A colour by its red, green and blue parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rgb(pub(crate) [u8; 3]);

impl Rgb {
    /// As SVG writes it.
    pub(crate) fn hex(self) -> String {
        let [r, g, b] = self.0;
        format!("#{r:02x}{g:02x}{b:02x}")
    }

    /// Every part times `factor`.
    pub(crate) fn shade(self, factor: f64) -> Self {
        Self(self.0.map(|part| (f64::from(part) * factor).round().clamp(0.0, 255.0) as u8))
    }

    /// Whether white text reads better on it than black.
    pub(crate) fn is_dark(self) -> bool {
        let [r, g, b] = self.0.map(f64::from);
        0.299 * r + 0.587 * g + 0.114 * b < 130.0
    }
}

/// Colour of `t` in 0 to 1 on the sequential scale.
pub(crate) fn sequential(t: f64) -> Rgb {
    interpolate(&VIRIDIS, t)
}

/// Colour of `t` in -1 to 1 on the diverging scale.
pub(crate) fn diverging(t: f64) -> Rgb {
    interpolate(&BLUE_WHITE_RED, (t + 1.0) / 2.0)
}

fn interpolate(points: &[[u8; 3]], t: f64) -> Rgb {
    let last = points.len() - 1;
    let t = if t.is_finite() { t.clamp(0.0, 1.0) } else { 0.0 } * last as f64;
    let low = (t.floor() as usize).min(last - 1);
    let part = t - low as f64;
    let mix = |channel: usize| {
        let (a, b) = (f64::from(points[low][channel]), f64::from(points[low + 1][channel]));
        (a + (b - a) * part).round() as u8
    };
    Rgb([mix(0), mix(1), mix(2)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_hit_their_ends_and_their_middle() {
        assert_eq!(sequential(0.0), Rgb(VIRIDIS[0]));
        assert_eq!(sequential(7.0), Rgb(VIRIDIS[8]));
        assert_eq!(diverging(0.0), Rgb([247, 247, 247]));
        assert_eq!(diverging(-1.0).hex(), "#053061");
        assert_eq!(sequential(f64::NAN), Rgb(VIRIDIS[0]));
    }
}
