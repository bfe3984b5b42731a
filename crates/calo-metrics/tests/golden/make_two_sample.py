"""Writes two_sample.json: what NumPy, SciPy, scikit-learn and JetNet say of the sample in data/.

Usage: python make_two_sample.py   (needs h5py, numpy, scipy, scikit-learn, jetnet)

The reference are the even showers of photons.hdf5, the candidate the odd ones with every observable of the two-sample
set moved by a tenth of the reference's standard deviation, so that the distances stand out of the noise.
JetNet's own fpd() and kpd() run; only its random choices are replaced by the numbers of a linear congruential
generator, which the Rust test repeats.
"""

import importlib.metadata
import json
import pathlib
import sys
import types
import warnings

import h5py
import numpy as np
import scipy.optimize
import scipy.spatial.distance
import sklearn.metrics
import sklearn.preprocessing

# JetNet's energy mover's distance, unused here, needs a package whose wheels do not load beside NumPy 2.
sys.modules.setdefault("wasserstein", types.ModuleType("wasserstein"))
from jetnet.evaluation import gen_metrics as jetnet  # noqa: E402

HERE = pathlib.Path(__file__).parent
CELL_CUT_MEV = 0.1
LABELS = "m1x m1y m1z m2x m2y m2z Evis Einc nhit E1/Evis E2/Evis E3/Evis".split()
TWO_SAMPLE = [i for i, label in enumerate(LABELS) if label not in ("Einc", "E3/Evis")]
FPD = {"min_samples": 40, "max_samples": 100, "num_batches": 4, "num_points": 5, "seed": 42}
KPD = {"num_batches": 7, "batch_size": 80, "seed": 42}


class FixedChoices:
    """Stands for a NumPy generator; every call of choice() starts its own stream."""

    def __init__(self, seed):
        self.seed, self.call = seed, 0

    def choice(self, n, size):
        state, indices = self.seed + 7919 * self.call, []
        self.call += 1
        for _ in range(size):
            state = (state * 1664525 + 1013904223) % 2**32
            indices.append((state >> 16) % n)
        return np.array(indices)


def observables(path):
    with h5py.File(path) as file:
        cells = file["30x30/layers"][:].astype(np.float64)
        energy_gev = file["30x30/energy"][:, 0].astype(np.float64)
    cells[cells <= CELL_CUT_MEV] = 0.0
    visible = cells.sum(axis=(1, 2, 3))
    z, x, y = (np.arange(n, dtype=np.float64) for n in cells.shape[1:])
    along = {"x": (cells.sum(axis=(1, 3)), x), "y": (cells.sum(axis=(1, 2)), y), "z": (cells.sum(axis=(2, 3)), z)}
    first = {a: (e * i).sum(axis=1) / visible for a, (e, i) in along.items()}
    second = {a: (e * (i - first[a][:, None]) ** 2).sum(axis=1) / visible for a, (e, i) in along.items()}
    thirds = [cells[:, 10 * k : 10 * k + 10].sum(axis=(1, 2, 3)) / visible for k in range(3)]
    hits = (cells > 0).sum(axis=(1, 2, 3)).astype(np.float64)
    columns = [*first.values(), *second.values(), visible, energy_gev, hits, *thirds]
    # Nine digits: what the JSON file holds is what every number below is computed from.
    return np.array([[float(f"{value:.9g}") for value in row] for row in np.stack(columns, axis=1)])


def quantile_edges(sample, n_splits):
    cells, edges = [sample], []
    for level in range(n_splits):
        axis, halves = level % sample.shape[1], []
        for cell in cells:
            edges.append(np.median(cell[:, axis]))
            left = cell[:, axis] < edges[-1]
            halves += [cell[left], cell[~left]]
        cells = halves
    return edges


def quantile_counts(sample, edges, n_splits):
    counts = np.zeros(2**n_splits, dtype=int)
    for shower in sample:
        node = 0
        for level in range(n_splits):
            node = 2 * node + (1 if shower[level % len(shower)] < edges[node] else 2)
        counts[node - len(edges)] += 1
    return counts


def main():
    warnings.simplefilter("ignore")
    showers = observables(HERE / "../../../../data/photons.hdf5")
    reference, candidate = showers[0::2], showers[1::2]

    scaler = sklearn.preprocessing.StandardScaler().fit(reference[:, TWO_SAMPLE])
    standard = scaler.transform(reference[:, TWO_SAMPLE])
    moved = scaler.transform(candidate[:, TWO_SAMPLE]) + 0.1

    moments = [(s.mean(axis=0), np.cov(s, rowvar=False)) for s in (standard, moved)]
    frechet = jetnet._calculate_frechet_distance(*moments[0], *moments[1])

    lines = []
    def recorded_fit(function, x, y, **options):
        lines.append((x, y))
        return scipy.optimize.curve_fit(function, x, y, **options)

    jetnet.np.random.default_rng = FixedChoices
    jetnet.curve_fit = recorded_fit
    fpd = jetnet.fpd(standard, moved, normalise=False, **FPD)
    kpd = jetnet.kpd(standard, moved, normalise=False, **KPD)
    x, y = (np.asarray(values) for values in lines[0])
    # curve_fit stops within its tolerance of the bounded optimum; nnls is exact.
    exact, residual = scipy.optimize.nnls(np.stack([np.ones_like(x), x], axis=1), y)
    covariance = np.linalg.inv(np.array([[len(x), x.sum()], [x.sum(), (x**2).sum()]]))

    # One split of energy, one of depth, and so on; divergences from SciPy's distance.
    plane = [LABELS.index("Evis"), LABELS.index("m1z")]
    edges = quantile_edges(reference[:, plane], 3)
    counts = [quantile_counts(s[:, plane], edges, 3) for s in (reference, candidate)]
    divergence = scipy.spatial.distance.jensenshannon(*counts) ** 2

    scores = [np.round(s[:, LABELS.index("nhit")] / 50.0) for s in (reference, candidate)]
    truth = np.concatenate([np.zeros(len(scores[0])), np.ones(len(scores[1]))])

    golden = {
        "versions": {p: importlib.metadata.version(p) for p in ("numpy", "scipy", "scikit-learn", "jetnet")},
        "labels": LABELS,
        "showers": showers.tolist(),
        "pearson_reference": np.corrcoef(reference, rowvar=False).tolist(),
        "pearson_candidate": np.corrcoef(candidate, rowvar=False).tolist(),
        "mean": scaler.mean_.tolist(),
        "std": scaler.scale_.tolist(),
        "frechet_distance": float(frechet),
        "fpd_sizes": [round(1 / value) for value in x],
        "fpd_means": y.tolist(),
        "fpd": [float(value) for value in fpd],
        "fpd_exact": [float(exact[0]), float(np.sqrt(residual**2 / (len(x) - 2) * covariance[0, 0]))],
        "kpd": [float(value) for value in kpd],
        "quantile_edges": [float(edge) for edge in edges],
        "quantile_counts": [c.tolist() for c in counts],
        "quantile_divergence": float(divergence),
        "scores": [s.tolist() for s in scores],
        "roc_auc": float(sklearn.metrics.roc_auc_score(truth, np.concatenate(scores))),
    }
    text = ",\n".join(f'"{key}": {json.dumps(value, separators=(",", ":"))}' for key, value in golden.items())
    (HERE / "two_sample.json").write_text("{\n" + text + "\n}\n")


if __name__ == "__main__":
    main()
