//! Plugins of libhdf5, switched off: an HDF5 file must not decide which code this process runs.
//!
//! A data set with a filter that libhdf5 does not know makes it search the folders of `HDF5_PLUGIN_PATH`, or one
//! compiled in, and load the shared libraries there to ask each for the filter. Anyone who can put a library into such
//! a folder and send a file could thus run code as the user who reads the file. All filters read here are built in, so
//! nothing is lost.

use std::ffi::c_uint;
use std::path::Path;
use std::sync::LazyLock;

use calo_core::{Error, Result};

/// No kind of plugin: neither filters nor drivers nor connectors.
const NO_PLUGINS: c_uint = 0;

/// Makes sure that libhdf5 loads no plugins, before it opens or creates `path`.
///
/// The setting holds for the whole process, and every thread that gets here first waits until it is made. What the environment
/// makes libhdf5 load at its start (`HDF5_VOL_CONNECTOR`) comes before it: that is the choice of the user.
pub(super) fn switch_off(path: &Path) -> Result<()> {
    static ARE_OFF: LazyLock<bool> = LazyLock::new(set_loading_state);
    if *ARE_OFF {
        Ok(())
    } else {
        Err(Error::file(
            path,
            "not opened: libhdf5 keeps loading plugins",
            "an HDF5 library that can do without",
        ))
    }
}

/// Switches plugins off; whether they are.
#[expect(
    unsafe_code,
    reason = "the hdf5 crate does not wrap H5PL, and hdf5-sys gives the argument a wrong type"
)]
fn set_loading_state() -> bool {
    // As in H5PLpublic.h. hdf5-sys links the library, but declares a pointer where a number is passed.
    unsafe extern "C" {
        fn H5PLset_loading_state(plugin_control_mask: c_uint) -> hdf5_sys::h5::herr_t;
        fn H5PLget_loading_state(plugin_control_mask: *mut c_uint) -> hdf5_sys::h5::herr_t;
    }
    let mut loaded = c_uint::MAX;
    // SAFETY: the lock of the library is held and the library is initialised; one number goes in, one is written to `loaded`.
    let statuses = hdf5::sync::sync(|| unsafe {
        [H5PLset_loading_state(NO_PLUGINS), H5PLget_loading_state(&raw mut loaded)]
    });
    statuses.iter().all(|status| *status >= 0) && loaded == NO_PLUGINS
}
