"""Cells by buckets are those of a binary search, to the last value."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from infometric.state.encoders import Column, IntervalEncoder
from infometric.state.lookup import Lookup, convertible

FINITE = st.floats(allow_nan=False, allow_infinity=False, width=64)


def near(edges):
    """The edges with their neighbours, and values far outside."""
    around = [np.nextafter(edges, -np.inf), edges, np.nextafter(edges, np.inf)]
    return np.concatenate([*around, [-1.7e308, -0.0, 0.0, 5e-324, 1.7e308, np.inf, -np.inf]])


@given(hnp.arrays(float, st.integers(2, 80), elements=FINITE, unique=True))
@settings(max_examples=150, deadline=None)
def test_any_edges(edges):
    edges = np.sort(edges)
    lookup = Lookup.of(edges)
    if lookup is not None:
        x = near(edges)
        assert (lookup.cells(x) == np.searchsorted(edges, x, side="right")).all()


@pytest.mark.parametrize("draw", ["normal", "lognormal", "uniform", "standard_cauchy"])
def test_quantiles_of_usual_columns_have_a_table(draw, rng):
    x = getattr(rng, draw)(size=50_000)
    edges = np.unique(np.quantile(x, np.linspace(0.02, 0.98, 49)))
    lookup = Lookup.of(edges)
    assert lookup is not None or draw == "standard_cauchy"
    if lookup is not None:
        assert (lookup.cells(x) == np.searchsorted(edges, x, side="right")).all()


@pytest.mark.parametrize(
    "dtype", ["float64", "float32", "float16", "int8", "uint8", "int64", "uint64"]
)
def test_every_type_of_number_is_encoded_as_before(dtype, rng):
    x = rng.integers(0, 120, 5000).astype(dtype)
    edges = tuple(np.arange(3, 110, 2.5).tolist())
    codes = IntervalEncoder(edges).encode(Column("x", x))
    assert codes.dtype == np.int64
    assert (codes == np.searchsorted(edges, x.astype(float), side="right")).all()


def test_integers_that_no_float_holds_keep_their_cells():
    x = np.array([2**53, 2**53 + 1, 2**53 + 2])
    assert not convertible(x)
    edges = (*map(float, range(20)), 2**53 + 1)
    assert IntervalEncoder(edges).encode(Column("x", x)).tolist() == [20, 21, 21]


def test_edges_that_crowd_have_no_table():
    assert Lookup.of(np.array([0.0, 1e-9, 2e-9, 3e-9, 4e-9, 5e-9, 6e-9, 1.0])) is None
    assert Lookup.of(np.array([-1.7e308, 1.7e308])) is None  # their distance is no float


def test_groups_that_share_out_the_rows_are_counted_as_others(rng):
    x = rng.normal(size=4000)
    encoder = IntervalEncoder(tuple(np.linspace(-2, 2, 40).tolist()))
    part = rng.integers(0, 3, 4000)
    groups = [np.flatnonzero(part == k) for k in range(3)]
    whole, _ = encoder.count(Column("x", x), groups)
    some, _ = encoder.count(Column("x", x), groups[:2])
    codes = np.searchsorted(encoder.edges, x, side="right")
    for k in range(3):
        assert (whole[k] == np.bincount(codes[groups[k]], minlength=encoder.n_cells)).all()
    assert (some == whole[:2]).all()
