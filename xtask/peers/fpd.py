"""JetNet's Frechet physics distance as the peer of ours.

    python fpd.py FEATURES --showers N --features D --repetitions R --min-samples A --max-samples B

FEATURES holds two samples of N showers with D features one after the other, little-endian f64. They are standardised,
as ours are, before the clock starts.
"""

import argparse
import contextlib
import io
import sys
import types
import warnings

import numpy as np

from common import report, timed


class Absent(types.ModuleType):
    """Stands in for a module that does not load: any name can be imported from it, none used."""

    __path__: list = []

    def __getattr__(self, name: str):
        if name.startswith("__"):
            raise AttributeError(name)
        return None


def jetnet_fpd():
    """`jetnet.evaluation.fpd`. JetNet imports EnergyFlow for metrics not used here, whose compiled part does not load
    under NumPy 2."""
    with contextlib.redirect_stderr(io.StringIO()):
        try:
            from energyflow.emd import emds  # noqa: F401
        except (ImportError, AttributeError):
            for name in ("energyflow", "energyflow.emd"):
                sys.modules[name] = Absent(name)
        from jetnet.evaluation import fpd
    return fpd


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file")
    for name in ("showers", "features", "repetitions", "min-samples", "max-samples"):
        parser.add_argument(f"--{name}", type=int, required=True)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    fpd = jetnet_fpd()
    real, generated = np.fromfile(arguments.file, "<f8").reshape(2, arguments.showers, arguments.features)

    def work():
        return fpd(real, generated, min_samples=arguments.min_samples, max_samples=arguments.max_samples,
                   normalise=False)

    value, error = work()
    report({"fpd_s": timed(arguments.repetitions, work), "fpd": value, "fpd_error": error})


if __name__ == "__main__":
    main()
