//! The folder of a run: what stands where, and which epoch is best.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use calo_core::{Detector, Error};
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::error::{Context as _, ensure};

mod description;
mod validated;

pub use description::{DataDescription, Exported, IMPORTED_EPOCH, Origin, RunDescription};
pub use validated::{
    ByStage, Validated, area_divisors, best_epoch, best_of, divisors, mean_divergence, score,
};

/// A run: `config.toml`, `detector.toml`, `run.json`, `log.jsonl`, `validation.jsonl`, an event file for TensorBoard,
/// `last.safetensors` (all that is needed to resume) and the weights of each epoch.
#[derive(Debug, Clone)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// The folder at `path`, whether it exists or not.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Resolved configuration.
    pub fn config(&self) -> PathBuf {
        self.path.join("config.toml")
    }

    /// Detector of its showers.
    pub fn detector_file(&self) -> PathBuf {
        self.path.join("detector.toml")
    }

    /// What was trained, on what: a [`RunDescription`].
    pub fn description(&self) -> PathBuf {
        self.path.join("run.json")
    }

    /// Losses of every logged step.
    pub fn log(&self) -> PathBuf {
        self.path.join("log.jsonl")
    }

    /// The same for TensorBoard.
    pub fn events(&self) -> PathBuf {
        self.path.join("events.out.tfevents.calo")
    }

    /// Distances of every validated epoch: a [`Validated`] a line.
    pub fn validation(&self) -> PathBuf {
        self.path.join("validation.jsonl")
    }

    /// Density of the latent variables, which an exported model has.
    pub fn density(&self) -> PathBuf {
        self.path.join("density.safetensors")
    }

    /// Why the run did not recover, where an experiment takes that for a result.
    pub(crate) fn died(&self) -> PathBuf {
        self.path.join("died.txt")
    }

    /// All that is needed to resume.
    pub fn last(&self) -> PathBuf {
        self.path.join("last.safetensors")
    }

    /// Folder of the weights after each epoch.
    pub fn epochs(&self) -> PathBuf {
        self.path.join("epochs")
    }

    /// Weights after `epoch`.
    pub fn weights(&self, epoch: u32) -> PathBuf {
        self.epochs().join(format!("epoch-{epoch:04}.safetensors"))
    }

    /// What was trained on.
    ///
    /// # Errors
    /// No run folder, or a damaged one.
    pub fn describe(&self) -> Result<RunDescription> {
        let path = self.description();
        let text = fs::read_to_string(&path)
            .with_context(|| format!("{}: cannot read it; expected the folder of a run", path.display()))?;
        serde_json::from_str(&text)
            .with_context(|| format!("{}: is not what calo train writes", path.display()))
    }

    /// Writes what [`Self::describe`] reads.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub(crate) fn write_description(&self, description: &RunDescription) -> Result<()> {
        let mut json = serde_json::to_vec_pretty(description)?;
        json.push(b'\n');
        Ok(calo_core::write_atomically(&self.description(), &json)?)
    }

    /// The detector of the showers.
    ///
    /// # Errors
    /// No run folder, or a damaged one.
    pub fn detector(&self) -> calo_core::Result<Detector> {
        let path = self.detector_file();
        let text = fs::read_to_string(&path).map_err(|e| Error::io(&path, "read", e))?;
        Detector::parse(&text, &path.display().to_string())
    }

    /// The validated epochs, in order; a last line that a kill cut off is left out.
    ///
    /// # Errors
    /// A file that cannot be read or holds something else.
    pub fn validated(&self) -> Result<Vec<Validated>> {
        read_lines(&self.validation())
    }

    /// The weights file that `epoch` asks for, and its number.
    ///
    /// # Errors
    /// An epoch without weights, or no validated epoch to be the best.
    pub fn weights_of(&self, epoch: EpochChoice) -> Result<(PathBuf, u32)> {
        let number = match epoch {
            EpochChoice::Number(number) => number,
            EpochChoice::Best => self.best_epoch()?,
        };
        let path = self.weights(number);
        ensure!(
            path.is_file(),
            "{}: there is no such file; expected the weights of an epoch that was kept",
            path.display()
        );
        Ok((path, number))
    }

    /// The only epoch of an exported or imported model, or the best of those that were validated.
    fn best_epoch(&self) -> Result<u32> {
        if let Some(epoch) = self.describe()?.only_epoch() {
            return Ok(epoch);
        }
        let validated = self.validated()?;
        let best = best_epoch(&validated).with_context(|| {
            format!("{}: no epoch was validated; expected --epoch N", self.path.display())
        })?;
        Ok(best.epoch)
    }

    /// Keeps other processes out for as long as the result lives.
    ///
    /// # Errors
    /// Another process is at work here, or the folder cannot be written.
    pub fn lock(&self) -> calo_core::Result<File> {
        let path = self.path.join(".lock");
        let file = File::create(&path).map_err(|e| Error::io(&path, "create", e))?;
        match file.try_lock() {
            // File systems without locks.
            Ok(()) | Err(TryLockError::Error(_)) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(Error::file(
                &self.path,
                "another process is training here",
                "one at a time, or another --out",
            )),
        }
    }
}

/// `best`, or the number of an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum EpochChoice {
    /// The best of those that were validated, or the one that an exported model has.
    Best,
    /// This one.
    Number(u32),
}

impl std::str::FromStr for EpochChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.parse()) {
            ("best", _) => Ok(Self::Best),
            (_, Ok(number)) => Ok(Self::Number(number)),
            _ => Err("expected `best` or the number of an epoch".to_owned()),
        }
    }
}

/// Reads a file of one JSON value a line; none where there is no file. A last line without an end, as a kill or a full
/// disk leaves it, does not count.
///
/// # Errors
/// A file that cannot be read, or a whole line that is something else.
pub(crate) fn read_lines<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<Vec<T>> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(Error::io(path, "read", e).into()),
    };
    let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    let parse = |(i, line): (usize, &str)| {
        serde_json::from_str(line)
            .with_context(|| format!("{}: line {} is not what calo train writes", path.display(), i + 1))
    };
    whole.enumerate().map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::validated::tests::validated;
    use super::*;

    /// A log that is read and written again keeps its bytes; a parser that rounds would change one number in some hundred.
    #[test]
    fn numbers_of_a_log_keep_all_their_digits() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunFolder::new(folder.path());
        let number = |i: u32| (f64::from(i) * 0.7).sin() * 10_f64.powi(i as i32 % 12 - 8);
        let epochs: Vec<Validated> =
            (1..500).map(|i| validated(i, std::array::from_fn(|k| number(6 * i + k as u32)))).collect();
        let lines: Vec<String> =
            epochs.iter().map(|epoch| serde_json::to_string(epoch).unwrap() + "\n").collect();
        fs::write(run.validation(), lines.concat()).unwrap();
        assert_eq!(run.validated().unwrap(), epochs);
    }

    #[test]
    fn a_cut_off_line_does_not_count_and_a_damaged_one_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunFolder::new(folder.path());
        assert_eq!(run.validated().unwrap(), []);
        let line = serde_json::to_string(&validated(1, [0.1; 6])).unwrap();
        fs::write(run.validation(), format!("{line}\n{}", &line[..20])).unwrap();
        assert_eq!(run.validated().unwrap(), [validated(1, [0.1; 6])]);
        fs::write(run.validation(), format!("{}\n{line}\n", &line[..20])).unwrap();
        assert!(run.validated().unwrap_err().to_string().contains("line 1"));
    }
}
