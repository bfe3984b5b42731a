//! Chunks that many showers share, as h5py chooses them: a few cells of some thousand showers each.
//!
//! All rows of such chunks together may not fit into memory. They are read in parts, and every part decodes each chunk
//! again: a few times the work in bounded memory.

use std::ops::Range;

use calo_core::Result;
use rayon::prelude::*;

use super::array::{Array, Chunk, Chunks};
use super::element::Stored;
use super::rows::{Crop, for_each_run, load_elements, touches};

/// Rows that one chunk holds part of are decoded in one piece up to this size.
const MAX_PIECE_BYTES: usize = 512 << 20;
/// Bytes of a part, where they are more.
const PART_BYTES: usize = 64 << 20;
/// Bytes of decoded chunks in memory at a time.
const GROUP_BYTES: usize = 64 << 20;

/// Rows to decode at a time, where the rows of `array` that share a chunk are too many; `row_bytes` is what one takes.
pub(super) fn part_rows(array: &Array, chunks: &Chunks, row_bytes: usize) -> Option<usize> {
    let rows = chunks.shape[0].min(array.n_rows());
    (rows.saturating_mul(row_bytes) > MAX_PIECE_BYTES).then(|| (PART_BYTES / row_bytes.max(1)).clamp(1, rows))
}

/// The part around `row`: rows of one row of chunks.
pub(super) fn part_of(array: &Array, chunks: &Chunks, part_rows: usize, row: usize) -> Range<usize> {
    let first = row / chunks.shape[0] * chunks.shape[0];
    let start = first + (row - first) / part_rows * part_rows;
    start..(start + part_rows).min(first + chunks.shape[0]).min(array.n_rows())
}

/// Fills `out` with `rows`, all of one row of chunks.
pub(super) fn fill<T: Stored>(
    array: &Array,
    chunks: &Chunks,
    crop: &Crop,
    rows: Range<usize>,
    out: &mut [T],
) -> Result<()> {
    out.fill(T::from_fill(chunks.fill));
    let found = stored_chunks(chunks, crop, rows.start / chunks.shape[0]);
    let inside = rows.start % chunks.shape[0]..rows.start % chunks.shape[0] + rows.len();
    let n_bytes = chunks.n_bytes(array.element.size());
    let group = (GROUP_BYTES / n_bytes.max(1)).clamp(1, 16 * rayon::current_num_threads());
    let mut shape = chunks.shape.clone();
    shape[0] = rows.len();
    for group in found.chunks(group) {
        let decoded: Result<Vec<Vec<T>>> =
            group.par_iter().map(|(_, chunk)| load_elements(array, chunks, *chunk, inside.clone())).collect();
        for ((from, _), elements) in group.iter().zip(decoded?) {
            for_each_run(array, crop, &shape, from, out.len(), |to, from, n| {
                out[to..to + n].copy_from_slice(&elements[from..from + n]);
            });
        }
    }
    Ok(())
}

/// The chunks there are in row `chunk_row` of chunks, with the coordinates of their first elements.
fn stored_chunks(chunks: &Chunks, crop: &Crop, chunk_row: usize) -> Vec<(Vec<usize>, Chunk)> {
    let found = chunks.in_row(chunk_row).map(|(coordinates, chunk)| {
        let from: Vec<usize> = coordinates.iter().zip(&chunks.shape).map(|(c, extent)| c * extent).collect();
        (from, chunk)
    });
    found.filter(|(from, _)| touches(from, &chunks.shape, crop)).collect()
}
