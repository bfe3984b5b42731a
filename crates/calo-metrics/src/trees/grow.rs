//! Growth of one tree: the leaf that gains most is split next.

use std::ops::Range;

use super::TreeSettings;
use super::bins::Binned;

/// Least curvature of the loss in a leaf; with less, its value would be all noise.
const MIN_HESSIAN: f64 = 1e-3;

/// Derivatives of the loss of one shower.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Derivatives {
    pub(super) gradient: f64,
    pub(super) hessian: f64,
}

/// One tree, the root first.
#[derive(Debug, Clone)]
pub(super) struct Tree {
    nodes: Vec<Node>,
}

#[derive(Debug, Clone, Copy)]
enum Node {
    Leaf(f64),
    /// Bins up to `bin` go to the first child.
    Split {
        feature: usize,
        bin: u8,
        children: [usize; 2],
    },
}

impl Tree {
    /// The value of the leaf that a shower ends in.
    pub(super) fn value(&self, binned: &Binned, row: usize) -> f64 {
        let mut node = 0;
        loop {
            match self.nodes[node] {
                Node::Leaf(value) => return value,
                Node::Split { feature, bin, children } => {
                    node = children[usize::from(binned.columns[feature][row] > bin)];
                }
            }
        }
    }
}

/// Sums over the showers of a bin or a leaf.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    gradient: f64,
    hessian: f64,
    n: u32,
}

impl Sums {
    fn add(&mut self, of: Derivatives) {
        self.gradient += of.gradient;
        self.hessian += of.hessian;
        self.n += 1;
    }

    fn plus(self, other: Self) -> Self {
        Self {
            gradient: self.gradient + other.gradient,
            hessian: self.hessian + other.hessian,
            n: self.n + other.n,
        }
    }

    fn minus(self, other: Self) -> Self {
        Self {
            gradient: self.gradient - other.gradient,
            hessian: self.hessian - other.hessian,
            n: self.n - other.n,
        }
    }

    /// What the loss falls by, times two, where all these showers get their best value.
    fn score(self) -> f64 {
        self.gradient * self.gradient / self.hessian.max(f64::MIN_POSITIVE)
    }
}

/// The best split of a leaf.
#[derive(Clone, Copy)]
struct Split {
    gain: f64,
    feature: usize,
    bin: u8,
    below: Sums,
}

/// A leaf that may be split further.
struct Leaf {
    node: usize,
    rows: Range<usize>,
    sums: Sums,
    split: Option<Split>,
    /// Sums in all bins of all features; empty for a leaf too small to be split.
    histogram: Vec<Sums>,
}

/// Grows tree after tree on the same showers and reuses its memory.
pub(super) struct Grower<'a> {
    binned: &'a Binned,
    settings: TreeSettings,
    /// Where the bins of each feature begin in a histogram, and their total number.
    offsets: Vec<usize>,
    /// All showers, those of a leaf together.
    rows: Vec<u32>,
    buffer: Vec<u32>,
    ordered: Vec<Derivatives>,
    spare: Vec<Vec<Sums>>,
}

impl<'a> Grower<'a> {
    pub(super) fn new(binned: &'a Binned, settings: TreeSettings) -> Self {
        let mut offsets = vec![0];
        for n_bins in &binned.n_bins {
            offsets.push(offsets[offsets.len() - 1] + n_bins);
        }
        let (buffer, ordered, spare) = (Vec::new(), Vec::new(), Vec::new());
        Self { binned, settings, offsets, rows: Vec::new(), buffer, ordered, spare }
    }

    /// A tree fitted to the derivatives, whose values are added to the logarithm of the odds of each shower.
    pub(super) fn grow(&mut self, derivatives: &[Derivatives], log_odds: &mut [f64]) -> Tree {
        self.rows.clear();
        self.rows.extend(0..self.binned.n_rows as u32);
        let mut nodes = vec![Node::Leaf(0.0)];
        let mut sums = Sums::default();
        derivatives.iter().for_each(|&of| sums.add(of));
        let mut root = Leaf { node: 0, rows: 0..self.rows.len(), sums, split: None, histogram: Vec::new() };
        if self.may_split(&root) {
            root.histogram = self.histogram(&root.rows, derivatives);
            root.split = self.best_split(&root);
        }
        let mut leaves = vec![root];
        while leaves.len() < self.settings.max_leaves {
            let Some((chosen, split)) = best(&leaves) else { break };
            let leaf = leaves.swap_remove(chosen);
            let children = [nodes.len(), nodes.len() + 1];
            nodes[leaf.node] = Node::Split { feature: split.feature, bin: split.bin, children };
            nodes.extend([Node::Leaf(0.0); 2]);
            leaves.extend(self.split(leaf, split, children, derivatives));
        }
        for leaf in leaves {
            let value =
                -self.settings.learning_rate * leaf.sums.gradient / (leaf.sums.hessian + f64::EPSILON);
            nodes[leaf.node] = Node::Leaf(value);
            self.rows[leaf.rows].iter().for_each(|&row| log_odds[row as usize] += value);
            self.spare.push(leaf.histogram);
        }
        Tree { nodes }
    }

    /// The two leaves that a split makes of one. The histogram of the larger is what that of the smaller leaves over.
    fn split(&mut self, leaf: Leaf, split: Split, children: [usize; 2], of: &[Derivatives]) -> [Leaf; 2] {
        let middle = self.partition(&leaf.rows, split);
        let (rows, sums) = (leaf.rows, leaf.sums);
        let [mut below, mut above] = [
            (children[0], rows.start..middle, split.below),
            (children[1], middle..rows.end, sums.minus(split.below)),
        ]
        .map(|(node, rows, sums)| Leaf { node, rows, sums, split: None, histogram: Vec::new() });
        let (smaller, larger) = if below.rows.len() <= above.rows.len() {
            (&mut below, &mut above)
        } else {
            (&mut above, &mut below)
        };
        if self.may_split(larger) {
            smaller.histogram = self.histogram(&smaller.rows, of);
            larger.histogram = leaf.histogram;
            larger
                .histogram
                .iter_mut()
                .zip(&smaller.histogram)
                .for_each(|(all, part)| *all = all.minus(*part));
            larger.split = self.best_split(larger);
            if self.may_split(smaller) {
                smaller.split = self.best_split(smaller);
            }
        } else {
            self.spare.push(leaf.histogram);
        }
        [below, above]
    }

    fn may_split(&self, leaf: &Leaf) -> bool {
        leaf.rows.len() >= 2 * self.settings.min_leaf && leaf.sums.hessian >= 2.0 * MIN_HESSIAN
    }

    /// Moves the showers below the split before the others, in their order; returns where the others begin.
    fn partition(&mut self, range: &Range<usize>, split: Split) -> usize {
        let column = &self.binned.columns[split.feature];
        let rows = &mut self.rows[range.clone()];
        self.buffer.clear();
        let mut n_below = 0;
        for i in 0..rows.len() {
            let row = rows[i];
            if column[row as usize] <= split.bin {
                rows[n_below] = row;
                n_below += 1;
            } else {
                self.buffer.push(row);
            }
        }
        rows[n_below..].copy_from_slice(&self.buffer);
        range.start + n_below
    }

    fn histogram(&mut self, range: &Range<usize>, derivatives: &[Derivatives]) -> Vec<Sums> {
        let rows = &self.rows[range.clone()];
        self.ordered.clear();
        self.ordered.extend(rows.iter().map(|&row| derivatives[row as usize]));
        let mut histogram = self.spare.pop().unwrap_or_default();
        histogram.clear();
        histogram.resize(self.offsets[self.offsets.len() - 1], Sums::default());
        for (column, offset) in self.binned.columns.iter().zip(&self.offsets) {
            let bins = &mut histogram[*offset..];
            for (&row, &of) in rows.iter().zip(&self.ordered) {
                bins[usize::from(column[row as usize])].add(of);
            }
        }
        histogram
    }

    /// The split that gains most; none where every one makes leaves too small or gains nothing.
    fn best_split(&self, leaf: &Leaf) -> Option<Split> {
        let min_leaf = self.settings.min_leaf as u32;
        let mut best: Option<Split> = None;
        let mut least = leaf.sums.score() * (1.0 + 1e-12);
        for (feature, bounds) in self.offsets.windows(2).enumerate() {
            let mut below = Sums::default();
            for (bin, sums) in leaf.histogram[bounds[0]..bounds[1]].iter().enumerate() {
                below = below.plus(*sums);
                let above = leaf.sums.minus(below);
                if below.n < min_leaf || below.hessian < MIN_HESSIAN {
                    continue;
                }
                if above.n < min_leaf || above.hessian < MIN_HESSIAN {
                    break;
                }
                let score = below.score() + above.score();
                if score > least {
                    least = score;
                    best = Some(Split { gain: score - leaf.sums.score(), feature, bin: bin as u8, below });
                }
            }
        }
        best
    }
}

/// The leaf that gains most, the first of equals.
fn best(leaves: &[Leaf]) -> Option<(usize, Split)> {
    let mut best: Option<(usize, Split)> = None;
    for (i, leaf) in leaves.iter().enumerate() {
        if let Some(split) = leaf.split
            && best.is_none_or(|(_, known)| split.gain > known.gain)
        {
            best = Some((i, split));
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::trees::bins::Bins;

    /// A step in one of two features: the first split finds it, and leaves hold the mean gradient.
    #[test]
    fn a_tree_splits_where_the_gradient_steps() {
        let features =
            Array2::from_shape_fn((100, 2), |(i, j)| if j == 0 { ((i * 7) % 10) as f64 } else { i as f64 });
        let binned = Bins::fit(features.view(), 50).apply(features.view());
        let derivatives: Vec<Derivatives> = (0..100)
            .map(|i| Derivatives { gradient: if i < 60 { -1.0 } else { 2.0 }, hessian: 1.0 })
            .collect();
        let settings =
            TreeSettings { max_leaves: 2, min_leaf: 5, learning_rate: 0.5, ..TreeSettings::default() };
        let mut log_odds = vec![0.0; 100];
        let tree = Grower::new(&binned, settings).grow(&derivatives, &mut log_odds);
        for (row, odds) in log_odds.iter().enumerate() {
            let expected = if row < 60 { 0.5 } else { -1.0 };
            assert!(
                (odds - expected).abs() < 1e-12 && (tree.value(&binned, row) - odds).abs() < 1e-15,
                "{row}"
            );
        }
    }
}
