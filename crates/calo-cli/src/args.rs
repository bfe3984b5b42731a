//! Options that several subcommands share, and how their values are written.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use calo_core::Grid;
use calo_nn::candle::{DType, Device};
use calo_nn::device::{self, Precision};

/// An energy range `10..100` or a single energy `50`, GeV.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct EnergyRange {
    pub(crate) low_gev: f64,
    pub(crate) high_gev: f64,
}

impl FromStr for EnergyRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (low, high) = text.split_once("..").unwrap_or((text, text));
        let (low_gev, high_gev) = (positive(low)?, positive(high)?);
        if low_gev > high_gev {
            return Err(format!("{low_gev} is above {high_gev}; expected LOW..HIGH in GeV"));
        }
        Ok(Self { low_gev, high_gev })
    }
}

impl fmt::Display for EnergyRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { low_gev, high_gev } = self;
        if low_gev.to_bits() == high_gev.to_bits() {
            write!(f, "{low_gev}")
        } else {
            write!(f, "{low_gev}..{high_gev}")
        }
    }
}

/// Where networks compute, and how precisely.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct DeviceOptions {
    /// Where to compute: cpu, cuda or cuda:N
    #[arg(long, default_value = "cpu")]
    pub(crate) device: String,
    /// What convolutions and products compute with: f32, on a card also tf32 (11 bits where f32 is multiplied) and, not to
    /// train, bf16 (8 bits)
    #[arg(long, default_value_t, value_name = "P")]
    pub(crate) precision: Precision,
}

impl DeviceOptions {
    /// The device, set up, and the element type of networks there.
    ///
    /// # Errors
    /// A device that is not there, or that has no such precision.
    pub(crate) fn select(&self) -> calo_nn::Result<(Device, DType)> {
        let device = device::select(&self.device)?;
        let dtype = self.precision.prepare(&device)?;
        Ok((device, dtype))
    }
}

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

/// `FILE` or `NAME=FILE`: a sample, named by its file's stem unless told, or by a folder's whole name.
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

/// A finite number above zero.
pub(crate) fn positive(text: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        Ok(value) if value.is_finite() && value > 0.0 => Ok(value),
        _ => Err(format!("`{text}` is not a finite number above 0")),
    }
}

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
    fn energy_ranges() {
        assert_eq!("10..100".parse(), Ok(EnergyRange { low_gev: 10.0, high_gev: 100.0 }));
        assert_eq!("50".parse(), Ok(EnergyRange { low_gev: 50.0, high_gev: 50.0 }));
        for text in ["10..100", "50", "0.1..0.3"] {
            assert_eq!(text.parse::<EnergyRange>().map(|range| range.to_string()), Ok(text.to_owned()));
        }
        for bad in ["100..10", "-1..10", "0", "nan", "1..inf", "", "a..b"] {
            assert!(bad.parse::<EnergyRange>().is_err(), "{bad}");
        }
    }

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
