//! The configurations of all runs of an experiment.

use super::base_config::BaseConfig;
use super::plan::RunPlan;
use super::profile::Profile;
use super::request::ReproduceRequest;
use crate::error::{Context as _, ensure};
use crate::{Error, Result};

/// Fields that every run of an experiment gets from it: how showers are split and counted, and the seed.
const OWN_FIELDS: [&str; 3] = ["data.split", "validation.max_showers", "seed"];

/// The configurations of all runs of a profile, in their order.
///
/// # Errors
/// As [`BaseConfig::of`].
pub(super) fn all(request: &ReproduceRequest, profile: &Profile) -> Result<Vec<BaseConfig>> {
    let experiment = &request.experiment;
    experiment.runs.iter().map(|run| BaseConfig::of(experiment, profile, &run.name)).collect()
}

/// Name of the detector of all runs, whose fields are checked; `configs` are those of [`all`].
///
/// # Errors
/// Fields or values that cannot be; runs for several detectors, or without what they are sampled from.
pub(super) fn detector(
    request: &ReproduceRequest,
    profile: &Profile,
    configs: &[BaseConfig],
) -> Result<String> {
    let experiment = &request.experiment;
    let tuning: &[String] = if request.from.is_some() { &profile.tuning } else { &[] };
    let mut detectors = Vec::new();
    for (run, config) in experiment.runs.iter().zip(configs) {
        refuse_fields(&request.overrides, &OWN_FIELDS, Some(run))?;
        let of_profile = profile.overrides_of(&run.name);
        let of_file = [&of_profile[..], tuning, &run.overrides].concat();
        let place = || format!("{}: profile {}, run {}", experiment.source.place, profile.name, run.name);
        config.with(&of_file).with_context(place)?;
        let all = [&of_profile[..], tuning, &request.overrides, &run.overrides].concat();
        let config = config.with(&all)?;
        let batch = config.recipe.optim.batch_showers;
        ensure!(
            request.data.is_some() || request.pretrained || profile.n_train >= batch as u64,
            "{}: profile {}: field `n_train`: {}; expected at least {batch}, a batch of run {}",
            experiment.source.place,
            profile.name,
            profile.n_train,
            run.name
        );
        if !config.recipe.family.has_encoder() {
            experiment.refuse_latent_variables(&run.name, config.recipe.family.family())?;
        }
        if !config.recipe.family.has_latent_score() {
            experiment.refuse_optimised(&run.name, config.recipe.family.family())?;
        }
        detectors.push(config.detector);
    }
    let first = detectors.first().with_context(|| format!("{}: no run", experiment.source.place))?;
    ensure!(
        detectors.iter().all(|detector| detector == first),
        "{}: runs for the detectors {}; expected one",
        experiment.source.place,
        detectors.join(", ")
    );
    Ok(first.clone())
}

/// # Errors
/// Overrides of fields that the experiment (`own_fields`) or `run` sets, which would have no effect.
pub(super) fn refuse_fields(overrides: &[String], own_fields: &[&str], run: Option<&RunPlan>) -> Result<()> {
    let name = |text: &str| text.split('=').next().unwrap_or_default().trim().to_owned();
    let sets = |run: &&RunPlan, field: &str| run.overrides.iter().any(|text| name(text) == field);
    for given in overrides {
        let field = name(given);
        let by = if own_fields.contains(&field.as_str()) {
            "the experiment sets it".to_owned()
        } else if let Some(run) = run.filter(|run| sets(run, &field)) {
            format!("run {} sets it", run.name)
        } else {
            continue;
        };
        let problem =
            format!("--set {given}: {by} itself; expected another field, or an experiment file of your own");
        return Err(Error::Usage(problem));
    }
    Ok(())
}
