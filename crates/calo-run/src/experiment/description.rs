//! An experiment as its TOML file describes it.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::built_in;
use super::plan::{Candidate, DataPlan, Figures, LatentPage, RunPlan};
use super::profile::Profile;
use crate::error::Context as _;
use crate::{EnergyRange, Error, Result};

/// A table or figure of a paper: which showers, which runs, which samples of them are compared, and what was published.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Experiment {
    /// The stem of its file.
    #[serde(skip)]
    pub name: String,
    /// Where it stands, for messages.
    #[serde(skip)]
    pub(super) place: String,
    /// Folder of its file; none where it is built in.
    #[serde(skip)]
    pub(super) folder: Option<PathBuf>,
    /// Heading of the page.
    pub title: String,
    /// The paper.
    pub paper: String,
    /// A sentence behind the numbers: how they compare with the published ones.
    #[serde(default)]
    pub note: String,
    /// What its pages show of the paper.
    #[serde(default)]
    pub figures: Figures,
    /// The showers.
    pub data: DataPlan,
    /// Sizes of the whole.
    #[serde(rename = "profile")]
    pub profiles: Vec<Profile>,
    /// What is trained.
    #[serde(rename = "run")]
    pub runs: Vec<RunPlan>,
    /// What is compared with the reference.
    #[serde(rename = "candidate")]
    pub candidates: Vec<Candidate>,
    /// Pages of latent spaces.
    #[serde(rename = "latent", default)]
    pub latent_pages: Vec<LatentPage>,
}

impl Experiment {
    /// The built-in experiment of that name, or the one in that file.
    ///
    /// # Errors
    /// Neither; a file that is no description of an experiment, or contradicts itself.
    pub fn load(name_or_path: &str) -> Result<Self> {
        if built_in::names().any(|name| name == name_or_path) {
            let file = format!("{name_or_path}.toml");
            let text = built_in::text(&file).with_context(|| format!("{file}: is not built in"))?;
            return Self::parse(text, Path::new(&file), None);
        }
        let path = Path::new(name_or_path);
        if !path.is_file() {
            let known = built_in::names().collect::<Vec<_>>().join(", ");
            let problem =
                format!("{name_or_path}: no such experiment or file; expected {known} or a TOML file");
            return Err(Error::Usage(problem));
        }
        let text = fs::read_to_string(path).map_err(|e| calo_core::Error::io(path, "read", e))?;
        let absolute = std::path::absolute(path).context(name_or_path)?;
        Self::parse(&text, path, absolute.parent().map(Path::to_owned))
    }

    /// All built-in experiments.
    ///
    /// # Errors
    /// None that a built library has.
    pub fn built_in() -> Result<Vec<Self>> {
        built_in::names().map(Self::load).collect()
    }

    /// Reads `text`, which stands in `path`.
    pub(super) fn parse(text: &str, path: &Path, folder: Option<PathBuf>) -> Result<Self> {
        let place = path.display().to_string();
        let read: Result<Self> = toml::from_str(text).map_err(Error::from);
        let mut experiment = read.with_context(|| format!("{place}: is no description of an experiment"))?;
        experiment.name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        (experiment.place, experiment.folder) = (place, folder);
        experiment.expand_scans()?;
        experiment.check()?;
        Ok(experiment)
    }

    /// The profile of that name.
    ///
    /// # Errors
    /// There is none.
    pub fn profile(&self, name: &str) -> Result<&Profile> {
        let names =
            || self.profiles.iter().map(|profile| profile.name.as_str()).collect::<Vec<_>>().join(", ");
        let found = self.profiles.iter().find(|profile| profile.name == name);
        found.ok_or_else(|| {
            let problem = format!("{}: no profile `{name}`; expected one of {}", self.place, names());
            Error::Usage(problem)
        })
    }

    /// The energies of the full spectrum.
    ///
    /// # Errors
    /// A field that is no range of energies.
    pub(super) fn spectrum(&self) -> Result<EnergyRange> {
        let range = self.data.spectrum_gev.parse::<EnergyRange>();
        range.map_err(|problem| self.wrong("data.spectrum_gev", &problem))
    }

    /// Place of a run in the list.
    pub(super) fn run_index(&self, name: &str) -> Option<usize> {
        self.runs.iter().position(|run| run.name == name)
    }

    pub(super) fn wrong(&self, field: &str, problem: &str) -> Error {
        Error::Invalid(format!("{}: field `{field}`: {problem}", self.place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table2() -> String {
        built_in::text("table2.toml").unwrap().to_owned()
    }

    fn message(text: &str) -> String {
        let error = Experiment::parse(text, Path::new("mine.toml"), None).unwrap_err();
        let mut message = error.to_string();
        if let Some(source) = std::error::Error::source(&error) {
            message += &format!(": {source}");
        }
        message
    }

    #[test]
    fn built_in_experiments_are_experiments() {
        let all = Experiment::built_in().unwrap();
        let table2 = all.iter().find(|experiment| experiment.name == "table2").unwrap();
        assert_eq!((table2.runs.len(), table2.candidates.len(), table2.latent_pages.len()), (2, 3, 2));
        assert_eq!(table2.profile("quick").unwrap().n_train, 4800);
        assert!(table2.profile("nada").unwrap_err().to_string().contains("tiny, quick, laptop, paper"));
        assert!(Experiment::load("nada").unwrap_err().is_usage());
    }

    #[test]
    fn a_table_must_not_take_the_name_of_the_list_of_stages() {
        let error = Experiment::parse(&table2(), Path::new("a/stages.toml"), None).unwrap_err();
        assert!(error.to_string().starts_with("a/stages.toml: expected another name"), "{error}");
    }

    #[test]
    fn what_is_wrong_is_named_with_its_field() {
        for (from, to, part) in [
            ("keeps_steps = true", "keep_steps = true", "unknown field `keep_steps`"),
            ("run = \"beta-0.4\"", "run = \"beta-4\"", "`candidate.run`: `beta-4`"),
            ("sampling = \"kde\"", "sampling = \"vae\"", "`vae`"),
            ("spectrum_gev = \"10..100\"", "spectrum_gev = \"100..10\"", "`data.spectrum_gev`"),
            ("fixed_gev = [20,", "fixed_gev = [-20,", "`data.fixed_gev[0]`"),
            ("n_train = 256", "n_train = 0", "`profile[0].n_train`"),
            ("fractions = [60, 20, 20]", "fractions = [60, 20, 0]", "`profile[0].fractions`"),
            ("name = \"beta-0.05\"", "name = \"../beta\"", "`run.name`: `../beta`"),
            ("name = \"beta 0.4\"", "name = \"Beta 0.05\"", "`beta-0.05`, as those of another"),
            ("overrides = [\"losses.kld=0.4\"]", "repeated = true", "`run.repeated`"),
        ] {
            let text = table2();
            assert!(text.contains(from), "{from}");
            let message = message(&text.replacen(from, to, 1));
            assert!(message.starts_with("mine.toml: ") && message.contains(part), "{message}");
        }
    }
}
