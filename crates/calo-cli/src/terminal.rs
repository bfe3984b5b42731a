//! The person at the terminal as the library's monitor: progress, messages, signals, crashes.

use std::path::Path;

use calo_run::monitor::{Interrupted, Monitor, Pass};

use crate::progress::Progress;
use crate::{crash, interrupt, output};

/// Shows progress on stderr, stops at Ctrl-C, names the file of a crash.
pub(crate) struct Terminal;

impl Monitor for Terminal {
    fn begin(&self, pass: &Pass) -> Box<dyn calo_run::monitor::Progress> {
        Box::new(Progress::new(pass))
    }

    fn message(&self, line: &str) {
        output::note(format_args!("calo: {line}"));
    }

    fn working_on(&self, path: &Path) {
        crash::blame(path);
    }

    fn check(&self) -> Result<(), Interrupted> {
        interrupt::check()
    }
}
