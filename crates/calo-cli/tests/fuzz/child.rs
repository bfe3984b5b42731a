//! One run of `calo` in a child process, and what is allowed of it.

use std::fs::{self, File};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Longest a run may take.
const MAX_WALL: Duration = Duration::from_secs(10);
/// Most memory a run may have resident, KiB.
const MAX_RSS_KIB: i64 = 1 << 20;
/// Backstop for address space, bytes: thread stacks and allocator arenas take far more of it than of memory.
const MAX_ADDRESS_SPACE: u64 = 6 << 30;

/// How a run ended.
pub(crate) struct Outcome {
    /// `None` when it was still running after [`MAX_WALL`].
    pub(crate) status: Option<ExitStatus>,
    pub(crate) stderr: String,
    pub(crate) wall: Duration,
    pub(crate) max_rss_kib: i64,
}

impl Outcome {
    /// The exit code, where there is one.
    pub(crate) fn code(&self) -> Option<i32> {
        self.status.and_then(|status| status.code())
    }

    /// Whether libhdf5 itself crashed and the guard of `calo` reported it.
    pub(crate) fn crashed_in_library(&self) -> bool {
        self.code() == Some(1) && self.stderr.contains("crashed the library")
    }

    /// What this run did that no input may make `calo` do.
    pub(crate) fn complaint(&self) -> Option<String> {
        let Some(status) = self.status else {
            return Some(format!("still running after {} s", MAX_WALL.as_secs()));
        };
        if self.max_rss_kib > MAX_RSS_KIB {
            return Some(format!("took {} MiB of memory", self.max_rss_kib >> 10));
        }
        if self.stderr.contains("panicked") {
            return Some("panicked".to_owned());
        }
        match status.code() {
            Some(0) => None,
            Some(1) => {
                let lines: Vec<&str> = self.stderr.lines().collect();
                let one_error = lines.len() == 1 && lines[0].starts_with("calo: error: ");
                (!one_error)
                    .then(|| format!("failed with {} lines instead of one `calo: error: ...`", lines.len()))
            }
            Some(code) => Some(format!("exit code {code}; only 0 and 1 are allowed")),
            None => Some(format!("killed by signal {:?}", status.signal())),
        }
    }
}

/// Runs `calo` with `args`, its standard error kept in `scratch`.
#[expect(clippy::zombie_processes, reason = "wait4 reaps the child")]
#[expect(unsafe_code, reason = "resource limits and the peak memory of a child have no safe interface")]
pub(crate) fn run(args: &[String], scratch: &Path) -> Outcome {
    let stderr_path = scratch.join("stderr");
    let mut command = Command::new(env!("CARGO_BIN_EXE_calo"));
    command.args(args).current_dir(scratch).env_remove("RUST_BACKTRACE");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&stderr_path).unwrap());
    // SAFETY: setrlimit is async-signal-safe, and nothing else happens between fork and exec.
    unsafe {
        command.pre_exec(|| {
            for (resource, bytes) in [(libc::RLIMIT_AS, MAX_ADDRESS_SPACE), (libc::RLIMIT_CORE, 0)] {
                let limit = libc::rlimit { rlim_cur: bytes, rlim_max: bytes };
                if libc::setrlimit(resource, &raw const limit) != 0 {
                    return Err(std::io::Error::last_os_error());
                }
            }
            Ok(())
        });
    }
    let start = Instant::now();
    let mut child = command.spawn().unwrap();
    let pid = libc::pid_t::try_from(child.id()).unwrap();
    let mut status = 0;
    // SAFETY: rusage is plain numbers, for which all zeros is a value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    loop {
        // SAFETY: `pid` is our own child, which nobody else waits for; both pointers are to live locals.
        let reaped = unsafe { libc::wait4(pid, &raw mut status, libc::WNOHANG, &raw mut usage) };
        assert!(reaped >= 0, "wait4: {}", std::io::Error::last_os_error());
        if reaped == pid {
            break;
        }
        if start.elapsed() > MAX_WALL {
            child.kill().unwrap();
            child.wait().unwrap();
            break;
        }
        sleep(Duration::from_millis(1));
    }
    let wall = start.elapsed();
    Outcome {
        status: (wall <= MAX_WALL).then(|| ExitStatus::from_raw(status)),
        stderr: String::from_utf8_lossy(&fs::read(&stderr_path).unwrap()).into_owned(),
        wall,
        max_rss_kib: usage.ru_maxrss,
    }
}
