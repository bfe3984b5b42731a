//! Whether an experiment contradicts itself.

use std::collections::BTreeSet;

use calo_metrics::SCORES;

use super::description::Experiment;
use super::plan::{Candidate, LatentComparisonPlan, Sampling, file_stem};
use crate::error::ensure;
use crate::{EnergyRange, Result};

impl Experiment {
    /// # Errors
    /// The first field that cannot be, with what was expected.
    pub(super) fn check(&self) -> Result<()> {
        let place = &self.source.place;
        self.spectrum()?;
        for (i, &energy) in self.data.fixed_gev.iter().enumerate() {
            let is_energy = energy.is_finite() && energy > 0.0;
            ensure!(is_energy, "{place}: field `data.fixed_gev[{i}]`: {energy}; expected an energy above 0");
        }
        let files = &self.data.files;
        self.check_fractions("data.files.fractions_at", files.fractions_at)?;
        self.check_fractions("data.files.fractions_pretrained", files.fractions_pretrained)?;
        for (i, profile) in self.profiles.iter().enumerate() {
            self.check_fractions(&format!("profile[{i}].fractions"), profile.fractions)?;
            for (field, n) in
                [("n_train", profile.n_train), ("n_full", profile.n_full), ("n_fixed", profile.n_fixed)]
            {
                ensure!(n > 0, "{place}: field `profile[{i}].{field}`: 0; expected at least 1");
            }
            if profile.seeds == Some(0) {
                return Err(self.wrong(&format!("profile[{i}].seeds"), "0; expected at least 1"));
            }
            if let Some(run) = profile.of_run.keys().find(|run| self.run_index(run).is_none()) {
                let names = self.runs.iter().map(|run| run.name.as_str()).collect::<Vec<_>>().join(", ");
                return Err(
                    self.wrong(&format!("profile[{i}].run.{run}"), &format!("expected one of {names}"))
                );
            }
        }
        let lists = [
            ("profile", self.profiles.iter().map(|profile| profile.name.clone()).collect::<Vec<_>>()),
            ("run", self.runs.iter().map(|run| run.name.clone()).collect()),
            ("density", self.densities.iter().map(|density| density.name.clone()).collect()),
            ("candidate", self.candidates.iter().map(|candidate| candidate.name.clone()).collect()),
        ];
        for (field, names) in lists {
            check_names(place, field, &names)?;
        }
        let candidates = self.candidates.iter().map(|candidate| ("candidate", &candidate.run));
        let pages = self.latent_pages.iter().map(|page| ("latent", &page.run));
        let names = || self.runs.iter().map(|run| run.name.as_str()).collect::<Vec<_>>().join(", ");
        for (field, run) in candidates.chain(pages) {
            let is_known = self.run_index(run).is_some();
            ensure!(is_known, "{place}: field `{field}.run`: `{run}`; expected one of {}", names());
        }
        self.check_candidates()?;
        self.check_profiles_of_runs()?;
        self.check_densities()?;
        let n_repeated = self.runs.iter().filter(|run| run.repeated).count();
        ensure!(
            n_repeated < 2,
            "{place}: field `run.repeated`: true in {n_repeated} runs; expected one at most"
        );
        Ok(())
    }

    /// # Errors
    /// A run of a profile that there is not.
    fn check_profiles_of_runs(&self) -> Result<()> {
        let is_known = |name: &String| self.profiles.iter().any(|profile| profile.name == *name);
        let unknown = self.runs.iter().flat_map(|run| &run.profiles).find(|name| !is_known(name));
        unknown.map_or(Ok(()), |name| {
            let names = self.profiles.iter().map(|profile| profile.name.as_str()).collect::<Vec<_>>();
            Err(self.wrong("run.profiles", &format!("`{name}`; expected one of {}", names.join(", "))))
        })
    }

    /// # Errors
    /// A density that there is not, or one of something that is sampled in another way.
    fn check_densities(&self) -> Result<()> {
        let candidates = self.candidates.iter().map(|one| ("candidate.density", &one.density, one.sampling));
        let pages = self.latent_pages.iter().map(|one| ("latent.density", &one.density, one.sampling));
        if let Some(LatentComparisonPlan { correlations, sampled, density }) = &self.latent_comparison {
            let unknown = correlations.iter().chain(sampled).find(|run| self.page_of(run).is_none());
            if let Some(run) = unknown {
                let problem = format!("`{run}`, which has no [[latent]]; expected a run that has one");
                return Err(self.wrong("latent_comparison", &problem));
            }
            if let Some(name) = density.as_ref().filter(|name| self.density(Some(name)).is_none()) {
                return Err(
                    self.wrong("latent_comparison.density", &format!("`{name}`; expected a [[density]]"))
                );
            }
        }
        for (field, name, sampling) in candidates.chain(pages) {
            let Some(name) = name else { continue };
            if sampling != Sampling::Kde {
                let problem = format!("`{name}`, which is not sampled; expected it with sampling = \"kde\"");
                return Err(self.wrong(field, &problem));
            }
            if self.density(Some(name)).is_none() {
                let names = self.densities.iter().map(|density| density.name.as_str()).collect::<Vec<_>>();
                return Err(self.wrong(field, &format!("`{name}`; expected one of {}", names.join(", "))));
            }
        }
        Ok(())
    }

    fn check_fractions(&self, field: &str, fractions: [f64; 3]) -> Result<()> {
        let sum: f64 = fractions.iter().sum();
        let are_shares = fractions.iter().all(|share| *share >= 0.0) && sum > 0.0 && sum.is_finite();
        // Without one of the last two there is nothing to choose epochs with, or to compare with.
        ensure!(
            are_shares && fractions[1] > 0.0 && fractions[2] > 0.0,
            "{}: field `{field}`: {fractions:?}; expected shares of training, validation and reference, the last two above 0",
            self.source.place
        );
        Ok(())
    }

    /// # Errors
    /// A candidate or a page that needs latent variables of `run`, whose `family` encodes nothing.
    pub(super) fn refuse_latent_variables(&self, run: &str, family: &str) -> Result<()> {
        let sampled = |candidate: &&Candidate| candidate.run == run && candidate.sampling == Sampling::Kde;
        let field = if self.candidates.iter().any(|candidate| sampled(&candidate)) {
            "candidate.sampling"
        } else if self.latent_pages.iter().any(|page| page.run == run) {
            "latent.run"
        } else {
            return Ok(());
        };
        let problem = format!(
            "needs latent variables of run {run}, but its family `{family}` encodes no showers; expected a family with an \
             encoder, or sampling = \"normal\" and no [[latent]]"
        );
        Err(self.wrong(field, &problem))
    }

    /// # Errors
    /// A candidate whose latent variables are to be optimised, of `run`, whose `family` has no critic that could.
    pub(super) fn refuse_optimised(&self, run: &str, family: &str) -> Result<()> {
        let is_optimised =
            |candidate: &Candidate| candidate.run == run && candidate.sampling == Sampling::Optimised;
        if self.candidates.iter().any(is_optimised) {
            let problem = format!(
                "\"optimised\", but run {run} is of family `{family}`, whose critic does not score single showers; expected a \
                 WGAN, or sampling = \"normal\""
            );
            return Err(self.wrong("candidate.sampling", &problem));
        }
        Ok(())
    }

    /// Names of files and published numbers of candidates, energies that densities cover, pages of latent spaces.
    ///
    /// # Errors
    /// The first that cannot be.
    fn check_candidates(&self) -> Result<()> {
        let place = &self.source.place;
        let stems: Vec<String> = self.candidates.iter().map(|candidate| file_stem(&candidate.name)).collect();
        for stem in &stems {
            let other = stems.iter().find(|other| is_numbered(stem, other, '_'));
            ensure!(
                other.is_none(),
                "{place}: field `candidate.name`: `{stem}`, as showers of one energy of another are called; expected another"
            );
        }
        let mut files = BTreeSet::new();
        for (candidate, stem) in self.candidates.iter().zip(&stems) {
            ensure!(
                files.insert(stem),
                "{place}: field `candidate.name`: `{}`: its files would be called `{stem}`, as those of another; expected \
                 another name",
                candidate.name
            );
            let known = || SCORES.iter().map(|score| score.id).collect::<Vec<_>>().join(", ");
            let unknown = candidate.published.keys().find(|id| !SCORES.iter().any(|score| score.id == **id));
            if let Some(id) = unknown {
                return Err(self
                    .wrong("candidate.published", &format!("no score `{id}`; expected one of {}", known())));
            }
        }
        if self.candidates.iter().any(|candidate| candidate.sampling == Sampling::Kde) {
            let EnergyRange { low_gev, high_gev } = self.spectrum()?;
            for (i, energy) in self.data.fixed_gev.iter().enumerate() {
                ensure!(
                    (low_gev..=high_gev).contains(energy),
                    "{place}: field `data.fixed_gev[{i}]`: {energy}; expected an energy in {low_gev}..{high_gev}, which the \
                     density of the latent variables covers"
                );
            }
        }
        let mut pages = BTreeSet::new();
        for page in &self.latent_pages {
            let run = &page.run;
            ensure!(
                pages.insert(run),
                "{place}: field `latent.run`: `{run}` twice; expected one page for each run"
            );
        }
        Ok(())
    }

    /// # Errors
    /// Names whose files and folders would be those of something else, where the repeated run is made `n_runs` times.
    pub(super) fn check_folders(&self, n_runs: u64) -> Result<()> {
        let place = &self.source.place;
        let repeated = self.runs.iter().find(|run| run.repeated).filter(|_| n_runs > 1);
        for run in &self.runs {
            let name = &run.name;
            let is_taken = ["selection", "evaluation", "generated", "data", "comparison"]
                .contains(&name.as_str())
                || name.starts_with("latent")
                || name.starts_with("density");
            ensure!(
                !is_taken,
                "{place}: field `run.name`: `{name}`, as a folder of every seed is called; expected another"
            );
            let is_repetition = repeated.is_some_and(|first| is_numbered(name, &first.name, '-'));
            ensure!(
                !is_repetition,
                "{place}: field `run.name`: `{name}`, as a repetition of another run is called; expected another"
            );
        }
        Ok(())
    }
}

/// That there are names, all different, which folders can have.
///
/// # Errors
/// The first that cannot be.
pub(super) fn check_names(place: &str, field: &str, names: &[String]) -> Result<()> {
    ensure!(!names.is_empty(), "{place}: no `[[{field}]]`; expected at least one");
    let mut known = BTreeSet::new();
    for name in names {
        let is_plain = !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', '\0']);
        ensure!(is_plain, "{place}: field `{field}.name`: `{name}`; expected a name that a folder can have");
        ensure!(
            known.insert(name),
            "{place}: field `{field}.name`: `{name}` twice; expected names that differ"
        );
    }
    Ok(())
}

/// Whether `name` is `first`, the separator and a number.
fn is_numbered(name: &str, first: &str, separator: char) -> bool {
    let number = name.strip_prefix(first).and_then(|rest| rest.strip_prefix(separator));
    number.is_some_and(|number| number.parse::<f64>().is_ok())
}
