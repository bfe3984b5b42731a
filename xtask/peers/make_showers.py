"""A large file of distinct showers out of the small sample.

    python make_showers.py SAMPLE OUT --showers N [--gzip LEVEL] [--seed SEED]

Each shower of the sample comes back mirrored and transposed across, with its cells scaled by a random factor within 5 %
and each cell by one within 1 %: no two showers share bytes, and they compress about as well as the real ones.
"""

import argparse

import h5py
import numpy as np

GROUP = "30x30"
CHUNK = 100


def batches(sample: str, n: int, seed: int):
    """Energies [n, 1] and cells [n, layer, x, y] in batches of at most CHUNK showers."""
    with h5py.File(sample) as file:
        energy, layers = file[GROUP]["energy"][:], file[GROUP]["layers"][:]
    rng = np.random.default_rng(seed)
    for first in range(0, n, CHUNK):
        index = (first + np.arange(min(CHUNK, n - first))) % len(energy)
        cells = layers[index]
        turn = rng.integers(8)
        if turn & 1:
            cells = cells[:, :, ::-1]
        if turn & 2:
            cells = cells[:, :, :, ::-1]
        if turn & 4:
            cells = cells.swapaxes(2, 3)
        scale = rng.uniform(0.95, 1.05, (len(index), 1, 1, 1)) * rng.uniform(0.99, 1.01, cells.shape)
        yield energy[index].reshape(-1, 1), (cells * scale).astype("f4")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sample")
    parser.add_argument("out")
    parser.add_argument("--showers", type=int, required=True)
    parser.add_argument("--gzip", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    n = arguments.showers
    with h5py.File(arguments.out, "w") as file:
        group = file.create_group(GROUP)
        energies = group.create_dataset("energy", (n, 1), "f4")
        layers = group.create_dataset("layers", (n, 30, 30, 30), "f4", chunks=(min(CHUNK, n), 30, 30, 30),
                                      compression=arguments.gzip, shuffle=True)
        first = 0
        for energy, cells in batches(arguments.sample, n, arguments.seed):
            energies[first:first + len(energy)] = energy
            layers[first:first + len(energy)] = cells
            first += len(energy)


if __name__ == "__main__":
    main()
