"""Bins chosen with the target: size of the cross-fitted test, and coverage of its interval."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from scipy.stats import binom

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from selection import BINNINGS, run

pytestmark = pytest.mark.statistical
SAMPLES = 400


@pytest.mark.parametrize("name", BINNINGS)
@pytest.mark.parametrize("sizes", [(8_500, 1_500), (85_000, 15_000)])
def test_the_size_on_noise(name, sizes):
    row = run((name, (*sizes, 0.0), SAMPLES))
    for kind in ("cross", "split"):
        # eight in a hundred is what is claimed; a binomial margin is all that simulation adds
        assert row[kind]["rejected"] <= binom.ppf(0.999, SAMPLES, 0.08) / SAMPLES
        assert (
            abs(row[kind]["mean"]) < 4 * row[kind]["sd"] / SAMPLES**0.5 + 0.1 * row["naive"]["mean"]
        )
    if "any order" in name:
        assert row["naive"]["rejected"] > 0.9


@pytest.mark.parametrize("name", BINNINGS)
@pytest.mark.parametrize("slope", [0.25, 0.5])
def test_the_interval_of_a_signal(name, slope):
    row = run((name, (8_500, 1_500, slope), SAMPLES))
    assert row["naive"]["mean"] > row["truth"] * 1.05
    for kind in ("cross", "split"):
        assert row[kind]["coverage"] >= binom.ppf(0.001, SAMPLES, 0.93) / SAMPLES
        assert row[kind]["rejected"] > 0.5
