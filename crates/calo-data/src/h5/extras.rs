//! What some files know about each shower besides its energy: direction, particle, number.
//!
//! Nothing needs these data sets. One that cannot be used is left out, and the reader says so.

use std::fs::File;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use calo_core::{Result, ShowerExtras};
use ndarray::Array2;

use super::array::Array;
use super::element::{ElementType, Integer};
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
    pdg: Option<Pdg>,
    shower_ids: Option<(Array, Window<Integer>)>,
    /// Which data sets were left out, and why.
    pub(super) left_out: Vec<String>,
}

/// Particles of the showers.
#[derive(Debug)]
enum Pdg {
    OfEach(Box<Array>, Window<Integer>),
    /// One code stands for all showers.
    OfAll(i32),
}

/// Where the data sets are looked for.
struct Place<'a> {
    file: &'a OpenFile,
    plain: &'a Arc<File>,
    path: &'a Path,
    prefix: String,
    n_showers: usize,
}

impl Extras {
    /// Opens those data sets of `group` that hold an entry for each of `n_showers` showers.
    pub(super) fn open(
        file: &OpenFile,
        plain: &Arc<File>,
        path: &Path,
        group: &str,
        n_showers: usize,
    ) -> Self {
        let prefix = if group == "/" { String::new() } else { format!("{group}/") };
        let place = Place { file, plain, path, prefix, n_showers };
        let mut left_out = Vec::new();
        let directions = keep(place.rows(DIRECTIONS, Kind::Numbers, 3), &mut left_out);
        let pdg = keep(place.pdg(), &mut left_out);
        let shower_ids = keep(place.shower_ids(), &mut left_out);
        Self {
            directions: directions.map(|array| (array, Window::default())),
            pdg,
            shower_ids: shower_ids.map(|array| (array, Window::default())),
            left_out,
        }
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
        extras.pdg = match &mut self.pdg {
            Some(Pdg::OfEach(array, window)) => {
                let codes = read_integers(array, window, rows.clone())?;
                // Checked when the file was opened.
                Some(codes.into_iter().map(|code| i32::try_from(code).unwrap_or_default()).collect())
            }
            Some(Pdg::OfAll(code)) => Some(vec![*code; rows.len()]),
            None => None,
        };
        if let Some((array, window)) = &mut self.shower_ids {
            extras.shower_ids = Some(read_integers(array, window, rows)?);
        }
        Ok(extras)
    }
}

/// What was found; why it was not goes to `left_out`.
fn keep<T>(found: Result<Option<T>>, left_out: &mut Vec<String>) -> Option<T> {
    found.unwrap_or_else(|e| {
        left_out.push(format!("{e} (left out)"));
        None
    })
}

fn read_integers(array: &Array, window: &mut Window<Integer>, rows: Range<usize>) -> Result<Vec<i64>> {
    let mut values = vec![Integer::default(); rows.len()];
    window.read(array, &None, rows, &mut values)?;
    Ok(values.into_iter().map(|value| value.0).collect())
}

/// The first entry that is not `wanted`.
fn find_odd(array: &Array, wanted: impl Fn(i64) -> bool) -> Result<Option<i64>> {
    const ROWS: usize = 65_536;
    let mut window = Window::default();
    for start in (0..array.n_rows()).step_by(ROWS) {
        let values = read_integers(array, &mut window, start..(start + ROWS).min(array.n_rows()))?;
        if let Some(odd) = values.into_iter().find(|value| !wanted(*value)) {
            return Ok(Some(odd));
        }
    }
    Ok(None)
}

impl Place<'_> {
    fn array(&self, name: &str, kind: Kind) -> Result<Option<Array>> {
        let name = format!("{}{name}", self.prefix);
        if !self.file.hdf5.link_exists(&name) {
            return Ok(None);
        }
        Array::open(self.file, self.plain, self.path, &name, kind).map(Some)
    }

    /// A data set of `row_len` entries for each shower.
    fn rows(&self, name: &str, kind: Kind, row_len: usize) -> Result<Option<Array>> {
        let Some(array) = self.array(name, kind)? else { return Ok(None) };
        if array.n_rows() != self.n_showers || array.row_len() != row_len {
            let expected = format!("{row_len} for each of {} showers", self.n_showers);
            return Err(array.error(format!("extents {:?}", array.shape), expected));
        }
        Ok(Some(array))
    }

    fn pdg(&self) -> Result<Option<Pdg>> {
        let name = format!("{}{PDG}", self.prefix);
        let scalar = self.file.hdf5.dataset(&name).ok().filter(|dataset| dataset.is_scalar());
        if let Some(code) = scalar.and_then(|dataset| dataset.read_scalar::<i32>().ok()) {
            return Ok(Some(Pdg::OfAll(code)));
        }
        let Some(array) = self.array(PDG, Kind::Integers)? else { return Ok(None) };
        if array.shape == [1] && self.n_showers != 1 {
            let codes = read_integers(&array, &mut Window::default(), 0..1)?;
            if let Some(code) = codes.first().and_then(|code| i32::try_from(*code).ok()) {
                return Ok(Some(Pdg::OfAll(code)));
            }
        }
        let Some(array) = self.rows(PDG, Kind::Integers, 1)? else { return Ok(None) };
        if let Some(odd) = find_odd(&array, |code| i32::try_from(code).is_ok())? {
            return Err(array.error(format!("the PDG code {odd}, beyond 32 bits"), "PDG codes of particles"));
        }
        Ok(Some(Pdg::OfEach(Box::new(array), Window::default())))
    }

    fn shower_ids(&self) -> Result<Option<Array>> {
        let Some(array) = self.rows(SHOWER_IDS, Kind::Integers, 1)? else { return Ok(None) };
        let unsigned = matches!(array.element, ElementType::Integer { size: 8, signed: false });
        // Those with the highest bit come as negative numbers, or from libhdf5 as the largest one.
        if unsigned && find_odd(&array, |id| (0..i64::MAX).contains(&id))?.is_some() {
            return Err(array.error("numbers of 2^63 and above", "numbers that 63 bits can hold"));
        }
        Ok(Some(array))
    }
}
