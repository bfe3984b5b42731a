//! Running `calo` so that Ctrl-C ends it in good order, and us after it.

use std::fmt;
use std::io::{self, BufRead as _, BufReader, Read};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::process::line;

/// How often the user asked to stop.
static REQUESTS: AtomicUsize = AtomicUsize::new(0);

/// Whether we listen: a process can do so once.
static LISTENS: AtomicBool = AtomicBool::new(false);

/// How often a child is looked at.
const POLL: Duration = Duration::from_millis(50);

/// The user asked to stop.
#[derive(Debug)]
pub(crate) struct Interrupted;

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("interrupted; the same command goes on from here")
    }
}

impl std::error::Error for Interrupted {}

/// From here on Ctrl-C and SIGTERM are handed to the running child instead of ending this process.
pub(super) fn listen() -> Result<()> {
    if LISTENS.swap(true, Ordering::Relaxed) {
        return Ok(());
    }
    ctrlc::set_handler(|| {
        REQUESTS.fetch_add(1, Ordering::Relaxed);
    })
    .context("cannot listen for Ctrl-C")
}

/// Runs `command` to its end, output and errors ours.
///
/// It gets a process group of its own: the terminal's Ctrl-C reaches us alone, and every request is handed on once. A
/// second one makes `calo` stop at once, so it must not get two for one.
///
/// # Errors
/// [`Interrupted`]; a command that fails.
pub(super) fn run(command: &mut Command) -> Result<()> {
    run_with(command, &AtomicBool::new(false), |_| {})
}

/// The same beside others: every line that it prints comes with `name` before it, and it is interrupted when `stop` is
/// raised.
///
/// # Errors
/// As [`run`].
pub(super) fn run_named(name: &str, command: &mut Command, stop: &AtomicBool) -> Result<()> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut readers = Vec::new();
    let result = run_with(command, stop, |child| {
        readers.extend(child.stdout.take().map(|output| pass_on(name, output)));
        readers.extend(child.stderr.take().map(|errors| pass_on(name, errors)));
    });
    for reader in readers {
        // They end with the child, and only print.
        let _ = reader.join();
    }
    result
}

/// Prints the lines of `source` as they come.
fn pass_on(name: &str, source: impl Read + Send + 'static) -> JoinHandle<()> {
    let name = name.to_owned();
    std::thread::spawn(move || {
        for line in BufReader::new(source).split(b'\n').map_while(io::Result::ok) {
            println!("{name} | {}", String::from_utf8_lossy(&line));
        }
    })
}

fn run_with(command: &mut Command, stop: &AtomicBool, begun: impl FnOnce(&mut Child)) -> Result<()> {
    // What is raised stays raised.
    let n_requests = || REQUESTS.load(Ordering::Relaxed) + usize::from(stop.load(Ordering::Relaxed));
    if n_requests() > 0 {
        return Err(Interrupted.into());
    }
    let words = line(command);
    let child = command.process_group(0).stdin(Stdio::null()).spawn();
    let mut child = child.with_context(|| format!("cannot start `{words}`"))?;
    begun(&mut child);
    let mut n_handed_on = 0;
    let status = loop {
        if let Some(status) = child.try_wait().with_context(|| format!("cannot wait for `{words}`"))? {
            break status;
        }
        if n_requests() > n_handed_on {
            n_handed_on += 1;
            interrupt(child.id())?;
        }
        std::thread::sleep(POLL);
    };
    if n_requests() > 0 {
        return Err(Interrupted.into());
    }
    if !status.success() {
        bail!("`{words}` failed ({status})");
    }
    Ok(())
}

/// Sends SIGINT to a child that is not yet waited for.
#[expect(unsafe_code, reason = "the standard library can only kill")]
fn interrupt(child: u32) -> Result<()> {
    let pid = libc::pid_t::try_from(child).context("the process id does not fit")?;
    // SAFETY: a signal to our own child, which keeps its id until it is waited for.
    unsafe { libc::kill(pid, libc::SIGINT) };
    Ok(())
}
