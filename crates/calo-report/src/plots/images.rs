//! The average shower and single ones.

use calo_metrics::results::{Results, ShowerImage, ShowerImages};

use crate::error::Result;
use crate::figures::{
    DRAWN_CELLS, MeanImage, ProjectionPlot, Shower, ShowerPanel, event_display, projections,
};
use crate::plots::figure::{Figure, Section, text};
use crate::style::Style;
use crate::text::{fixed, plain};

/// Projections and a 3-D view of the average shower, then single showers of all samples beside each other.
pub(super) fn figures(results: &Results, images: &ShowerImages, style: &Style) -> Result<Vec<Figure>> {
    let mut figures = vec![average(results, images, style)?, average_3d(results, images, style)?];
    let n_showers = images.samples.iter().map(|sample| sample.showers.len()).max().unwrap_or(0);
    for index in 0..n_showers {
        figures.push(single(results, images, index, style)?);
    }
    Ok(figures)
}

fn names(results: &Results) -> String {
    results.samples.iter().map(|sample| sample.name.as_str()).collect::<Vec<_>>().join(", ")
}

fn average(results: &Results, images: &ShowerImages, style: &Style) -> Result<Figure> {
    let samples = results.samples.iter().zip(&images.samples);
    let alt = format!("Average shower of {} from the side, from above and from the front.", names(results));
    let plot = ProjectionPlot {
        text: text("average_shower", "Average shower, full spectrum", alt),
        grid: results.detector.grid,
        samples: samples
            .map(|(s, i)| MeanImage { name: s.name.clone(), mean_mev: i.mean_mev.clone() })
            .collect(),
    };
    let svg = projections(&plot, style)?;
    let caption = "Mean energy of every cell over the full spectrum, summed along the line of sight; five decades of a \
                   logarithmic colour scale that all samples share.";
    Ok(Figure::wide("average_shower", Section::Showers, caption, svg))
}

fn average_3d(results: &Results, images: &ShowerImages, style: &Style) -> Result<Figure> {
    let grid = results.detector.grid;
    let showers: Vec<_> = results
        .samples
        .iter()
        .zip(&images.samples)
        .map(|(sample, images)| shower_of_mean(&sample.name, grid, &images.mean_mev))
        .collect();
    let alt =
        format!("Average shower of {} as boxes in the calorimeter, cut open along its axis.", names(results));
    let drawn = drawn(&showers, 0.0);
    let panel = ShowerPanel {
        text: text("average_shower_3d", "Average shower in 3-D, cut open, full spectrum", alt),
        grid,
        cell_cut_mev: 0.0,
        showers,
    };
    let svg = event_display(&panel, style)?;
    let caption =
        format!("Average shower, layers from left to right, without the half that faces the eye. {drawn}");
    Ok(Figure::wide("average_shower_3d", Section::Showers, caption, svg))
}

/// The half of an average shower behind the middle of x: the whole would hide its core.
fn shower_of_mean(label: &str, [_, nx, ny]: [usize; 3], mean_mev: &[f32]) -> Shower {
    let shown = |(flat, energy): &(usize, &f32)| **energy > 0.0 && flat / ny % nx >= nx / 2;
    let filled = mean_mev.iter().enumerate().filter(shown);
    // A checked grid fits into u16.
    let index = |i: usize| u16::try_from(i).unwrap_or(u16::MAX);
    let cell = |flat: usize| [index(flat / (nx * ny)), index(flat / ny % nx), index(flat % ny)];
    let (cells, energies_mev) = filled.map(|(flat, energy)| (cell(flat), *energy)).unzip();
    Shower { label: label.to_owned(), cells, energies_mev }
}

fn single(results: &Results, images: &ShowerImages, index: usize, style: &Style) -> Result<Figure> {
    let samples = results.samples.iter().zip(&images.samples);
    let showers: Vec<_> = samples.map(|(sample, i)| shower(&sample.name, i.showers.get(index))).collect();
    let energies: Vec<_> =
        images.samples.iter().filter_map(|s| s.showers.get(index)).map(|s| s.energy_gev).collect();
    let low = energies.iter().copied().fold(f64::INFINITY, f64::min);
    let high = energies.iter().copied().fold(0.0, f64::max);
    let (low, high) = (fixed(low, 1), fixed(high, 1));
    let range = if low == high { format!("{low} GeV") } else { format!("{low} to {high} GeV") };
    let name = format!("shower_{}", index + 1);
    let alt = format!("One shower of {range} of each of {}, as boxes in the calorimeter.", names(results));
    let drawn = drawn(&showers, results.detector.cell_cut_mev);
    let panel = ShowerPanel {
        text: text(&name, format!("Single showers, {range}"), alt),
        grid: results.detector.grid,
        cell_cut_mev: results.detector.cell_cut_mev,
        showers,
    };
    let svg = event_display(&panel, style)?;
    let caption = format!(
        "One shower of each sample, layers from left to right. Showers next to each other are different events. {drawn}"
    );
    Ok(Figure::wide(name, Section::Showers, caption, svg))
}

fn shower(name: &str, image: Option<&ShowerImage>) -> Shower {
    let Some(image) = image else {
        return Shower { label: format!("{name}: no shower"), cells: Vec::new(), energies_mev: Vec::new() };
    };
    let label = format!("{name}: {} GeV, no. {}", fixed(image.energy_gev, 1), image.index);
    Shower { label, cells: image.cells.clone(), energies_mev: image.energies_mev.clone() }
}

/// What of the showers is drawn: the general rule, then each shower that lost cells to it.
fn drawn(showers: &[Shower], cut_mev: f64) -> String {
    let above = if cut_mev > 0.0 { format!(" above {} MeV", plain(cut_mev)) } else { String::new() };
    let mut text = format!("Colour and size of a box grow with the logarithm of the cell's energy{above}.");
    for shower in showers {
        let mut energies: Vec<f64> =
            shower.energies_mev.iter().map(|&e| f64::from(e)).filter(|&e| e >= cut_mev).collect();
        if energies.len() <= DRAWN_CELLS {
            continue;
        }
        energies.sort_by(|a, b| b.total_cmp(a));
        let (kept, all): (f64, f64) = (energies[..DRAWN_CELLS].iter().sum(), energies.iter().sum());
        let (n, share) = (energies.len(), fixed(100.0 * kept / all, 1));
        text.push_str(&format!(
            " {}: the {DRAWN_CELLS} most energetic of {n} cells, {share} % of the energy.",
            shower.label
        ));
    }
    text
}
