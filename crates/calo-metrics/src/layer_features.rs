//! What trees see of every layer of a rectangular grid.

use ndarray::{Array2, ArrayView3, ArrayView4, Axis, Zip};

use crate::error::{Error, Result};
use crate::histogram::Axis as Bins;

/// Features of each layer.
const PER_LAYER: usize = 6;

/// Log bins of the energies of single cells.
const CELL_BINS: usize = 24;

/// Where they begin and end, in energies of a minimum ionising particle: 0.1 and 100 MeV in the ILD's ECal.
const CELL_RANGE_MIPS: [f64; 2] = [0.5, 500.0];

/// When a cell counts, and the energy that cells are measured by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LayerFeatureSettings {
    /// Cells at or below take no part, MeV.
    pub cell_cut_mev: f64,
    /// Most probable energy of a minimum ionising particle in a cell, MeV.
    pub mip_mev: f64,
}

/// Features of showers on a grid of L layers, 1 + 6 L + 24 of them: the incident energy in GeV; for each layer its share
/// of the incident energy, its hits, the energy-weighted mean of x, of y and of the squared distance from the middle of
/// the grid (in cells), the highest cell's share of the incident energy; numbers of cells in 24 log bins of energy from
/// 0.5 to 500 MIPs. The means of a layer without hits are those of its middle, 0.
///
/// # Shapes
/// `showers_mev` `[shower, layer, x, y]`, `energies_gev` `[shower]`; the result `[shower, feature]`.
///
/// # Errors
/// Not one energy for each shower, energies that are not above zero, cells that are not finite, an impossible cut or MIP.
pub fn layer_features(
    showers_mev: ArrayView4<'_, f32>,
    energies_gev: &[f64],
    settings: &LayerFeatureSettings,
) -> Result<Array2<f64>> {
    let (n_showers, n_layers, _, _) = showers_mev.dim();
    if energies_gev.len() != n_showers {
        return Err(Error::mismatch("incident energies", energies_gev.len(), n_showers));
    }
    let LayerFeatureSettings { cell_cut_mev, mip_mev } = *settings;
    if !(cell_cut_mev.is_finite() && cell_cut_mev >= 0.0) {
        return Err(Error::parameter("cell_cut_mev", cell_cut_mev, "a finite energy of at least 0 MeV"));
    }
    if !(mip_mev.is_finite() && mip_mev > 0.0) {
        return Err(Error::parameter("mip_mev", mip_mev, "a finite energy above 0 MeV"));
    }
    if let Some(shower) = energies_gev.iter().position(|gev| !(gev.is_finite() && *gev > 0.0)) {
        let name = format!("incident energy of shower {shower}");
        return Err(Error::parameter(name, energies_gev[shower], "a finite energy above 0 GeV"));
    }
    if let Some(((shower, layer, x, y), &value)) = showers_mev.indexed_iter().find(|(_, e)| !e.is_finite()) {
        let index = [shower, layer, x, y].map(|i| i as u64);
        return Err(Error::non_finite("cells", f64::from(value), &index));
    }
    let bins = Bins::log(CELL_BINS, CELL_RANGE_MIPS[0] * mip_mev, CELL_RANGE_MIPS[1] * mip_mev)?;
    let mut features = Array2::zeros((n_showers, 1 + PER_LAYER * n_layers + CELL_BINS));
    let showers = showers_mev.axis_iter(Axis(0));
    let energies = ndarray::ArrayView1::from(energies_gev);
    let showers: Vec<ArrayView3<'_, f32>> = showers.collect();
    let showers = ndarray::ArrayView1::from(&showers[..]);
    Zip::from(features.rows_mut()).and(showers).and(energies).par_for_each(|mut row, shower, gev| {
        let numbers = row.iter_mut().zip(of_shower(shower, *gev, cell_cut_mev, &bins));
        numbers.for_each(|(out, number)| *out = number);
    });
    Ok(features)
}

/// Names of the features: `E`, `layer 0 energy` .., `cells 0` ...
pub fn layer_feature_names(n_layers: usize) -> Vec<String> {
    const NAMES: [&str; PER_LAYER] = ["energy", "hits", "x", "y", "r2", "highest"];
    let of_layer = |layer: usize| NAMES.map(|name| format!("layer {layer} {name}"));
    let layers = (0..n_layers).flat_map(of_layer);
    let cells = (0..CELL_BINS).map(|bin| format!("cells {bin}"));
    std::iter::once("E".to_owned()).chain(layers).chain(cells).collect()
}

fn of_shower(shower: &ArrayView3<'_, f32>, energy_gev: f64, cell_cut_mev: f64, bins: &Bins) -> Vec<f64> {
    let energy_mev = 1e3 * energy_gev;
    let (_, nx, ny) = shower.dim();
    let middle = [(nx as f64 - 1.0) / 2.0, (ny as f64 - 1.0) / 2.0];
    let mut features = vec![energy_gev];
    let mut n_cells = [0.0; CELL_BINS];
    for layer in shower.axis_iter(Axis(0)) {
        let (mut sum, mut n_hits, mut highest) = (0.0, 0.0, 0.0_f64);
        let mut moments = [0.0; 3];
        for ((x, y), &cell) in layer.indexed_iter() {
            let mev = f64::from(cell);
            if mev <= cell_cut_mev {
                continue;
            }
            let (x, y) = (x as f64 - middle[0], y as f64 - middle[1]);
            sum += mev;
            n_hits += 1.0;
            highest = highest.max(mev);
            for (moment, value) in moments.iter_mut().zip([x, y, x * x + y * y]) {
                *moment += value * mev;
            }
            // Slot 0 is below the first bin.
            if let Some(n) = bins.slot(mev).and_then(|slot| n_cells.get_mut(slot.wrapping_sub(1))) {
                *n += 1.0;
            }
        }
        let [x, y, r2] = moments.map(|moment| if sum > 0.0 { moment / sum } else { 0.0 });
        features.extend([sum / energy_mev, n_hits, x, y, r2, highest / energy_mev]);
    }
    features.extend(n_cells);
    features
}

#[cfg(test)]
mod tests {
    use ndarray::Array4;

    use super::*;

    const SETTINGS: LayerFeatureSettings = LayerFeatureSettings { cell_cut_mev: 0.1, mip_mev: 0.2 };

    #[test]
    fn features_are_those_computed_by_hand() {
        let mut showers = Array4::<f32>::zeros((2, 2, 3, 4));
        showers[[0, 1, 0, 3]] = 36.0;
        showers[[0, 1, 2, 1]] = 12.0;
        showers[[0, 0, 1, 1]] = 0.05; // below the cut
        let features = layer_features(showers.view(), &[0.1, 1.0], &SETTINGS).unwrap();
        assert_eq!(features.dim(), (2, 1 + 6 * 2 + 24));
        assert_eq!(layer_feature_names(2).len(), features.ncols());
        let expected = [0.1, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.48, 2.0, -0.5, 1.0, 2.75, 0.36];
        for (found, expected) in features.row(0).iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{features:?}");
        }
        // 24 bins from 0.1 to 100 MeV: 8 a decade, so that 12 and 36 MeV lie in bins 16 and 20.
        let cells: Vec<f64> = features.row(0).iter().skip(13).copied().collect();
        assert_eq!((cells[16], cells[20], cells.iter().sum::<f64>()), (1.0, 1.0, 2.0));
        assert!(features.row(1).iter().skip(1).all(|&number| number == 0.0));
    }

    #[test]
    fn bad_input_is_named() {
        let showers = Array4::<f32>::zeros((2, 1, 2, 2));
        let message = |energies: &[f64], settings| {
            layer_features(showers.view(), energies, &settings).unwrap_err().to_string()
        };
        assert_eq!(message(&[1.0], SETTINGS), "incident energies: found 1; expected 2");
        assert!(message(&[1.0, -1.0], SETTINGS).starts_with("parameter `incident energy of shower 1`: -1"));
        let no_mip = LayerFeatureSettings { mip_mev: 0.0, ..SETTINGS };
        assert!(message(&[1.0; 2], no_mip).starts_with("parameter `mip_mev`: 0"));
        let mut bad = showers.clone();
        bad[[1, 0, 1, 0]] = f32::NAN;
        let message = layer_features(bad.view(), &[1.0; 2], &SETTINGS).unwrap_err().to_string();
        assert!(message.starts_with("cells: NaN at index [1, 0, 1, 0]"), "{message}");
    }
}
