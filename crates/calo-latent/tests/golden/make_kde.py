"""Writes kde.json: log densities of scikit-learn's KernelDensity and SciPy's gaussian_kde, correlations of SciPy."""

import json
from pathlib import Path

import numpy
import scipy
import sklearn
from scipy.stats import gaussian_kde, pearsonr, spearmanr
from sklearn.neighbors import KernelDensity

rng = numpy.random.default_rng(1)
n, m, d = 60, 12, 25
points = rng.normal(size=(n, d))
points[:, 24] = rng.uniform(10, 100, size=n)
points[:, 0] += numpy.sin(0.05 * points[:, 24])
points[:, 1] = 0.5 * points[:, 1] + 0.4 * points[:, 0] ** 2
points = points.round(4)
queries = points[:m] + 0.3 * rng.normal(size=(m, d))
queries[-1] *= 3.0  # far outside
queries = queries.round(4)

mean, std = points.mean(axis=0), points.std(axis=0, ddof=1)
# A bandwidth of its own for the last column: a Gaussian kernel of width 1 in coordinates divided by the bandwidths.
h = numpy.full(d, 0.4)
h[24] = 0.1


def standardised(x, h):
    return (x - mean) / std / h


golden = {
    "versions": {m.__name__: m.__version__ for m in (numpy, scipy, sklearn)},
    "points": points.tolist(),
    "queries": queries.tolist(),
    # KernelDensity(bandwidth=0.7).fit(points[:, :3]).score_samples(queries[:, :3])
    "sklearn_3d": KernelDensity(bandwidth=0.7).fit(points[:, :3]).score_samples(queries[:, :3]).tolist(),
    "sklearn_standardised": (
        KernelDensity(bandwidth=1.0).fit(standardised(points, h)).score_samples(standardised(queries, h))
        - numpy.log(std * h).sum()
    ).tolist(),
    # gaussian_kde(points.T, bw_method=...).logpdf(queries.T)
    "scipy_scott": gaussian_kde(points.T, bw_method="scott").logpdf(queries.T).tolist(),
    "scipy_silverman": gaussian_kde(points.T, bw_method="silverman").logpdf(queries.T).tolist(),
    "scipy_number": gaussian_kde(points.T, bw_method=0.9).logpdf(queries.T).tolist(),
    "pearson": [[pearsonr(points[:, i], points[:, j]).statistic for j in (24, 2)] for i in (0, 1)],
    # Rounded, so that there are ties.
    "spearman": [
        [spearmanr(points[:, i].round(0), points[:, j].round(0)).statistic for j in (24, 2)] for i in (0, 1)
    ],
}
Path(__file__).with_name("kde.json").write_text(json.dumps(golden))
