//! Text in figures and pages: escaping, measuring with the bundled font, and numbers as physicists write them.

use std::sync::OnceLock;

use calo_metrics::results::Estimate;

/// DejaVu Sans, reduced to the characters we use (`assets/README.md`).
pub(crate) const FONT: &[u8] = include_bytes!("../assets/dejavu-sans-subset.ttf");

/// Families for figures: ours, then the one with the same widths, then anything without serifs.
pub(crate) const FONT_FAMILY: &str = "'DejaVu Sans',Verdana,sans-serif";

/// `text` safe between tags and inside quoted attributes, of XML and HTML alike.
///
/// Characters that XML forbids, and those that reorder the text around them, become U+FFFD.
pub(crate) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\t' | '\n' | '\r' => safe.push(' '),
            '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => safe.push('\u{fffd}'),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}

/// Width of `text` set at `size` px in the bundled font, px.
pub(crate) fn width(text: &str, size: f64) -> f64 {
    static FACE: OnceLock<Option<ttf_parser::Face<'static>>> = OnceLock::new();
    let face = FACE.get_or_init(|| ttf_parser::Face::parse(FONT, 0).ok());
    let advance = |c: char| {
        let face = face.as_ref()?;
        let advance = face.glyph_hor_advance(face.glyph_index(c)?)?;
        Some(f64::from(advance) / f64::from(face.units_per_em()))
    };
    // Characters outside the subset fall back to another font; an em is wide enough for any script.
    text.chars().map(|c| advance(c).unwrap_or(1.0)).sum::<f64>() * size
}

/// `text`, cut with an ellipsis where it is wider than `room` px.
pub(crate) fn fit(text: &str, size: f64, room: f64) -> String {
    if width(text, size) <= room {
        return text.to_owned();
    }
    let room = room - width("…", size);
    let mut used = 0.0;
    let kept = text.chars().take_while(|c| {
        used += width(c.encode_utf8(&mut [0; 4]), size);
        used <= room
    });
    kept.collect::<String>().trim_end().to_owned() + "…"
}

/// `number` in Unicode superscripts.
pub(crate) fn superscript(number: i32) -> String {
    let digit = |c| match c {
        '-' => '⁻',
        '0' => '⁰',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        c => char::from_u32(u32::from(c) - u32::from('4') + u32::from('⁴')).unwrap_or('?'),
    };
    number.to_string().chars().map(digit).collect()
}

/// `value` with `decimals` digits and a true minus sign; minus zero loses its sign.
pub(crate) fn fixed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    match text.strip_prefix('-') {
        Some(rest) if rest.chars().all(|c| c == '0' || c == '.') => rest.to_owned(),
        Some(rest) => format!("−{rest}"),
        None => text,
    }
}

/// `value` with about `digits` significant digits, as a power of ten where it is very large or small.
pub(crate) fn number(value: f64, digits: usize) -> String {
    if !value.is_finite() {
        return "—".to_owned();
    }
    if value.abs() < f64::MIN_POSITIVE {
        return "0".to_owned();
    }
    let exponent = exponent_of(value);
    if (-4..6).contains(&exponent) {
        return fixed(value, decimals_for(exponent, digits));
    }
    let mantissa = fixed(value / 10f64.powi(exponent), digits.saturating_sub(1));
    format!("{mantissa}×10{}", superscript(exponent))
}

/// `value` as a person writes it: up to four significant digits, no trailing zeros.
pub(crate) fn plain(value: f64) -> String {
    let text = number(value, 4);
    if !text.contains('.') || text.contains('×') {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// An error below this share of the value is one of rounding, not of statistics.
const NEGLIGIBLE: f64 = 1e-9;

/// `value ± error`, both rounded to the second digit of the error; three digits without an error.
pub(crate) fn estimate(estimate: &Estimate) -> String {
    let Estimate { value, error } = *estimate;
    match error {
        Some(error) if value.is_finite() && is_error_of(error, value) => {
            let exponent = exponent_of(error);
            let largest = exponent.max(exponent_of(value));
            if largest < 6 && exponent >= -6 {
                let decimals = decimals_for(exponent, 2);
                return format!("{} ± {}", fixed(value, decimals), fixed(error, decimals));
            }
            let unit = 10f64.powi(largest);
            let decimals = usize::try_from(largest - exponent + 1).unwrap_or(1).min(11);
            let (value, error) = (fixed(value / unit, decimals), fixed(error / unit, decimals));
            format!("({value} ± {error})×10{}", superscript(largest))
        }
        _ => number(value, 3),
    }
}

/// Whether `error` says something of `value`.
fn is_error_of(error: f64, value: f64) -> bool {
    error.is_finite() && error >= f64::MIN_POSITIVE && error >= NEGLIGIBLE * value.abs()
}

fn exponent_of(value: f64) -> i32 {
    if value.abs() < f64::MIN_POSITIVE {
        return i32::MIN;
    }
    // Through the decimal form, because log10 of 999.9999 and rounding disagree.
    let text = format!("{:.2e}", value.abs());
    text.split_once('e').and_then(|(_, exponent)| exponent.parse().ok()).unwrap_or(0)
}

fn decimals_for(exponent: i32, digits: usize) -> usize {
    let digits = i32::try_from(digits).unwrap_or(3);
    usize::try_from(digits.saturating_sub(1).saturating_sub(exponent)).unwrap_or(0).min(12)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_and_forbidden_characters_do_not_survive() {
        assert_eq!(escape("<b a=\"'\">&\u{1}\u{202e}"), "&lt;b a=&quot;&#39;&quot;&gt;&amp;\u{fffd}\u{fffd}");
    }

    #[test]
    fn widths_are_those_of_the_font() {
        // DejaVu Sans: 2048 units per em, "M" 1767 wide.
        assert!((width("M", 2048.0) - 1767.0).abs() < 0.5);
        assert!(width(&fit("a rather long name of a model", 12.0, 100.0), 12.0) <= 100.0);
        assert_eq!(fit("short", 12.0, 100.0), "short");
    }

    #[test]
    fn every_character_of_ours_is_in_the_font() {
        let face = ttf_parser::Face::parse(FONT, 0).unwrap();
        for c in "μσχ±×√Σ−–—·…½≤≥⁰¹²³⁴⁵⁶⁷⁸⁹⁻₀₁₂₃₉°→".chars()
        {
            assert!(face.glyph_index(c).is_some(), "{c} is missing: add it to make_font.sh");
        }
    }

    #[test]
    fn errors_of_rounding_are_none() {
        let pair = |value, error| estimate(&Estimate { value, error: Some(error) });
        assert_eq!(pair(0.832_554_6, 1e-10), "0.833");
        assert_eq!(pair(0.832_554_6, 1.1e-16), "0.833");
        assert_eq!(pair(0.5, 5e-324), "0.500");
        assert_eq!(pair(0.832_554_6, 1e-8), "(8.32554600 ± 0.00000010)×10⁻¹");
        assert_eq!(pair(0.0, 0.1), "0.00 ± 0.10");
    }

    #[test]
    fn numbers_read_as_in_a_paper() {
        let pair = |value, error| estimate(&Estimate { value, error: Some(error) });
        assert_eq!(pair(0.034_49, 0.002_13), "0.0345 ± 0.0021");
        assert_eq!(pair(1234.5, 12.3), "1234 ± 12");
        assert_eq!(pair(-0.5, 0.1), "−0.50 ± 0.10");
        assert_eq!(pair(3.2e-9, 1e-10), "(3.20 ± 0.10)×10⁻⁹");
        assert_eq!(estimate(&Estimate { value: 0.5, error: None }), "0.500");
        assert_eq!(number(1.5e-7, 2), "1.5×10⁻⁷");
        assert_eq!(number(0.0, 3), "0");
        assert_eq!([20.0, 0.5, 12.25, 100.0].map(plain), ["20", "0.5", "12.25", "100"]);
        assert_eq!(number(f64::NAN, 3), "—");
        assert_eq!(fixed(-0.001, 2), "0.00");
    }
}
