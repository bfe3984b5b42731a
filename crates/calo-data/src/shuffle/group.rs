//! The showers that are in memory together.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use calo_core::{Error, Grid, Result, ShowerBatch};
use ndarray::Axis;

use super::order::{Epoch, Order};
use crate::h5::ShowerReader;

/// Showers between two wanted ones that are read along rather than skipped: they mostly share a chunk.
const MERGED_GAP: u64 = 16;

/// Cells read at a time, bytes.
const PIECE_BYTES: usize = 16 << 20;

/// One group, in an order of its own.
#[derive(Debug)]
pub(super) struct Group {
    /// Epoch and number, where one is loaded.
    which: Option<(u64, usize)>,
    /// Numbers in the file of `showers`, ascending; empty while these are incomplete.
    numbers: Vec<u64>,
    showers: ShowerBatch<f32>,
    order: Vec<usize>,
    /// Showers as they are read.
    piece: ShowerBatch<f32>,
}

impl Group {
    pub(super) fn new(grid: Grid) -> Self {
        Self {
            which: None,
            numbers: Vec::new(),
            showers: ShowerBatch::empty(grid),
            order: Vec::new(),
            piece: ShowerBatch::empty(grid),
        }
    }

    /// Makes this group number `group` of `epoch`; reads nothing where its showers are those at hand.
    pub(super) fn load(
        &mut self,
        reader: &mut ShowerReader,
        order: &Order,
        epoch: &Epoch,
        group: usize,
        stop: &AtomicBool,
    ) -> Result<()> {
        let which = Some((epoch.number(), group));
        if self.which == which {
            return Ok(());
        }
        self.which = None;
        let numbers = order.group(epoch, group);
        if self.numbers != numbers {
            self.numbers.clear();
            self.read(reader, &numbers, order.group_capacity(), stop)?;
            self.numbers = numbers;
        }
        self.order = order.shuffle(epoch, group, self.numbers.len());
        self.which = which;
        Ok(())
    }

    /// Replaces `showers` by those of the file with these `numbers`, which rise.
    fn read(
        &mut self,
        reader: &mut ShowerReader,
        numbers: &[u64],
        capacity: usize,
        stop: &AtomicBool,
    ) -> Result<()> {
        let shower_bytes = reader.grid().n_cells() * size_of::<f32>();
        let piece_showers = (PIECE_BYTES / shower_bytes.max(1)).max(1);
        let mut is_first = true;
        for piece in pieces(numbers, piece_showers as u64) {
            if stop.load(Ordering::Relaxed) {
                return Err(Error::Interrupted);
            }
            let numbers = &numbers[piece];
            let (first, last) = (numbers[0], numbers[numbers.len() - 1]);
            reader.seek(first)?;
            reader.read_batch((last - first + 1) as usize, &mut self.piece)?;
            if is_first {
                self.showers.restart(0, &self.piece);
                // Growing by doubling would take twice the memory of a group.
                let reserved = self.showers.cells_mev.reserve(Axis(0), capacity);
                reserved.map_err(|e| Error::option("group_showers", capacity, e.to_string()))?;
                is_first = false;
            }
            for number in numbers {
                self.showers.push_from(&self.piece, (number - first) as usize);
            }
        }
        Ok(())
    }

    /// Empties `batch` for showers of this group.
    pub(super) fn restart(&self, batch: &mut ShowerBatch<f32>, first_shower: u64) {
        batch.restart(first_shower, &self.showers);
    }

    /// Appends the shower at `place` of the group's order.
    pub(super) fn push_to(&self, batch: &mut ShowerBatch<f32>, place: usize) {
        batch.push_from(&self.showers, self.order[place]);
    }
}

/// Ranges of `numbers`, which rise, to be read in one go: near one another, and no more than `most` from first to last.
fn pieces(numbers: &[u64], most: u64) -> impl Iterator<Item = Range<usize>> {
    let mut from = 0;
    std::iter::from_fn(move || {
        let first = *numbers.get(from)?;
        let near = |pair: &[u64]| pair[1] - pair[0] <= 1 + MERGED_GAP && pair[1] - first < most;
        let n = 1 + numbers[from..].windows(2).take_while(|pair| near(pair)).count();
        let piece = from..from + n;
        from = piece.end;
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_showers_are_read_in_one_go() {
        let of = |numbers: &[u64], most| pieces(numbers, most).collect::<Vec<_>>();
        assert!(of(&[], 10).is_empty());
        assert_eq!(of(&[7, 100], 200), [0..1, 1..2]);
        assert_eq!(of(&[0, 1, 18, 36, 37], 100), [0..3, 3..5]);
        assert_eq!(of(&[0, 1, 2, 3, 10, 12], 3), [0..3, 3..4, 4..6]);
        assert_eq!(of(&[5, 6, 7], 1), [0..1, 1..2, 2..3]);
    }
}
