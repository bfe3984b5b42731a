//! The descriptions of `configs/detectors`, compiled in.

/// Detectors of one grid that need no file.
pub(super) const BUILT_IN: [(&str, &str); 5] = [
    ("ild-ecal", include_str!("../../../../configs/detectors/ild-ecal.toml")),
    ("ild-ecal-staggered", include_str!("../../../../configs/detectors/ild-ecal-staggered.toml")),
    ("ild-ecal-pooled", include_str!("../../../../configs/detectors/ild-ecal-pooled.toml")),
    ("ild-ecal-image", include_str!("../../../../configs/detectors/ild-ecal-image.toml")),
    ("ild-ahcal", include_str!("../../../../configs/detectors/ild-ahcal.toml")),
];

/// Detectors with layers of their own that need no file, each with another number of voxels.
pub(super) const LAYERED: [(&str, &str); 4] = [
    ("calochallenge-1-photons", include_str!("../../../../configs/detectors/calochallenge-1-photons.toml")),
    ("calochallenge-1-pions", include_str!("../../../../configs/detectors/calochallenge-1-pions.toml")),
    ("calochallenge-2", include_str!("../../../../configs/detectors/calochallenge-2.toml")),
    ("calochallenge-3", include_str!("../../../../configs/detectors/calochallenge-3.toml")),
];

/// The names of `detectors`, for messages.
pub(super) fn names(detectors: &[(&str, &str)]) -> String {
    detectors.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

/// The text of the built-in detector of that name, of either kind.
pub(super) fn text_of(name: &str) -> Option<&'static str> {
    BUILT_IN.iter().chain(&LAYERED).find(|(known, _)| *known == name).map(|(_, text)| *text)
}
