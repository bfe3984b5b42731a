//! The allocator of `calo` and of its bench of the networks, and what each tells it.

/// Networks allocate and free large tensors all the time; this one gives their memory out again.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The option of this name in mimalloc's header (`mi_option_e`, version 3): milliseconds until freed memory goes back to the system,
/// -1 for never. `libmimalloc-sys` has no name for it; a test compares it with what mimalloc knows by the name.
const MI_OPTION_PURGE_DELAY: libc::c_int = 15;

#[expect(unsafe_code, reason = "a declaration of mimalloc's C interface")]
unsafe extern "C" {
    fn mi_option_set(option: libc::c_int, value: libc::c_long);
}

/// Tells the allocator to keep freed memory: fresh pages from the system cost as much as the arithmetic on them.
#[expect(unsafe_code, reason = "mimalloc's options are set through its C interface")]
pub(crate) fn keep_freed_memory() {
    // SAFETY: the signature is that of mimalloc, which is linked as the allocator; numbers go in, none comes out.
    unsafe { mi_option_set(MI_OPTION_PURGE_DELAY, -1) };
}

/// Has Linux back the memory touched from here on with pages of 4 KiB. Mimalloc asks for pages of 2 MiB, which make
/// a run a few per cent faster; applying a network is no faster with them and takes more memory (the encoder at the
/// published widths 23 to 33 MiB instead of 11).
#[expect(unsafe_code, reason = "a call of the system")]
pub(crate) fn use_small_pages() {
    #[cfg(target_os = "linux")]
    {
        let (on, unused): (libc::c_ulong, libc::c_ulong) = (1, 0);
        // SAFETY: numbers go in, and no memory is touched. Without the right to ask, the pages stay large.
        unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, on, unused, unused, unused) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(unsafe_code, reason = "a declaration of mimalloc's C interface")]
    unsafe extern "C" {
        safe fn mi_option_get(option: libc::c_int) -> libc::c_long;
    }

    /// Runs in a process of its own, whose environment sets the option by its name.
    #[test]
    #[ignore = "run by `the_option_is_the_one_of_that_name`"]
    fn option_child() {
        assert_eq!(mi_option_get(MI_OPTION_PURGE_DELAY), 4711);
        keep_freed_memory();
        assert_eq!(mi_option_get(MI_OPTION_PURGE_DELAY), -1);
    }

    #[test]
    fn the_option_is_the_one_of_that_name() {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "allocator::tests::option_child", "--ignored"]);
        let output = child.env("MIMALLOC_PURGE_DELAY", "4711").output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("1 passed"), "{text}");
    }
}
