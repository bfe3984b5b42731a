//! Showers decoded for the occasion: along a variable, and from both kinds of sampling.

use calo_latent::{Kde, traversal};
use calo_metrics::results::Gap;
use calo_metrics::{Column, observables};
use calo_report::latent::{Joint, Traversal, TraversalPoint};
use ndarray::{Array1, ArrayView2, ArrayView3};

use super::encoded::{EncodedShowers, JointOf, drawn_range, joint};
use crate::measures::sample_settings;
use crate::model::LoadedModel;
use crate::monitor::{Caller, Pass};
use crate::sampling::{Generator, LatentSource};
use crate::{Error, Result, networks};

/// Values of a variable that is traversed, as in the paper.
const VALUES: [f64; 5] = [-3.0, -1.5, 0.0, 1.5, 3.0];

/// Bins along incident energy and centre of gravity.
const BINS: [usize; 2] = [18, 24];

/// How showers are generated to be compared with encoded ones.
#[derive(Debug, Clone, Copy)]
pub(super) struct Generation {
    /// Of each kind, at most.
    pub(super) n: usize,
    pub(super) seed: u64,
    /// Stages of the model that they pass.
    pub(super) n_stages: usize,
}

/// Showers along each of the variables, all other latent variables zero.
pub(super) fn traversals(
    model: &LoadedModel,
    variables: &[usize],
    energy_gev: f64,
    n_stages: usize,
) -> Result<Vec<Traversal>> {
    let base = Array1::zeros(model.networks.prior().dim());
    let points = traversal(base.view(), variables, &VALUES)?;
    let cut_mev = model.detector.readout.cell_cut_mev;
    let along = |(points, &variable): (ArrayView2<'_, f64>, &usize)| {
        let z = points.mapv(to_f32);
        let showers = networks::decode(&model.networks, z.view(), &VALUES.map(|_| energy_gev), n_stages)?;
        let points = showers.outer_iter().zip(VALUES).map(|(cells, z)| point(cells, z, cut_mev));
        Ok(Traversal { variable, energy_gev, points: points.collect() })
    };
    points.outer_iter().zip(variables).map(along).collect()
}

#[expect(clippy::cast_possible_truncation, reason = "networks compute in 32 bits")]
fn to_f32(value: f64) -> f32 {
    value as f32
}

/// What is kept of one shower.
fn point(cells_mev: ArrayView3<'_, f32>, z: f64, cut_mev: f64) -> TraversalPoint {
    let mut point = TraversalPoint {
        z,
        longitudinal_mev: vec![0.0; cells_mev.dim().0],
        cog_z: None,
        cells: Vec::new(),
        energies_mev: Vec::new(),
    };
    // A checked grid fits into 16 bits.
    let index = |i: usize| u16::try_from(i).unwrap_or(u16::MAX);
    for ((layer, x, y), &mev) in cells_mev.indexed_iter().filter(|(_, mev)| **mev > to_f32(cut_mev)) {
        point.longitudinal_mev[layer] += f64::from(mev);
        point.cells.push([index(layer), index(x), index(y)]);
        point.energies_mev.push(mev);
    }
    let total: f64 = point.longitudinal_mev.iter().sum();
    let weighted = (0_u32..).zip(&point.longitudinal_mev).map(|(layer, mev)| f64::from(layer) * mev);
    point.cog_z = (total > 0.0).then(|| weighted.sum::<f64>() / total);
    point
}

/// Centre of gravity against incident energy: of encoded showers, and of showers generated at their energies with z from
/// N(0, 1) and from the density.
pub(super) fn cog_z(
    model: &LoadedModel,
    showers: &EncodedShowers,
    density: Option<&Kde>,
    generated: Generation,
    gaps: &mut Vec<Gap>,
    caller: Caller<'_>,
) -> Result<Vec<Joint>> {
    let Generation { seed, n_stages, .. } = generated;
    let n = generated.n.min(showers.energies_gev.len());
    let energies_gev = &showers.energies_gev[..n];
    let encoded = showers.observables.column(Column::M1z).to_vec();
    let mut samples = vec![("encoded", showers.energies_gev.clone(), encoded)];
    let sources = [
        ("normal", Some(LatentSource::Prior)),
        ("density", density.map(|kde| LatentSource::Kde(Box::new(kde.clone())))),
    ];
    for (sample, source) in sources {
        let Some(source) = source.filter(|_| n > 0) else { continue };
        let generator = Generator::new(&model.networks, source, seed, n_stages)?;
        match centres(model, &generator, energies_gev, caller) {
            Ok(cog_z) => samples.push((sample, energies_gev.to_vec(), cog_z)),
            // A density may know nothing of an energy.
            Err(Error::Latent(error)) => {
                gaps.push(Gap::new("showers from the density", error.to_string()));
            }
            Err(error) => return Err(error),
        }
    }
    let mut ranges = None;
    let mut joints = Vec::new();
    for (sample, energies_gev, cog_z) in samples {
        let complete: Vec<usize> = (0..cog_z.len()).filter(|&i| cog_z[i].is_finite()).collect();
        let select = |values: &[f64]| -> Array1<f64> { complete.iter().map(|&i| values[i]).collect() };
        let (x, y) = (select(&energies_gev), select(&cog_z));
        if x.len() < 3 {
            gaps.push(Gap::new(
                format!("centre of gravity, {sample}"),
                format!("{} showers with one", x.len()),
            ));
            continue;
        }
        // All on the axes of the first, to be compared.
        let ranges =
            *ranges.get_or_insert_with(|| [showers.energy_range_gev(), wider(drawn_range(y.view()))]);
        let what = JointOf { sample, variable: None, observable: "CoG-z", unit: "layer" };
        match joint(&what, x.view(), y.view(), ranges, BINS)? {
            Some(joint) => joints.push(joint),
            None => gaps.push(Gap::new(
                format!("centre of gravity against incident energy, {sample}"),
                "one of them does not vary".to_owned(),
            )),
        }
    }
    Ok(joints)
}

/// Room for showers that are off.
fn wider([low, high]: [f64; 2]) -> [f64; 2] {
    let room = 0.1 * (high - low);
    [low - room, high + room]
}

/// Centre of gravity of generated showers; NaN where there is none.
fn centres(
    model: &LoadedModel,
    generator: &Generator<'_>,
    energies_gev: &[f64],
    caller: Caller<'_>,
) -> Result<Vec<f64>> {
    let settings = sample_settings(&model.detector, 0, 0)?.observables;
    let mut progress = caller.begin(&Pass::showers("generating", Some(energies_gev.len() as u64)));
    let mut all = Vec::with_capacity(energies_gev.len());
    generator.for_each_block_of(0, energies_gev, caller, |block| {
        let batch = block.last()?;
        let table = observables(batch.view(), &batch.energies_gev, &settings)?;
        all.extend_from_slice(table.column(Column::M1z));
        progress.advance(batch.len());
        Ok(())
    })?;
    Ok(all)
}
