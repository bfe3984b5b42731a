//! mu90 and sigma90 under shifts, scales and reordering.

use calo_metrics::{MIN_VALUES, resolution90};
use proptest::prelude::*;

proptest! {
    #[test]
    fn they_follow_shifts_and_scales(
        values in proptest::collection::vec(1.0..100.0_f64, MIN_VALUES..80),
        shift in 0..1000_i32,
        scale in prop_oneof![Just(0.5), Just(2.0), Just(1024.0)],
    ) {
        let original = resolution90(&values).unwrap();
        // Powers of two scale exactly: the very same interval is the shortest.
        let scaled: Vec<f64> = values.iter().map(|x| scale * x).collect();
        let scaled = resolution90(&scaled).unwrap();
        prop_assert!((scaled.mu90.value / (scale * original.mu90.value) - 1.0).abs() < 1e-12);
        prop_assert!((scaled.sigma90.value - scale * original.sigma90.value).abs() < 1e-9 * scale);
        prop_assert!((scaled.relative_width.value - original.relative_width.value).abs() < 1e-12);

        let shift = f64::from(shift);
        let shifted: Vec<f64> = values.iter().map(|x| x + shift).collect();
        let shifted = resolution90(&shifted).unwrap();
        let length = |interval: [f64; 2]| interval[1] - interval[0];
        // Rounding may choose another of two equally short intervals, but not a longer one.
        prop_assert!((length(shifted.interval) - length(original.interval)).abs() < 1e-9);
        if (shifted.interval[0] - shift - original.interval[0]).abs() < 1e-9 {
            prop_assert!((shifted.mu90.value - shift - original.mu90.value).abs() < 1e-9);
            prop_assert!((shifted.sigma90.value - original.sigma90.value).abs() < 1e-9);
        }
    }

    #[test]
    fn the_order_does_not_matter_and_no_interval_is_shorter(
        values in proptest::collection::vec(1.0..100.0_f64, MIN_VALUES..60),
    ) {
        let original = resolution90(&values).unwrap();
        let reversed: Vec<f64> = values.iter().rev().copied().collect();
        prop_assert_eq!(&original, &resolution90(&reversed).unwrap());
        let [low, high] = original.interval;
        let inside = |low: f64, high: f64| values.iter().filter(|x| (low..=high).contains(*x)).count();
        prop_assert!(10 * inside(low, high) >= 9 * values.len());
        for &start in &values {
            let shorter = (high - low) * (1.0 - 1e-9);
            prop_assert!(10 * inside(start, start + shorter) < 9 * values.len() || high <= low);
        }
        prop_assert!(low <= original.mu90.value + 1e-9 && original.mu90.value <= high + 1e-9);
        prop_assert!(original.sigma90.value <= 0.5 * (high - low) + 1e-9, "Popoviciu's bound");
    }
}
