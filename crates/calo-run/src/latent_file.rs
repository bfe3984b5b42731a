//! Latent files: what an encoder makes of showers, with their observables; layout in `docs/formats.md`.

use std::path::Path;

use calo_core::Dtype;
use calo_data::{TableColumn, TableReader, TableWriter};
use calo_metrics::{Column, ObservableTable};
use ndarray::{Array2, s};

use crate::Result;
use crate::error::{bail, ensure};
use crate::monitor::Caller;

/// Attribute by which a latent file is told from others, and its value.
const VERSION: (&str, &str) = ("calo_latent_version", "1");

const Z: &str = "z";
const MEAN: &str = "mean";
const LOG_VARIANCE: &str = "log_variance";
const ENERGY: &str = "energy_gev";
const SHOWER: &str = "shower";

/// Observables that are stored, by the name of their data set, with their unit.
const OBSERVABLES: [(Column, &str, Option<&str>); 12] = [
    (Column::M1x, "cog_x", None),
    (Column::M1y, "cog_y", None),
    (Column::M1z, "cog_z", None),
    (Column::M2x, "m2_x", None),
    (Column::M2y, "m2_y", None),
    (Column::M2z, "m2_z", None),
    (Column::VisibleEnergyMev, "e_vis_mev", Some("MeV")),
    (Column::NHits, "n_hits", None),
    (Column::FirstThird, "first_third", None),
    (Column::SecondThird, "second_third", None),
    (Column::LastThird, "last_third", None),
    (Column::ShowerStart, "shower_start", None),
];

/// Some showers on their way into a latent file.
pub struct LatentBatch<'a> {
    /// Number of each shower in its file.
    pub showers: &'a [u64],
    /// Incident energies, GeV.
    pub energies_gev: &'a [f64],
    /// Their latent variables.
    pub encoded: &'a crate::networks::Encoded,
    /// What is known of them otherwise.
    pub observables: &'a ObservableTable,
}

/// Writes a latent file, which appears when it is complete.
pub struct LatentWriter {
    table: TableWriter,
}

impl LatentWriter {
    /// Starts a file of `encoded` variables a shower.
    ///
    /// # Errors
    /// A place that cannot be written.
    pub fn create(path: &Path, encoded: usize, attributes: &[(String, String)]) -> calo_core::Result<Self> {
        let wide = |name: &str| TableColumn {
            name: name.to_owned(),
            width: Some(encoded),
            dtype: Dtype::F32,
            unit: None,
            own_length: false,
        };
        let single = |name: &str, unit| TableColumn {
            name: name.to_owned(),
            width: None,
            dtype: Dtype::F64,
            unit,
            own_length: false,
        };
        let mut columns =
            vec![wide(Z), wide(MEAN), wide(LOG_VARIANCE), single(ENERGY, Some("GeV")), single(SHOWER, None)];
        columns.extend(OBSERVABLES.map(|(_, name, unit)| single(name, unit)));
        // What another latent file handed down, through its density say, is not of this one.
        let mut attributes: Vec<_> =
            attributes.iter().filter(|(name, _)| name != VERSION.0).cloned().collect();
        attributes.push((VERSION.0.to_owned(), VERSION.1.to_owned()));
        Ok(Self { table: TableWriter::create(path, &columns, &attributes)? })
    }

    /// Appends showers.
    ///
    /// # Errors
    /// A full disk.
    pub fn write(&mut self, batch: &LatentBatch<'_>) -> calo_core::Result<()> {
        let encoded = batch.encoded;
        for (name, array) in [(Z, &encoded.z), (MEAN, &encoded.mean), (LOG_VARIANCE, &encoded.log_variance)] {
            self.table.write(name, &array.iter().copied().collect::<Vec<f32>>())?;
        }
        self.table.write(ENERGY, batch.energies_gev)?;
        #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^53 showers")]
        let showers: Vec<f64> = batch.showers.iter().map(|&shower| shower as f64).collect();
        self.table.write(SHOWER, &showers)?;
        for (column, name, _) in OBSERVABLES {
            self.table.write(name, batch.observables.column(column))?;
        }
        Ok(())
    }

    /// Completes the file.
    ///
    /// # Errors
    /// A full disk.
    pub fn finish(self) -> calo_core::Result<()> {
        self.table.finish()
    }
}

/// What a density is made from.
pub struct LatentPoints {
    /// `[shower, variable]`.
    pub z: Array2<f64>,
    /// Incident energy of each, GeV.
    pub energies_gev: Vec<f64>,
}

/// Reads sampled z and energies of a latent file.
///
/// # Errors
/// A file that is not a latent file, is damaged, or holds numbers that are not finite.
pub fn read(path: &Path, caller: Caller<'_>) -> Result<LatentPoints> {
    let place = path.display();
    let table = open(path, caller)?;
    let (z, energies) = (table.read(Z)?, table.read(ENERGY)?);
    ensure!(
        z.nrows() == energies.nrows() && energies.ncols() == 1 && z.ncols() > 0,
        "{place}: z of {:?} and energies of {:?}; expected one energy for each shower",
        z.dim(),
        energies.dim()
    );
    let bad = z.indexed_iter().chain(energies.indexed_iter()).find(|(_, value)| !value.is_finite());
    if let Some(((shower, _), value)) = bad {
        bail!("{place}: {value} in row {shower}; expected finite latent variables and energies");
    }
    Ok(LatentPoints { z, energies_gev: energies.column(0).to_vec() })
}

/// What an encoder says of some showers.
pub struct LatentPosteriors {
    /// Sampled z, `[shower, variable]`.
    pub z: Array2<f64>,
    /// Means of the posteriors, likewise.
    pub mean: Array2<f64>,
    /// Logarithms of their variances, likewise.
    pub log_variance: Array2<f64>,
}

impl LatentPosteriors {
    /// At most `n` showers of these, from the first on.
    #[must_use]
    pub fn first(self, n: usize) -> Self {
        let cut = |x: Array2<f64>| {
            let rows = x.nrows().min(n);
            x.slice(s![..rows, ..]).to_owned()
        };
        Self { z: cut(self.z), mean: cut(self.mean), log_variance: cut(self.log_variance) }
    }
}

/// Reads sampled z and posteriors of a latent file.
///
/// # Errors
/// As [`read`]; parts of different sizes.
pub fn read_posteriors(path: &Path, caller: Caller<'_>) -> Result<LatentPosteriors> {
    let place = path.display();
    let table = open(path, caller)?;
    let [z, mean, log_variance] = [Z, MEAN, LOG_VARIANCE].map(|name| table.read(name));
    let (z, mean, log_variance) = (z?, mean?, log_variance?);
    ensure!(
        z.dim() == mean.dim() && z.dim() == log_variance.dim() && !z.is_empty(),
        "{place}: z of {:?}, means of {:?}; expected as many of each, and some",
        z.dim(),
        mean.dim()
    );
    let bad = z.indexed_iter().find(|(_, value)| !value.is_finite());
    if let Some(((shower, _), value)) = bad {
        bail!("{place}: {value} in row {shower}; expected finite latent variables");
    }
    Ok(LatentPosteriors { z, mean, log_variance })
}

/// Opens a latent file.
fn open(path: &Path, caller: Caller<'_>) -> Result<TableReader> {
    caller.monitor.working_on(path);
    let place = path.display();
    let table = TableReader::open(path)?;
    let attributes = calo_data::read_attributes(path, None)?;
    let version = attributes.iter().find(|(name, _)| name == VERSION.0).map(|(_, value)| value.as_str());
    ensure!(
        version.is_some() && table.has(Z) && table.has(ENERGY),
        "{place}: not a latent file; expected what `calo encode` writes"
    );
    ensure!(version == Some(VERSION.1), "{place}: latent file of another version; expected {}", VERSION.1);
    Ok(table)
}
