"""The observables and six histograms in NumPy, as one writes them first: whole-array operations on batches.

    python observables.py FILE --repetitions R

FILE is read into memory before the clock starts. Prints the time and the sums that show it computed the same thing.
"""

import argparse

import h5py
import numpy as np

from common import report, timed

GROUP = "30x30"
BATCH = 500
CUT_MEV = 0.1
MIP_MEV = 0.2

EDGES = {
    "cell_energy": np.geomspace(0.01, 30.0, 70),
    "visible_energy": np.linspace(150.0, 2300.0, 101),
    "n_hits": np.linspace(200.0, 1400.0, 101),
    "cog_z": np.linspace(5.0, 25.0, 51),
    "radial": np.linspace(0.0, 24.0, 25),
    "longitudinal": np.linspace(0.0, 30.0, 31),
}


def moments(sums: np.ndarray, total: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    index = np.arange(sums.shape[1])
    mean = sums @ index / total
    return mean, (sums * (index - mean[:, None]) ** 2).sum(axis=1) / total


def shower_start(layers: np.ndarray) -> np.ndarray:
    """First of three successive layers above five MIPs, NaN where there are none."""
    high = layers > 5.0 * MIP_MEV
    run = high[:, :-2] & high[:, 1:-1] & high[:, 2:]
    return np.where(run.any(axis=1), run.argmax(axis=1), np.nan)


def batch_observables(cells: np.ndarray) -> tuple[np.ndarray, dict]:
    cells = np.where(cells > CUT_MEV, cells, np.float32(0.0))
    layers = cells.sum(axis=(2, 3), dtype="f8")
    across = cells.sum(axis=1, dtype="f8")
    visible = layers.sum(axis=1)
    m1x, m2x = moments(across.sum(axis=2), visible)
    m1y, m2y = moments(across.sum(axis=1), visible)
    m1z, m2z = moments(layers, visible)
    n_hits = np.count_nonzero(cells, axis=(1, 2, 3))
    third = layers.shape[1] // 3
    fractions = layers.reshape(len(layers), 3, third).sum(axis=2) / visible[:, None]
    table = np.column_stack([m1x, m1y, m1z, m2x, m2y, m2z, visible, n_hits, fractions, shower_start(layers)])

    nx, ny = cells.shape[2:]
    x, y = np.indices((nx, ny))
    r = np.hypot(x - (nx - 1) / 2, y - (ny - 1) / 2)
    histograms = {
        "cell_energy": np.histogram(cells[cells > 0], EDGES["cell_energy"])[0],
        "visible_energy": np.histogram(visible, EDGES["visible_energy"])[0],
        "n_hits": np.histogram(n_hits, EDGES["n_hits"])[0],
        "cog_z": np.histogram(m1z, EDGES["cog_z"])[0],
        "radial": np.histogram(r, EDGES["radial"], weights=across.sum(axis=0))[0],
        "longitudinal": layers.sum(axis=0),
    }
    return table, histograms


def observables(cells: np.ndarray) -> tuple[np.ndarray, dict]:
    tables, totals = [], {name: 0.0 for name in EDGES}
    for first in range(0, len(cells), BATCH):
        table, histograms = batch_observables(cells[first:first + BATCH])
        tables.append(table)
        for name, histogram in histograms.items():
            totals[name] = totals[name] + histogram
    return np.concatenate(tables), totals


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file")
    parser.add_argument("--repetitions", type=int, required=True)
    arguments = parser.parse_args()
    with h5py.File(arguments.file) as file:
        cells = file[GROUP]["layers"][:]
    table, histograms = observables(cells)
    report({
        "observables_s": timed(arguments.repetitions, lambda: observables(cells)),
        "visible_energy_mean_mev": float(table[:, 6].mean()),
        "n_hits_mean": float(table[:, 7].mean()),
        "cells_in_spectrum": float(np.sum(histograms["cell_energy"])),
        "radial_sum_mev": float(np.sum(histograms["radial"])),
    })


if __name__ == "__main__":
    main()
