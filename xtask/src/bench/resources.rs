//! Time and memory of a child process.

use std::mem;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::process::line;

/// What a run took.
#[derive(Debug)]
pub(crate) struct Usage {
    pub(crate) wall: Duration,
    pub(crate) max_rss_bytes: u64,
}

/// Runs `command` to its end; its output is dropped, its errors are ours.
#[expect(unsafe_code, reason = "the peak memory of one child has no safe interface")]
pub(crate) fn run(command: &mut Command) -> Result<Usage> {
    let start = Instant::now();
    let child =
        command.stdout(Stdio::null()).spawn().with_context(|| format!("cannot start `{}`", line(command)))?;
    let pid = libc::pid_t::try_from(child.id()).context("the process id does not fit")?;
    let mut status = 0;
    // SAFETY: rusage is plain numbers, for which all zeros is a value.
    let mut usage: libc::rusage = unsafe { mem::zeroed() };
    // SAFETY: `pid` is our own child, which nobody else waits for; both pointers are to live locals.
    let reaped = unsafe { libc::wait4(pid, &raw mut status, 0, &raw mut usage) };
    let wall = start.elapsed();
    if reaped != pid {
        return Err(std::io::Error::last_os_error()).context("cannot wait for the process");
    }
    if status != 0 {
        bail!("`{}` failed", line(command));
    }
    // Linux counts KiB, macOS bytes.
    let unit = if cfg!(target_os = "macos") { 1 } else { 1024 };
    Ok(Usage { wall, max_rss_bytes: u64::try_from(usage.ru_maxrss).unwrap_or(0) * unit })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_is_timed_and_weighed() {
        let usage = run(Command::new("sh").args(["-c", "sleep 0.05"])).unwrap();
        assert!(usage.wall >= Duration::from_millis(50));
        assert!(usage.max_rss_bytes > 100_000, "{usage:?}");
        assert!(run(&mut Command::new("false")).is_err());
    }
}
