//! The allocator of `calo` and of its bench of the networks, and what each tells it.

/// Networks allocate and free large tensors all the time; this one gives their memory out again.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Tells the allocator to keep freed memory: fresh pages from the system cost as much as the arithmetic on them.
#[expect(unsafe_code, reason = "mimalloc's options are set through its C interface")]
pub(crate) fn keep_freed_memory() {
    /// Place of `mi_option_purge_delay` in the list of mimalloc 3.
    const PURGE_DELAY: libc::c_int = 15;
    unsafe extern "C" {
        fn mi_option_set(option: libc::c_int, value: libc::c_long);
    }
    // SAFETY: the signature is that of mimalloc, which is linked as the allocator; numbers go in, none comes out.
    unsafe { mi_option_set(PURGE_DELAY, -1) };
}

/// Has Linux back the memory touched from here on with pages of 4 KiB. Mimalloc asks for pages of 2 MiB, which make
/// a training a few per cent faster; applying a network is no faster with them and takes more memory (the encoder at the
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
