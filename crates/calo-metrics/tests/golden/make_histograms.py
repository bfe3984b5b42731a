"""Golden values of observables, histograms, distances and mu90, from NumPy and SciPy on the sample in `data/`.

    python crates/calo-metrics/tests/golden/make_histograms.py

Writes `histograms.json` beside itself: a few showers as sparse cells, and what the plainest code makes of them. Needs
numpy, scipy and h5py.
"""

import json
import pathlib

import h5py
import numpy as np
import scipy
from scipy import stats
from scipy.spatial.distance import jensenshannon

HERE = pathlib.Path(__file__).parent
DATA = HERE.parents[3] / "data"
DETECTORS = {
    # name: (file, group, showers, cell cut in MeV, MIP in MeV, binnings of configs/detectors)
    "photons": ("photons.hdf5", "30x30", 6, 0.1, 0.2, {
        "cell_energy": ("log", 69, 0.01, 30.0), "visible_energy": ("linear", 100, 150.0, 2300.0),
        "n_hits": ("linear", 100, 200.0, 1400.0), "cog_z": ("linear", 50, 5.0, 25.0),
        "radial": ("linear", 24, 0.0, 24.0), "longitudinal": ("linear", 30, 0.0, 30.0)}),
    "pions": ("pions.hdf5", "48x13x13", 6, 0.25, 0.5, {
        "cell_energy": ("log", 69, 0.05, 150.0), "visible_energy": ("linear", 100, 0.0, 2500.0),
        "n_hits": ("linear", 100, 0.0, 1000.0), "cog_z": ("linear", 48, 0.0, 48.0),
        "radial": ("linear", 10, 0.0, 10.0), "longitudinal": ("linear", 48, 0.0, 48.0)}),
}


def observables(cells, energies, cut, mip):
    """One list for each observable, by the papers' definitions. `cells` is [shower, layer, x, y] in f64."""
    e = np.where(cells > cut, cells, 0.0)
    visible = e.sum(axis=(1, 2, 3))
    out = {"Evis": visible, "Einc": energies, "nhit": (cells > cut).sum(axis=(1, 2, 3)),
           "Epeak": e.max(axis=(1, 2, 3))}
    for name, axis in (("z", 1), ("x", 2), ("y", 3)):
        marginal = e.sum(axis=tuple({1, 2, 3} - {axis}))
        index = np.arange(marginal.shape[1])
        mean = (marginal * index).sum(axis=1) / visible
        out[f"m1{name}"] = mean
        out[f"m2{name}"] = (marginal * (index - mean[:, None]) ** 2).sum(axis=1) / visible
    layers = e.sum(axis=(2, 3))
    third = layers.shape[1] // 3
    for i in range(3):
        out[f"E{i + 1}/Evis"] = layers[:, i * third:(i + 1) * third].sum(axis=1) / visible
    above = layers > 5 * mip
    runs = above[:, :-2] & above[:, 1:-1] & above[:, 2:]
    out["start"] = [int(np.argmax(run)) if run.any() else None for run in runs]
    return {name: [None if v is None else float(v) for v in values] for name, values in out.items()}


def edges(scale, bins, low, high):
    return np.geomspace(low, high, bins + 1) if scale == "log" else np.linspace(low, high, bins + 1)


def histogram(values, weights, bin_edges):
    """Underflow, bins, overflow."""
    slots = np.bincount(np.digitize(values, bin_edges), weights=weights, minlength=len(bin_edges) + 1)
    inner, _ = np.histogram(values[values < bin_edges[-1]], bin_edges, weights=weights[values < bin_edges[-1]])
    assert np.allclose(slots[1:-1], inner)
    return slots


def six(cells, cut, binning):
    shower, layer, x, y = np.nonzero(cells > cut)
    e = cells[shower, layer, x, y]
    visible = np.bincount(shower, e, len(cells))
    centre = (np.array(cells.shape[2:]) - 1) / 2
    radius = np.sqrt((x - centre[0]) ** 2 + (y - centre[1]) ** 2)
    ones = np.ones(len(cells))
    entries = {
        "cell_energy": (e, np.ones(len(e))), "visible_energy": (visible, ones),
        "n_hits": (np.bincount(shower, minlength=len(cells)), ones),
        "cog_z": (np.bincount(shower, e * layer, len(cells)) / visible, ones),
        "radial": (radius, e), "longitudinal": (layer, e),
    }
    return {name: histogram(*entries[name], edges(*binning[name])) for name in binning}


def distances(p, q, bin_edges):
    positions = [bin_edges[0], *(bin_edges[1:] + bin_edges[:-1]) / 2, bin_edges[-1]]
    p, q = p / p.sum(), q / q.sum()
    both = p + q > 0
    return {
        "jensen_shannon_distance": jensenshannon(p, q),
        "area_difference": 0.5 * np.abs(p - q).sum(),
        "separation_power": 0.5 * ((p - q)[both] ** 2 / (p + q)[both]).sum(),
        "ks": np.abs(np.cumsum(p - q)).max(),
        "wasserstein1": stats.wasserstein_distance(positions, positions, p, q),
    }


def shortest90(values):
    values = np.sort(values)
    n90 = -(-9 * len(values) // 10)
    starts = np.arange(len(values) - n90 + 1)
    first = starts[np.argmin(values[starts + n90 - 1] - values[starts])]
    inside = values[first:first + n90]
    return {"mu90": inside.mean(), "sigma90": inside.std(), "n90": n90}


def golden(file, group, n, cut, mip, binning):
    with h5py.File(DATA / file) as source:
        all_cells = source[group]["layers"][:]
        energies = source[group]["energy"][:].ravel().astype(float)
    # A cell is compared with the cut in its own precision, as NumPy does for a Python number. Cells below it become one
    # short number, for a small file: all that matters of them is that they do not count.
    all_cells = np.where(all_cells > np.float32(cut), all_cells, 0.3 * cut * (all_cells > 0)).astype(np.float32)
    cells = all_cells.astype(float)
    visible = cells.sum(axis=(1, 2, 3), where=cells > cut)
    hits = (cells > cut).sum(axis=(1, 2, 3)).astype(float)
    showers = []
    for image in all_cells[:n]:
        flat = image.ravel()
        filled = np.nonzero(flat > cut)[0]
        # A few cells below the cut stay in, to be ignored.
        filled = np.sort(np.concatenate([filled, np.nonzero((flat > 0) & (flat <= cut))[0][:20]]))
        showers.append({"cells": filled.tolist(), "energies_mev": [float(str(v)) for v in flat[filled]]})
        kept = np.zeros_like(flat)
        kept[filled] = flat[filled]
        image[...] = kept.reshape(image.shape)
    few = all_cells[:n].astype(float)
    a, b = six(few[: n // 2], cut, binning), six(few[n // 2 : n], cut, binning)
    half = len(visible) // 2
    samples = {}
    for name, values in (("visible_energy", visible), ("n_hits", hits)):
        bin_edges = edges(*binning[name])
        first, second = values[:half], values[half:2 * half]
        p, q = (histogram(v, np.ones(half), bin_edges) for v in (first, second))
        filled = p + q > 0
        # With equal totals the chi-squared of two histograms is that of the contingency table.
        chi2 = stats.chi2_contingency(np.array([p[filled], q[filled]]), correction=False)
        samples[name] = {
            "values": [values.tolist() for values in (first, second)],
            "binned": {**distances(p, q, bin_edges), "chi2": chi2.statistic, "dof": int(chi2.dof)},
            "ks": stats.ks_2samp(first, second).statistic,
            "wasserstein1": stats.wasserstein_distance(first, second),
            "shortest90": shortest90(values[:2 * half]),
        }
    return {
        "shape": list(few.shape[1:]), "cell_cut_mev": cut, "mip_mev": mip, "binning": binning,
        "energies_gev": energies[:n].tolist(), "showers": showers,
        "observables": observables(few, energies[:n], cut, mip),
        "histograms": {
            name: {"halves": [a[name].tolist(), b[name].tolist()],
                   "distances": distances(a[name], b[name], edges(*binning[name]))}
            for name in binning
        },
        "samples": samples,
    }


if __name__ == "__main__":
    made = {"made_with": {"numpy": np.__version__, "scipy": scipy.__version__}}
    made |= {name: golden(*detector) for name, detector in DETECTORS.items()}
    (HERE / "histograms.json").write_text(json.dumps(made, separators=(",", ":")) + "\n")
