//! The text of an experiment: a built-in one, or a file.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::built_in;
use crate::error::{Context as _, ensure};
use crate::{Error, Result};

/// The text of an experiment and where it stands.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Source {
    pub(super) text: String,
    /// The stem of the file.
    pub(super) name: String,
    /// The file, for messages.
    pub(super) place: String,
    /// Its folder; none where it is built in.
    pub(super) folder: Option<PathBuf>,
}

/// What is reproduced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Scores of candidates against a reference.
    #[default]
    Scores,
    /// How many independent showers generated samples are worth.
    Amplification,
}

impl Source {
    /// The built-in experiment of that name, or the one in that file.
    ///
    /// # Errors
    /// Neither; a file that cannot be read.
    pub(super) fn load(name_or_path: &str) -> Result<Self> {
        if built_in::names().any(|name| name == name_or_path) {
            let file = format!("{name_or_path}.toml");
            let text = built_in::text(&file).with_context(|| format!("{file}: is not built in"))?;
            return Self::new(text, Path::new(&file), None);
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
        Self::new(&text, path, absolute.parent().map(Path::to_owned))
    }

    pub(super) fn new(text: &str, path: &Path, folder: Option<PathBuf>) -> Result<Self> {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let place = path.display().to_string();
        // The result is called as the experiment, and lies beside `stages.json`.
        ensure!(
            name != "stages",
            "{place}: expected another name for the file, which the list of stages has"
        );
        Ok(Self { text: text.to_owned(), name, place, folder })
    }

    /// What the experiment reproduces.
    ///
    /// # Errors
    /// A text that is no TOML, or an unknown kind.
    pub(super) fn kind(&self) -> Result<Kind> {
        #[derive(Deserialize)]
        struct Named {
            #[serde(default)]
            kind: Kind,
        }
        self.parse::<Named>().map(|named| named.kind)
    }

    /// # Errors
    /// A text that is something else.
    pub(super) fn parse<T: serde::de::DeserializeOwned>(&self) -> Result<T> {
        let read: Result<T> = toml::from_str(&self.text).map_err(Error::from);
        read.with_context(|| format!("{}: is no description of an experiment", self.place))
    }

    pub(super) fn wrong(&self, field: &str, problem: &str) -> Error {
        Error::Invalid(format!("{}: field `{field}`: {problem}", self.place))
    }

    /// The profile called `wanted` of these.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn find<'a, P>(&self, profiles: &'a [P], name: fn(&P) -> &str, wanted: &str) -> Result<&'a P> {
        profiles.iter().find(|profile| name(profile) == wanted).ok_or_else(|| {
            let names = profiles.iter().map(name).collect::<Vec<_>>().join(", ");
            Error::Usage(format!("{}: no profile `{wanted}`; expected one of {names}", self.place))
        })
    }

    /// A folder that comes with the program: beside the experiment's file, the current folder or the program, or above.
    pub(super) fn shipped(&self, relative: &Path) -> Option<PathBuf> {
        let program = env::current_exe().ok();
        let folders = [self.folder.clone(), env::current_dir().ok(), program];
        let mut above = folders.iter().flatten().flat_map(|folder| folder.ancestors());
        above.find_map(|folder| Some(folder.join(relative)).filter(|found| found.is_dir()))
    }
}
