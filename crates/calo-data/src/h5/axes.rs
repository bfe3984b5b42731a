//! The order of a file's axes behind that of the showers, and showers put into ours: layer, x, y.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use calo_core::{Error, Grid, Result};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Names of our axes, in our order.
const NAMES: [&str; 3] = ["layer", "x", "y"];

/// Which of our axes each axis of a file is, and whether it runs backwards.
///
/// Written as three names, for example `x,y,layer` or, with the last layer first, `-layer,x,y`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Axes {
    /// Our axis (0 layer, 1 x, 2 y) for each of the file's.
    ours: [usize; 3],
    backwards: [bool; 3],
}

impl Default for Axes {
    fn default() -> Self {
        Self::of([0, 1, 2])
    }
}

impl Axes {
    pub(super) const fn of(ours: [usize; 3]) -> Self {
        Self { ours, backwards: [false; 3] }
    }

    /// Whether the file's order is ours.
    pub fn are_ours(self) -> bool {
        self == Self::default()
    }

    /// Our grid, where the file's axes have these extents.
    pub(super) fn grid(self, extents: [usize; 3]) -> Grid {
        let mut ours = [0; 3];
        self.ours.iter().zip(extents).for_each(|(axis, extent)| ours[*axis] = extent);
        let [layers, nx, ny] = ours;
        Grid { layers, nx, ny }
    }

    /// Extents of the file's axes, where `grid` is ours.
    pub(super) fn extents(self, grid: Grid) -> [usize; 3] {
        self.ours.map(|axis| grid.shape()[axis])
    }

    /// Ranges along the file's axes, where `ranges` are those along ours and `grid` is the full one.
    pub(super) fn ranges(self, ranges: &[Range<usize>; 3], grid: Grid) -> [Range<usize>; 3] {
        std::array::from_fn(|i| {
            let (range, extent) = (&ranges[self.ours[i]], grid.shape()[self.ours[i]]);
            if self.backwards[i] { extent - range.end..extent - range.start } else { range.clone() }
        })
    }

    /// Puts showers in the file's order, `from`, into ours, `to`; both have `grid` as their grid.
    pub(super) fn to_ours<T: Copy + Send + Sync>(self, from: &[T], to: &mut [T], grid: Grid) {
        let n_cells = grid.n_cells().max(1);
        let extents = self.extents(grid);
        let strides = [grid.nx * grid.ny, grid.ny, 1];
        to.par_chunks_exact_mut(n_cells).zip(from.par_chunks_exact(n_cells)).for_each(|(to, from)| {
            let place = |i: usize, at: usize| {
                let at = if self.backwards[i] { extents[i] - 1 - at } else { at };
                at * strides[self.ours[i]]
            };
            let mut cells = from.iter();
            for a in 0..extents[0] {
                for b in 0..extents[1] {
                    let start = place(0, a) + place(1, b);
                    for (c, cell) in cells.by_ref().take(extents[2]).enumerate() {
                        to[start + place(2, c)] = *cell;
                    }
                }
            }
        });
    }
}

impl fmt::Display for Axes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (axis, backwards)) in self.ours.iter().zip(self.backwards).enumerate() {
            let comma = if i == 0 { "" } else { "," };
            write!(f, "{comma}{}{}", if backwards { "-" } else { "" }, NAMES[*axis])?;
        }
        Ok(())
    }
}

impl FromStr for Axes {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parts: Vec<(bool, Option<usize>)> = text
            .split(',')
            .map(|name| {
                let name = name.trim();
                let bare = name.strip_prefix('-').unwrap_or(name);
                let axis = NAMES.iter().position(|axis| axis.eq_ignore_ascii_case(bare));
                (bare.len() < name.len(), axis)
            })
            .collect();
        if let [(a, Some(i)), (b, Some(j)), (c, Some(k))] = parts[..]
            && i != j
            && j != k
            && i != k
        {
            return Ok(Self { ours: [i, j, k], backwards: [a, b, c] });
        }
        let expected =
            "layer, x and y in the file's order, as `x,y,layer`, with - before an axis that runs backwards";
        Err(Error::option("axes", format!("`{text}`"), expected))
    }
}

impl From<Axes> for String {
    fn from(axes: Axes) -> Self {
        axes.to_string()
    }
}

impl TryFrom<String> for Axes {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back() {
        for text in ["layer,x,y", "x,y,layer", "-y,layer,-x"] {
            assert_eq!(text.parse::<Axes>().unwrap().to_string(), text);
        }
        for text in ["", "x,y", "x,y,x", "x,y,z", "layer,x,y,x", "--layer,x,y"] {
            let message = text.parse::<Axes>().unwrap_err().to_string();
            assert!(message.contains("in the file's order"), "{message}");
        }
    }

    /// Every order and every flip of a small grid, against the definition.
    #[test]
    fn cells_go_where_their_indices_say() {
        let grid = Grid { layers: 2, nx: 3, ny: 4 };
        for ours in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            for flips in 0..8_usize {
                let axes = Axes { ours, backwards: std::array::from_fn(|i| flips >> i & 1 == 1) };
                let extents = axes.extents(grid);
                assert_eq!(axes.grid(extents), grid);
                // The value of a cell is its index in our order, for two showers.
                let mut from = Vec::new();
                for shower in 0..2 {
                    for i in 0..24 {
                        let at = [i / (extents[1] * extents[2]), i / extents[2] % extents[1], i % extents[2]];
                        let mut index = [0; 3];
                        for axis in 0..3 {
                            let flipped = extents[axis] - 1 - at[axis];
                            index[ours[axis]] = if axes.backwards[axis] { flipped } else { at[axis] };
                        }
                        from.push(24 * shower + index[0] * 12 + index[1] * 4 + index[2]);
                    }
                }
                let mut to = vec![0; 48];
                axes.to_ours(&from, &mut to, grid);
                assert_eq!(to, (0..48).collect::<Vec<_>>(), "{axes}");
            }
        }
    }

    #[test]
    fn a_crop_is_cut_along_the_files_axes() {
        let grid = Grid { layers: 2, nx: 10, ny: 20 };
        let ours = [0..2, 1..4, 5..9];
        let axes: Axes = "y,-x,layer".parse().unwrap();
        assert_eq!(axes.ranges(&ours, grid), [5..9, 6..9, 0..2]);
    }
}
