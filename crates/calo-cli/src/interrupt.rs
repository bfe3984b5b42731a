//! Ctrl-C and SIGTERM: finish the batch at hand, clean up, exit with 130.

use std::sync::atomic::{AtomicBool, Ordering};

use calo_run::monitor::Interrupted;

static REQUESTED: AtomicBool = AtomicBool::new(false);

/// Listens for interrupts; a second one ends the process at once.
pub(crate) fn listen() -> anyhow::Result<()> {
    ctrlc::set_handler(|| {
        if REQUESTED.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    })?;
    Ok(())
}

/// Called once a batch by everything that may take long.
///
/// # Errors
/// [`Interrupted`] once the user asked to stop.
pub(crate) fn check() -> Result<(), Interrupted> {
    if REQUESTED.load(Ordering::Relaxed) { Err(Interrupted) } else { Ok(()) }
}
