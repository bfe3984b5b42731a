"""Showers and expected values for `../challenge.rs`.

The showers come from the HDF5 files of synthetic shower pairs that follow the CaloChallenge's format, in the folder
`--from`, beside `binnings.json` (its geometries), `expected.json` and `expected_distances.json` (what the challenge's
own evaluation code, revision 9b41df7, and JetNet say of them). They are written sparsely: this crate reads no HDF5.

    python make_challenge.py --from DIR                # the small part that stands here
    python make_challenge.py --from DIR --full OUT     # all of it; the test reads it where CALO_CHALLENGE=OUT

The expected values of the small part come from NumPy with the challenge's formulas, below, and from the package `prdc`.
The same formulas must first reproduce `expected.json` on the whole.

Needs numpy, h5py and prdc.
"""

import argparse
import json
import math
import shutil
from decimal import Context, Decimal
from pathlib import Path

import h5py
import numpy as np
from prdc import compute_prdc

# Showers of the small part, and its neighbours: the first ones of data set 1, the emptiest of 2 and 3.
SMALL = {"1-photons": (40, 5), "1-pions": (30, 5), "2": (8, 2), "3": (4, 2)}
SIDES = ["reference", "candidate"]
HERE = Path(__file__).parent


def load(folder, name, side):
    with h5py.File(folder / f"dataset_{name}_{side}.hdf5") as file:
        return file["incident_energies"][:, 0], file["showers"][:]


def write(path, energies_mev, showers):
    """For each shower: number of voxels that are not zero (u32), energy in MeV (f32), indices (u16), energies (f32)."""
    with open(path, "wb") as file:
        for energy, shower in zip(energies_mev, showers):
            (hit,) = np.nonzero(shower)
            file.write(np.uint32(len(hit)).tobytes() + np.float32(energy).tobytes())
            file.write(hit.astype("<u2").tobytes() + shower[hit].astype("<f4").tobytes())


def middles(edges):
    return [low + (high - low) / 2 for low, high in zip(edges, edges[1:])]


def features(binning, showers):
    numbers = {"E_tot": showers.sum(1)}
    for layer in binning["layers"]:
        name, n_angles = layer["id"], layer["n_alpha"]
        r = np.tile(middles(layer["r_edges_mm"]), n_angles)
        alpha = np.repeat(middles(np.linspace(-np.pi, np.pi, n_angles + 1)), len(r) // n_angles)
        voxels = showers[:, layer["first_voxel"] :][:, : len(r)]
        energy = voxels.sum(1)
        numbers[f"E_layer_{name}"] = energy
        numbers[f"sparsity_{name}"] = 1 - (voxels > 0).mean(1)
        axes = {"r": r}
        if name in binning["layers_binned_in_alpha"]:
            axes |= {"eta": r * np.cos(alpha), "phi": r * np.sin(alpha)}
        for axis, x in axes.items():
            mean = (x * voxels).sum(1) / (energy + 1e-16)
            square = (x**2 * voxels).sum(1) / (energy + 1e-16)
            numbers[f"EC_{axis}_{name}"] = mean
            numbers[f"width_{axis}_{name}"] = np.sqrt(np.maximum(0, square - mean**2))
    return numbers


def separation(a, b, bins):
    a, b = [np.histogram(sample, bins)[0] for sample in (a, b)]
    if a.sum() == 0 or b.sum() == 0:
        return None
    a, b = a / a.sum(), b / b.sum()
    return 0.5 * float(((a - b) ** 2 / (a + b + 1e-16)).sum())


def ranges(name, layer):
    """Ends of the axes of centre, width, radius and width of the radius."""
    if name in ("2", "3"):
        return 30, 30, 42, 20
    wide = layer in (12, 13)
    far = 1500 if layer in (12, 13, 14) else 500
    return 500 if wide else 100, 400 if wide else 100, far, far


def log10(x):
    """The nearest number to the logarithm. NumPy's last bit depends on the processor it runs on."""
    return float(Decimal(float(x)).log10(Context(prec=50)))


def log_bins(low, high, n_edges):
    """numpy.logspace, but for the last bits: whether the largest entry counts in the last bin hangs on them."""
    if high <= low:
        return None
    return [math.pow(10, exponent) for exponent in np.linspace(log10(low), log10(high), n_edges)]


def separations(name, binning, cut, energies, showers, numbers):
    def power(key, bins):
        return None if bins is None else separation(numbers[0][key], numbers[1][key], bins)

    response = [numbers[side]["E_tot"] / energies[side] for side in (0, 1)]
    powers = {"Etot / Einc": separation(*response, np.linspace(0.5, 1.5, 101))}
    for layer in binning["layers"]:
        layer = layer["id"]
        centre, width, radius, radius_width = ranges(name, layer)
        powers[f"E layer {layer}"] = power(f"E_layer_{layer}", log_bins(cut, numbers[0][f"E_layer_{layer}"].max(), 40))
        powers[f"Sparsity layer {layer}"] = power(f"sparsity_{layer}", np.linspace(0, 1, 21))
        powers[f"EC r layer {layer}"] = power(f"EC_r_{layer}", np.linspace(0, radius, 101))
        powers[f"Width r layer {layer}"] = power(f"width_r_{layer}", np.linspace(0, radius_width, 101))
        if layer in binning["layers_binned_in_alpha"]:
            for axis in ("eta", "phi"):
                powers[f"EC {axis.title()} layer {layer}"] = power(f"EC_{axis}_{layer}", np.linspace(-centre, centre, 101))
                powers[f"Width {axis.title()} layer {layer}"] = power(f"width_{axis}_{layer}", np.linspace(0, width, 101))
    powers["voxel distribution"] = separation(showers[0], showers[1], log_bins(cut, showers[0].max(), 50))
    return powers


def neighbours(showers, k):
    logarithms = [np.log10(np.where(sample == 0, 0.1, sample)) for sample in showers]
    return {key: float(value) for key, value in compute_prdc(*logarithms, k).items()}


def expected_of(name, binning, cut, energies, showers, k):
    showers = [np.where(sample < cut, 0, sample) for sample in showers]
    numbers = [features(binning, sample) for sample in showers]
    summary = [
        {
            key: {"first_five": values[:5].tolist(), "mean": float(values.mean()), "std": float(values.std())}
            for key, values in of_side.items()
        }
        for of_side in numbers
    ]
    return {
        "n": len(showers[0]),
        "cut_mev": cut,
        "k": k,
        "features": dict(zip(SIDES, summary)),
        "separation_power": separations(name, binning, cut, energies, showers, numbers),
        "prdc": neighbours(showers, k),
    }


def check(ours, theirs):
    """The formulas here are those of the challenge."""
    for side in SIDES:
        for key, theirs_of_key in theirs["features"][side].items():
            ours_of_key = ours["features"][side][key]
            np.testing.assert_allclose(ours_of_key["first_five"], theirs_of_key["first_five"], rtol=1e-6, atol=1e-6)
            np.testing.assert_allclose(ours_of_key["mean"], theirs_of_key["mean"], rtol=1e-6, atol=1e-7)
    for key, value in theirs["separation_power"].items():
        np.testing.assert_allclose(ours["separation_power"][key], value, rtol=0, atol=1e-9, err_msg=key)
    assert ours["prdc"] == theirs["prdc"]


def published(theirs):
    """The challenge's numbers in the form of ours."""
    powers = {key.removesuffix(" histogram"): value for key, value in theirs["separation_power"].items()}
    return theirs | {"k": 5, "separation_power": powers, "prdc": theirs.pop("prdc_k5")}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", dest="source", type=Path, required=True)
    parser.add_argument("--full", type=Path)
    options = parser.parse_args()
    out = options.full or HERE
    out.mkdir(parents=True, exist_ok=True)
    binnings = json.loads((options.source / "binnings.json").read_text())
    challenge = json.loads((options.source / "expected.json").read_text())
    expected = {}
    for name, binning in binnings.items():
        pair = [load(options.source, name, side) for side in SIDES]
        cut = challenge[name]["cut_mev"]
        numbers = [[part.astype(float) for part in side] for side in pair]
        theirs = published(challenge[name])
        check(expected_of(name, binning, cut, *zip(*numbers), 5), theirs)
        n, k = SMALL[name]
        if not options.full:
            # Noise below the cut is kept where it is: the cut is tested too.
            first = range(n) if name.startswith("1") else None
            chosen = [first or np.argsort((side[1] >= cut).sum(1), kind="stable")[:n] for side in pair]
            pair = [(side[0][list(rows)], side[1][list(rows)]) for side, rows in zip(pair, chosen)]
            numbers = [[part.astype(float) for part in side] for side in pair]
            theirs = expected_of(name, binning, cut, *zip(*numbers), k)
        expected[name] = theirs
        for side, (energies, showers) in zip(SIDES, pair):
            write(out / f"challenge_{name}_{side}.bin", energies, showers)
    binnings = {name: compact(binning, name) for name, binning in binnings.items()}
    (out / "challenge_layouts.json").write_text(json.dumps(binnings))
    (out / "challenge_expected.json").write_text(json.dumps(expected))
    if options.full:
        shutil.copyfile(options.source / "expected_distances.json", out / "challenge_distances.json")
        for path in options.source.glob("features_*.hdf5"):
            name = path.stem.removeprefix("features_")
            with h5py.File(path) as file:
                for side in SIDES:
                    file[side][:].astype("<f4").tofile(out / f"challenge_features_{name}_{side}.bin")


def compact(binning, name):
    """Layers with the ends of their axes; runs of layers alike in one entry."""
    runs = []
    for layer in binning["layers"]:
        shape = {"r_edges_mm": layer["r_edges_mm"], "n_angles": layer["n_alpha"], "ranges_mm": ranges(name, layer["id"])}
        if runs and runs[-1]["shape"] == shape:
            runs[-1]["ids"].append(layer["id"])
        else:
            runs.append({"ids": [layer["id"]], "shape": shape})
    return {"cut_mev": binning["cut_mev"], "n_voxels": binning["voxels"], "layers": runs}


if __name__ == "__main__":
    main()
