//! A sample of showers, reduced batch by batch to what is compared: memory does not grow with the number of showers.

use ndarray::{ArrayView2, s};

use super::features::ShowerFeatures;
use super::histograms::{ChallengeHistograms, LargestEnergies};
use super::layout::Layout;
use crate::error::{Error, Result};
use crate::kept::Kept;
use crate::out_of_fold::shower_hashes;

/// Showers of a sample that are kept beyond their histograms, at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptShowers {
    /// With their feature vectors, for FPD, KPD and trees.
    pub vectors: usize,
    /// With their voxels, for nearest neighbours.
    pub voxels: usize,
}

impl KeptShowers {
    /// Bytes of voxels in memory, of one sample.
    const VOXEL_BYTES: usize = 512 << 20;

    /// As many as the challenge uses: 50,000 feature vectors, and voxels of 10,000 showers where they take at most 512 MiB.
    pub fn of_challenge(n_voxels: usize) -> Self {
        let fit = Self::VOXEL_BYTES / (size_of::<f32>() * n_voxels.max(1));
        Self { vectors: 50_000, voxels: fit.clamp(1, 10_000) }
    }
}

/// What is kept of a sample.
#[derive(Debug, Clone)]
pub struct ChallengeSample {
    /// Of showers of even and of odd number.
    histograms: [ChallengeHistograms; 2],
    n_filled: [u64; 2],
    vectors: Kept<f64>,
    voxels: Kept<f32>,
    hashes: Vec<Option<u64>>,
}

/// Which showers of a sample are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChallengeHalf {
    /// Those of even number.
    Even,
    /// Those of odd number.
    Odd,
}

/// A sample, or half of it, to be compared.
#[derive(Debug, Clone)]
pub struct ChallengePart<'a> {
    /// Showers in the histograms.
    pub n_showers: u64,
    /// The histograms.
    pub histograms: ChallengeHistograms,
    /// Feature vectors of evenly spread showers, `[shower, feature]`.
    pub vectors: ArrayView2<'a, f64>,
    /// By which copies of those showers are known.
    pub hashes: Vec<Option<u64>>,
    /// Voxels of evenly spread showers, `[shower, voxel]`, MeV.
    pub voxels_mev: ArrayView2<'a, f32>,
}

impl ChallengeSample {
    /// For `n_showers` showers, with the axes that the reference's largest energies give.
    ///
    /// # Errors
    /// As [`ChallengeHistograms::new`].
    pub fn new(
        layout: &Layout,
        largest: &LargestEnergies,
        n_showers: usize,
        kept: KeptShowers,
    ) -> Result<Self> {
        let empty = ChallengeHistograms::new(layout, largest)?;
        let vectors = Kept::new(n_showers, kept.vectors, 1 + layout.columns().len());
        let hashes = vec![None; vectors.rows.nrows()];
        Ok(Self {
            histograms: [empty.clone(), empty],
            n_filled: [0; 2],
            vectors,
            voxels: Kept::new(n_showers, kept.voxels, layout.n_voxels()),
            hashes,
        })
    }

    /// Adds a batch, whose first shower has the number `first_shower` in the sample.
    ///
    /// # Shapes
    /// `voxels_mev` `[shower, voxel]`, `energies_gev` `[shower]`.
    ///
    /// # Errors
    /// Arrays that do not fit each other or the layout, energies that are not above zero, more showers than announced.
    pub fn fill(
        &mut self,
        layout: &Layout,
        voxels_mev: ArrayView2<'_, f32>,
        energies_gev: &[f64],
        first_shower: usize,
    ) -> Result<()> {
        let n = voxels_mev.nrows();
        if first_shower + n > self.vectors.n_showers {
            return Err(Error::mismatch("showers of the sample", first_shower + n, self.vectors.n_showers));
        }
        let features = ShowerFeatures::of(layout, voxels_mev)?;
        let vectors = features.vector(energies_gev)?;
        let hashes = shower_hashes(voxels_mev);
        for half in 0..2_usize {
            let start = (half + first_shower) % 2;
            if start >= n {
                continue;
            }
            let voxels = voxels_mev.slice(s![start..;2, ..]);
            let energies: Vec<f64> = energies_gev.iter().skip(start).step_by(2).copied().collect();
            self.histograms[half].fill(layout, &features.every_second(start), voxels, &energies)?;
            self.n_filled[half] += energies.len() as u64;
        }
        for (row, hash) in hashes.into_iter().enumerate() {
            if let Some(place) = self.vectors.place(first_shower + row) {
                self.vectors.rows.row_mut(place).assign(&vectors.row(row));
                self.hashes[place] = hash;
            }
            if let Some(place) = self.voxels.place(first_shower + row) {
                self.voxels.rows.row_mut(place).assign(&voxels_mev.row(row));
            }
        }
        Ok(())
    }

    /// All of the sample.
    ///
    /// # Errors
    /// None: both halves have the same axes.
    pub fn whole(&self) -> Result<ChallengePart<'_>> {
        let mut histograms = self.histograms[0].clone();
        histograms.merge(&self.histograms[1])?;
        Ok(ChallengePart {
            n_showers: self.n_filled.iter().sum(),
            histograms,
            vectors: self.vectors.rows.view(),
            hashes: self.hashes.clone(),
            voxels_mev: self.voxels.rows.view(),
        })
    }

    /// One half of the sample, which shares no shower with the other.
    pub fn half(&self, half: ChallengeHalf) -> ChallengePart<'_> {
        let first = half as usize;
        // A slice must not begin behind the end.
        let every_second = |n: usize| s![first.min(n)..;2, ..];
        ChallengePart {
            n_showers: self.n_filled[first],
            histograms: self.histograms[first].clone(),
            vectors: self.vectors.rows.slice(every_second(self.vectors.rows.nrows())),
            hashes: self.hashes.iter().skip(first).step_by(2).copied().collect(),
            voxels_mev: self.voxels.rows.slice(every_second(self.voxels.rows.nrows())),
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::challenge::layout::two_layers;

    fn showers(n: usize) -> Array2<f32> {
        Array2::from_shape_fn((n, 6), |(shower, voxel)| ((shower * 13 + voxel * 7) % 17) as f32)
    }

    fn sample(batch: usize, kept: KeptShowers) -> ChallengeSample {
        let (layout, voxels) = (two_layers(), showers(23));
        let mut largest = LargestEnergies::new(&layout);
        let features = ShowerFeatures::of(&layout, voxels.view()).unwrap();
        largest.observe(&layout, &features, voxels.view()).unwrap();
        let mut sample = ChallengeSample::new(&layout, &largest, 23, kept).unwrap();
        for first in (0..23).step_by(batch) {
            let rows = voxels.slice(s![first..(first + batch).min(23), ..]);
            sample.fill(&layout, rows, &vec![0.05; rows.nrows()], first).unwrap();
        }
        sample
    }

    #[test]
    fn batches_do_not_matter() {
        let kept = KeptShowers { vectors: 10, voxels: 7 };
        let whole = sample(23, kept);
        for batch in [1, 4, 5] {
            let other = sample(batch, kept);
            assert_eq!(other.histograms, whole.histograms, "{batch}");
            assert_eq!((&other.vectors.rows, &other.hashes), (&whole.vectors.rows, &whole.hashes), "{batch}");
            assert_eq!(other.voxels.rows, whole.voxels.rows, "{batch}");
        }
    }

    #[test]
    fn halves_make_the_whole() {
        let sample = sample(5, KeptShowers { vectors: 100, voxels: 100 });
        let (even, odd, whole) =
            (sample.half(ChallengeHalf::Even), sample.half(ChallengeHalf::Odd), sample.whole().unwrap());
        assert_eq!((even.n_showers, odd.n_showers, whole.n_showers), (12, 11, 23));
        assert_eq!((even.vectors.nrows(), odd.voxels_mev.nrows()), (12, 11));
        assert_eq!(even.vectors.row(1), whole.vectors.row(2));
        assert_eq!(odd.voxels_mev.row(0), showers(23).row(1));
        assert_eq!((odd.hashes[1], odd.hashes.len()), (whole.hashes[3], 11));
        let mut merged = odd.histograms;
        merged.merge(&even.histograms).unwrap();
        assert_eq!(merged, whole.histograms);
    }

    #[test]
    fn voxels_of_as_many_showers_as_fit_are_kept() {
        // 40,500 voxels are too many for 10,000 showers in half a gigabyte.
        assert_eq!(KeptShowers::of_challenge(40_500).voxels, 3314);
        assert_eq!(KeptShowers::of_challenge(6480).voxels, 10_000);
    }

    #[test]
    fn more_showers_than_announced_are_refused() {
        let layout = two_layers();
        let mut sample = sample(23, KeptShowers { vectors: 5, voxels: 5 });
        let message = sample.fill(&layout, showers(2).view(), &[1.0; 2], 22).unwrap_err().to_string();
        assert_eq!(message, "showers of the sample: found 24; expected 23");
    }

    #[test]
    fn a_single_shower_has_one_half() {
        let (layout, voxels) = (two_layers(), showers(1));
        let mut largest = LargestEnergies::new(&layout);
        let features = ShowerFeatures::of(&layout, voxels.view()).unwrap();
        largest.observe(&layout, &features, voxels.view()).unwrap();
        let kept = KeptShowers { vectors: 5, voxels: 5 };
        let mut sample = ChallengeSample::new(&layout, &largest, 1, kept).unwrap();
        sample.fill(&layout, voxels.view(), &[0.05], 0).unwrap();
        let odd = sample.half(ChallengeHalf::Odd);
        assert_eq!((odd.n_showers, odd.vectors.nrows(), odd.voxels_mev.nrows()), (0, 0, 0));
    }
}
