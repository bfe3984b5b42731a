//! A kernel density estimate: how it is fitted, and its values.

use std::collections::BTreeMap;

use calo_core::random::{Purpose, stream};
use ndarray::{Array1, Array2, ArrayView2, Axis, s};

use super::bandwidth::{self, Bandwidth, Chosen, Search};
use crate::check::{check_columns, check_finite, check_sample};
use crate::error::{Error, Result};
use crate::log_sum::{Widths, log_kernel_sums};
use crate::random::choose;
use crate::whitening::{KernelCovariance, Whitening};

/// How a density is estimated.
#[derive(Debug, Clone, Default)]
pub struct KdeSettings {
    /// Shape of the kernels.
    pub covariance: KernelCovariance,
    /// Width of the kernels.
    pub bandwidth: Bandwidth,
    /// The column on which sampling can be conditioned: the incident energy. It has a bandwidth of its own.
    pub condition: Option<usize>,
    /// Names of the columns, for errors and for the file; if empty, `column 0`, `column 1`, ...
    pub columns: Vec<String>,
    /// At most so many of the points become kernels. They are drawn before anything is fitted to them.
    pub max_centres: Option<usize>,
    /// Draws them.
    pub seed: u64,
}

/// A kernel density estimate: p(x) = 1/n sum_i N(x; x_i, H), with the same covariance H for every kernel.
///
/// H is L diag(h^2) L^T, where L is the identity, the standard deviations, or the Cholesky factor of the covariance,
/// whole or of the regression on the condition alone ([`KernelCovariance`]), and h the bandwidth: one for the conditioned
/// column and one for the rest, or one for every column. Under [`KernelCovariance::FullCovariance`] a bandwidth of its own
/// for the condition widens or narrows the kernel along the regression of the other columns on it; with equal bandwidths
/// H is h^2 times the covariance. With [`Bandwidth::PerDimension`] kernels lie around centres that are moved towards the
/// mean, so that the density has the variance of its points.
///
/// # Reference
/// D. W. Scott, Multivariate Density Estimation (1992). arXiv:2102.12491, section 4.2: 24 sampled latent variables and
/// the incident energy of up to 500,000 showers.
///
/// ```
/// use calo_latent::{Bandwidth, Kde, KdeSettings};
/// use ndarray::array;
///
/// // One latent variable, which rises with the energy.
/// let points = array![[-1.1, 10.0], [-0.4, 30.0], [0.1, 50.0], [0.4, 70.0], [1.2, 90.0]];
/// let settings = KdeSettings { bandwidth: Bandwidth::Scott, condition: Some(1), ..Default::default() };
/// let kde = Kde::fit(points.view(), &settings)?;
/// let log_density = kde.log_density(array![[0.0, 50.0], [0.0, 5000.0]].view())?;
/// assert!(log_density[0] > -7.0 && log_density[1] < -100.0);
/// # Ok::<(), calo_latent::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Kde {
    pub(super) columns: Vec<String>,
    pub(super) condition: Option<usize>,
    pub(super) covariance: KernelCovariance,
    pub(super) widths: Widths,
    pub(super) whitening: Whitening,
    /// Where kernels lie in whitened coordinates, rising in the condition if there is one.
    pub(super) centres: Array2<f64>,
    /// The first column of `centres` if it is the condition, side by side for searches.
    pub(super) conditions: Vec<f64>,
    /// Bandwidth of every column but the condition, in the units that the covariance sets.
    pub(super) bandwidths: Vec<f64>,
    pub(super) search: Option<Search>,
    pub(super) provenance: BTreeMap<String, String>,
}

impl Kde {
    /// Estimates the density of `points`.
    ///
    /// # Shapes
    /// `points` `[n, d]`, n of two at least.
    ///
    /// # Errors
    /// Empty, non-finite, single or constant points; a column that others determine, where the full covariance is asked
    /// for; bandwidths that are not positive numbers; a search that finds none (repeated points), has too few points,
    /// or is per dimension but without standard deviations; names or a condition that do not fit the columns.
    pub fn fit(points: ArrayView2<'_, f64>, settings: &KdeSettings) -> Result<Self> {
        check_sample("points", points, 2)?;
        let columns = column_names(points.ncols(), &settings.columns)?;
        check_condition(settings.condition, points.ncols())?;
        let drawn = drawn(points, settings)?;
        let n_points = points.nrows();
        let points = drawn.as_ref().map_or(points, |drawn| drawn.view());
        let covariance = settings.covariance;
        let mut whitening = Whitening::fit(points, covariance, settings.condition, &columns)?;
        let mut centres = whitening.forward(points);
        let n_condition = usize::from(settings.condition.is_some());
        let log_determinant = whitening.log_determinant();
        let (chosen, search) =
            bandwidth::choose(&settings.bandwidth, covariance, centres.view(), n_condition, log_determinant)?;
        let (widths, bandwidths) = match chosen {
            Chosen::Common(widths) => (widths, vec![widths.rest; columns.len() - n_condition]),
            Chosen::PerDimension(kernels) => {
                let condition = kernels.widths[0];
                // In coordinates of their own widths, kernels are round again.
                let mut stretch = kernels.widths.clone();
                stretch.slice_mut(s![..n_condition]).fill(1.0);
                whitening.stretch(stretch.view());
                centres *= &(&kernels.shrinkage / &stretch);
                (Widths { rest: 1.0, condition }, kernels.widths.slice(s![n_condition..]).to_vec())
            }
        };
        let mut kde = Self {
            columns,
            condition: settings.condition,
            covariance,
            widths,
            whitening,
            centres,
            conditions: Vec::new(),
            bandwidths,
            search,
            provenance: BTreeMap::new(),
        };
        if drawn.is_some() {
            kde.note_reduction(n_points, settings.seed);
        }
        if kde.condition.is_some() {
            kde.sort_by_condition();
        }
        Ok(kde)
    }

    fn sort_by_condition(&mut self) {
        let mut order: Vec<usize> = (0..self.centres.nrows()).collect();
        order.sort_by(|&i, &j| self.centres[[i, 0]].total_cmp(&self.centres[[j, 0]]));
        self.centres = self.centres.select(Axis(0), &order);
        self.conditions = self.centres.column(0).to_vec();
    }

    /// Natural logarithm of the density at every point.
    ///
    /// # Shapes
    /// `points` `[m, d]` to `[m]`.
    ///
    /// # Errors
    /// Another number of columns, or points that are not finite.
    pub fn log_density(&self, points: ArrayView2<'_, f64>) -> Result<Array1<f64>> {
        check_columns("points", points.ncols(), self.n_columns())?;
        check_finite("points", points)?;
        let n_condition = usize::from(self.condition.is_some());
        let u = self.whitening.forward(points);
        let sums = log_kernel_sums(u.view(), &[self.centres.view()], n_condition, &[self.widths]);
        let normalisation = self.widths.log_normalisation(n_condition, self.n_columns())
            - self.whitening.log_determinant()
            - (self.n_centres() as f64).ln();
        Ok(sums.remove_axis(Axis(1)) + normalisation)
    }

    /// The same density from at most `n_centres` of its points, drawn by `seed`; bandwidths stay.
    ///
    /// # Errors
    /// `n_centres` is 0.
    pub fn reduced(&self, n_centres: usize, seed: u64) -> Result<Self> {
        if n_centres == 0 {
            return Err(Error::parameter("n_centres", 0, "at least 1"));
        }
        if n_centres >= self.n_centres() {
            return Ok(self.clone());
        }
        let mut chosen = choose(self.n_centres(), n_centres, &mut stream(seed, Purpose::new("centres "), 0));
        chosen.sort_unstable();
        let mut kde = self.clone();
        kde.centres = self.centres.select(Axis(0), &chosen);
        if kde.condition.is_some() {
            kde.conditions = kde.centres.column(0).to_vec();
        }
        kde.note_reduction(self.n_centres(), seed);
        Ok(kde)
    }

    fn note_reduction(&mut self, n_from: usize, seed: u64) {
        self.provenance.insert("reduced_from".to_owned(), n_from.to_string());
        self.provenance.insert("reduced_seed".to_owned(), seed.to_string());
    }

    /// Number of columns d, the conditioned one included.
    pub fn n_columns(&self) -> usize {
        self.columns.len()
    }

    /// Number of kernels n.
    pub fn n_centres(&self) -> usize {
        self.centres.nrows()
    }

    /// Names of the columns.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The column on which sampling can be conditioned.
    pub fn condition(&self) -> Option<usize> {
        self.condition
    }

    /// Number of columns besides the condition: the size of the latent space.
    pub fn latent_size(&self) -> usize {
        self.n_columns() - usize::from(self.condition.is_some())
    }

    /// Shape of the kernels.
    pub fn covariance(&self) -> KernelCovariance {
        self.covariance
    }

    /// Bandwidth of every column besides the condition, in the units that [`KernelCovariance`] sets.
    pub fn bandwidths(&self) -> &[f64] {
        &self.bandwidths
    }

    /// Bandwidth of the conditioned column.
    pub fn condition_bandwidth(&self) -> Option<f64> {
        self.condition.map(|_| self.widths.condition)
    }

    /// Record of the search for the bandwidths, if there was one.
    pub fn search(&self) -> Option<&Search> {
        self.search.as_ref()
    }

    /// Where the points come from (run, data, seed, software, ...); saved with the density.
    pub fn provenance(&self) -> &BTreeMap<String, String> {
        &self.provenance
    }

    /// The same, mutable.
    pub fn provenance_mut(&mut self) -> &mut BTreeMap<String, String> {
        &mut self.provenance
    }

    /// Whether the density is one of `n` latent variables.
    ///
    /// # Errors
    /// The density has another number.
    pub fn check_latent_size(&self, n: usize) -> Result<()> {
        if self.latent_size() == n {
            return Ok(());
        }
        Err(Error::mismatch("latent variables of the density", self.latent_size(), n))
    }
}

/// The points that become kernels, where these are not all.
fn drawn(points: ArrayView2<'_, f64>, settings: &KdeSettings) -> Result<Option<Array2<f64>>> {
    let Some(n) = settings.max_centres.filter(|n| *n < points.nrows()) else { return Ok(None) };
    if n < 2 {
        return Err(Error::parameter("max_centres", n, "at least 2"));
    }
    let mut chosen = choose(points.nrows(), n, &mut stream(settings.seed, Purpose::new("centres "), 0));
    chosen.sort_unstable();
    Ok(Some(points.select(Axis(0), &chosen)))
}

/// The names given, or numbers where none are.
fn column_names(n_columns: usize, names: &[String]) -> Result<Vec<String>> {
    if names.is_empty() {
        return Ok((0..n_columns).map(|column| format!("column {column}")).collect());
    }
    check_columns("names", names.len(), n_columns)?;
    Ok(names.to_vec())
}

/// A condition is one of the columns and not the only one.
pub(super) fn check_condition(condition: Option<usize>, n_columns: usize) -> Result<()> {
    match condition {
        Some(column) if column >= n_columns => {
            Err(Error::parameter("condition", column, format!("a column below {n_columns}")))
        }
        Some(column) if n_columns == 1 => {
            Err(Error::parameter("condition", column, "none, where there is one column only"))
        }
        _ => Ok(()),
    }
}
