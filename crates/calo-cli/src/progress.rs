//! Progress of long work: a bar with rate and time left on a terminal, plain lines in a log.

use std::io::IsTerminal;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use calo_run::monitor::Pass;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output;

/// How often a log gets a line.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// All bars, below one another: runs of an experiment are trained at the same time.
static BARS: LazyLock<MultiProgress> =
    LazyLock::new(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(5)));

/// Progress of one pass over showers, or over something else that is counted.
pub(crate) struct Progress {
    what: String,
    unit: &'static str,
    note: String,
    total: Option<u64>,
    done: u64,
    /// Of these, done before this run.
    before: u64,
    started: Instant,
    last_line: Instant,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Begins `pass`; what was done before does not count in the rate.
    pub(crate) fn new(pass: &Pass) -> Self {
        let Pass { name, total, n_done, unit } = pass.clone();
        let bar = std::io::stderr().is_terminal().then(|| bar(&name, unit, total, n_done));
        let (started, last_line) = (Instant::now(), Instant::now());
        Self {
            what: name,
            unit,
            note: String::new(),
            total,
            done: n_done,
            before: n_done,
            started,
            last_line,
            bar,
        }
    }

    fn line(&self) -> String {
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = (self.done - self.before) as f64 / self.started.elapsed().as_secs_f64().max(1e-9);
        let Self { what, unit, done, .. } = self;
        let line = match self.total {
            #[expect(clippy::cast_precision_loss, reason = "a time for people")]
            Some(total) if rate > 0.0 => {
                let left_s = total.saturating_sub(*done) as f64 / rate;
                format!("{what}: {done} of {total} {unit}, {} {unit}/s, {left_s:.0} s left", shown(rate))
            }
            _ => format!("{what}: {done} {unit}, {} {unit}/s", shown(rate)),
        };
        if self.note.is_empty() { line } else { format!("{line}; {}", self.note) }
    }
}

impl calo_run::monitor::Progress for Progress {
    fn note(&mut self, note: String) {
        if let Some(bar) = &self.bar {
            bar.set_message(format!("{} ({note})", self.what));
        }
        self.note = note;
    }

    fn advance(&mut self, n: usize) {
        self.done += n as u64;
        if let Some(bar) = &self.bar {
            bar.set_position(self.done);
        } else if self.last_line.elapsed() >= LOG_INTERVAL {
            self.last_line = Instant::now();
            output::note(self.line());
        }
    }
}

/// Slow rates with digits.
fn shown(rate: f64) -> String {
    if rate < 10.0 { format!("{rate:.2}") } else { format!("{rate:.0}") }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
            BARS.remove(bar);
        }
    }
}

fn bar(what: &str, unit: &str, total: Option<u64>, done: u64) -> ProgressBar {
    let template = match total {
        Some(_) => format!("{{msg}} {{wide_bar}} {{pos}}/{{len}} {unit}, {{per_sec}}, {{eta}} left"),
        None => format!("{{msg}} {{spinner}} {{pos}} {unit}, {{per_sec}}"),
    };
    let style = ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = match total {
        Some(total) => ProgressBar::new(total),
        None => ProgressBar::new_spinner(),
    };
    // Rate and time left are those of this run.
    BARS.add(bar).with_style(style).with_message(what.to_owned()).with_position(done)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use calo_run::monitor::Progress as _;

    use super::*;

    /// Runs in a process of its own, whose stderr takes nothing.
    #[test]
    #[ignore = "run by `a_line_that_cannot_be_written_is_lost`"]
    fn full_log_child() {
        let mut progress = Progress::new(&Pass::showers("reading", Some(20)));
        progress.last_line -= LOG_INTERVAL;
        progress.advance(10);
        assert!(progress.last_line.elapsed() < LOG_INTERVAL, "no line was due");
        assert_eq!(progress.done, 10);
    }

    #[test]
    fn a_line_that_cannot_be_written_is_lost() {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "progress::tests::full_log_child", "--ignored", "--nocapture"]).stderr(full);
        let output = child.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("1 passed"), "{text}");
    }
}
