//! How values of options are written that several subcommands share.

use std::path::PathBuf;
use std::str::FromStr;

use calo_core::Grid;
use calo_run::positive;

/// `20=FILE`: a file of showers at one energy; `NAME:20=FILE` where there are several samples.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FixedEnergyFile {
    pub(crate) sample: Option<String>,
    pub(crate) energy_gev: f64,
    pub(crate) path: PathBuf,
}

impl FromStr for FixedEnergyFile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, path) =
            text.split_once('=').ok_or("expected ENERGY=FILE, for example 20=photons_20.hdf5")?;
        let (sample, energy) = match key.rsplit_once(':') {
            Some((sample, energy)) => (Some(sample.to_owned()), energy),
            None => (None, key),
        };
        Ok(Self { sample, energy_gev: positive(energy)?, path: PathBuf::from(path) })
    }
}

/// `FILE` or `NAME=FILE`: a sample; by default named by its file's stem, or by a folder's whole name.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NamedFile {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
}

impl FromStr for NamedFile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let named = text.split_once('=').filter(|_| !PathBuf::from(text).exists());
        let (name, path) = match named {
            Some((name, path)) => (name.to_owned(), PathBuf::from(path)),
            None => {
                let path = PathBuf::from(text);
                // The dot in `beta-0.05` begins no extension.
                let name = if path.is_dir() { path.file_name() } else { path.file_stem() };
                let name = name.map(|s| s.to_string_lossy().into_owned());
                (name.unwrap_or_else(|| text.to_owned()), path)
            }
        };
        if name.is_empty() || path.as_os_str().is_empty() {
            return Err("expected FILE or NAME=FILE".to_owned());
        }
        Ok(Self { name, path })
    }
}

/// `30x30x30`: layers, cells along x, cells along y.
pub(crate) fn grid(text: &str) -> Result<Grid, String> {
    let numbers: Vec<usize> =
        text.split('x').map(str::parse).collect::<Result<_, _>>().map_err(|_| GRID_FORM.to_owned())?;
    match numbers[..] {
        [layers, nx, ny] if [layers, nx, ny].iter().all(|n| (1..=1024).contains(n)) => {
            Ok(Grid { layers, nx, ny })
        }
        _ => Err(GRID_FORM.to_owned()),
    }
}

const GRID_FORM: &str = "expected LAYERSxNXxNY with 1 to 1024 each, for example 30x30x30";

/// A finite number of at least zero.
pub(crate) fn non_negative(text: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        Ok(value) if value.is_finite() && value >= 0.0 => Ok(value),
        _ => Err(format!("`{text}` is not a finite number of at least 0")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_energy_files_may_name_their_sample() {
        let file: FixedEnergyFile = "bib-ae:20=a=b.hdf5".parse().unwrap();
        assert_eq!(file.sample.as_deref(), Some("bib-ae"));
        assert_eq!((file.energy_gev, file.path), (20.0, PathBuf::from("a=b.hdf5")));
        assert!("a.hdf5".parse::<FixedEnergyFile>().is_err());
    }

    #[test]
    fn grids() {
        assert_eq!(grid("48x13x14"), Ok(Grid { layers: 48, nx: 13, ny: 14 }));
        for bad in ["48x13", "0x1x1", "1x1x1x1", "axbxc", "1x1x99999999999999999999"] {
            assert!(grid(bad).is_err(), "{bad}");
        }
    }
}
