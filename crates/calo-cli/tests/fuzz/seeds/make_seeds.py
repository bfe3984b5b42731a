"""Cuts the undamaged files that the fuzz test starts from out of the sample in data/.

    python crates/calo-cli/tests/fuzz/seeds/make_seeds.py

Needs h5py, numpy and showerdata: files that other programs wrote, in every layout, few showers each, so that one run of
`calo` takes milliseconds and most of a file's bytes are structure.
"""

import pathlib

import h5py
import numpy as np
import showerdata

SEEDS = pathlib.Path(__file__).parent
DATA = SEEDS.parents[4] / "data"


def showers(name: str, group: str, n: int) -> tuple[np.ndarray, np.ndarray]:
    with h5py.File(DATA / name) as file:
        return file[group]["energy"][:n], file[group]["layers"][:n]


def write(name: str, group: str, energy: np.ndarray, layers: np.ndarray, libver: str, **storage) -> None:
    with h5py.File(SEEDS / name, "w", libver=libver) as file:
        target = file.create_group(group)
        target["energy"] = energy
        target.create_dataset("layers", data=layers, **storage)


def main() -> None:
    energy, photons = showers("photons.hdf5", "30x30", 4)
    cell = (30, 30, 30)
    write("photons_gzip.hdf5", "30x30", energy, photons, "earliest",
          chunks=(1, *cell), compression=9, shuffle=True)
    write("photons_lzf_latest.hdf5", "30x30", energy[:2, 0], photons[:2], "latest",
          chunks=(1, *cell), compression="lzf", shuffle=True, maxshape=(None, *cell))
    write("photons_f64_fletcher.hdf5", "30x30", energy[:2], photons[:2].astype("f8"), "latest",
          chunks=(2, 10, 30, 30), compression=9, shuffle=True, fletcher32=True)

    pion_energy, pions = showers("pions.hdf5", "48x13x13", 2)
    write("pions_contiguous.hdf5", "48x13x13", pion_energy, pions, "earliest")
    full = np.zeros((2, 48, 48, 48), "f4")
    full[:, :, 19:32, 17:30] = pions
    write("pions_hcal_only.hdf5", "hcal_only", pion_energy, full, "earliest",
          chunks=(2, 12, 48, 48), compression=9, shuffle=True)

    with h5py.File(SEEDS / "photons_calochallenge.hdf5", "w") as file:
        file.create_dataset("incident_energies", data=energy[:3] * 1000.0, compression=9)
        file.create_dataset("showers", data=photons[:3].reshape(3, -1), compression=9)

    points = np.zeros((2, 1200, 4), "f4")
    for i, shower in enumerate(photons[:2]):
        layer, x, y = np.nonzero(shower)
        order = np.argsort(-shower[layer, x, y])[:1200]
        layer, x, y = layer[order], x[order], y[order]
        points[i, : len(order)] = np.stack(
            [(x - 14.5) * 5.088333, (y - 14.5) * 5.088333, layer, shower[layer, x, y] / 1000.0], axis=1)
    showerdata.save(showerdata.Showers(points, energy[:2], 22), SEEDS / "photons_showerdata.hdf5", overwrite=True)


if __name__ == "__main__":
    main()
