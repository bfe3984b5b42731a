//! Which showers an epoch takes together, and in which order.

use std::ops::Range;

use calo_core::random::{Purpose, stream};
use rand::Rng;
use rand::seq::SliceRandom;

use crate::split::{Part, Split};

const BLOCKS: Purpose = Purpose::new("shuffled blocks");
const GROUP: Purpose = Purpose::new("shuffled group");

/// Blocks gathered into a group: a batch mixes showers from this many places of the file.
const BLOCKS_PER_GROUP: usize = 32;

/// The showers of a part, and how they are cut into blocks and groups.
#[derive(Debug)]
pub(super) struct Order {
    /// Numbers in the file, ascending.
    showers: Vec<u64>,
    seed: u64,
    block_showers: usize,
}

/// The order of the blocks in one epoch.
#[derive(Debug)]
pub(super) struct Epoch {
    number: u64,
    /// Where on the ring of the part's showers the first block begins.
    offset: usize,
    /// Numbers of the blocks, in the order of the epoch.
    blocks: Vec<usize>,
    /// Places in the epoch where the groups begin, and its end.
    starts: Vec<u64>,
}

impl Order {
    /// The order of the showers of `part`, with about `group_showers` in a group.
    pub(super) fn new(split: &Split, part: Part, seed: u64, group_showers: usize) -> Self {
        let n: u64 = split.sizes().iter().sum();
        let showers = (0..n).filter(|shower| split.part_of(*shower) == part).collect();
        Self { showers, seed, block_showers: group_showers.div_ceil(BLOCKS_PER_GROUP).max(1) }
    }

    /// Showers of the part.
    pub(super) fn n_showers(&self) -> u64 {
        self.showers.len() as u64
    }

    /// Most showers of a group.
    pub(super) fn group_capacity(&self) -> usize {
        self.block_showers.saturating_mul(BLOCKS_PER_GROUP).min(self.showers.len())
    }

    /// Blocks, groups and their places in epoch `number`.
    pub(super) fn epoch(&self, number: u64) -> Epoch {
        let mut rng = stream(self.seed, BLOCKS, number);
        // Without it, the showers of the short last block would make up more than their share of what is left out.
        let offset = rng.random_range(0..self.n_showers().max(1)) as usize;
        let mut blocks: Vec<usize> = (0..self.showers.len().div_ceil(self.block_showers)).collect();
        blocks.shuffle(&mut rng);
        let mut starts = vec![0];
        let mut end = 0;
        for group in blocks.chunks(BLOCKS_PER_GROUP) {
            end += group.iter().map(|block| self.block(*block).len() as u64).sum::<u64>();
            starts.push(end);
        }
        Epoch { number, offset, blocks, starts }
    }

    /// Places of a block's showers on the ring, counted from the epoch's offset.
    fn block(&self, block: usize) -> Range<usize> {
        let from = block * self.block_showers;
        from..(from + self.block_showers).min(self.showers.len())
    }

    /// Numbers in the file of the showers of a group, ascending.
    pub(super) fn group(&self, epoch: &Epoch, group: usize) -> Vec<u64> {
        let blocks = epoch.blocks.chunks(BLOCKS_PER_GROUP).nth(group).unwrap_or_default();
        let n = self.showers.len();
        let places = blocks.iter().flat_map(|block| self.block(*block));
        let mut showers: Vec<u64> = places.map(|place| self.showers[(place + epoch.offset) % n]).collect();
        showers.sort_unstable();
        showers
    }

    /// The order of the `n` showers of a group.
    pub(super) fn shuffle(&self, epoch: &Epoch, group: usize, n: usize) -> Vec<usize> {
        let n_groups = epoch.starts.len() as u64 - 1;
        let index = epoch.number.wrapping_mul(n_groups).wrapping_add(group as u64);
        let mut order: Vec<usize> = (0..n).collect();
        order.shuffle(&mut stream(self.seed, GROUP, index));
        order
    }
}

/// A group and its places in the epoch.
pub(super) struct GroupPlaces {
    pub(super) group: usize,
    pub(super) places: Range<u64>,
}

impl Epoch {
    /// Its number.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// The group that holds a place of the epoch.
    pub(super) fn group_at(&self, place: u64) -> GroupPlaces {
        let group = self.starts.partition_point(|start| *start <= place) - 1;
        GroupPlaces { group, places: self.starts[group]..self.starts[group + 1] }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn order(seed: u64, n: u64, group_showers: usize) -> Order {
        Order::new(&Split::new(1, [1.0, 0.0, 0.0], n).unwrap(), Part::Train, seed, group_showers)
    }

    /// Published runs depend on these orders: they must never change.
    #[test]
    fn the_order_is_pinned() {
        let order = order(1, 100, 64);
        let epoch = order.epoch(2);
        assert_eq!((epoch.offset, &epoch.blocks[..6]), (52, &[2, 13, 46, 39, 30, 9][..]));
        assert_eq!(order.shuffle(&epoch, 1, 8), [4, 5, 2, 1, 3, 6, 0, 7]);
    }

    /// Over many epochs every shower is left out equally often: any shower can come last in an epoch.
    #[test]
    fn no_shower_is_preferred() {
        let (n, n_epochs, n_last) = (67_u64, 4000_u64, 20_u64);
        let order = order(3, n, 40);
        let mut left_out = vec![0_u32; n as usize];
        for number in 0..n_epochs {
            let epoch = order.epoch(number);
            for place in n - n_last..n {
                let GroupPlaces { group, places } = epoch.group_at(place);
                let showers = order.group(&epoch, group);
                let shuffled = order.shuffle(&epoch, group, showers.len());
                left_out[showers[shuffled[(place - places.start) as usize]] as usize] += 1;
            }
        }
        // 5 standard deviations of a binomial distribution.
        let p = n_last as f64 / n as f64;
        let allowed = 5.0 * (p * (1.0 - p) / n_epochs as f64).sqrt();
        for (shower, count) in left_out.iter().enumerate() {
            let share = f64::from(*count) / n_epochs as f64;
            assert!((share - p).abs() < allowed, "shower {shower}: {share}, not {p} +- {allowed}");
        }
    }

    proptest! {
        #[test]
        fn groups_hold_every_shower_once_and_are_bounded(
            seed: u64, number: u64, n in 1_u64..500, group_showers in 1_usize..600,
        ) {
            let order = order(seed, n, group_showers);
            let epoch = order.epoch(number);
            let mut all = Vec::new();
            for group in 0..epoch.starts.len() - 1 {
                let showers = order.group(&epoch, group);
                prop_assert!(showers.len() <= order.group_capacity());
                prop_assert_eq!(epoch.starts[group + 1] - epoch.starts[group], showers.len() as u64);
                prop_assert_eq!(epoch.group_at(epoch.starts[group]).group, group);
                let mut shuffled = order.shuffle(&epoch, group, showers.len());
                shuffled.sort_unstable();
                prop_assert!(shuffled.into_iter().eq(0..showers.len()));
                all.extend(showers);
            }
            prop_assert!(order.group_capacity() < group_showers + BLOCKS_PER_GROUP);
            if n <= group_showers as u64 {
                prop_assert_eq!(epoch.starts.len(), 2);
            }
            all.sort_unstable();
            prop_assert!(all.into_iter().eq(0..n));
        }
    }
}
