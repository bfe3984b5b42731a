"""h5py as the peer of our HDF5 reader and writer.

    python hdf5.py FILE --gzip LEVEL --repetitions R --scratch OUT
"""

import argparse

import h5py
import numpy as np

from common import report, timed

GROUP = "30x30"
BATCH = 500


def read(path: str, buffer: np.ndarray) -> None:
    """Every shower once, in batches of whole chunks into one buffer: the fastest way h5py has."""
    with h5py.File(path) as file:
        file[GROUP]["energy"][:]
        layers = file[GROUP]["layers"]
        for first in range(0, len(layers), BATCH):
            n = min(BATCH, len(layers) - first)
            layers.read_direct(buffer, np.s_[first:first + n], np.s_[:n])


def write(path: str, energy: np.ndarray, cells: np.ndarray, level: int) -> None:
    with h5py.File(path, "w") as file:
        group = file.create_group(GROUP)
        group["energy"] = energy
        layers = group.create_dataset("layers", cells.shape, "f4", chunks=(100, *cells.shape[1:]),
                                      compression=level, shuffle=True)
        for first in range(0, len(cells), BATCH):
            layers[first:first + BATCH] = cells[first:first + BATCH]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file")
    parser.add_argument("--gzip", type=int, required=True)
    parser.add_argument("--repetitions", type=int, required=True)
    parser.add_argument("--scratch", required=True)
    arguments = parser.parse_args()
    with h5py.File(arguments.file) as file:
        energy = file[GROUP]["energy"][:]
        cells = file[GROUP]["layers"][:]
    buffer = np.empty((BATCH, *cells.shape[1:]), "f4")
    report({
        "read_s": timed(arguments.repetitions, lambda: read(arguments.file, buffer)),
        "write_s": timed(arguments.repetitions,
                         lambda: write(arguments.scratch, energy, cells, arguments.gzip)),
    })


if __name__ == "__main__":
    main()
