//! Who asks for an experiment and watches it: progress, notes and the wish to stop. This crate neither prints nor
//! listens to signals; what it has to say goes to a [`Monitor`].

use std::path::Path;

use crate::{Error, Result};

/// Watches long work, and can stop it.
///
/// Every method has a default that does nothing.
pub trait Monitor: Sync {
    /// A pass over showers, or over something else that is counted, begins. It ends when the result is dropped.
    fn begin(&self, pass: &Pass) -> Box<dyn Progress> {
        let _ = pass;
        Box::new(Unseen)
    }

    /// One line that people should read although all is well.
    fn message(&self, line: &str) {
        let _ = line;
    }

    /// From here on `path` is worked on: a crash in the C library that reads HDF5 is due to this file.
    fn working_on(&self, path: &Path) {
        let _ = path;
    }

    /// Asked often, by several threads; work ends with the error.
    ///
    /// # Errors
    /// [`Interrupted`] once the work is to stop.
    fn check(&self) -> Result<(), Interrupted> {
        Ok(())
    }
}

/// The wish to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interrupted;

impl From<Interrupted> for Error {
    fn from(_: Interrupted) -> Self {
        Self::Interrupted
    }
}

/// A pass over showers, or over something else that is counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pass {
    /// What is done, for example `generating`.
    pub name: String,
    /// How many there are, where that is known.
    pub total: Option<u64>,
    /// Of these, done by an earlier process.
    pub n_done: u64,
    /// What is counted.
    pub unit: &'static str,
}

impl Pass {
    /// A pass over `total` showers.
    pub fn showers(name: impl Into<String>, total: Option<u64>) -> Self {
        Self { name: name.into(), total, n_done: 0, unit: "showers" }
    }
}

/// How far a pass has come.
pub trait Progress {
    /// `n` more are done.
    fn advance(&mut self, n: usize);

    /// What else is worth knowing at the moment.
    fn note(&mut self, note: String);
}

/// Nobody looks at it.
struct Unseen;

impl Progress for Unseen {
    fn advance(&mut self, _: usize) {}

    fn note(&mut self, _: String) {}
}

/// A monitor that shows nothing and never stops the work.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Monitor for Silent {}

/// Who asks for an experiment: what files name as the command that made them, and the monitor.
#[derive(Clone, Copy)]
pub struct Caller<'a> {
    /// The command line, or whatever tells a reader of the files how they were made.
    pub command: &'a str,
    /// Who watches.
    pub monitor: &'a dyn Monitor,
}

impl<'a> Caller<'a> {
    /// A caller who watches nothing.
    pub fn silent(command: &'a str) -> Self {
        Self { command, monitor: &Silent }
    }

    pub(crate) fn begin(&self, pass: &Pass) -> Box<dyn Progress> {
        self.monitor.begin(pass)
    }

    pub(crate) fn check(&self) -> Result<(), Interrupted> {
        self.monitor.check()
    }
}
