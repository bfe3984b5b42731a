//! The runs of a seed.

use std::fs;

use super::context::{Made, Seed};
use crate::Result;
use crate::error::Context as _;
use crate::experiment::seeds::NEXT_RUN;
use crate::experiment::stages::Stage;
use crate::experiment::step::Step;
use crate::run_folder::RunFolder;
use crate::train::TrainRequest;

impl Seed<'_, '_> {
    /// The runs of the plan, the repeated one as often as was asked for.
    pub(super) fn train_all(&mut self) -> Result<Vec<Made>> {
        let (mut made, mut stages) = (Vec::new(), Vec::new());
        for (plan, run) in self.pipeline.experiment.runs.iter().enumerate() {
            let n = if run.repeated { self.pipeline.request.n_runs } else { 1 };
            for repetition in 0..n {
                let name = match repetition {
                    0 => run.name.clone(),
                    n => format!("{}-{}", run.name, n + 1),
                };
                let folder = self.folder.join(&name);
                stages.push(self.train(plan, &name, self.seed + repetition * NEXT_RUN)?);
                made.push(Made { plan, folder, died: None });
            }
        }
        self.pipeline.stages_together(&stages)?;
        for made in &mut made {
            let path = RunFolder::new(&made.folder).died();
            if self.pipeline.experiment.runs[made.plan].may_die && path.exists() {
                let why = fs::read_to_string(&path).map_err(|e| calo_core::Error::io(&path, "read", e))?;
                made.died = Some(why);
            }
        }
        Ok(made)
    }

    /// The stage of one run, whose place in the plan is `index`.
    fn train(&self, index: usize, name: &str, seed: u64) -> Result<Stage<Step>> {
        let Self { pipeline, data, .. } = self;
        let (request, profile, plan) = (pipeline.request, pipeline.profile, &pipeline.experiment.runs[index]);
        let (out, (base, config)) = (self.folder.join(name), &pipeline.configs[index]);
        let mut overrides = profile.overrides_of(&plan.name);
        if request.from.is_some() {
            overrides.extend(profile.tuning.iter().cloned());
        } else {
            overrides.extend(base.schedule_for(profile, data.n_train)?);
        }
        overrides.extend(request.overrides.iter().cloned());
        // Validation showers are a file of their own, as many of them as the reference has.
        overrides.push("data.split=[1.0, 0.0, 0.0]".to_owned());
        overrides.push(format!("validation.max_showers={}", profile.n_full));
        overrides.extend(plan.overrides.iter().cloned());
        overrides.push(format!("seed={seed}"));
        let mut inputs = vec![config.clone(), data.train.clone()];
        inputs.extend(data.validation.files().cloned());
        let mut from = None;
        if let Some(folder) = &request.from {
            let run = std::path::absolute(folder).context("--from")?.join(&plan.name);
            // What training reads: of a run its last state, of an exported model what names its weights.
            let begun = RunFolder::new(&run);
            inputs.push(if begun.last().exists() { begun.last() } else { begun.description() });
            from = Some(run);
        }
        let folder = RunFolder::new(&out);
        // A run that may die leaves what it has.
        let outputs = match plan.may_die {
            true => vec![folder.config()],
            false => vec![folder.config(), folder.validation(), folder.last()],
        };
        let step = if plan.may_die { Step::TrainOrDie } else { Step::Train };
        Ok(Stage {
            name: self.name(&format!("train {name}")),
            inputs,
            outputs,
            unfinished: vec![out.clone()],
            steps: vec![step(TrainRequest {
                config: config.clone(),
                overrides,
                data: data.train.clone(),
                out,
                // Begun or not: what a kill left is resumed.
                resume: true,
                from,
                validation: Some(data.validation.full.clone()),
                validation_at: data.validation.fixed.clone(),
                compute: request.compute.clone(),
            })],
        })
    }
}
