//! What files hold about a shower besides its energy and cells: direction, particle, number.

use std::fs::File;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use calo_core::{Result, ShowerExtras};
use ndarray::Array2;

use super::array::Array;
use super::element::Integer;
use super::kind::Kind;
use super::open::OpenFile;
use super::rows::Window;

/// Names of the data sets, ShowerData's and ours.
pub(super) const DIRECTIONS: &str = "directions";
pub(super) const PDG: &str = "pdg";
pub(super) const SHOWER_IDS: &str = "shower_ids";

/// The optional data sets of one group.
#[derive(Debug, Default)]
pub(super) struct Extras {
    directions: Option<(Array, Window<f32>)>,
    pdg: Option<(Array, Window<Integer>)>,
    shower_ids: Option<(Array, Window<Integer>)>,
}

impl Extras {
    /// Opens those data sets that `group` has; each must have `n_showers` rows.
    pub(super) fn open(
        file: &OpenFile,
        plain: &Arc<File>,
        path: &Path,
        group: &str,
        n_showers: usize,
    ) -> Result<Self> {
        let prefix = if group == "/" { String::new() } else { format!("{group}/") };
        let find = |name: &str, kind: Kind, row_len: usize| -> Result<Option<Array>> {
            let name = format!("{prefix}{name}");
            if !file.hdf5.link_exists(&name) {
                return Ok(None);
            }
            let array = Array::open(file, plain, path, &name, kind)?;
            if array.n_rows() != n_showers || array.row_len() != row_len {
                let expected = format!("{row_len} for each of {n_showers} showers");
                return Err(array.error(format!("extents {:?}", array.shape), expected));
            }
            Ok(Some(array))
        };
        Ok(Self {
            directions: find(DIRECTIONS, Kind::Floats, 3)?.map(|array| (array, Window::default())),
            pdg: find(PDG, Kind::Integers, 1)?.map(|array| (array, Window::default())),
            shower_ids: find(SHOWER_IDS, Kind::Integers, 1)?.map(|array| (array, Window::default())),
        })
    }

    /// The entries of showers `rows`.
    pub(super) fn read(&mut self, rows: Range<usize>) -> Result<ShowerExtras> {
        let mut extras = ShowerExtras::default();
        if let Some((array, window)) = &mut self.directions {
            let mut directions = Array2::zeros((rows.len(), 3));
            if let Some(out) = directions.as_slice_mut() {
                window.read(array, &None, rows.clone(), out)?;
            }
            extras.directions = Some(directions);
        }
        if let Some((array, window)) = &mut self.pdg {
            let mut pdg = vec![Integer::default(); rows.len()];
            window.read(array, &None, rows.clone(), &mut pdg)?;
            let narrow = pdg.iter().map(|code| i32::try_from(code.0));
            extras.pdg = Some(narrow.collect::<Result<_, _>>().map_err(|_| {
                array
                    .error(format!("a PDG code beyond 32 bits in showers {rows:?}"), "PDG codes of particles")
            })?);
        }
        if let Some((array, window)) = &mut self.shower_ids {
            let mut ids = vec![Integer::default(); rows.len()];
            window.read(array, &None, rows, &mut ids)?;
            extras.shower_ids = Some(ids.into_iter().map(|id| id.0).collect());
        }
        Ok(extras)
    }
}
