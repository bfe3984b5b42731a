//! The descriptions of `configs/detectors`, compiled in.

/// Detectors that need no file.
pub(super) const BUILT_IN: [(&str, &str); 5] = [
    ("ild-ecal", include_str!("../../../../configs/detectors/ild-ecal.toml")),
    ("ild-ecal-staggered", include_str!("../../../../configs/detectors/ild-ecal-staggered.toml")),
    ("ild-ecal-pooled", include_str!("../../../../configs/detectors/ild-ecal-pooled.toml")),
    ("ild-ecal-image", include_str!("../../../../configs/detectors/ild-ecal-image.toml")),
    ("ild-ahcal", include_str!("../../../../configs/detectors/ild-ahcal.toml")),
];
