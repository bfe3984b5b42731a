"""Cuts the small sample in this folder out of larger Geant4 files.

    python data/make_sample.py GEANT4_FOLDER

Needs h5py, numpy, uproot and awkward. Showers are copied as they are; only their number and the chunk size change.
"""

import pathlib
import sys

import h5py
import uproot

SAMPLES = {
    # name: (source, group, first shower, showers)
    "photons.hdf5": ("photon_uniform.hdf5", "30x30", 0, 200),
    "pions.hdf5": ("pion_uniform.hdf5", "48x13x13", 0, 120),
}

HITS = {
    # name: (source, tree, branches, events, events a basket)
    "photon_hits.root": ("photon_raw.root", "photonSIM",
                         ("scpox", "scpoy", "scpoz", "scene", "mcene", "mcpdg"), 20, 8),
}


def main(source_folder: pathlib.Path, target_folder: pathlib.Path) -> None:
    for name, (source, group, first, n) in SAMPLES.items():
        with h5py.File(source_folder / source) as old, h5py.File(target_folder / name, "w") as new:
            for dataset in ("energy", "layers"):
                values = old[group][dataset][first : first + n]
                packed = {} if dataset == "energy" else {
                    "chunks": (50, *values.shape[1:]), "compression": 9, "shuffle": True}
                copy = new.require_group(group).create_dataset(dataset, data=values, **packed)
                copy.attrs.update(old[group][dataset].attrs)
    for name, (source, tree, branches, n, step) in HITS.items():
        with uproot.open(source_folder / source) as old, uproot.recreate(
                target_folder / name, compression=uproot.ZLIB(9)) as new:
            hits = old[tree].arrays(branches, entry_stop=n)
            copy = new.mktree(tree, {branch: hits[branch].type.content for branch in branches})
            for first in range(0, n, step):
                copy.extend({branch: hits[branch][first : first + step] for branch in branches})


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), pathlib.Path(__file__).parent)
