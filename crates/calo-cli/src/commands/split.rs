//! `calo split`: training, validation and test files, the same for the same seed.

use std::path::PathBuf;

use anyhow::Context;
use calo_core::{Error, Real};
use calo_data::{Part, ShowerReader, ShowerWriter, Split, WriteOptions, for_each_part};

use crate::files::{InputOptions, StorageOptions, batch_size, is_f64};
use crate::progress::Progress;
use crate::{interrupt, output};

/// Split a file into training, validation and test showers
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Shower file
    input: PathBuf,
    /// Folder for train.hdf5, validation.hdf5 and test.hdf5
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// Shares of training, validation and test
    #[arg(long, value_name = "TRAIN,VALIDATION,TEST", default_value = "80,10,10", value_parser = fractions)]
    fractions: [f64; 3],
    /// Which showers go where depends on this and on the file's length alone
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    from: InputOptions,
    #[command(flatten)]
    storage: StorageOptions,
}

fn fractions(text: &str) -> Result<[f64; 3], String> {
    let form = || "expected three numbers of at least 0 with a sum above 0, for example 80,10,10".to_owned();
    let shares: Vec<f64> =
        text.split(',').map(|share| share.trim().parse()).collect::<Result<_, _>>().map_err(|_| form())?;
    let sum: f64 = shares.iter().sum();
    match shares[..] {
        [a, b, c] if shares.iter().all(|share| *share >= 0.0) && sum > 0.0 && sum.is_finite() => {
            Ok([a / sum, b / sum, c / sum])
        }
        _ => Err(form()),
    }
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let reader = args.from.open(&args.input)?;
    let mut options = args.storage.like(&reader, &args.input)?;
    options.attributes.push(("split_seed".to_owned(), args.seed.to_string()));
    std::fs::create_dir_all(&args.out)
        .with_context(|| format!("{}: cannot create the folder", args.out.display()))?;
    if is_f64(reader.info().cells.dtype, options.dtype) {
        split_file::<f64>(args, reader, &options)
    } else {
        split_file::<f32>(args, reader, &options)
    }
}

fn split_file<T: Real>(args: &Args, mut reader: ShowerReader, options: &WriteOptions) -> anyhow::Result<()> {
    let split = Split::new(args.seed, args.fractions, reader.n_showers())?;
    // An empty part gets no file: it would hold nothing that could be read.
    let mut writers = Part::ALL.map(|part| (part, None));
    for (part, writer) in &mut writers {
        let path = args.out.join(format!("{}.hdf5", part.name()));
        if split.size(*part) == 0 {
            // One left from another split may hold showers of the other parts.
            anyhow::ensure!(
                !path.exists(),
                "{}: exists, but its part is empty; expected it removed",
                path.display()
            );
        } else {
            *writer = Some(ShowerWriter::create(&path, options)?);
        }
    }
    let mut progress = Progress::new("splitting", Some(reader.n_showers()));
    let n = batch_size::<T>(reader.grid());
    for_each_part::<T>(&mut reader, &split, n, |part, batch| {
        interrupt::check()?;
        progress.advance(batch.len());
        match &mut writers[part as usize].1 {
            Some(writer) => writer.write(batch),
            None => Err(Error::option("fractions", part.name(), "no shower in an empty part")),
        }
    })?;
    drop(progress);
    let mut text = String::new();
    for (part, writer) in writers {
        if let Some(writer) = writer {
            writer.finish()?;
        }
        text += &format!("{}: {} showers\n", part.name(), split.size(part));
    }
    output::print(&text)
}
