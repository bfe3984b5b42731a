//! What is known of encoded showers: divergences, correlations, joint distributions.

use calo_latent::{divergence_spectrum, joint_histogram, pearson};
use calo_metrics::results::{Estimate, Gap};
use calo_metrics::{Column, ObservableTable};
use calo_report::latent::{Correlations, Divergence, Joint};
use ndarray::{Array1, Array2, ArrayView1, Axis, s};

use crate::Result;
use crate::encode::for_each_encoded;
use crate::model::LoadedModel;
use crate::monitor::Caller;
use crate::parts::ChosenShowers;

/// Bins along each axis of a joint distribution.
const JOINT_BINS: [usize; 2] = [24, 24];

/// Share of the showers below and above the range that is drawn.
const TAIL: f64 = 0.002;

/// Showers that the smallest statistic takes.
const FEWEST: usize = 3;

/// Encoded showers in memory, with their observables.
pub(super) struct EncodedShowers {
    /// `[shower, variable]`.
    pub(super) z: Array2<f64>,
    mean: Array2<f64>,
    log_variance: Array2<f64>,
    pub(super) energies_gev: Vec<f64>,
    pub(super) observables: ObservableTable,
}

impl EncodedShowers {
    /// Encodes all chosen showers.
    pub(super) fn read(
        model: &LoadedModel,
        showers: &mut ChosenShowers,
        seed: u64,
        caller: Caller<'_>,
    ) -> Result<Self> {
        let n_encoded = model.encoder()?.n_encoded();
        let empty = || Array2::zeros((0, n_encoded));
        let mut all = Self {
            z: empty(),
            mean: empty(),
            log_variance: empty(),
            energies_gev: Vec::new(),
            observables: ObservableTable::default(),
        };
        for_each_encoded(model, showers, seed, caller, |batch| {
            let encoded = batch.encoded;
            for (to, from) in [
                (&mut all.z, &encoded.z),
                (&mut all.mean, &encoded.mean),
                (&mut all.log_variance, &encoded.log_variance),
            ] {
                to.append(Axis(0), from.mapv(f64::from).view())?;
            }
            all.energies_gev.extend_from_slice(batch.energies_gev);
            all.observables.append(batch.observables);
            Ok(())
        })?;
        Ok(all)
    }

    /// Lowest and highest incident energy.
    pub(super) fn energy_range_gev(&self) -> [f64; 2] {
        let ends = [f64::INFINITY, f64::NEG_INFINITY];
        self.energies_gev.iter().fold(ends, |[low, high], &energy| [low.min(energy), high.max(energy)])
    }

    /// Numbers of the showers that have every observable, in their order.
    fn complete(&self) -> Vec<usize> {
        let has =
            |&i: &usize| Column::PEARSON.iter().all(|&column| self.observables.column(column)[i].is_finite());
        (0..self.energies_gev.len()).filter(has).collect()
    }
}

/// Divergence of every variable, sorted.
pub(super) fn divergence(showers: &EncodedShowers) -> Result<Divergence> {
    let spectrum = divergence_spectrum(showers.mean.view(), showers.log_variance.view())?;
    Ok(Divergence {
        variables: spectrum.order,
        nats: spectrum.divergence,
        errors: spectrum.error,
        cumulative_nats: spectrum.cumulative,
    })
}

/// Pearson's correlation of sampled z and of the energy with every observable.
pub(super) fn correlations(
    showers: &EncodedShowers,
    variables: &[usize],
    gaps: &mut Vec<Gap>,
) -> Result<Correlations> {
    let complete = showers.complete();
    let n_left_out = showers.energies_gev.len() - complete.len();
    if n_left_out > 0 {
        let why = "they have no cell above the cut".to_owned();
        gaps.push(Gap::new(format!("correlations of {n_left_out} showers"), why));
    }
    if complete.len() < FEWEST {
        gaps.push(Gap::new(
            "correlations",
            format!("{} showers; expected at least {FEWEST}", complete.len()),
        ));
        let (coefficients, errors) = (Vec::new(), Vec::new());
        return Ok(Correlations {
            variables: variables.to_vec(),
            observables: Vec::new(),
            coefficients,
            errors,
        });
    }
    let columns = Column::PEARSON;
    let observables = Array2::from_shape_fn((complete.len(), columns.len()), |(i, j)| {
        showers.observables.column(columns[j])[complete[i]]
    });
    let latents =
        Array2::from_shape_fn((complete.len(), variables.len() + 1), |(i, j)| match variables.get(j) {
            Some(&variable) => showers.z[[complete[i], variable]],
            None => showers.energies_gev[complete[i]],
        });
    let found = pearson(latents.view(), observables.view())?;
    let rows = |values: &Array2<f64>| {
        let defined = |value: &f64| value.is_finite().then_some(*value);
        values.columns().into_iter().map(|column| column.iter().map(defined).collect()).collect()
    };
    Ok(Correlations {
        variables: variables.to_vec(),
        observables: columns.iter().map(|column| column.label().to_owned()).collect(),
        coefficients: rows(&found.coefficient),
        errors: rows(&found.error),
    })
}

/// Each of the variables against four observables.
pub(super) fn joints(
    showers: &EncodedShowers,
    variables: &[usize],
    gaps: &mut Vec<Gap>,
) -> Result<Vec<Joint>> {
    let complete = showers.complete();
    if complete.len() < FEWEST {
        return Ok(Vec::new());
    }
    let select = |values: &[f64]| -> Array1<f64> { complete.iter().map(|&i| values[i]).collect() };
    let column = |column| select(showers.observables.column(column));
    let response = column(Column::VisibleEnergyMev) / select(&showers.energies_gev);
    let observables = [
        ("CoG-z", "layer", column(Column::M1z)),
        ("m2z", "layer²", column(Column::M2z)),
        ("Evis/Einc", "MeV/GeV", response),
        ("hits", "", column(Column::NHits)),
    ];
    let mut joints = Vec::new();
    for &variable in variables {
        let z = showers.z.select(Axis(0), &complete).slice(s![.., variable]).to_owned();
        for (name, unit, values) in &observables {
            let ranges = [drawn_range(z.view()), drawn_range(values.view())];
            let what = JointOf { sample: "encoded", variable: Some(variable), observable: name, unit };
            match joint(&what, z.view(), values.view(), ranges, JOINT_BINS)? {
                Some(joint) => joints.push(joint),
                None => gaps.push(Gap::new(
                    format!("variable {variable} against {name}"),
                    "one of them does not vary".to_owned(),
                )),
            }
        }
    }
    Ok(joints)
}

/// What a joint distribution is of.
pub(super) struct JointOf<'a> {
    pub(super) sample: &'a str,
    pub(super) variable: Option<usize>,
    pub(super) observable: &'a str,
    pub(super) unit: &'a str,
}

/// The joint distribution of x and y; none where one does not vary.
pub(super) fn joint(
    what: &JointOf<'_>,
    x: ArrayView1<'_, f64>,
    y: ArrayView1<'_, f64>,
    ranges: [[f64; 2]; 2],
    n_bins: [usize; 2],
) -> Result<Option<Joint>> {
    if ranges.iter().any(|[low, high]| low >= high) {
        return Ok(None);
    }
    let found = joint_histogram(x, y, ranges, n_bins)?;
    let rho = pearson(x.insert_axis(Axis(1)), y.insert_axis(Axis(1)))?;
    let (value, error) = (rho.coefficient[[0, 0]], rho.error[[0, 0]]);
    Ok(Some(Joint {
        sample: what.sample.to_owned(),
        variable: what.variable,
        observable: what.observable.to_owned(),
        unit: what.unit.to_owned(),
        x_edges: found.x_edges,
        y_edges: found.y_edges,
        counts: found.counts.outer_iter().map(|row| row.to_vec()).collect(),
        n_outside: found.n_outside,
        profile: found
            .profile
            .into_iter()
            .map(|mean| mean.map(|[value, error]| Estimate { value, error: Some(error) }))
            .collect(),
        correlation: value.is_finite().then_some(Estimate { value, error: Some(error) }),
    }))
}

/// The range that is drawn of an observable.
pub(super) fn drawn_range(values: ArrayView1<'_, f64>) -> [f64; 2] {
    inner_range(values, TAIL)
}

/// The range of all values, of one at least, but a share of `tail` at either end.
pub(super) fn inner_range(values: ArrayView1<'_, f64>, tail: f64) -> [f64; 2] {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index"
    )]
    let place = |share: f64| ((sorted.len() - 1) as f64 * share).round() as usize;
    [sorted[place(tail)], sorted[place(1.0 - tail)]]
}
