//! What a run writes as it goes: `log.jsonl`, and the same for TensorBoard.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use calo_core::Error;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::tensorboard::Events;
use crate::Result;
use crate::error::Context as _;
use crate::run_folder::{RunFolder, Validated, read_lines};

/// A line of `log.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Line {
    pub(super) step: u64,
    /// Epochs, the one at hand in part.
    pub(super) epoch: f64,
    /// Seconds since 1970.
    pub(super) time_s: f64,
    #[serde(rename = "terms")]
    pub(super) losses: Map<String, Value>,
}

/// The logs of a run, open to be continued.
#[derive(Debug)]
pub(super) struct Log {
    lines: Lines,
    validated: Lines,
    events: Events,
}

impl Log {
    /// Continues after `step`, `epoch`: what stands there of later ones was of a part that is trained again.
    ///
    /// # Errors
    /// A log that cannot be read or written, or is something else.
    pub(super) fn open(run: &RunFolder, step: u64, epoch: u32) -> Result<Self> {
        Ok(Self {
            lines: Lines::open(&run.log(), |line: &Line| line.step <= step)?,
            validated: Lines::open(&run.validation(), |line: &Validated| line.epoch <= epoch)?,
            events: Events::resume(&run.events(), step, now_s())?,
        })
    }

    /// The losses of a step.
    ///
    /// # Errors
    /// A full disk.
    pub(super) fn step(&mut self, step: u64, epoch: f64, losses: &[(&'static str, f64)]) -> Result<()> {
        let time_s = now_s();
        let line = Line {
            step,
            epoch,
            time_s,
            losses: losses.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect(),
        };
        self.lines.append(&line)?;
        let tags: Vec<(String, f32)> =
            losses.iter().map(|(name, value)| scalar("losses", name, *value)).collect();
        self.scalars(step, time_s, &tags)
    }

    /// An epoch's comparison with validation showers.
    ///
    /// # Errors
    /// A full disk.
    pub(super) fn validated(&mut self, validated: &Validated) -> Result<()> {
        self.validated.append(validated)?;
        let json = serde_json::to_value(&validated.jsd).context("distances cannot be written as JSON")?;
        let mut tags = vec![scalar("latent", "kld_nats", validated.kld_nats.iter().sum())];
        for (stage, distances) in json.as_object().into_iter().flatten() {
            for (name, value) in distances.as_object().into_iter().flatten() {
                tags.push(scalar(&format!("jsd_{stage}"), name, value.as_f64().unwrap_or(f64::NAN)));
            }
        }
        self.scalars(validated.step, now_s(), &tags)
    }

    fn scalars(&mut self, step: u64, time_s: f64, tags: &[(String, f32)]) -> Result<()> {
        let tags: Vec<(&str, f32)> = tags.iter().map(|(tag, value)| (tag.as_str(), *value)).collect();
        Ok(self.events.scalars(step, time_s, &tags)?)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "TensorBoard's scalars are f32")]
fn scalar(section: &str, name: &str, value: f64) -> (String, f32) {
    (format!("{section}/{name}"), value as f32)
}

/// A file of one JSON value a line.
#[derive(Debug)]
struct Lines {
    path: PathBuf,
    file: File,
}

impl Lines {
    /// Opens `path` to append, after dropping every line that `keep` does not want and one that was cut off.
    fn open<T: Serialize + for<'de> Deserialize<'de>>(
        path: &Path,
        keep: impl Fn(&T) -> bool,
    ) -> Result<Self> {
        let mut kept = Vec::new();
        for line in read_lines::<T>(path)?.iter().filter(|line| keep(line)) {
            kept.extend(serialise(line)?);
        }
        calo_core::write_atomically(path, &kept)?;
        let file =
            OpenOptions::new().append(true).open(path).map_err(|e| Error::io(path, "open for writing", e))?;
        Ok(Self { path: path.to_owned(), file })
    }

    fn append(&mut self, line: &impl Serialize) -> Result<()> {
        Ok(self.file.write_all(&serialise(line)?).map_err(|e| Error::io(&self.path, "write", e))?)
    }
}

fn serialise(line: &impl Serialize) -> Result<Vec<u8>> {
    let mut json = serde_json::to_vec(line).context("a line of a log cannot be written as JSON")?;
    json.push(b'\n');
    Ok(json)
}

/// Seconds since 1970.
pub(super) fn now_s() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64())
}
