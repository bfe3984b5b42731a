//! `calo inspect`: what a file holds, in numbers and as an event display.

mod display;

use std::path::{Path, PathBuf};

use anyhow::ensure;
use calo_core::{Dtype, Real, ShowerBatch};
use calo_data::{
    Extent, FileInfo, HitReader, ReadOptions, ShowerReader, StorageInfo, Summary, Tally, TreeName,
};
use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use crate::args::non_negative;
use crate::files::{InputOptions, for_each_batch, open};
use crate::{crash, output};

/// Show what a shower file holds, and single showers
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Shower file (HDF5), or raw hits (ROOT)
    input: PathBuf,
    /// Cells above this are hits, MeV; the detector's cut, or 0, unless told
    #[arg(long, value_name = "MEV", value_parser = non_negative)]
    hits_above_mev: Option<f64>,
    /// Draw this shower (counted from 0) in the terminal
    #[arg(long, value_name = "INDEX")]
    shower: Option<u64>,
    /// Draw it into this SVG file instead
    #[arg(long, value_name = "FILE", requires = "shower")]
    svg: Option<PathBuf>,
    /// Print JSON instead of a table
    #[arg(long, conflicts_with = "shower")]
    json: bool,
    #[command(flatten)]
    from: InputOptions,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    if is_root(&args.input) {
        ensure!(
            args.shower.is_none(),
            "{}: raw hits; expected showers to draw (calo project)",
            args.input.display()
        );
        ensure!(!args.json, "{}: raw hits; expected showers for --json", args.input.display());
        return inspect_root(args);
    }
    let detector_cut = args.from.detector()?.map_or(0.0, |detector| detector.readout.cell_cut_mev);
    let cut_mev = args.hits_above_mev.unwrap_or(detector_cut);
    // Bad values are what an inspection is for: they are counted, not refused.
    let options = ReadOptions { inspect: true, ..args.from.read_options()? };
    let mut reader = open(&args.input, &options)?;
    if let Some(shower) = args.shower {
        return draw(args, &mut reader, shower, cut_mev);
    }
    let summary = if reader.info().cells.dtype == Dtype::F64 {
        summarise::<f64>(&mut reader, cut_mev)?
    } else {
        summarise::<f32>(&mut reader, cut_mev)?
    };
    if args.json {
        let json = Inspection { file: reader.info(), summary: &summary };
        return output::print(&format!("{}\n", serde_json::to_string_pretty(&json)?));
    }
    output::print(&format!("{}\n", table(reader.info(), &summary)))
}

/// What `--json` prints.
#[derive(Serialize)]
struct Inspection<'a> {
    file: &'a FileInfo,
    summary: &'a Summary,
}

fn summarise<T: Real>(reader: &mut ShowerReader, cut_mev: f64) -> anyhow::Result<Summary> {
    let mut summary = Summary::new(reader.grid(), cut_mev);
    for_each_batch::<T>(reader, "reading", |batch| {
        summary.add(batch);
        Ok(())
    })?;
    Ok(summary)
}

fn table(info: &FileInfo, summary: &Summary) -> Table {
    let mut table = new_table();
    let mut row = |name: &str, value: String| {
        table.add_row([name.to_owned(), value]);
    };
    row("layout", format!("{}, group {}", info.layout, info.group));
    let cut_from = info.full_grid.map(|full| format!(", cut from {full}")).unwrap_or_default();
    row("grid", format!("{} (layers, x, y){cut_from}", info.grid));
    row("showers", summary.n_showers.to_string());
    row("cells", storage(&info.cells));
    row("incident energies", storage(&info.energies));
    row("file", format!("{:.1} MB", mega(info.file_bytes)));
    row("incident energy", extent(&summary.energy_gev, "GeV"));
    row("sum of cells", extent(&summary.visible_mev, "MeV"));
    let response = summary.response_mev_per_gev();
    row("response", response.map_or_else(|| "-".to_owned(), |response| format!("{response:.3} MeV/GeV")));
    row(&format!("cells above {} MeV", summary.hit_above_mev), extent(&summary.n_hits, ""));
    row("hottest cell", extent(&summary.hottest_cell_mev, "MeV"));
    let occupancy =
        summary.occupancy().map_or_else(|| "-".to_owned(), |share| format!("{:.2} %", 100.0 * share));
    row("cells that are not zero", occupancy);
    row("empty showers", tally(&summary.empty, ""));
    row("cells not finite", tally(&summary.non_finite_cells, "cells"));
    row("negative cells", tally(&summary.negative_cells, "cells"));
    row("impossible incident energies", tally(&summary.bad_energies, ""));
    if let Some(hint) = summary.unit_hint() {
        row("units", hint.describe().to_owned());
    }
    table
}

fn new_table() -> Table {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_FULL_CONDENSED);
    if let Some(column) = table.column_mut(0) {
        column.set_cell_alignment(CellAlignment::Left);
    }
    table
}

fn storage(info: &StorageInfo) -> String {
    format!("{}: {info}, {:.1} MB stored", info.name, mega(info.stored_bytes))
}

fn extent(extent: &Extent, unit: &str) -> String {
    match extent.mean() {
        Some(mean) => {
            format!("{:.2} .. {:.2}, mean {mean:.2} {unit}", extent.min, extent.max).trim_end().to_owned()
        }
        None => "-".to_owned(),
    }
}

fn tally(tally: &Tally, things: &str) -> String {
    match tally.first_shower {
        None => "0".to_owned(),
        Some(first) if things.is_empty() => format!("{}, the first is shower {first}", tally.n_showers),
        Some(first) => {
            format!("{} {things} in {} showers, the first is shower {first}", tally.n, tally.n_showers)
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a size for people")]
fn mega(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// Draws one shower.
fn draw(args: &Args, reader: &mut ShowerReader, shower: u64, cut_mev: f64) -> anyhow::Result<()> {
    let n = reader.n_showers();
    ensure!(
        shower < n,
        "{}: no shower {shower}; expected 0 to {}",
        args.input.display(),
        n.saturating_sub(1)
    );
    reader.seek(shower)?;
    let mut batch = ShowerBatch::<f32>::empty(reader.grid());
    reader.read_batch(1, &mut batch)?;
    match &args.svg {
        Some(path) => {
            let svg = display::svg(&batch, cut_mev, &args.input)?;
            calo_core::write_atomically(path, svg.as_bytes())?;
            output::print(&format!("shower {shower} drawn into {}\n", path.display()))
        }
        None => output::print(&display::text(&batch, cut_mev)),
    }
}

/// ROOT files begin with their name.
fn is_root(path: &Path) -> bool {
    if !path.is_file() {
        return false; // opening a pipe would wait; what it is instead is told by who reads it
    }
    let mut magic = [0; 4];
    let read =
        std::fs::File::open(path).and_then(|mut file| std::io::Read::read_exact(&mut file, &mut magic));
    read.is_ok() && &magic == b"root"
}

/// Counts events and hits of a ROOT file.
fn inspect_root(args: &Args) -> anyhow::Result<()> {
    crash::blame(&args.input);
    let detector = args.from.detector()?;
    let tree = detector.as_ref().map_or("photonSIM", |detector| detector.projection.tree.as_str());
    let mut hits = HitReader::open(&args.input, TreeName::OrTheOnlyOne(tree))?;
    let mut batch = calo_data::HitBatch::default();
    let (mut energies_gev, mut depths_mm, mut n_hits) = (Range::default(), Range::default(), 0_usize);
    let mut hits_gev = 0.0;
    while hits.next_batch(256, &mut batch)? {
        crate::interrupt::check()?;
        for event in batch.events() {
            energies_gev.add(event.incident_energy_gev);
            event.depth_mm.iter().for_each(|depth| depths_mm.add(*depth));
            n_hits += event.depth_mm.len();
            hits_gev += event.hit_energies_gev.iter().sum::<f64>();
        }
    }
    let mut table = new_table();
    table.add_row(["layout".to_owned(), format!("raw hits (ROOT), tree {}", hits.tree())]);
    table.add_row(["events".to_owned(), hits.n_events().to_string()]);
    table.add_row(["hits".to_owned(), n_hits.to_string()]);
    table.add_row(["incident energy".to_owned(), energies_gev.text("GeV")]);
    table.add_row(["depth of hits".to_owned(), depths_mm.text("mm")]);
    table.add_row(["energy of all hits".to_owned(), format!("{hits_gev:.3} GeV")]);
    output::print(&format!("{table}\n"))
}

/// Smallest and largest of some numbers.
#[derive(Debug, Clone, Copy, Default)]
struct Range(Option<[f64; 2]>);

impl Range {
    fn add(&mut self, value: f64) {
        let [low, high] = self.0.unwrap_or([value; 2]);
        self.0 = Some([low.min(value), high.max(value)]);
    }

    fn text(self, unit: &str) -> String {
        self.0.map_or_else(|| "-".to_owned(), |[low, high]| format!("{low:.2} .. {high:.2} {unit}"))
    }
}
