"""Writes the shower files of this folder with h5py and showerdata, as other people's programs would.

Every value follows from its index, so the tests know it without a second file:
    energy of shower i            10 + i/8                 (GeV; times 1000 in MeV for the CaloChallenge)
    cell c of shower i, flat      (i + 1) * c / 64         where (i + c) % 3 == 0, else 0
    point p of shower i           x = p - 2, y = i/2 - 1, layer = p % 4, energy = (p + 1)/256, time = p/16
All of these are exact in 32 bits.

    python make.py        # needs h5py, numpy and showerdata 0.7.0
"""

import h5py
import numpy as np
import showerdata

N, GRID = 7, (4, 3, 5)


def energies(n=N):
    return 10 + np.arange(n) / 8


def cells(n=N, grid=GRID):
    i = np.arange(n)[:, None]
    c = np.arange(np.prod(grid))[None, :]
    return np.where((i + c) % 3 == 0, (i + 1) * c / 64, 0.0).reshape(n, *grid)


def grid_file(name, dtype, group="30x30", flat=False, names=("energy", "layers"), data=None, user=None, **storage):
    with h5py.File(name, "w", userblock_size=user) as file:
        group = file.create_group(group)
        energy = energies() if flat else energies()[:, None]
        group.create_dataset(names[0], data=energy.astype(dtype))
        group.create_dataset(names[1], data=(cells() if data is None else data).astype(dtype), **storage)


grid_file("contiguous_f32.hdf5", "<f4")
grid_file("contiguous_f64_flat_energy.hdf5", "<f8", flat=True)
grid_file("big_endian.hdf5", ">f4")
grid_file("gzip_shuffle.hdf5", "<f4", chunks=(3, *GRID), compression="gzip", compression_opts=9, shuffle=True)
grid_file("gzip_f64.hdf5", "<f8", chunks=(2, *GRID), compression="gzip")
grid_file("lzf_shuffle.hdf5", "<f4", chunks=(3, *GRID), compression="lzf", shuffle=True)
grid_file("lzf.hdf5", "<f8", chunks=(7, *GRID), compression="lzf")
grid_file("chunks_across_axes.hdf5", "<f4", chunks=(3, 2, 2, 3), compression="gzip", shuffle=True)
grid_file("chunked_plain.hdf5", "<f4", chunks=(4, *GRID))
grid_file("fletcher32.hdf5", "<f4", chunks=(3, *GRID), compression="gzip", fletcher32=True)
grid_file("integers.hdf5", "<i4", data=np.zeros((N, *GRID)), chunks=(3, *GRID))
grid_file("other_names.hdf5", "<f4", group="sim/hits", names=("e_true", "calo"))
grid_file("own_group.hdf5", "<f4", group="my_showers")
grid_file("user_block.hdf5", "<f4", user=512)
grid_file("user_block_gzip.hdf5", "<f4", user=1024, chunks=(3, *GRID), compression="gzip")

# Showers that stand in another file are refused: its name could be anything.
with h5py.File("external_link.hdf5", "w") as file:
    file["30x30"] = h5py.ExternalLink("contiguous_f32.hdf5", "/30x30")
with h5py.File("external_data.hdf5", "w") as file:
    file.create_dataset("30x30/energy", data=energies().astype("<f4")[:, None])
    file.create_dataset("30x30/layers", (N, *GRID), "<f4", external=[("none.bin", 0, h5py.h5f.UNLIMITED)])

# The whole AHCal image, of which readers cut the core x 19..32, y 17..30; only two layers, to stay small.
with h5py.File("hcal_only.hdf5", "w") as file:
    group = file.create_group("hcal_only")
    group["energy"] = energies(3).astype("<f4")[:, None]
    full = np.full((3, 2, 48, 48), 99.0)
    full[:, :, 19:32, 17:30] = cells(3, (2, 13, 13))
    group.create_dataset("layers", data=full.astype("<f4"), chunks=(2, 2, 20, 20), compression="gzip", shuffle=True)

# Chunks never written are the fill value; a latest-format file has other chunk indices than an old one.
with h5py.File("sparse_latest.hdf5", "w", libver="latest") as file:
    group = file.create_group("30x30")
    group["energy"] = energies().astype("<f4")[:, None]
    layers = group.create_dataset(
        "layers", (N, *GRID), "<f4", chunks=(2, *GRID), maxshape=(None, *GRID), compression="gzip", fillvalue=0.25
    )
    layers[2:4] = cells()[2:4]

with h5py.File("calo_challenge.hdf5", "w") as file:
    file.create_dataset("incident_energies", data=1000 * energies()[:, None], compression="gzip")
    file.create_dataset("showers", data=cells().reshape(N, -1), compression="gzip")

for name, n_features in [("clouds.h5", 5), ("clouds_batched.h5", 4)]:
    num_points = [3, 0, 6, 1, 5]
    points = np.zeros((5, 6, n_features), np.float32)
    for i, n in enumerate(num_points):
        p = np.arange(n)
        values = [p - 2, np.full(n, i / 2 - 1), p % 4, (p + 1) / 256, p / 16]
        points[i, :n] = np.stack(values[:n_features], axis=1)
    showers = showerdata.Showers(
        points=points,
        energies=energies(5),
        pdg=[22, 11, 211, 22, -211],
        directions=[[0, 0, 1], [0, 0.6, 0.8], [0, 0, 1], [1, 0, 0], [0, 0, 1]],
        shower_ids=[4, 3, 2, 1, 40],
    )
    if n_features == 5:
        showers.save(name, overwrite=True)
    else:
        showerdata.create_empty_file(name, shape=points.shape)
        showerdata.save_batch(showers[:2], name, start=0)
        showerdata.save_batch(showers[2:], name, start=2)
