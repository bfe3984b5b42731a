//! Stages of a long pipeline: what is complete is not done again.
//!
//! A stage is known by the hash of its command lines and of its inputs; an input that another stage made is known by the
//! hash of that stage. `stages.json` holds the request, and name, hash and time of every stage.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde::{Deserialize, Serialize};

use super::files::{read_json, write_json};
use crate::process::{command, line};

/// Commands of `calo` that make some files from others.
#[derive(Debug, Clone, Default)]
pub(super) struct Stage {
    /// Unique within the pipeline.
    pub(super) name: String,
    /// Words of each command, without the program.
    pub(super) commands: Vec<Vec<String>>,
    pub(super) inputs: Vec<PathBuf>,
    /// They appear whole, so that a stage is complete when all are there.
    pub(super) outputs: Vec<PathBuf>,
}

/// What was asked for, by name.
pub(super) type Request = BTreeMap<String, String>;

/// What stands in `stages.json`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Record {
    request: Request,
    stages: Vec<StageRecord>,
}

/// A stage that was begun.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct StageRecord {
    pub(super) name: String,
    hash: String,
    /// Time of all runs until it was complete.
    pub(super) seconds: f64,
    complete: bool,
}

/// The pipeline in a folder.
#[derive(Debug)]
pub(super) struct Stages {
    out: PathBuf,
    calo: PathBuf,
    version: String,
    record: Record,
    /// Hash of the stage that made a file.
    makers: BTreeMap<PathBuf, String>,
    /// Stages of this request, in order.
    names: Vec<String>,
}

impl Stages {
    /// Begins in the folder `out`, or goes on with what is there.
    ///
    /// # Errors
    /// A folder that holds something else, or another request without `resume`.
    pub(super) fn open(
        out: &Path,
        calo: &Path,
        version: &str,
        request: Request,
        resume: bool,
    ) -> Result<Self> {
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
        fs::create_dir_all(out).with_context(|| format!("{}: cannot create the folder", out.display()))?;
        record.request = request;
        write_json(&path, &record)?;
        Ok(Self {
            out: out.to_owned(),
            calo: calo.to_owned(),
            version: version.to_owned(),
            record,
            makers: BTreeMap::new(),
            names: Vec::new(),
        })
    }

    /// Runs `stage` with `perform` for each of its commands, unless it is complete for the same commands and inputs.
    ///
    /// # Errors
    /// A command that fails, or that does not leave an output of the stage.
    pub(super) fn run(
        &mut self,
        stage: &Stage,
        perform: impl Fn(&mut Command) -> Result<()> + Sync,
    ) -> Result<()> {
        self.run_together(std::slice::from_ref(stage), 1, |_, command, _| perform(command))
    }

    /// The same for stages that do not need each other, at most `n_at_once` of them at a time; `perform` gets the name of
    /// the stage too, and a flag that is raised when it should end its command early: another stage has failed.
    ///
    /// # Errors
    /// Those of the stage that fails first.
    pub(super) fn run_together(
        &mut self,
        stages: &[Stage],
        n_at_once: usize,
        perform: impl Fn(&str, &mut Command, &AtomicBool) -> Result<()> + Sync,
    ) -> Result<()> {
        let mut open = Vec::new();
        for stage in stages {
            open.extend(self.begin(stage)?.map(|seconds| (stage, seconds)));
        }
        let calo = self.calo.clone();
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
                let result = perform_all(&calo, stage, |command| perform(&stage.name, command, &has_failed));
                let seconds = seconds + start.elapsed().as_secs_f64();
                let result = locked(&this).end(stage, seconds, result);
                if let Err(error) = result {
                    println!("<== {}: {error:#}", stage.name);
                    locked(&errors).push(error);
                    has_failed.store(true, Ordering::Relaxed);
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..n_at_once.min(open.len()) {
                scope.spawn(work);
            }
            work();
        });
        locked(&errors).drain(..).next().map_or(Ok(()), Err)
    }

    /// Notes that `stage` begins; the time it took before, or nothing where it is complete.
    fn begin(&mut self, stage: &Stage) -> Result<Option<f64>> {
        let hash = self.hash(stage)?;
        self.names.push(stage.name.clone());
        self.makers.extend(stage.outputs.iter().map(|output| (output.clone(), hash.clone())));
        let known = self.record.stages.iter().position(|record| record.name == stage.name);
        let known = known.map(|index| self.record.stages.remove(index)).filter(|known| known.hash == hash);
        let seconds = known.as_ref().map_or(0.0, |known| known.seconds);
        if let Some(known) = known
            && known.complete
            && stage.outputs.iter().all(|output| output.exists())
        {
            println!("==> {}: complete, {} then", stage.name, shown(seconds));
            self.record.stages.push(known);
            return Ok(None);
        }
        println!("\n==> {}", stage.name);
        // Known as incomplete before anything of it is made: a kill on the way must not leave an old stage's word for it.
        let begun = StageRecord { name: stage.name.clone(), hash, seconds, complete: false };
        self.record.stages.push(begun);
        self.write()?;
        Ok(Some(seconds))
    }

    /// Notes how `stage` ended.
    fn end(&mut self, stage: &Stage, seconds: f64, result: Result<()>) -> Result<()> {
        let record = self.record.stages.iter_mut().find(|record| record.name == stage.name);
        let record = record.with_context(|| format!("{}: never begun", stage.name))?;
        (record.seconds, record.complete) = (seconds, result.is_ok());
        self.write()?;
        result?;
        println!("<== {}: {}", stage.name, shown(seconds));
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

    /// Hash of commands, inputs and the version that runs them; where the folder stands changes nothing.
    fn hash(&self, stage: &Stage) -> Result<String> {
        let mut hasher = blake3::Hasher::new();
        let mut add = |text: &str| {
            hasher.update(text.as_bytes());
            hasher.update(b"\0");
        };
        add(&self.version);
        let out = self.out.display().to_string();
        for words in &stage.commands {
            words.iter().for_each(|word| add(&word.replace(&out, "OUT")));
            add("\n");
        }
        for input in &stage.inputs {
            match self.makers.get(input) {
                Some(hash) => add(hash),
                None => add(&file_hash(input)?),
            }
        }
        Ok(hasher.finalize().to_hex().to_string())
    }
}

/// Runs the commands of a stage one after another.
fn perform_all(calo: &Path, stage: &Stage, perform: impl Fn(&mut Command) -> Result<()>) -> Result<()> {
    for words in &stage.commands {
        let mut calo = command(calo);
        calo.args(words);
        println!("    {}", line(&calo));
        perform(&mut calo)?;
    }
    for output in &stage.outputs {
        ensure!(output.exists(), "{}: {} was not made", stage.name, output.display());
    }
    Ok(())
}

/// What `mutex` guards; a thread that panicked with it takes all of them along when they are joined.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// BLAKE3 of a file's bytes, hexadecimal.
pub(super) fn file_hash(path: &Path) -> Result<String> {
    let mut hasher = blake3::Hasher::new();
    let file = fs::File::open(path).with_context(|| format!("{}: cannot open it", path.display()))?;
    hasher.update_reader(file).with_context(|| format!("{}: cannot read it", path.display()))?;
    Ok(hasher.finalize().to_hex().to_string())
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
