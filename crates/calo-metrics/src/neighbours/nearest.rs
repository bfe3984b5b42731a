//! Distances to the k-th nearest neighbour in the own sample.

use rayon::prelude::*;

use super::points::{Points, Squares, blocks};

/// Squared distance of each point to its k-th nearest neighbour, itself not counted. There must be more than k points.
pub(super) fn kth_squares(points: &Points<'_>, k: usize) -> Vec<f64> {
    let mut nearest: Vec<Nearest> = (0..points.len()).map(|_| Nearest::new(k)).collect();
    let all: Vec<_> = blocks(points.len()).collect();
    for (first, rows) in all.iter().enumerate() {
        let panel = points.panel(rows.clone());
        // A pair of blocks says the same about either, so that only those from the diagonal on are computed.
        let found: Vec<[Vec<Nearest>; 2]> = all[first..]
            .par_iter()
            .map(|columns| {
                let squares = Squares::new(points, rows.clone(), &panel, points, columns.clone());
                of_block(&squares, [rows.len(), columns.len()], columns == rows, k)
            })
            .collect();
        for (columns, [of_rows, of_columns]) in all[first..].iter().zip(found) {
            for (range, lists) in [(rows, of_rows), (columns, of_columns)] {
                nearest[range.clone()].iter_mut().zip(lists).for_each(|(all, list)| all.extend(list));
            }
        }
    }
    let kth =
        |(point, nearest): (usize, &Nearest)| nearest.kth(|other| points.square_to(point, points, other));
    nearest.par_iter().enumerate().map(kth).collect()
}

/// The nearest neighbours of rows among columns and, off the diagonal, the other way round.
fn of_block(squares: &Squares<'_, '_>, shape: [usize; 2], is_diagonal: bool, k: usize) -> [Vec<Nearest>; 2] {
    let lists = |n: usize| -> Vec<Nearest> { (0..n).map(|_| Nearest::new(k)).collect() };
    let mut of_rows = lists(shape[0]);
    let mut of_columns = lists(if is_diagonal { 0 } else { shape[1] });
    for (i, of_row) in of_rows.iter_mut().enumerate() {
        for j in 0..shape[1] {
            if is_diagonal && i == j {
                continue;
            }
            let (square, error) = squares.with_error(i, j);
            of_row.offer(square, error, squares.column(j));
            if let Some(of_column) = of_columns.get_mut(j) {
                of_column.offer(square, error, squares.row(i));
            }
        }
    }
    for (i, list) in of_rows.iter_mut().enumerate() {
        list.settle(|other| squares.exact(i, other - squares.column(0)));
    }
    for (j, list) in of_columns.iter_mut().enumerate() {
        list.settle(|other| squares.exact(other - squares.row(0), j));
    }
    [of_rows, of_columns]
}

/// A neighbour, and between which squares its distance lies.
#[derive(Clone, Copy)]
struct Neighbour {
    lower: f64,
    upper: f64,
    point: usize,
}

/// The k nearest neighbours of a point, with all those that the error of their distance leaves in question.
struct Nearest {
    k: usize,
    /// No neighbour whose `lower` is above this can be among the k.
    bound: f64,
    found: Vec<Neighbour>,
    /// Length of the list at which it is sorted out.
    full: usize,
}

impl Nearest {
    fn new(k: usize) -> Self {
        Self { k, bound: f64::INFINITY, found: Vec::new(), full: 4 * k + 16 }
    }

    fn offer(&mut self, square: f64, error: f64, point: usize) {
        if square - error <= self.bound {
            self.found.push(Neighbour { lower: square - error, upper: square + error, point });
            if self.found.len() >= self.full {
                self.sort_out();
                self.full = 2 * self.found.len() + 4 * self.k;
            }
        }
    }

    /// Leaves out who is too far for certain.
    fn sort_out(&mut self) {
        if self.found.len() <= self.k {
            return;
        }
        self.found.select_nth_unstable_by(self.k - 1, |a, b| a.upper.total_cmp(&b.upper));
        let bound = self.found[self.k - 1].upper;
        self.bound = bound;
        self.found.retain(|neighbour| neighbour.lower <= bound);
    }

    /// Keeps the list short also where many distances are the same: these are computed, and the first k kept.
    fn settle(&mut self, exact: impl Fn(usize) -> f64) {
        self.sort_out();
        if self.found.len() <= 4 * self.k + 16 {
            return;
        }
        for neighbour in &mut self.found {
            let square = exact(neighbour.point);
            (neighbour.lower, neighbour.upper) = (square, square);
        }
        self.found.sort_unstable_by(|a, b| a.lower.total_cmp(&b.lower).then(a.point.cmp(&b.point)));
        self.found.truncate(self.k);
    }

    fn extend(&mut self, other: Self) {
        let neighbours = other.found.into_iter().filter(|neighbour| neighbour.lower <= self.bound);
        self.found.extend(neighbours);
        self.sort_out();
    }

    /// The k-th smallest square. Only those that may be it are computed, which is mostly one.
    fn kth(&self, exact: impl Fn(usize) -> f64) -> f64 {
        let mut lower: Vec<f64> = self.found.iter().map(|neighbour| neighbour.lower).collect();
        lower.sort_unstable_by(f64::total_cmp);
        let Some(&least) = lower.get(self.k - 1) else { return f64::INFINITY };
        // The k-th smallest square is at least the k-th smallest lower bound.
        let (nearer, open): (Vec<Neighbour>, Vec<Neighbour>) =
            self.found.iter().copied().partition(|neighbour| neighbour.upper < least);
        let mut squares: Vec<f64> = open.iter().map(|neighbour| exact(neighbour.point)).collect();
        squares.sort_unstable_by(f64::total_cmp);
        squares.get(self.k - 1 - nearer.len()).copied().unwrap_or(f64::INFINITY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Points at the integers from 0: the error leaves many in question, and the list stays right and short.
    #[test]
    fn the_kth_of_uncertain_distances_is_found() {
        let exact = |point: usize| (point as f64).powi(2);
        for error in [0.0, 3.0, 1e6] {
            let mut nearest = Nearest::new(3);
            for point in (0..500).rev() {
                nearest.offer(exact(point) + error * 0.9, error, point);
            }
            nearest.settle(exact);
            assert!(nearest.found.len() <= 28, "{}", nearest.found.len());
            assert!((nearest.kth(exact) - 4.0).abs() < 1e-12);
        }
    }
}
