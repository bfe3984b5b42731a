"""Writes trees.json: how well scikit-learn's boosted trees tell pairs of samples apart.

Usage: python make_trees.py   (needs numpy, scikit-learn)

The samples come from a linear congruential generator and sums, products and comparisons alone, which the Rust test
repeats. The area under the ROC curve is the mean over five folds, and that over twelve ways to draw them: one way is
0.005 from another.
"""

import importlib.metadata
import json
import pathlib

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold

N_SHOWERS, N_FEATURES, N_TERMS = 3000, 8, 6
HERE = pathlib.Path(__file__).parent


def sample(seed):
    """Sums of six uniform numbers, moved to mean zero: nearly normal, of variance one half."""
    state, numbers = seed, np.empty(N_SHOWERS * N_FEATURES * N_TERMS)
    for i in range(len(numbers)):
        state = (state * 1664525 + 1013904223) % 2**32
        numbers[i] = (state >> 8) / 2**24
    return numbers.reshape(N_SHOWERS, N_FEATURES, N_TERMS).sum(axis=2) - N_TERMS / 2


def same(x):
    """Nothing is changed."""


def shift(x):
    x[:, 0] += 0.3


def width(x):
    x[:, 1] *= 1.3


def correlation(x):
    """No feature alone has changed much."""
    x[:, 2] += 0.5 * x[:, 3] * x[:, 4]


def steps(x):
    """Few values: a bin each."""
    x[:, 5] = np.floor(5 * x[:, 5])


def detail(x):
    """A thin slice of one feature is missing."""
    x[:, 6] = np.where((x[:, 6] > 0.5) & (x[:, 6] < 0.6), 0.0, x[:, 6])


def area(reference, candidate, seed):
    x = np.concatenate([reference, candidate])
    y = np.repeat([0, 1], [len(reference), len(candidate)])
    areas = []
    for train, test in StratifiedKFold(5, shuffle=True, random_state=seed).split(x, y):
        trees = HistGradientBoostingClassifier(max_iter=200, learning_rate=0.06).fit(x[train], y[train])
        areas.append(roc_auc_score(y[test], trees.predict_proba(x[test])[:, 1]))
    return np.mean(areas)


def main():
    reference, original = sample(1), sample(2)
    # Steps are taken on both sides, so that only their width differs.
    reference[:, 5] = np.floor(4 * reference[:, 5])
    cases = []
    for change in (same, shift, width, correlation, steps, detail):
        candidate = original.copy()
        if change is not steps:
            candidate[:, 5] = np.floor(4 * candidate[:, 5])
        change(candidate)
        areas = [area(reference, candidate, seed) for seed in range(12)]
        cases.append({"change": change.__name__, "auc": np.mean(areas), "spread": np.std(areas, ddof=1)})
        print(cases[-1])
    versions = {name: importlib.metadata.version(name) for name in ("numpy", "scikit-learn")}
    (HERE / "trees.json").write_text(json.dumps({"versions": versions, "cases": cases}, indent=1) + "\n")


main()
