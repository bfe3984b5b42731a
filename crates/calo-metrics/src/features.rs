//! The features for FPD, KPD and the classifier.

use ndarray::{Array1, Array2, ArrayView2, Axis};

use crate::error::{Error, Result};
use crate::observables::{Column, ObservableTable};
use crate::sample::check_sample;

/// Shift and scale of each feature, taken from a reference.
#[derive(Debug, Clone, PartialEq)]
pub struct Standardisation {
    /// Mean of each feature of the reference.
    pub mean: Array1<f64>,
    /// Standard deviation of each feature of the reference, in the convention that divides by n.
    pub std: Array1<f64>,
}

impl Standardisation {
    /// Mean and standard deviation of `reference`, whose columns `names` name.
    ///
    /// # Errors
    /// An empty or non-finite reference, not one name for each column, or a feature that does not vary (with its name).
    pub fn fit(reference: ArrayView2<'_, f64>, names: &[&str]) -> Result<Self> {
        check_sample("reference", reference)?;
        if names.len() != reference.ncols() {
            return Err(Error::mismatch("names of features", names.len(), reference.ncols()));
        }
        let n = reference.nrows() as f64;
        let mean = reference.sum_axis(Axis(0)) / n;
        let std = (&reference - &mean).mapv(|x| x * x).sum_axis(Axis(0)).mapv(|sum| (sum / n).sqrt());
        for ((column, &name), std) in reference.columns().into_iter().zip(names).zip(&std) {
            let first = column[0];
            #[expect(clippy::float_cmp, reason = "a column is constant when its values are the same number")]
            let constant = column.iter().all(|&value| value == first);
            if constant || !(std.is_normal()) {
                return Err(Error::Constant { what: format!("reference, feature `{name}`"), value: first });
            }
        }
        Ok(Self { mean, std })
    }

    /// `(x - mean) / std`, feature by feature.
    ///
    /// # Errors
    /// A number of features other than the reference's.
    pub fn apply(&self, features: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        if features.ncols() != self.mean.len() {
            return Err(Error::mismatch("number of features", features.ncols(), self.mean.len()));
        }
        Ok((&features - &self.mean) / &self.std)
    }
}

/// Both samples, ready for the two-sample scores.
#[derive(Debug, Clone, PartialEq)]
pub struct TwoSampleFeatures {
    /// Standardised features of the reference, `[shower, feature]`.
    pub reference: Array2<f64>,
    /// Features of the candidate, standardised with the reference.
    pub candidate: Array2<f64>,
    /// Their incident energies, GeV, reference first.
    pub energies_gev: [Vec<f64>; 2],
    /// Showers left out of either because they had no hit.
    pub n_dropped: [usize; 2],
}

/// Prepares two samples: picks [`Column::TWO_SAMPLE`], leaves out (and counts) showers without hits, which have no centre
/// of gravity, and standardises both with the reference.
///
/// # Errors
/// No shower left in either sample, or an observable of the reference that does not vary.
pub fn two_sample_features(
    reference: &ObservableTable,
    candidate: &ObservableTable,
) -> Result<TwoSampleFeatures> {
    let mut columns = Column::TWO_SAMPLE.to_vec();
    columns.push(Column::IncidentEnergyGev);
    let complete = [reference, candidate].map(|table| table.complete_rows(&columns));
    let n_dropped = complete.each_ref().map(|rows| rows.n_left_out);
    let n_features = Column::TWO_SAMPLE.len();
    let energies_gev = complete.each_ref().map(|rows| rows.rows.column(n_features).to_vec());
    let features = complete.each_ref().map(|rows| rows.rows.slice_axis(Axis(1), (0..n_features).into()));
    let [reference, candidate] = features.map(|rows| rows.to_owned());
    check_sample("reference, showers with hits", reference.view())?;
    check_sample("candidate, showers with hits", candidate.view())?;
    let scale = Standardisation::fit(reference.view(), &Column::TWO_SAMPLE.map(Column::label))?;
    Ok(TwoSampleFeatures {
        reference: scale.apply(reference.view())?,
        candidate: scale.apply(candidate.view())?,
        energies_gev,
        n_dropped,
    })
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn a_constant_feature_is_named() {
        let error =
            Standardisation::fit(array![[1.0, 0.1], [2.0, 0.1]].view(), &["m1x", "Evis"]).unwrap_err();
        let message = error.to_string();
        assert_eq!(message, "reference, feature `Evis`: all values equal 0.1; expected values that vary");
    }

    #[test]
    fn the_reference_gets_mean_zero_and_variance_one() {
        let reference = array![[1.0, 10.0], [2.0, 30.0], [6.0, 20.0]];
        let scale = Standardisation::fit(reference.view(), &["a", "b"]).unwrap();
        let standard = scale.apply(reference.view()).unwrap();
        for column in standard.columns() {
            assert!(column.sum().abs() < 1e-12);
            assert!((column.dot(&column) / 3.0 - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn incident_energy_and_last_third_take_no_part_and_empty_showers_are_counted() {
        let table = |shift: f64| {
            let mut table = ObservableTable::default();
            for shower in 0..5 {
                let mut row: [f64; Column::ALL.len()] =
                    std::array::from_fn(|column| ((shower * 7 + column * 3) % 11) as f64);
                row[Column::IncidentEnergyGev as usize] += shift;
                row[Column::LastThird as usize] += shift;
                if shower == 3 {
                    row[Column::M1x as usize] = f64::NAN;
                }
                table.push(&row);
            }
            table
        };
        let plain = two_sample_features(&table(0.0), &table(0.0)).unwrap();
        let shifted = two_sample_features(&table(0.0), &table(1000.0)).unwrap();
        assert_eq!(plain, TwoSampleFeatures { energies_gev: plain.energies_gev.clone(), ..shifted.clone() });
        assert!((shifted.energies_gev[1][0] - plain.energies_gev[1][0] - 1000.0).abs() < 1e-9);
        assert_eq!((plain.reference.dim(), plain.n_dropped), ((4, 10), [1, 1]));
        let message = two_sample_features(&table(0.0), &ObservableTable::default()).unwrap_err().to_string();
        assert_eq!(message, "candidate, showers with hits: empty; expected at least one shower");
    }
}
