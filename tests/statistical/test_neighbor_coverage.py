"""Intervals of neighbours: they cover, or the result says that they cannot."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import infometric as im
from infometric import Sample, oracles
from infometric.exceptions import InfometricWarning
from infometric.functional.automatic import AutoInformation
from infometric.functional.differential import KozachenkoLeonenko
from infometric.functional.neighbor_divergence import WeightedKullbackLeibler
from infometric.functional.neighbor_information import KSG1, FrenzelPompe

pytestmark = pytest.mark.statistical
REPLICATES = 200
# three standard errors of a share of 200 beside the accepted range of .93 to .97
ACCEPTED = (0.93 - 0.055, 1.0)


def study(functional, name, n, measure, replicates=REPLICATES):
    """Share of reliable intervals that hold the truth, and share of results that are none."""
    oracle = oracles.get(name)
    truth, rng = oracle.truth(measure), np.random.default_rng(17)
    held, flagged = [], 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InfometricWarning)
        for _ in range(replicates):
            drawn = oracle.sample(n, rng=rng)
            if oracle.family == "divergence":
                s = Sample.of_groups([drawn[0]], [drawn[1]])
            else:
                s = Sample.of(*(drawn if isinstance(drawn, tuple) else (drawn,)))
            r = im.infer(functional, s, rng=rng)
            if r.diagnostics["reliable"]:
                held.append(r.ci.low - 1e-12 <= truth <= r.ci.high)
            else:
                flagged += 1
    return (np.mean(held) if held else None), flagged / replicates


CELLS = [
    (AutoInformation(), "normal pair, rho=0", "mutual_information"),
    (AutoInformation(), "normal pair, rho=0.6", "mutual_information"),
    (AutoInformation(), "normal pair, rho=0.9", "mutual_information"),
    (AutoInformation(), "Student pair, df=4, rho=0.6", "mutual_information"),
    (AutoInformation(), "gamma-exponential, shape 3", "mutual_information"),
    (FrenzelPompe(), "normal triple, rho=0.5, 0.3, 0.4", "conditional_mutual_information"),
    (KozachenkoLeonenko(), "standard normal", "differential_entropy"),
    (KozachenkoLeonenko(), "exponential, rate 2", "differential_entropy"),
    (WeightedKullbackLeibler(), "normals (0, 1) and (0, 1)", "kl_divergence"),
]


@pytest.mark.parametrize(("functional", "name", "measure"), CELLS)
def test_reliable_intervals_cover(functional, name, measure):
    covered, flagged = study(functional, name, 1000, measure)
    assert flagged <= 0.1
    assert ACCEPTED[0] <= covered <= ACCEPTED[1]


@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("5 independent normal pairs, rho=0.6", 0.95),
        ("uniform noise of 0.2", 0.95),
        # flagged 96 and 97 times in 100: three standard errors of a share of 100 below .95
        ("uniform noise of 1", 0.885),
        ("Student pair, df=1, rho=0", 0.885),
    ],
)
def test_where_bias_dominates_the_result_says_so(name, least):
    _, flagged = study(KSG1(), name, 1000, "mutual_information", replicates=100)
    assert flagged >= least


def test_blocks_tell_the_error_of_a_series():
    """A slow series and its noisy echo: blocks tell how the value scatters, rows alone do not."""
    rng = np.random.default_rng(3)
    values, errors = [], {1: [], 50: []}
    for replicate in range(60):
        noise = rng.normal(size=(2, 1400))
        x = np.zeros((2, 1400))
        for t in range(1, 1400):
            x[:, t] = 0.9 * x[:, t - 1] + noise[:, t]
        s = Sample.of(x[0, 400:], x[:, 400:].sum(axis=0))
        values.append(float(KSG1().value(s)))
        for block, found in errors.items() if replicate < 20 else ():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", InfometricWarning)
                found.append(im.infer(KSG1(), s, im.Subsampling(block=block), rng=rng).se)
    scatter = np.std(values, ddof=1)
    assert np.mean(errors[50]) == pytest.approx(scatter, rel=0.3)
    assert np.mean(errors[1]) < 0.7 * scatter
