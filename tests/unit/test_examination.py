"""Families that are covered least, asked again of tasks that had no part in the choice."""

from __future__ import annotations

import math

import numpy as np
import pytest

pytest.importorskip("torch")

from infometric.amortised.config import EXAMPLE, Config
from infometric.amortised.evaluation import BINS
from infometric.amortised.examination import BATCH, Examination, settled, within
from infometric.amortised.families.gaussian import GaussianSparse, GaussianWishart
from infometric.amortised.stream import Stream
from infometric.exceptions import InvalidParameterError

BANDS = ((10, 600, 0.89), (600, 2000, 0.10), (2000, 10_000, 0.01))


def law(bands):
    """Probability of every number of rows."""
    out = np.zeros(10_001)
    for low, high, share in bands:
        n = np.arange(low, high + 1)
        out[n] += share * np.log1p(1 / n) / math.log((high + 1) / low)
    return out


@pytest.mark.parametrize("bounds", BINS)
def test_rows_within_a_bin_follow_the_law_of_all_tasks(bounds):
    low, high = bounds
    wanted = law(BANDS)
    wanted[:low] = wanted[high:] = 0
    np.testing.assert_allclose(law(within(BANDS, bounds)), wanted / wanted.sum(), atol=1e-12)


def rows(**covered):
    return [
        {"family": name, "rows": list(bounds), "coverage": {"0.9": c, "0.95": 0.9}}
        for name, covers in covered.items()
        for bounds, c in zip(BINS, covers, strict=True)
    ]


def test_only_what_is_covered_least_is_asked_again_of_other_tasks():
    first = Stream(
        {"a": GaussianWishart(), "b": GaussianSparse()}, seed=4, columns=(1, 2), tasks=60
    )
    found = rows(a=(0.8, 0.9, 0.879, 0.88), b=(0.95, 0.95, 0.8, 0.95))
    asked = Examination(tasks=70, below=0.88)
    assert asked.chosen(found) == {BINS[0]: ["a"], BINS[2]: ["a", "b"]}
    streams = list(asked.streams(first, found))
    assert [tuple(s.families) for s in streams] == [("a",), ("a", "b")]
    for stream, (low, high) in zip(streams, (BINS[0], BINS[2]), strict=True):
        table = stream.shard(0)
        assert low <= table.n.min() <= table.n.max() < high
        assert (np.bincount(table.family) * asked.shards == 80).all()  # whole shards
        shapes = np.column_stack([table.family, table.n, table.dx, table.dy])
        runs = np.diff(np.flatnonzero(np.r_[True, (np.diff(shapes, axis=0) != 0).any(1), True]))
        assert np.median(runs) <= BATCH[1]
    # none of the tasks of the first look
    again = set(streams[0].shard(0).truth.tolist()) - {0.0}
    assert not again & set(first.shard(0).truth.tolist())


def test_what_was_asked_again_counts():
    found = rows(a=(0.8, 0.9, 0.9, 0.9))
    again = [{**found[0], "coverage": {"0.9": 0.87, "0.95": 0.9}}]
    assert [row["coverage"]["0.9"] for row in settled(found, again)] == [0.87, 0.9, 0.9, 0.9]
    assert settled(found, []) == found


def test_the_configuration_of_the_package_asks_again():
    asked = Config.read(EXAMPLE).examination()
    assert asked.below > 0.85
    assert asked.tasks >= 1000


def test_a_slip_in_the_section_is_told():
    about = {"seed": 1, "pilot": {"tasks": 9000}, "full": {"tasks": 9000}}
    with pytest.raises(InvalidParameterError, match="examination"):
        Config({**about, "examination": {"belov": 0.9}})
    with pytest.raises(InvalidParameterError, match="examination"):
        Config({**about, "examination": {"below": "much"}})
    with pytest.raises(InvalidParameterError, match=r"'tasks' .* must be one or more"):
        Config({**about, "examination": {"tasks": 0}})
    with pytest.raises(InvalidParameterError, match=r"'below' .* must be a share"):
        Config({**about, "examination": {"below": 88}})
