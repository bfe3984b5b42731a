//! Progress of long work: a bar with rate and time left on a terminal, plain lines in a log.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often a log gets a line.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// Progress of one pass over showers.
pub(crate) struct Progress {
    what: String,
    total: Option<u64>,
    done: u64,
    /// Of these, done before this run.
    before: u64,
    started: Instant,
    last_line: Instant,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Begins a pass called `what` over `total` showers, where that is known.
    pub(crate) fn new(what: impl Into<String>, total: Option<u64>) -> Self {
        Self::going_on(what, total, 0)
    }

    /// As [`Progress::new`], where `done` showers were through before: they do not count in the rate.
    pub(crate) fn going_on(what: impl Into<String>, total: Option<u64>, done: u64) -> Self {
        let what = what.into();
        let bar = std::io::stderr().is_terminal().then(|| bar(&what, total, done));
        let now = Instant::now();
        Self { what, total, done, before: done, started: now, last_line: now, bar }
    }

    /// `n` more showers are through.
    pub(crate) fn advance(&mut self, n: usize) {
        self.done += n as u64;
        if let Some(bar) = &self.bar {
            bar.set_position(self.done);
        } else if self.last_line.elapsed() >= LOG_INTERVAL {
            self.last_line = Instant::now();
            eprintln!("{}", self.line());
        }
    }

    fn line(&self) -> String {
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = (self.done - self.before) as f64 / self.started.elapsed().as_secs_f64().max(1e-9);
        let Self { what, done, .. } = self;
        match self.total {
            #[expect(clippy::cast_precision_loss, reason = "a time for people")]
            Some(total) if rate > 0.0 => {
                let left_s = total.saturating_sub(*done) as f64 / rate;
                format!("{what}: {done} of {total} showers, {rate:.0} showers/s, {left_s:.0} s left")
            }
            _ => format!("{what}: {done} showers, {rate:.0} showers/s"),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar(what: &str, total: Option<u64>, done: u64) -> ProgressBar {
    let template = match total {
        Some(_) => "{msg} {wide_bar} {pos}/{len} showers, {per_sec}, {eta} left",
        None => "{msg} {spinner} {pos} showers, {per_sec}",
    };
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = match total {
        Some(total) => ProgressBar::new(total),
        None => ProgressBar::new_spinner(),
    };
    bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(5));
    // Rate and time left are those of this run.
    bar.with_style(style).with_message(what.to_owned()).with_position(done)
}
