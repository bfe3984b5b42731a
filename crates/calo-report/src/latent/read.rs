//! Reading `latent.json`, and refusing what does not fit together.

use std::path::Path;

use calo_metrics::results::Estimate;

use super::{Joint, LatentResults, Marginal, SCHEMA_VERSION, Traversal};
use crate::error::Result;
use crate::input::{Place, read};

/// Reads and checks `latent.json` in `dir`.
///
/// # Errors
/// [`Error::File`](crate::Error::File) where it cannot be read or is not ours, [`Error::Field`](crate::Error::Field)
/// where it contradicts itself.
pub fn read_latent(dir: &Path) -> Result<LatentResults> {
    let path = dir.join("latent.json");
    let results = read(&path, SCHEMA_VERSION..=SCHEMA_VERSION, "a result of `calo latent`")?;
    check(&results, &Place(&path))?;
    Ok(results)
}

fn check(results: &LatentResults, place: &Place<'_>) -> Result<()> {
    let grid = results.detector.grid;
    place.grid(grid)?;
    place.not_negative(|| "detector.cell_cut_mev".into(), [&results.detector.cell_cut_mev])?;
    place.numbers(|| "model.beta_kld".into(), results.model.beta_kld.as_ref())?;
    place.not_negative(|| "data.energy_range_gev".into(), &results.data.energy_range_gev)?;
    if let Some(density) = &results.density {
        let field = || "density.bandwidths".into();
        place.length(field, density.bandwidths.len(), results.model.encoded)?;
        place.not_negative(field, &density.bandwidths)?;
        place.not_negative(|| "density.condition_bandwidth".into(), [&density.condition_bandwidth])?;
    }
    check_divergence(results, place)?;
    check_correlations(results, place)?;
    let encoded = results.model.encoded;
    for (list, joints) in [("joints", &results.joints), ("cog_z", &results.cog_z)] {
        for (index, joint) in joints.iter().enumerate() {
            check_joint(joint, encoded, || format!("{list}[{index}]"), place)?;
        }
    }
    for (index, traversal) in results.traversals.iter().enumerate() {
        check_traversal(traversal, encoded, grid, || format!("traversals[{index}]"), place)?;
    }
    for (index, marginal) in results.marginals.iter().enumerate() {
        check_marginal(marginal, encoded, || format!("marginals[{index}]"), place)?;
    }
    Ok(())
}

fn check_divergence(results: &LatentResults, place: &Place<'_>) -> Result<()> {
    let (divergence, n) = (&results.divergence, results.model.encoded);
    let mut order = divergence.variables.clone();
    order.sort_unstable();
    let each_once = n > 0 && order.iter().copied().eq(0..n);
    let found = || format!("{} entries", order.len());
    place.demand(each_once, || "divergence.variables".into(), found, "every encoded variable once")?;
    for (name, values) in [
        ("nats", &divergence.nats),
        ("errors", &divergence.errors),
        ("cumulative_nats", &divergence.cumulative_nats),
    ] {
        let field = || format!("divergence.{name}");
        place.length(field, values.len(), n)?;
        place.not_negative(field, values)?;
    }
    Ok(())
}

fn check_correlations(results: &LatentResults, place: &Place<'_>) -> Result<()> {
    let correlations = &results.correlations;
    for &variable in &correlations.variables {
        check_variable(variable, results.model.encoded, || "correlations.variables".into(), place)?;
    }
    for (name, rows) in [("coefficients", &correlations.coefficients), ("errors", &correlations.errors)] {
        let field = || format!("correlations.{name}");
        place.length(field, rows.len(), correlations.observables.len())?;
        for row in rows {
            place.length(field, row.len(), correlations.variables.len() + 1)?;
            place.numbers(field, row.iter().flatten())?;
        }
    }
    let steep = correlations.coefficients.iter().flatten().flatten().find(|rho| rho.abs() > 1.0 + 1e-6);
    let field = || "correlations.coefficients".to_owned();
    place.demand(steep.is_none(), field, || format!("{steep:?}"), "correlations, -1 to 1")
}

fn check_variable(
    variable: usize,
    encoded: usize,
    field: impl FnOnce() -> String,
    place: &Place<'_>,
) -> Result<()> {
    let expected = format!("a variable below {encoded}");
    place.demand(variable < encoded, field, || variable.to_string(), &expected)
}

fn check_joint(joint: &Joint, encoded: usize, field: impl Fn() -> String, place: &Place<'_>) -> Result<()> {
    if let Some(variable) = joint.variable {
        check_variable(variable, encoded, || format!("{}.variable", field()), place)?;
    }
    place.edges(|| format!("{}.x_edges", field()), &joint.x_edges)?;
    place.edges(|| format!("{}.y_edges", field()), &joint.y_edges)?;
    let (nx, ny) = (joint.x_edges.len() - 1, joint.y_edges.len() - 1);
    place.length(|| format!("{}.counts", field()), joint.counts.len(), nx)?;
    for row in &joint.counts {
        place.length(|| format!("{}.counts", field()), row.len(), ny)?;
    }
    place.length(|| format!("{}.profile", field()), joint.profile.len(), nx)?;
    let estimates: Vec<&Estimate> = joint.profile.iter().flatten().chain(&joint.correlation).collect();
    estimates.into_iter().try_for_each(|estimate| place.estimate(&field, estimate))
}

fn check_traversal(
    traversal: &Traversal,
    encoded: usize,
    grid: [usize; 3],
    field: impl Fn() -> String,
    place: &Place<'_>,
) -> Result<()> {
    check_variable(traversal.variable, encoded, || format!("{}.variable", field()), place)?;
    place.not_negative(|| format!("{}.energy_gev", field()), [&traversal.energy_gev])?;
    for (index, point) in traversal.points.iter().enumerate() {
        let field = || format!("{}.points[{index}]", field());
        place.numbers(field, [&point.z].into_iter().chain(&point.cog_z))?;
        place.length(|| format!("{}.longitudinal_mev", field()), point.longitudinal_mev.len(), grid[0])?;
        place.not_negative(|| format!("{}.longitudinal_mev", field()), &point.longitudinal_mev)?;
        place.length(|| format!("{}.energies_mev", field()), point.energies_mev.len(), point.cells.len())?;
        place.energies(field, &point.energies_mev)?;
        place.cells(field, &point.cells, grid)?;
    }
    Ok(())
}

fn check_marginal(
    marginal: &Marginal,
    encoded: usize,
    field: impl Fn() -> String,
    place: &Place<'_>,
) -> Result<()> {
    check_variable(marginal.variable, encoded, || format!("{}.variable", field()), place)?;
    place.edges(|| format!("{}.edges", field()), &marginal.edges)?;
    let n_bins = marginal.edges.len() - 1;
    place.length(|| format!("{}.counts", field()), marginal.counts.len(), n_bins)?;
    place.estimate(&field, &marginal.mean)?;
    place.estimate(&field, &marginal.standard_deviation)?;
    if let Some(density) = &marginal.density {
        place.length(|| format!("{}.density", field()), density.len(), n_bins)?;
        place.not_negative(|| format!("{}.density", field()), density)?;
    }
    Ok(())
}
