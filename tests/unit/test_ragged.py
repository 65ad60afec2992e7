"""Ragged arrays: sums, first occurrences, lowest values, and the variance by blocks."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infometric.exceptions import MissingExtraError
from infometric.state import ragged
from infometric.state.ragged import (
    Ragged,
    block_variance,
    compiled_kernels,
    first_occurrences,
    lowest,
    quantiles,
    segment_sums,
    spans,
)

LISTS = st.lists(st.lists(st.integers(0, 40), max_size=30), max_size=20)


def made(rows, kind=float):
    offsets = np.concatenate([[0], np.cumsum([len(r) for r in rows])]).astype(np.int64)
    return Ragged(np.array([v for r in rows for v in r], kind), offsets)


@given(LISTS)
def test_sums_means_and_first_occurrences_are_those_of_each_list(rows):
    x = made(rows)
    assert x.sums().tolist() == [float(sum(r)) for r in rows]
    np.testing.assert_array_equal(x.means(), [np.mean(r) if r else np.nan for r in rows])
    first = first_occurrences(x.values.astype(np.int32), x.offsets)
    wanted = [v not in r[:i] for r in rows for i, v in enumerate(r)]
    assert first.tolist() == wanted


@pytest.mark.parametrize("top", [40, 4096, 50_000, 2**31 - 1])
def test_first_occurrences_where_hashes_collide(top, rng):
    sizes = rng.integers(0, 700, 300)
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    ids = (rng.random(offsets[-1]) ** 3 * top).astype(np.int32)
    wanted = np.zeros(len(ids), bool)
    for a, b in pairwise(offsets):
        wanted[a + np.unique(ids[a:b], return_index=True)[1]] = True
    assert (first_occurrences(ids, offsets) == wanted).all()


def test_ids_that_share_every_place_of_the_first_table_are_told_apart():
    ids = (np.arange(3000, dtype=np.int32) * 4096) % 2**30
    assert first_occurrences(np.tile(ids, 2), np.array([0, 6000])).sum() == len(np.unique(ids))


@given(LISTS, st.floats(0.01, 1))
def test_lowest_is_the_mean_of_the_sorted_start(rows, share):
    found = lowest(made(rows), share)
    for r, mean, size in zip(rows, found.mean, found.size, strict=True):
        k = max(1, int(np.floor(share * len(r) * (1 + 1e-12)))) if r else 0
        assert size == k
        assert (np.isnan(mean) and not r) or mean == pytest.approx(np.mean(sorted(r)[:k]))


@pytest.mark.parametrize(("share", "n", "k"), [(0.1, 30, 3), (0.7, 10, 7), (0.29, 100, 29)])
def test_a_share_that_falls_short_of_a_whole_number_by_rounding(share, n, k):
    assert lowest(Ragged(np.arange(float(n)), np.array([0, n])), share).size[0] == k


@given(LISTS, st.floats(0, 1))
def test_quantiles_are_numpys(rows, share):
    wanted = [np.quantile(r, share) if r else np.nan for r in rows]
    np.testing.assert_allclose(quantiles(made(rows), share), wanted, atol=1e-12)


def test_block_variance_is_that_of_all_resamples(rng):
    """Against the bootstrap it is the limit of: every pair of blocks of a text of two."""
    h = rng.normal(size=12)
    h -= h.mean()
    found, count = block_variance(Ragged(h, np.array([0, 12])), 6)
    around = np.concatenate([h, h])
    sums = np.array([around[i : i + 6].sum() for i in range(12)])
    means = (sums[:, None] + sums[None]).ravel() / 12
    assert found[0] == pytest.approx(means.var() / (1 - 6 / 12))
    assert count[0] == 2


def test_block_variance_of_independent_values_is_the_usual_one(rng):
    rows = rng.normal(size=(4000, 64))
    rows -= rows.mean(1, keepdims=True)
    found, _ = block_variance(Ragged(rows.ravel(), np.arange(4001) * 64), 8)
    assert found.mean() == pytest.approx(1 / 64, rel=0.02)


def test_block_variance_of_short_texts():
    h = np.array([0.0, 1.0, -1.0, 2.0, -1.0, -1.0])
    found, count = block_variance(Ragged(h, np.array([0, 0, 1, 3, 6])), 8)
    assert np.isnan(found[:2]).all()
    assert np.isfinite(found[2:]).all()
    assert count[2:].tolist() == [2, 3]


@settings(max_examples=30)
@given(LISTS, st.integers(1, 12))
def test_block_variance_does_not_depend_on_what_stands_beside(rows, block):
    h = made([[v - np.mean(r) for v in r] for r in rows])
    together, _ = block_variance(h, block)
    alone = [block_variance(made([r]), block)[0][0] for r in
             ([v - np.mean(r) for v in r] for r in rows)]  # fmt: skip
    np.testing.assert_allclose(together, np.array(alone).reshape(-1), rtol=1e-9, atol=1e-12)


def test_segments_and_chosen_ones(rng):
    x = made([[1, 2], [], [3], [4, 5, 6]])
    assert x.segments(1, 3).values.tolist() == [3]
    assert x.take(np.array([3, 0, 1])).values.tolist() == [4, 5, 6, 1, 2]
    both = x + x.segments(2, 4)
    assert both.offsets.tolist() == [0, 2, 2, 3, 6, 7, 10]


@given(st.lists(st.integers(0, 9), max_size=30), st.integers(1, 20))
def test_spans_cover_all_segments_once(sizes, tokens):
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    ranges = list(spans(offsets, tokens, 3))
    assert [i for a, b in ranges for i in range(a, b)] == list(range(len(sizes)))
    assert all(b - a <= 3 and (b - a == 1 or offsets[b] - offsets[a] <= tokens) for a, b in ranges)


def test_sums_are_exact_for_single_precision():
    x = np.full(100_000, 0.1, np.float32)
    assert segment_sums(x, np.array([0, 100_000]))[0] == pytest.approx(100_000 * float(x[0]))


def test_kernels_that_are_not_installed_are_refused_with_the_line_to_type(monkeypatch):
    monkeypatch.setattr(ragged, "find_spec", lambda name: None)
    assert compiled_kernels("auto") is None
    with pytest.raises(MissingExtraError, match=r"infometric\[fast\]"):
        compiled_kernels("numba")
