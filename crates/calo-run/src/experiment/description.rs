//! An experiment as its TOML file describes it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use calo_core::Grid;
use serde::Deserialize;

use super::built_in;
use super::profile::Profile;
use crate::error::{Context as _, ensure};
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

/// Which showers there are.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataPlan {
    /// Incident particle.
    pub particle: String,
    /// Energies of the full spectrum, GeV, as `10..100`.
    pub spectrum_gev: String,
    /// Energies of samples of one energy, GeV.
    pub fixed_gev: Vec<f64>,
    /// How files of showers are used.
    pub files: FilePlan,
}

/// How files of showers are used instead of simulated ones. Fractions are of training, validation and reference.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilePlan {
    /// Of a file of one energy.
    pub fractions_at: [f64; 3],
    /// Of all files where nothing is trained.
    pub fractions_pretrained: [f64; 3],
    /// Detectors whose showers are pooled first.
    #[serde(default)]
    pub pooled: Vec<Pooling>,
}

/// Showers of one detector are made from those of another.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pooling {
    /// The detector that showers are made for.
    pub detector: String,
    /// The detector of the file.
    pub from: String,
    /// Cells that become one.
    pub by: Grid,
}

/// A run, or several that differ in their seeds.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunPlan {
    /// Name of its folder.
    pub name: String,
    /// Name on the page.
    pub label: String,
    /// Fields of the configuration that it sets, as `losses.kld=0.05`.
    #[serde(default)]
    pub overrides: Vec<String>,
    /// Whether it is repeated as often as is asked for; the best is used. One run at most.
    #[serde(default)]
    pub repeated: bool,
    /// Published S_JSD of repeated runs.
    pub published_s_jsd: Option<String>,
}

/// Showers of a run that are compared with the reference.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Candidate {
    /// Name in tables and legends.
    pub name: String,
    /// Name of the run.
    pub run: String,
    /// Which of its epochs.
    #[serde(default)]
    pub epoch: EpochRule,
    /// Where latent variables come from.
    pub sampling: Sampling,
    /// Published scores, by the id of the score.
    #[serde(default)]
    pub published: BTreeMap<String, f64>,
}

/// Which epoch of a run is used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EpochRule {
    /// That of the lowest S_JSD against validation showers.
    #[default]
    Best,
}

/// Where latent variables come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sampling {
    /// N(0, 1), or what else the model's prior is.
    Normal,
    /// A kernel density of the latent variables of training showers.
    Kde,
}

/// A page of the latent space of a run.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LatentPage {
    /// Name of the run.
    pub run: String,
    /// What new showers are sampled from: with `normal`, a density that is made for the page alone stands beside.
    pub sampling: Sampling,
    /// Published correlation of the leading variable with the centre of gravity z; the first page's is in the table.
    pub published_cog_z: Option<String>,
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
    fn parse(text: &str, path: &Path, folder: Option<PathBuf>) -> Result<Self> {
        let place = path.display().to_string();
        let read: Result<Self> = toml::from_str(text).map_err(Error::from);
        let mut experiment = read.with_context(|| format!("{place}: is no description of an experiment"))?;
        experiment.name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        (experiment.place, experiment.folder) = (place, folder);
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

    fn wrong(&self, field: &str, problem: &str) -> Error {
        Error::Invalid(format!("{}: field `{field}`: {problem}", self.place))
    }

    fn check(&self) -> Result<()> {
        let place = &self.place;
        // The table is called as the experiment, and lies beside `stages.json`.
        ensure!(
            self.name != "stages",
            "{place}: expected another name for the file, which the list of stages has"
        );
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
        }
        let lists = [
            ("profile", self.profiles.iter().map(|profile| profile.name.clone()).collect::<Vec<_>>()),
            ("run", self.runs.iter().map(|run| run.name.clone()).collect()),
            // Names of files are made from those of candidates.
            ("candidate", self.candidates.iter().map(|candidate| file_stem(&candidate.name)).collect()),
        ];
        for (field, names) in lists {
            self.check_names(field, &names)?;
        }
        let candidates = self.candidates.iter().map(|candidate| ("candidate", &candidate.run));
        let pages = self.latent_pages.iter().map(|page| ("latent", &page.run));
        let names = || self.runs.iter().map(|run| run.name.as_str()).collect::<Vec<_>>().join(", ");
        for (field, run) in candidates.chain(pages) {
            let is_known = self.run_index(run).is_some();
            ensure!(is_known, "{place}: field `{field}.run`: `{run}`; expected one of {}", names());
        }
        let n_repeated = self.runs.iter().filter(|run| run.repeated).count();
        ensure!(
            n_repeated < 2,
            "{place}: field `run.repeated`: true in {n_repeated} runs; expected one at most"
        );
        Ok(())
    }

    fn check_fractions(&self, field: &str, fractions: [f64; 3]) -> Result<()> {
        let sum: f64 = fractions.iter().sum();
        let are_shares = fractions.iter().all(|share| *share >= 0.0) && sum > 0.0 && sum.is_finite();
        // Without one of the last two there is nothing to choose epochs with, or to compare with.
        ensure!(
            are_shares && fractions[1] > 0.0 && fractions[2] > 0.0,
            "{}: field `{field}`: {fractions:?}; expected shares of training, validation and reference, the last two above 0",
            self.place
        );
        Ok(())
    }

    /// That there are names, all different, which folders can have.
    fn check_names(&self, field: &str, names: &[String]) -> Result<()> {
        let place = &self.place;
        ensure!(!names.is_empty(), "{place}: no `[[{field}]]`; expected at least one");
        let mut known = BTreeSet::new();
        for name in names {
            let is_plain = !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', '\0']);
            ensure!(
                is_plain,
                "{place}: field `{field}.name`: `{name}`; expected a name that a folder can have"
            );
            ensure!(
                known.insert(name),
                "{place}: field `{field}.name`: `{name}` twice; expected names that differ"
            );
        }
        Ok(())
    }
}

/// What files of a candidate's showers are called.
pub(super) fn file_stem(candidate: &str) -> String {
    candidate.replace(" + ", "-").replace(' ', "-").to_lowercase()
}

/// Shares with a sum of 1.
pub(super) fn normalised(fractions: [f64; 3]) -> [f64; 3] {
    let sum: f64 = fractions.iter().sum();
    fractions.map(|share| share / sum)
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
            ("name = \"beta 0.4\"", "name = \"Beta 0.05\"", "`beta-0.05` twice"),
            ("overrides = [\"losses.kld=0.4\"]", "repeated = true", "`run.repeated`"),
        ] {
            let text = table2();
            assert!(text.contains(from), "{from}");
            let message = message(&text.replacen(from, to, 1));
            assert!(message.starts_with("mine.toml: ") && message.contains(part), "{message}");
        }
    }
}
