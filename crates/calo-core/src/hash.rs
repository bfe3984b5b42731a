//! Hashes of files and bytes, by which outputs name what they were made from.

use std::fs::File;
use std::path::Path;

use crate::error::{Error, Result};

/// BLAKE3 hash of the bytes of a file, hexadecimal.
///
/// # Errors
/// A file that cannot be opened or read.
pub fn hash_file(path: &Path) -> Result<String> {
    let file = File::open(path).map_err(|e| Error::io(path, "open for reading", e))?;
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(file).map_err(|e| Error::io(path, "read", e))?;
    Ok(hasher.finalize().to_hex().to_string())
}

/// BLAKE3 hash of `bytes`, hexadecimal.
pub fn hash_bytes(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The hash of no bytes, as published with BLAKE3's test vectors.
    const OF_NOTHING: &str = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";

    #[test]
    fn a_file_has_the_hash_of_its_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        for (bytes, hash) in [(vec![], OF_NOTHING.to_owned()), (vec![7; 300_000], hash_bytes(&[7; 300_000]))]
        {
            std::fs::write(&path, &bytes).unwrap();
            assert_eq!(hash_file(&path).unwrap(), hash);
            assert_eq!(hash_bytes(&bytes), hash);
        }
    }

    #[test]
    fn a_missing_file_is_named() {
        let message = hash_file(Path::new("no/such/file")).unwrap_err().to_string();
        assert!(message.starts_with("no/such/file: cannot open for reading: "), "{message}");
    }
}
