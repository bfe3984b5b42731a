//! The folder of a training: what stands where, and which epoch is best.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use calo_core::{Detector, Error};
use calo_metrics::observable_info;
use calo_metrics::results::ById;
use calo_nn::device::Precision;
use serde::{Deserialize, Serialize};

/// A run: `config.toml`, `detector.toml`, `run.json`, `log.jsonl`, `validation.jsonl`, an event file for TensorBoard,
/// `last.safetensors` (all that is needed to go on) and the weights of each epoch.
#[derive(Debug, Clone)]
pub(crate) struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.path.join("config.toml")
    }

    pub(crate) fn detector_file(&self) -> PathBuf {
        self.path.join("detector.toml")
    }

    pub(crate) fn description(&self) -> PathBuf {
        self.path.join("run.json")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.path.join("log.jsonl")
    }

    pub(crate) fn events(&self) -> PathBuf {
        self.path.join("events.out.tfevents.calo")
    }

    pub(crate) fn validation(&self) -> PathBuf {
        self.path.join("validation.jsonl")
    }

    /// Density of the latent variables, which a released model has.
    pub(crate) fn density(&self) -> PathBuf {
        self.path.join("density.safetensors")
    }

    pub(crate) fn last(&self) -> PathBuf {
        self.path.join("last.safetensors")
    }

    /// Folder of the weights after each epoch.
    pub(crate) fn epochs(&self) -> PathBuf {
        self.path.join("epochs")
    }

    pub(crate) fn weights(&self, epoch: u32) -> PathBuf {
        self.epochs().join(format!("epoch-{epoch:04}.safetensors"))
    }

    /// What was trained on.
    ///
    /// # Errors
    /// No run folder, or a damaged one.
    pub(crate) fn describe(&self) -> anyhow::Result<RunDescription> {
        let path = self.description();
        let text = fs::read_to_string(&path).with_context(|| {
            format!("{}: cannot read it; expected the folder of a training", path.display())
        })?;
        serde_json::from_str(&text)
            .with_context(|| format!("{}: is not what calo train writes", path.display()))
    }

    /// The detector of the showers.
    ///
    /// # Errors
    /// No run folder, or a damaged one.
    pub(crate) fn detector(&self) -> calo_core::Result<Detector> {
        let path = self.detector_file();
        let text = fs::read_to_string(&path).map_err(|e| Error::io(&path, "read", e))?;
        Detector::parse(&text, &path.display().to_string())
    }

    /// The validated epochs, in order; a last line that a kill cut off is left out.
    ///
    /// # Errors
    /// A file that cannot be read or holds something else.
    pub(crate) fn validated(&self) -> anyhow::Result<Vec<Validated>> {
        read_lines(&self.validation())
    }

    /// The weights file that `epoch` asks for, and its number.
    ///
    /// # Errors
    /// An epoch without weights, or no validated epoch to be the best.
    pub(crate) fn weights_of(&self, epoch: EpochChoice) -> anyhow::Result<(PathBuf, u32)> {
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

    /// The one epoch of a released model, or the best of those that were validated.
    fn best_epoch(&self) -> anyhow::Result<u32> {
        if let Some(released) = self.describe()?.released {
            return Ok(released.epoch);
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
    pub(crate) fn lock(&self) -> calo_core::Result<File> {
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

/// What stands in `run.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RunDescription {
    pub(crate) software: String,
    pub(crate) command: String,
    pub(crate) name: String,
    pub(crate) seed: u64,
    pub(crate) detector: String,
    /// `[layers, nx, ny]`.
    pub(crate) grid: [usize; 3],
    pub(crate) data: DataDescription,
    /// Trained numbers.
    pub(crate) n_weights: usize,
    pub(crate) device: String,
    #[serde(default)]
    pub(crate) precision: Precision,
    /// The weights that the training began with, where these were not drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) from: Option<Origin>,
    /// In the folder of a released model: which weights it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) released: Option<Released>,
}

/// The weights of a released model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Released {
    pub(crate) epoch: u32,
    /// Hash of the weights before they were rounded.
    pub(crate) rounded_from_blake3: String,
}

/// A weights file that something was made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Origin {
    pub(crate) path: String,
    pub(crate) blake3: String,
}

/// The showers of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct DataDescription {
    pub(crate) path: String,
    pub(crate) blake3: String,
    pub(crate) n_showers: u64,
    /// Fractions of training, validation and test.
    pub(crate) split: [f64; 3],
    /// Seed of the split.
    pub(crate) split_seed: u64,
}

/// A line of `validation.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Validated {
    pub(crate) epoch: u32,
    pub(crate) step: u64,
    pub(crate) n_showers: u64,
    /// Jensen-Shannon distances.
    pub(crate) jsd: ByStage<ById>,
    /// Area differences; runs of earlier versions have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) area_difference: Option<ByStage<ById>>,
    /// Divergence of each encoded variable from N(0, 1), nats, over the validation showers.
    pub(crate) kld_nats: Vec<f64>,
}

/// Something of the decoder's showers, and of those behind the post-processor where there is one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ByStage<T> {
    pub(crate) raw: T,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) post_processed: Option<T>,
}

impl<T> ByStage<T> {
    /// What comes out at the end.
    pub(crate) fn last(&self) -> &T {
        self.post_processed.as_ref().unwrap_or(&self.raw)
    }

    /// Both, where there are two.
    pub(crate) fn all(&self) -> impl Iterator<Item = &T> {
        std::iter::once(&self.raw).chain(&self.post_processed)
    }
}

/// S_JSD, where these are Jensen-Shannon distances: the mean over the observables that have a divisor, each distance
/// divided by it. Without a distance to a divisor there is no score, and nothing is further away.
pub(crate) fn score(distances: &ById, divisors: &ById) -> f64 {
    let quotient = |(id, divisor)| distances.get(id).map(|distance| distance / divisor);
    let sum: Option<f64> = divisors.iter().map(quotient).sum();
    #[expect(clippy::cast_precision_loss, reason = "a few observables")]
    let n = divisors.len() as f64;
    sum.filter(|_| !divisors.is_empty()).map_or(f64::INFINITY, |sum| sum / n)
}

/// The divisors of S_JSD among these epochs, of one run or of several.
///
/// # Reference
/// decoding-photons, appendix A.
pub(crate) fn divisors<'a>(validated: impl IntoIterator<Item = &'a Validated>) -> ById {
    means(validated.into_iter().map(|epoch| &epoch.jsd))
}

/// The same for the score of area differences, where all epochs have them.
pub(crate) fn area_divisors<'a>(validated: impl IntoIterator<Item = &'a Validated>) -> Option<ById> {
    let all: Option<Vec<_>> = validated.into_iter().map(|epoch| epoch.area_difference.as_ref()).collect();
    all.map(means)
}

/// Mean over all epochs and stages of each distance that all of them have and that scores average over.
fn means<'a>(distances: impl IntoIterator<Item = &'a ByStage<ById>>) -> ById {
    let all: Vec<&ById> = distances.into_iter().flat_map(ByStage::all).collect();
    #[expect(clippy::cast_precision_loss, reason = "a few epochs")]
    let n = all.len().max(1) as f64;
    let is_scored = |id: &str| observable_info(id).is_none_or(|info| info.scored);
    let ids = all.first().into_iter().flat_map(|first| first.iter().map(|(id, _)| id));
    ids.filter(|id| is_scored(id))
        .filter_map(|id| {
            let sum: Option<f64> = all.iter().map(|distances| distances.get(id)).sum();
            // Where a distance is zero in all epochs any divisor gives the same score.
            Some((id, (sum? / n).max(f64::MIN_POSITIVE)))
        })
        .collect()
}

/// The epoch of the lowest S_JSD, divisors from all epochs of the run; the first of equals.
///
/// # Reference
/// decoding-photons, appendix A.
pub(crate) fn best_epoch(validated: &[Validated]) -> Option<&Validated> {
    best_of(validated, &divisors(validated))
}

/// The epoch of the lowest S_JSD by these divisors; the first of equals.
pub(crate) fn best_of<'a>(
    validated: impl IntoIterator<Item = &'a Validated>,
    divisors: &ById,
) -> Option<&'a Validated> {
    let of = |epoch: &Validated| score(epoch.jsd.last(), divisors);
    validated.into_iter().min_by(|a, b| of(a).total_cmp(&of(b)))
}

/// `best`, or the number of an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EpochChoice {
    Best,
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
pub(crate) fn read_lines<T: for<'de> Deserialize<'de>>(path: &Path) -> anyhow::Result<Vec<T>> {
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
    use super::*;

    const IDS: [&str; 6] = ["cell_energy", "visible_energy", "n_hits", "cog_z", "radial", "longitudinal"];

    fn by_id(distances: [f64; 6]) -> ById {
        IDS.into_iter().zip(distances).collect()
    }

    fn validated(epoch: u32, jsd: [f64; 6]) -> Validated {
        let jsd = ByStage { raw: by_id([0.5; 6]), post_processed: Some(by_id(jsd)) };
        let area_difference = epoch.is_multiple_of(2).then(|| jsd.clone());
        Validated { epoch, step: u64::from(epoch), n_showers: 1, jsd, area_difference, kld_nats: vec![1.0] }
    }

    #[test]
    fn the_best_epoch_is_relative_to_the_mean_of_each_histogram() {
        // Epoch 2 has the lower mean of distances, epoch 1 the lower score: its gain is in a histogram of small ones.
        let mut epochs = vec![
            validated(1, [0.40, 0.01, 0.1, 0.1, 0.1, 0.1]),
            validated(2, [0.30, 0.08, 0.1, 0.1, 0.1, 0.1]),
        ];
        for epoch in &mut epochs {
            epoch.jsd.raw = epoch.jsd.last().clone();
        }
        assert_eq!(best_epoch(&epochs).unwrap().epoch, 1);
        assert_eq!(best_epoch(&[]), None);
    }

    #[test]
    fn area_differences_have_divisors_where_all_epochs_have_them() {
        let [odd, even] = [1, 2].map(|epoch| validated(epoch, [0.25; 6]));
        // Of 0.5 without and 0.25 with post-processor.
        assert_eq!(area_divisors([&even, &even]), Some(by_id([0.375; 6])));
        assert_eq!(area_divisors([&odd, &even]), None);
    }

    /// The log of a run from before an observable was added, and one from after it: scores are of what both have.
    #[test]
    fn an_observable_that_some_epochs_lack_does_not_count() {
        let old = validated(1, [0.1; 6]);
        let mut new = validated(2, [0.2; 6]);
        let seventh =
            |distances: &ById, value| distances.iter().chain([("seventh", value)]).collect::<ById>();
        new.jsd.raw = seventh(&new.jsd.raw, 9.0);
        new.jsd.post_processed = new.jsd.post_processed.as_ref().map(|jsd| seventh(jsd, 9.0));
        let of_both = divisors([&old, &new]);
        assert_eq!(of_both.iter().map(|(id, _)| id).collect::<Vec<_>>(), IDS);
        assert!(score(old.jsd.last(), &of_both) < score(new.jsd.last(), &of_both));
        assert_eq!(divisors([&new]).len(), 7);
        assert!(score(old.jsd.last(), &divisors([&new])).is_infinite());
    }

    /// The validations that are released with the sources read and are written as they are.
    #[test]
    fn logs_of_released_models_keep_their_bytes() {
        for name in ["beta-0.05", "beta-0.4"] {
            let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/models/photons");
            let run = RunFolder::new(&models.join(name));
            let epochs = run.validated().unwrap();
            let lines: Vec<String> =
                epochs.iter().map(|epoch| serde_json::to_string(epoch).unwrap() + "\n").collect();
            assert_eq!(lines.concat(), fs::read_to_string(run.validation()).unwrap());
            assert!(divisors(&epochs).len() == 6 && best_epoch(&epochs).is_some());
        }
    }

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
