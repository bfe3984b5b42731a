//! Last line of defence against crashes inside libhdf5.
//!
//! HDF5 files are parsed by a C library, and a damaged file can make it fault or abort. Rust cannot catch that as
//! an error; what it can do is say which file was being read and leave with the exit code of a failure.

use std::ffi::CString;
use std::path::Path;
use std::sync::atomic::{AtomicPtr, Ordering};

/// What to print, set before a file is opened. Replaced messages are leaked: there is one for each file opened.
static MESSAGE: AtomicPtr<libc::c_char> = AtomicPtr::new(std::ptr::null_mut());

/// Names the file that a crash from now on is to be blamed on.
pub(crate) fn blame(path: &Path) {
    let text = format!(
        "calo: error: {}: crashed while working on this file; expected an undamaged file and enough memory\n",
        path.display()
    );
    if let Ok(text) = CString::new(text) {
        MESSAGE.store(text.into_raw(), Ordering::Release);
    }
}

/// Turns fatal signals into one line on stderr and exit code 1, and limits on file sizes into write errors.
#[expect(unsafe_code, reason = "signal handlers have no safe interface for SIGSEGV and SIGABRT")]
pub(crate) fn install() {
    // SAFETY: ignoring a signal installs no handler; a write beyond the limit then fails with an error.
    unsafe {
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
    }
    for signal in [libc::SIGSEGV, libc::SIGBUS, libc::SIGABRT, libc::SIGFPE, libc::SIGILL] {
        // SAFETY: the structure is fully initialised, the handler calls async-signal-safe functions only, and
        // SA_ONSTACK uses the alternate stack that Rust's runtime gives every thread.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            let handler: extern "C" fn(libc::c_int) = on_fatal_signal;
            action.sa_sigaction = handler as libc::sighandler_t;
            action.sa_flags = libc::SA_ONSTACK | libc::SA_RESETHAND;
            libc::sigemptyset(&raw mut action.sa_mask);
            libc::sigaction(signal, &raw const action, std::ptr::null_mut());
        }
    }
}

#[expect(unsafe_code, reason = "only write(2) and _exit(2) are allowed here")]
extern "C" fn on_fatal_signal(_signal: libc::c_int) {
    const UNKNOWN: &std::ffi::CStr = c"calo: error: crashed outside any file; please report this\n";
    let message = MESSAGE.load(Ordering::Acquire);
    // SAFETY: `message` is null or came from `CString::into_raw` and is never freed.
    unsafe {
        let text = if message.is_null() { UNKNOWN.as_ptr() } else { message.cast_const() };
        libc::write(libc::STDERR_FILENO, text.cast(), libc::strlen(text));
        libc::_exit(1);
    }
}
