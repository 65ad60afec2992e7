"""CriticScores: moments of all pairings by enumeration, merging, the law under independence."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from infometric.exceptions import DataError, MergeError
from infometric.functional.bounds import BOUNDS
from infometric.functional.learned import LearnedBound
from infometric.inference import infer
from infometric.state.critic import CriticScores
from infometric.testing import check_state


def random_blocks(seed, sizes):
    rng = np.random.default_rng(seed)
    return [(rng.normal(size=(b, b)) * 3, rng.normal(size=b)) for b in sizes]


def sums(scores):
    """The sum of the scores of the pairs, of every pairing there is."""
    n = len(scores)
    return np.array([scores[np.arange(n), list(p)].sum() for p in permutations(range(n))])


@pytest.mark.parametrize("n", [2, 3, 4, 5])
@pytest.mark.parametrize("seed", [0, 1])
def test_moments_are_those_of_all_permutations(n, seed):
    ((scores, influence),) = random_blocks(seed, [n])
    s = CriticScores.of([(scores, influence)])
    every = sums(scores)
    assert s.expected == pytest.approx(every.mean())
    assert s.spread == pytest.approx(every.var())
    assert s.together == pytest.approx(every[0])
    assert s.z == pytest.approx((every[0] - every.mean()) / every.std())


def test_moments_of_blocks_are_those_of_permutations_within_each():
    blocks = random_blocks(3, [3, 4])
    s = CriticScores.of(blocks)
    every = np.add.outer(sums(blocks[0][0]), sums(blocks[1][0])).ravel()
    assert s.expected == pytest.approx(every.mean())
    assert s.spread == pytest.approx(every.var())
    assert s.block == 3


sizes = st.lists(st.integers(2, 9), min_size=2, max_size=6)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), sizes, st.data())
def test_merged_parts_are_the_whole(seed, sizes, data):
    blocks = random_blocks(seed, sizes)
    whole = CriticScores.of(blocks, key="k")
    cut = data.draw(st.integers(1, len(blocks) - 1))
    merged = CriticScores.of(blocks[:cut], key="k") + CriticScores.of(blocks[cut:], key="k")
    back = CriticScores.of(blocks[cut:], key="k") + CriticScores.of(blocks[:cut], key="k")
    influence = np.concatenate([i for _, i in blocks])
    for s in (whole, merged, back):
        assert s.n == len(influence)
        assert s.mean == pytest.approx(influence.mean(), abs=1e-12)
        assert s.m2 == pytest.approx(((influence - influence.mean()) ** 2).sum())
        for name in ("together", "expected", "spread"):
            assert getattr(s, name) == pytest.approx(getattr(whole, name), abs=1e-9)
        assert s.block == min(sizes)
        assert CriticScores.from_dict(s.to_dict()).to_dict() == s.to_dict()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 8), st.floats(-5, 5), st.floats(0.1, 10))
def test_z_is_free_of_what_rows_and_columns_have_alone(seed, n, shift, factor):
    ((scores, influence),) = random_blocks(seed, [n])
    rng = np.random.default_rng(seed)
    z = CriticScores.of([(scores, influence)]).z
    moved = scores + rng.normal(size=n)[:, None] + rng.normal(size=n) + shift
    assert CriticScores.of([(moved, influence)]).z == pytest.approx(z, abs=1e-6)
    assert CriticScores.of([(factor * scores, influence)]).z == pytest.approx(z)


def test_it_obeys_the_laws_of_a_state():
    check_state(*(CriticScores.of(random_blocks(k, [5, 3])) for k in range(3)), exact=False)


def test_z_is_standard_normal_under_independence():
    """Any critic will do: here one of 40 rows, in two blocks, drawn anew each time."""
    rng = np.random.default_rng(7)
    found = []
    for _ in range(2000):
        x, y = rng.normal(size=(2, 40, 2))
        blocks = []
        for part in (slice(0, 20), slice(20, 40)):
            a, b = x[part], y[part]
            blocks.append(
                (a @ b.T - 0.5 * (a**2).sum(1)[:, None] + np.sin(a[:, :1] * b[:, 0]), a[:, 0])
            )
        found.append(CriticScores.of(blocks).z)
    z = np.array(found)
    assert abs(z.mean()) < 4 / np.sqrt(len(z))
    assert abs(z.std() - 1) < 4 / np.sqrt(2 * len(z))
    assert stats.kstest(z, "norm").pvalue > 0.001
    reject = (stats.norm.sf(z) < 0.05).mean()
    assert abs(reject - 0.05) < 4 * np.sqrt(0.05 * 0.95 / len(z))


def test_scores_that_say_nothing_have_no_z():
    assert CriticScores.of([(np.zeros((4, 4)), np.zeros(4))]).z == 0
    assert CriticScores.of([(np.add.outer(np.arange(4.0), np.ones(4)), np.zeros(4))]).z == 0


def test_what_is_refused():
    one = (np.eye(3), np.ones(3))
    with pytest.raises(DataError, match="no rows to score"):
        CriticScores.of([])
    with pytest.raises(DataError, match="two or more"):
        CriticScores.of([(np.eye(1), np.ones(1))])
    with pytest.raises(DataError, match="every row with every other"):
        CriticScores.of([(np.ones((3, 2)), np.ones(3))])
    with pytest.raises(DataError, match="not finite"):
        CriticScores.of([one, (np.full((3, 3), np.inf), np.ones(3))])
    with pytest.raises(MergeError, match="different origin"):
        CriticScores.of([one], key="a") + CriticScores.of([one], key="b")
    with pytest.raises(DataError, match="schema version"):
        CriticScores.from_dict({})


@pytest.mark.parametrize("psi", [np.inf, -np.inf, np.nan, 1e200])
def test_influence_values_that_overflow_are_kept_and_told(psi):
    s = CriticScores.of([(np.eye(3), np.array([0.0, 1.0, psi]))])
    assert np.isnan(s.m2)
    with pytest.warns(UserWarning, match="nwj overflows"):
        r = infer(LearnedBound(BOUNDS["nwj"]), s + CriticScores.of([(np.eye(3), np.ones(3))]))
    assert np.isnan([r.se, *r.ci]).all()
    assert not r.diagnostics["reliable"]


def test_a_value_near_its_ceiling_is_told():
    s = CriticScores.of([(np.eye(10), np.full(10, 2.2))])  # log 10 = 2.30
    with pytest.warns(UserWarning, match="infonce of 10 rows cannot exceed 2.30"):
        infer(LearnedBound(), s)
    with pytest.warns(UserWarning, match="unsure beyond log 10"):
        infer(LearnedBound(BOUNDS["dv"]), s)
    assert infer(LearnedBound(BOUNDS["club"]), s).warnings == ()  # an upper bound
