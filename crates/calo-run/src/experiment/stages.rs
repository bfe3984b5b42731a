//! Stages of a long pipeline: what is complete is not done again.
//!
//! A stage is known by the hash of its settings and inputs, and by the program that made it; an input that another stage
//! made is known by that stage. `stages.json` holds the request, and of every stage its name, hash, program and time.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::program::Program;
use crate::Result;
use crate::error::{Context as _, bail, ensure};
use crate::monitor::Monitor;
use crate::provenance::hash_file;

/// Steps that make some files from others.
#[derive(Debug, Clone)]
pub(super) struct Stage<S> {
    /// Unique within the pipeline.
    pub(super) name: String,
    /// One after another.
    pub(super) steps: Vec<S>,
    pub(super) inputs: Vec<PathBuf>,
    /// They appear whole, so that a stage is complete when all are there.
    pub(super) outputs: Vec<PathBuf>,
    /// What unfinished work is kept in, which goes with the outputs before another stage of that name begins.
    pub(super) unfinished: Vec<PathBuf>,
}

/// What was asked for, by name.
pub type Request = BTreeMap<String, String>;

/// What stands in `stages.json`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Record {
    request: Request,
    stages: Vec<StageRecord>,
}

/// A stage that was begun.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StageRecord {
    /// Name.
    pub name: String,
    /// Hash of its settings and inputs.
    pub hash: String,
    /// Hash of the program that began it.
    #[serde(default)]
    pub binary: String,
    /// Revision of that program.
    #[serde(default)]
    pub revision: String,
    /// Seconds of all attempts until it was complete.
    pub seconds: f64,
    /// Whether it is.
    pub complete: bool,
    /// Whether it was made by another program and kept.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub kept: bool,
}

/// Where a pipeline begins or resumes, and how.
pub(super) struct Opening<'a> {
    pub(super) out: &'a Path,
    pub(super) program: Program,
    /// Descriptions of the detectors, which steps know by name or file.
    pub(super) detectors: String,
    pub(super) request: Request,
    /// Keep stages that are the same although the request is another.
    pub(super) resume: bool,
    /// Keep stages of other programs.
    pub(super) keep: bool,
    pub(super) monitor: &'a dyn Monitor,
}

/// The pipeline in a folder.
pub(super) struct Stages<'a> {
    out: PathBuf,
    program: Program,
    detectors: String,
    keep: bool,
    monitor: &'a dyn Monitor,
    record: Record,
    /// Which stage made a file.
    makers: BTreeMap<PathBuf, String>,
    /// Stages of this request, in order.
    names: Vec<String>,
    /// Folders whose place changes nothing, and what they are called in hashes.
    folders: Vec<(String, &'static str)>,
}

impl<'a> Stages<'a> {
    /// Begins in a folder, or resumes with what is there.
    ///
    /// # Errors
    /// A folder that holds something else, or another request without `resume`.
    pub(super) fn open(opening: Opening<'a>) -> Result<Self> {
        let Opening { out, program, detectors, request, resume, keep, monitor } = opening;
        let path = out.join("stages.json");
        let mut record = Record::default();
        if path.exists() {
            record = read_json(&path)?;
            if let Some((name, theirs)) = first_difference(&record.request, &request)
                && !resume
            {
                let ours = request.get(&name).map_or("none", String::as_str);
                bail!(
                    "{}: made with {name} = {theirs}, not {ours}; expected the same request, another --out, or --resume to \
                     keep the stages that are the same",
                    out.display()
                );
            }
        } else {
            let mut entries = fs::read_dir(out).into_iter().flatten();
            ensure!(
                entries.next().is_none(),
                "{}: holds something else; expected a new or empty folder",
                out.display()
            );
        }
        crate::files::create_folder(out)?;
        record.request = request;
        write_json(&path, &record)?;
        let (makers, names) = (BTreeMap::new(), Vec::new());
        let mut stages = Self {
            out: out.to_owned(),
            program,
            detectors,
            keep,
            monitor,
            record,
            makers,
            names,
            folders: vec![],
        };
        stages.name_folder(out, "OUT");
        Ok(stages)
    }

    /// Calls `folder` by `name` in hashes: files in it are known by what they hold.
    pub(super) fn name_folder(&mut self, folder: &Path, name: &'static str) {
        // As it stands in JSON, without the quotes.
        let text = serde_json::Value::from(folder.display().to_string()).to_string();
        self.folders.push((text.trim_matches('"').to_owned(), name));
    }

    /// Runs stages that do not need each other, at most `n_at_once` of them at a time, unless they are complete for the
    /// same settings and inputs. `perform` gets the name of the stage, a step, and a flag that is raised when it should end
    /// early: another stage has failed.
    ///
    /// # Errors
    /// Those of the stage that fails first; one that does not leave an output.
    pub(super) fn run<S: Serialize + Sync>(
        &mut self,
        stages: &[Stage<S>],
        n_at_once: usize,
        perform: impl Fn(&str, &S, &AtomicBool) -> Result<()> + Sync,
    ) -> Result<()> {
        let mut open = Vec::new();
        for stage in stages {
            open.extend(self.begin(stage)?.map(|seconds| (stage, seconds)));
        }
        let n_threads = n_at_once.min(open.len());
        let this = Mutex::new(&mut *self);
        let waiting = Mutex::new(open.iter());
        let errors = Mutex::new(Vec::new());
        let has_failed = AtomicBool::new(false);
        let work = || {
            loop {
                // A lock in the condition of a loop would be held in its body.
                let next = locked(&waiting).next();
                let Some((stage, seconds)) = next.filter(|_| !has_failed.load(Ordering::Relaxed)) else {
                    break;
                };
                let start = Instant::now();
                let result = perform_all(stage, |step| perform(&stage.name, step, &has_failed));
                let seconds = seconds + start.elapsed().as_secs_f64();
                let result = locked(&this).end(&stage.name, seconds, result);
                if let Err(error) = result {
                    locked(&errors).push(error);
                    has_failed.store(true, Ordering::Relaxed);
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..n_threads {
                scope.spawn(work);
            }
            work();
        });
        locked(&errors).drain(..).next().map_or(Ok(()), Err)
    }

    /// Notes that `stage` begins; the time it took before, or nothing where it is complete.
    fn begin<S: Serialize>(&mut self, stage: &Stage<S>) -> Result<Option<f64>> {
        let hash = self.hash(stage)?;
        self.names.push(stage.name.clone());
        let known = self.record.stages.iter().position(|record| record.name == stage.name);
        let known = known.map(|index| self.record.stages.remove(index));
        let are_there = stage.outputs.iter().all(|output| output.exists());
        let usable = known.filter(|known| {
            let is_ours = known.binary == self.program.blake3;
            // What another program left unfinished is made anew: a mixture would be marked as wholly its own.
            let is_kept = self.keep && known.complete && are_there;
            if known.hash == hash && !is_ours && !self.keep {
                let line = format!(
                    "{}: was made by another calo (revision {}), so it is made again; --keep-stages keeps such stages",
                    stage.name, known.revision
                );
                self.monitor.message(&line);
            }
            known.hash == hash && (is_ours || is_kept)
        });
        let Program { blake3, revision } = self.program.clone();
        let fresh = StageRecord {
            name: stage.name.clone(),
            hash,
            binary: blake3,
            revision,
            seconds: 0.0,
            complete: false,
            kept: false,
        };
        let is_new = usable.is_none();
        let mut record = usable.unwrap_or(fresh);
        record.kept = record.binary != self.program.blake3;
        let identity = format!("{} {}", record.hash, record.binary);
        self.makers.extend(stage.outputs.iter().map(|output| (output.clone(), identity.clone())));
        let seconds = record.seconds;
        if record.complete && are_there {
            let by =
                if record.kept { format!(", kept from revision {}", record.revision) } else { String::new() };
            self.monitor.message(&format!("==> {}: complete, {} then{by}", stage.name, shown(seconds)));
            self.record.stages.push(record);
            return Ok(None);
        }
        self.monitor.message(&format!("==> {}", stage.name));
        // Known as incomplete before anything of it is made: a kill on the way must not leave an old stage's word for it.
        record.complete = false;
        self.record.stages.push(record);
        self.write()?;
        if is_new {
            // Whatever another stage of this name left must not be resumed.
            stage.outputs.iter().chain(&stage.unfinished).try_for_each(|path| remove(path))?;
        }
        Ok(Some(seconds))
    }

    /// Notes how a stage ended.
    fn end(&mut self, name: &str, seconds: f64, result: Result<()>) -> Result<()> {
        let record = self.record.stages.iter_mut().find(|record| record.name == name);
        let record = record.with_context(|| format!("{name}: never begun"))?;
        (record.seconds, record.complete) = (seconds, result.is_ok());
        self.write()?;
        if let Err(error) = result {
            let how = if error.is_interruption() {
                "stopped, and the same command resumes here,"
            } else {
                "failed"
            };
            self.monitor.message(&format!("<== {name}: {how} after {}", shown(seconds)));
            return Err(error.context(name));
        }
        self.monitor.message(&format!("<== {name}: {}", shown(seconds)));
        Ok(())
    }

    fn write(&self) -> Result<()> {
        write_json(&self.out.join("stages.json"), &self.record)
    }

    /// The stages of this request that ran or were complete, in order.
    pub(super) fn finished(&self) -> Vec<StageRecord> {
        let find = |name: &String| self.record.stages.iter().find(|record| record.name == *name);
        self.names.iter().filter_map(find).cloned().collect()
    }

    /// Hash of settings and inputs; where the folder stands changes nothing.
    fn hash<S: Serialize>(&self, stage: &Stage<S>) -> Result<String> {
        let mut hasher = blake3::Hasher::new();
        let mut add = |text: &str| {
            hasher.update(text.as_bytes());
            hasher.update(b"\0");
        };
        add(&self.detectors);
        for step in &stage.steps {
            let step = serde_json::to_string(step)?;
            add(&self.folders.iter().fold(step, |step, (folder, name)| step.replace(folder, name)));
        }
        for input in &stage.inputs {
            match self.makers.get(input) {
                Some(maker) => add(maker),
                None => add(&hash_file(input)?),
            }
        }
        Ok(hasher.finalize().to_hex().to_string())
    }
}

/// Takes the steps of a stage one after another.
fn perform_all<S>(stage: &Stage<S>, perform: impl Fn(&S) -> Result<()>) -> Result<()> {
    stage.steps.iter().try_for_each(perform)?;
    for output in &stage.outputs {
        ensure!(output.exists(), "{} was not made", output.display());
    }
    Ok(())
}

/// Removes a file, or a folder with all that it holds, if it is there.
fn remove(path: &Path) -> Result<()> {
    let removed = if path.is_dir() {
        fs::remove_dir_all(path)
    } else if path.exists() {
        fs::remove_file(path)
    } else {
        Ok(())
    };
    removed.with_context(|| format!("{}: cannot be removed", path.display()))
}

/// What `mutex` guards; a thread that panicked with it takes all of them along when they are joined.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads a JSON file.
fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = fs::read_to_string(path).map_err(|e| calo_core::Error::io(path, "read", e))?;
    serde_json::from_str(&text)
        .with_context(|| format!("{}: is not what calo reproduce writes", path.display()))
}

/// Writes `value` as readable JSON, whole or not at all.
pub(super) fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let mut json = serde_json::to_string_pretty(value)?;
    json.push('\n');
    Ok(calo_core::write_atomically(path, json.as_bytes())?)
}

/// The first name, in order, whose values differ, and the value of `known`.
fn first_difference(known: &Request, wanted: &Request) -> Option<(String, String)> {
    let mut names: Vec<&String> = known.keys().chain(wanted.keys()).collect();
    names.sort();
    let differing = names.into_iter().find(|name| known.get(*name) != wanted.get(*name))?;
    Some((differing.clone(), known.get(differing).cloned().unwrap_or_else(|| "none".to_owned())))
}

/// A time for people.
pub(super) fn shown(seconds: f64) -> String {
    if seconds < 100.0 {
        return format!("{seconds:.1} s");
    }
    let minutes = Duration::from_secs_f64(seconds).as_secs() / 60;
    if minutes < 100 { format!("{:.1} min", seconds / 60.0) } else { format!("{:.1} h", seconds / 3600.0) }
}

#[cfg(test)]
mod tests;
