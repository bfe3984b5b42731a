//! `cargo xtask ci paths`: the binary names no folder in which HDF5 was built.
//!
//! C code keeps the paths of its sources (`__FILE__`) and libhdf5 the folder of its installation, below which it would look for
//! plugins. `xtask/bin/hdf5.cmake` keeps both out.

use std::fs;

use anyhow::{Context as _, Result, bail};

use crate::process::target_dir;

/// Begins the names of the folders in which HDF5 was compiled and its sources lie.
const HDF5: &str = "hdf5-metno-src-";

/// Searches the binary that the tests built.
pub(crate) fn check() -> Result<()> {
    let calo = target_dir()?.join("debug/calo");
    let bytes = fs::read(&calo)
        .with_context(|| format!("cannot read {}, which the step `tests` builds", calo.display()))?;
    if let Some(found) = find(&bytes, HDF5) {
        bail!(
            "{} holds `{found}`; where HDF5 was compiled before xtask/bin/hdf5.cmake came, run `cargo clean -p hdf5-metno-src`",
            calo.display()
        );
    }
    println!("{} bytes without a folder of HDF5", bytes.len());
    Ok(())
}

/// `path` in `bytes` with the text around it, if it is there.
fn find(bytes: &[u8], path: &str) -> Option<String> {
    // As text for the sake of the standard library's fast search; what is no text does not matter.
    let text = String::from_utf8_lossy(bytes);
    let at = text.find(path)?;
    let around = |c: char| !c.is_ascii_graphic() && c != ' ';
    let start =
        text[..at].rfind(around).map_or(0, |i| i + text[i..].chars().next().map_or(1, char::len_utf8));
    let end = text[at..].find(around).map_or(text.len(), |n| at + n);
    Some(text[start..end].chars().take(300).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_between_bytes_is_found_with_its_surroundings() {
        let bytes =
            b"\x7fELF\x00\xff\xfe/home/me/target/build/hdf5-metno-src-1f/out/lib/plugin:/usr\x00rest\xff";
        let found = find(bytes, HDF5).unwrap();
        assert_eq!(found, "/home/me/target/build/hdf5-metno-src-1f/out/lib/plugin:/usr");
        assert_eq!(find(bytes, "hdf5-metno-sys-"), None);
    }
}
