"""Writes the shower files of this folder with h5py and hdf5plugin, as other people's programs would.

Every value follows from its index, as in ../foreign/make.py:
    energy of shower i            10 + i/8    GeV
    cell c of shower i, flat      (i + 1) * (c % 60) / 64 MeV    where (i + c) % 3 == 0, else 0
All of these are exact in 32 bits; in the files of 16-bit numbers and of integers, cells are (i + c) % 3.

    python make.py        # needs h5py, numpy and hdf5plugin
"""

import h5py
import hdf5plugin
import numpy as np

N, GRID = 7, (4, 6, 10)


def energies(n=N):
    return (10 + np.arange(n) / 8)[:, None]


def cells(n=N, grid=GRID):
    i = np.arange(n)[:, None]
    c = np.arange(np.prod(grid))[None, :]
    return np.where((i + c) % 3 == 0, (i + 1) * (c % 60) / 64, 0.0).reshape(n, *grid)


def small(n=N, grid=GRID):
    return ((np.arange(n)[:, None] + np.arange(np.prod(grid))[None, :]) % 3).reshape(n, *grid)


def grid_file(name, data, **storage):
    with h5py.File(name, "w", libver="latest") as file:
        file["g/energy"] = energies()
        file.create_dataset("g/layers", data=data, **storage)


# Filters of plugins. Chunks of 3 showers: the last one is not full.
f4, chunks = cells().astype("f4"), (3, *GRID)
filters = {
    "bzip2": hdf5plugin.BZip2(),
    "lz4": hdf5plugin.LZ4(nbytes=1024),
    "zstd": hdf5plugin.Zstd(),
    "bitshuffle_lz4": hdf5plugin.Bitshuffle(nelems=64),
    "bitshuffle_zstd": hdf5plugin.Bitshuffle(cname="zstd"),
    "bitshuffle_none": hdf5plugin.Bitshuffle(cname="none"),
    "blosc_blosclz": hdf5plugin.Blosc(cname="blosclz", clevel=9, shuffle=1),
    "blosc_lz4": hdf5plugin.Blosc(cname="lz4", clevel=5, shuffle=2),
    "blosc_zlib": hdf5plugin.Blosc(cname="zlib", clevel=5, shuffle=0),
    "blosc_zstd": hdf5plugin.Blosc(cname="zstd", clevel=5, shuffle=1),
    "blosc_copied": hdf5plugin.Blosc(cname="lz4", clevel=0, shuffle=1),
    "blosc2": hdf5plugin.Blosc2(),
    "zfp": hdf5plugin.Zfp(reversible=True),
}
for name, filter in filters.items():
    grid_file(f"filter_{name}.hdf5", f4, chunks=chunks, **filter)
grid_file("filter_szip.hdf5", f4, chunks=chunks, compression="szip", compression_opts=("nn", 16))
grid_file("filter_scaleoffset.hdf5", small().astype("i4"), chunks=chunks, scaleoffset=0)

# Numbers of every kind; 8-bit ones with shuffle and gzip are decoded by the reader itself.
for kind in ("f2", ">f2", "i1", "u1", "i2", "u2", ">u2", "i4", "u4", "i8", "u8", "g"):
    name = "longdouble" if kind == "g" else kind.replace(">", "big_")
    grid_file(f"type_{name}.hdf5", small().astype(kind), chunks=chunks, compression="gzip", shuffle=True)
with h5py.File("type_bf16.hdf5", "w", libver="latest") as file:
    group = file.create_group("g")
    group["energy"] = energies()
    kind = h5py.h5t.IEEE_F32LE.copy()
    kind.set_fields(15, 7, 8, 0, 7)
    kind.set_size(2)
    kind.set_ebias(127)
    data = small().astype("f4")
    space = h5py.h5s.create_simple(data.shape)
    h5py.h5d.create(group.id, b"layers", kind, space).write(h5py.h5s.ALL, h5py.h5s.ALL, data, h5py.h5t.IEEE_F32LE)

# Units in attributes, and one that is none.
def with_units(name, energy_factor, energy_unit, cell_factor, cell_unit, attribute="unit"):
    with h5py.File(name, "w", libver="latest") as file:
        file["g/energy"] = energies() * energy_factor
        file.create_dataset("g/layers", data=cells() * cell_factor, compression="gzip")
        file["g/energy"].attrs[attribute] = energy_unit
        file["g/layers"].attrs[attribute] = cell_unit


with_units("unit_mev_kev.hdf5", 1e3, "MeV", 1e3, np.bytes_(b"keV"))
with_units("unit_tev_gev.hdf5", 1e-3, "tev", 1e-3, "[GeV]", "units")
with_units("unit_furlong.hdf5", 1, "furlong", 1, "MeV")

# Layouts of other projects, the grid of which is GRID in our order: layer, x, y.
def layout(name, data, **sets):
    with h5py.File(name, "w", libver="latest") as file:
        for key, value in sets.items():
            file[key] = value
        file.create_dataset(*data[:1], data=data[1], compression="gzip")


ours = cells()
layout("layout_lemurs.hdf5", ("showers", ours.transpose(0, 3, 2, 1)), incident_energy=energies()[:, 0] * 1e3,
       incident_theta=np.full(N, 1.5), incident_phi=np.zeros(N))
layout("layout_3dgan_energy.hdf5", ("ECAL", ours.transpose(0, 2, 3, 1) / 1e3), energy=energies()[:, 0])
target = np.concatenate([np.full((N, 1), 11.0), energies(), np.zeros((N, 3))], axis=1)
layout("layout_3dgan_target.hdf5", ("ECAL", ours.transpose(0, 2, 3, 1)[..., None] / 1e3), target=target)
layout("layout_challenge_4d.hdf5", ("showers", ours), incident_energies=energies() * 1e3)

# Groups: nested, many, a cycle, links to nowhere.
with h5py.File("groups_nested.hdf5", "w", libver="latest") as file:
    file["sim/2024/ecal/energy"] = energies()
    file.create_dataset("sim/2024/ecal/layers", data=cells(), compression="gzip")
    file["sim/again"] = file["sim"]
with h5py.File("groups_many.hdf5", "w", libver="latest") as file:
    file.create_group("run_000")
    for i in range(1, 250):
        if i in (10, 240):
            file[f"run_{i:03d}/energy"] = energies() * i
            file.create_dataset(f"run_{i:03d}/layers", data=cells(), compression="gzip")
        else:
            file[f"run_{i:03d}"] = file["run_000"]
with h5py.File("link_dangling.hdf5", "w", libver="latest") as file:
    file["g/energy"], file["g/layers"] = energies(), h5py.SoftLink("/gone")
with h5py.File("empty_space.hdf5", "w", libver="latest") as file:
    file["g/energy"], file["g/layers"] = energies(), h5py.Empty("f4")

# What nobody needs never stops the reading.
extras = {
    "pdg_scalar": ("pdg", 22),
    "pdg_one": ("pdg", [22]),
    "pdg_text": ("pdg", "gamma"),
    "pdg_float": ("pdg", np.full(N, 22.0)),
    "pdg_wide": ("pdg", np.full(N, 2**40)),
    "directions_one": ("directions", [0.0, 0.0, 1.0]),
    "directions_angles": ("directions", np.zeros((N, 2))),
    "ids_text": ("shower_ids", [b"e%d" % i for i in range(N)]),
    "ids_unsigned": ("shower_ids", np.arange(N, dtype="u8") + 2**63),
    "ids_dangling": ("shower_ids", h5py.SoftLink("/gone")),
}
for name, (key, value) in extras.items():
    with h5py.File(f"extra_{name}.hdf5", "w", libver="latest") as file:
        file["g/energy"] = energies()
        file.create_dataset("g/layers", data=f4, compression="gzip")
        file[f"g/{key}"] = value
with h5py.File("extra_ids_unsigned_small.hdf5", "w", libver="latest") as file:
    file["g/energy"] = energies()
    file.create_dataset("g/layers", data=f4, compression="gzip")
    file["g/shower_ids"] = np.arange(N, dtype="u8") + 2**62

# Chunks as h5py chooses them: 2500 showers share one. Only eight were written; the file stays small.
with h5py.File("default_chunks.hdf5", "w") as file:
    file.create_dataset("30x30/energy", data=np.full((40000, 1), 50, "f4"), compression="gzip")
    data = file.create_dataset("30x30/layers", (40000, 30, 30, 30), "f4", compression="gzip")
    assert data.chunks == (2500, 2, 2, 4), data.chunks
    for i in range(0, 40000, 5000):
        data[i, :2, :2, :4] = 1 + i / 5000
