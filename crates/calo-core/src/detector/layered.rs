//! Detectors whose layers have voxels of their own. Their showers are read and judged; nothing is simulated in them, so
//! they have neither materials nor a way from hits to cells.

use serde::{Deserialize, Serialize};

use super::built_in::{LAYERED, names};
use super::check::Check;
use super::layers::{Layer, LayerGroup};
use super::{MAX_CELLS, parsing};
use crate::error::Result;

/// A calorimeter of layers with voxels of their own, such as those of the CaloChallenge.
///
/// A shower is a row of voxels, layer after layer.
///
/// ```
/// let detector = calo_core::detector::LayeredDetector::load("calochallenge-1-photons")?;
/// assert_eq!(detector.n_voxels(), 368);
/// let ids: Vec<u32> = detector.layers().iter().map(|layer| layer.id).collect();
/// assert_eq!(ids, [0, 1, 2, 3, 12]);
/// # Ok::<(), calo_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayeredDetector {
    /// Short name, also the one for `--detector`.
    pub name: String,
    /// One line for reports.
    pub description: String,
    /// When a voxel counts as hit.
    pub readout: LayeredReadout,
    /// Layers from the front.
    pub layers: Vec<LayerGroup>,
}

/// When a voxel counts as hit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayeredReadout {
    /// Voxels **below** this energy are set to zero before anything is computed, MeV.
    pub cell_cut_mev: f64,
}

impl LayeredDetector {
    /// A detector by built-in name (`calochallenge-1-photons`, `calochallenge-1-pions`, `calochallenge-2`,
    /// `calochallenge-3`) or by the path of its TOML file.
    ///
    /// # Errors
    /// Unknown name, unreadable file, TOML that does not parse, or a field with an impossible value.
    pub fn load(name_or_path: &str) -> Result<Self> {
        match LAYERED.iter().find(|(name, _)| *name == name_or_path) {
            Some((name, text)) => Self::parse(text, name),
            None => Self::parse(&parsing::read(name_or_path, &names(&LAYERED))?, name_or_path),
        }
    }

    /// A detector from TOML text; `place` names it in errors.
    ///
    /// # Errors
    /// TOML that does not parse, unknown keys, or a field with an impossible value.
    pub fn parse(text: &str, place: &str) -> Result<Self> {
        let detector: Self = parsing::parse(text, place)?;
        detector.validate(place)?;
        Ok(detector)
    }

    /// The whole description as TOML, whatever file it was read from: what is written into files and hashed.
    ///
    /// # Errors
    /// A value that TOML cannot hold, which only a detector made in memory can have.
    pub fn to_toml(&self) -> Result<String> {
        parsing::to_toml(self)
    }

    /// Checks every field; `place` names the detector in errors.
    ///
    /// # Errors
    /// The first field with an impossible value, with what is allowed.
    pub fn validate(&self, place: &str) -> Result<()> {
        let check = Check { place };
        let cut = self.readout.cell_cut_mev;
        let expected = "a finite energy of at least 0 MeV";
        check.that(cut.is_finite() && cut >= 0.0, "readout.cell_cut_mev", cut, expected)?;
        let n_groups = self.layers.len();
        check.that((1..=1024).contains(&n_groups), "layers", n_groups, "1 to 1024 groups of layers")?;
        for (i, group) in self.layers.iter().enumerate() {
            group.validate(&check, &format!("layers[{i}]"))?;
        }
        let n_voxels = self.n_voxels();
        check.that(
            n_voxels <= MAX_CELLS,
            "layers",
            format!("{n_voxels} voxels"),
            format!("1 to {MAX_CELLS}"),
        )?;
        let mut ids: Vec<u32> = self.layers().iter().map(|layer| layer.id).collect();
        ids.sort_unstable();
        let twice = ids.windows(2).find(|pair| pair[0] == pair[1]).map_or(0, |pair| pair[0]);
        ids.dedup();
        let differ = ids.len() == self.layers().len();
        check.that(differ, "layers.id", format!("{twice} twice"), "another id for each layer")
    }

    /// Every layer from the front, groups of several written out.
    pub fn layers(&self) -> Vec<Layer<'_>> {
        let mut first_voxel = 0;
        let mut layers = Vec::new();
        for group in &self.layers {
            for i in 0..group.repeat {
                let id = group.id.saturating_add(i);
                layers.push(Layer { id, first_voxel, voxels: &group.voxels, ranges_mm: group.ranges_mm });
                first_voxel += group.voxels.n_voxels();
            }
        }
        layers
    }

    /// Voxels of one shower.
    pub fn n_voxels(&self) -> usize {
        self.layers.iter().map(|group| group.repeat as usize * group.voxels.n_voxels()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detector::{Detector, Voxels};

    #[test]
    fn built_in_detectors_are_those_of_the_challenge() {
        for ((name, _), (n_voxels, n_layers)) in
            LAYERED.iter().zip([(368, 5), (533, 7), (6480, 45), (40_500, 45)])
        {
            let detector = LayeredDetector::load(name).unwrap();
            assert_eq!((detector.name.as_str(), detector.n_voxels()), (*name, n_voxels));
            assert_eq!(detector.layers().len(), n_layers);
            assert_eq!(LayeredDetector::parse(&detector.to_toml().unwrap(), name).unwrap(), detector);
        }
        let pions = LayeredDetector::load("calochallenge-1-pions").unwrap();
        let layers = pions.layers();
        let firsts: Vec<usize> = layers.iter().map(|layer| layer.first_voxel).collect();
        assert_eq!(firsts, [0, 8, 108, 208, 213, 363, 523]);
        assert!(
            matches!(layers[5].voxels, Voxels::Polar { n_angles: 10, r_edges_mm } if r_edges_mm.len() == 17)
        );
    }

    #[test]
    fn a_file_may_change_the_cut_alone() {
        let text = "extends = 'calochallenge-1-photons'\nname = 'old cut'\nreadout.cell_cut_mev = 10.0\n";
        let detector = LayeredDetector::parse(text, "x.toml").unwrap();
        assert!((detector.readout.cell_cut_mev - 10.0).abs() < 1e-12);
        assert_eq!(detector.layers, LayeredDetector::load("calochallenge-1-photons").unwrap().layers);
    }

    #[test]
    fn layers_may_be_of_either_shape() {
        let text = "name = 'x'\ndescription = ''\nreadout.cell_cut_mev = 0.0\n\
            [[layers]]\nid = 3\nrepeat = 2\n\
            voxels = { shape = 'cartesian', x_edges_mm = [-5.0, 0.0, 5.0], y_edges_mm = [0.0, 1.0] }\n\
            [[layers]]\nid = 9\nvoxels = { shape = 'polar', n_angles = 3, r_edges_mm = [0.0, 1.0] }\n";
        let detector = LayeredDetector::parse(text, "x.toml").unwrap();
        let layers = detector.layers();
        let places: Vec<_> = layers.iter().map(|layer| (layer.id, layer.first_voxel)).collect();
        assert_eq!((places, detector.n_voxels()), (vec![(3, 0), (4, 2), (9, 4)], 7));
        assert_eq!(LayeredDetector::parse(&detector.to_toml().unwrap(), "x").unwrap(), detector);
    }

    #[test]
    fn bad_fields_are_named() {
        let base = "extends = 'calochallenge-2'\n";
        let layer = "voxels = { shape = 'polar', n_angles = 3, r_edges_mm = [0.0, 1.0] }";
        for (text, expected) in [
            (
                format!("{base}readout.cell_cut_mev = -1.0"),
                "x.toml, field `readout.cell_cut_mev`: -1; expected",
            ),
            (format!("{base}layers = []"), "field `layers`: 0; expected 1 to 1024"),
            (
                format!(
                    "{base}[[layers]]\nid = 0\nvoxels = {{ shape = 'polar', n_angles = 0, r_edges_mm = [0.0, 1.0] }}"
                ),
                "field `layers[0].voxels.n_angles`: 0; expected",
            ),
            (
                format!(
                    "{base}[[layers]]\nid = 0\nvoxels = {{ shape = 'polar', n_angles = 1, r_edges_mm = [2.0, 2.0] }}"
                ),
                "field `layers[0].voxels.r_edges_mm[1]`: 2; expected finite edges",
            ),
            (
                format!("{base}[[layers]]\nid = 1\n{layer}\n[[layers]]\nid = 1\n{layer}"),
                "`layers.id`: 1 twice",
            ),
            (format!("{base}[[layers]]\nid = 1\nrepeat = 0\n{layer}"), "field `layers[0].repeat`: 0;"),
            (
                format!("{base}[[layers]]\nid = 1\n{}", layer.replace("polar", "round")),
                "unknown variant `round`",
            ),
            (format!("{base}grid.layers = 3"), "unknown field `grid`"),
        ] {
            let message = LayeredDetector::parse(&text, "x.toml").unwrap_err().to_string();
            assert!(message.contains(expected) && !message.contains('\n'), "{message}");
        }
        let message = LayeredDetector::load("calochallenge-4").unwrap_err().to_string();
        assert!(message.contains("one of calochallenge-1-photons, calochallenge-1-pions"), "{message}");
        let message = Detector::load("calochallenge-2").unwrap_err().to_string();
        assert!(
            message.contains("voxels of their own; expected a detector of one grid: ild-ecal"),
            "{message}"
        );
    }
}
