"""scikit-learn's, SciPy's and statsmodels' kernel densities as the peers of ours.

    python kde.py POINTS --search N --repetitions R

POINTS holds points with 25 columns, little-endian f64. scikit-learn has one bandwidth for all columns, so they are
standardised before the clock starts; statsmodels has one for each, and searches it with many values of one likelihood.
"""

import argparse

import numpy as np
from common import report, timed
from scipy.stats import gaussian_kde
from sklearn.neighbors import KernelDensity
from statsmodels.nonparametric.kernel_density import KDEMultivariate

COLUMNS, N_EVALUATED, N_SAMPLES, BANDWIDTH, FOLDS = 25, 1000, 100_000, 0.5, 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file")
    parser.add_argument("--search", type=int, required=True)
    parser.add_argument("--repetitions", type=int, required=True)
    arguments = parser.parse_args()
    points = np.fromfile(arguments.file, "<f8").reshape(-1, COLUMNS)
    width = points.std(0, ddof=1)
    points = (points - points.mean(0)) / width
    some, searched = points[:N_EVALUATED], points[: arguments.search]
    density = KernelDensity(bandwidth=BANDWIDTH).fit(points)
    scipy = gaussian_kde(points.T, bw_method=BANDWIDTH)
    part = np.arange(len(searched)) * FOLDS // len(searched)

    def one_bandwidth():
        for fold in range(FOLDS):
            others, left_out = searched[part != fold], searched[part == fold]
            KernelDensity(bandwidth=BANDWIDTH).fit(others).score(left_out)

    bandwidths = np.full(COLUMNS, BANDWIDTH)
    of_each = KDEMultivariate(searched, "c" * COLUMNS, bw=bandwidths)

    report(
        {
            "evaluate_s": timed(arguments.repetitions, lambda: density.score_samples(some)),
            "scipy_evaluate_s": timed(arguments.repetitions, lambda: scipy.logpdf(some.T)),
            "sample_s": timed(arguments.repetitions, lambda: density.sample(N_SAMPLES, random_state=1)),
            "one_bandwidth_s": timed(arguments.repetitions, one_bandwidth),
            "one_likelihood_s": timed(arguments.repetitions, lambda: of_each.loo_likelihood(bandwidths, func=np.log)),
            "mean_log_density": density.score_samples(some).mean() - np.log(width).sum(),
        }
    )


if __name__ == "__main__":
    main()
