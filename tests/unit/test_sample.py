"""Sample and what is made of it: monoid, parts, the interface of neighbours, bad input."""

from __future__ import annotations

import contextlib
import datetime
import itertools
import json
import math
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import lfilter

import infometric as im
from infometric import Sample, oracles
from infometric.exceptions import (
    DataError,
    InfometricError,
    InfometricWarning,
    InvalidParameterError,
    MergeError,
    ReliabilityWarning,
    UnsupportedError,
)
from infometric.functional.differential import KozachenkoLeonenko
from infometric.functional.gaussian import GaussianCopula
from infometric.functional.neighbor_divergence import WangKulkarniVerdu
from infometric.functional.neighbor_information import (
    KSG1,
    FrenzelPompe,
    MesnerShalizi,
    Ross,
    TotalCorrelation,
)
from infometric.functional.sample import middle, normal_scores, spread
from infometric.testing import check_state
from infometric.uncertainty.subsampling import crowding, remaining_bias, serial

pytestmark = pytest.mark.filterwarnings("ignore::infometric.exceptions.InfometricWarning")
QUICK = im.Subsampling(n_splits=2)


def normals(n, rho=0.6, d=1, seed=0):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(2, n, d))
    y = rho * x + math.sqrt(1 - rho**2) * y
    return (x[:, 0], y[:, 0]) if d == 1 else (x, y)


X, Y = normals(300)
Z = np.random.default_rng(9).normal(size=300)
P, Q = normals(200, seed=5)
TEXT = np.where(X > 0, "a", "b")


# --- the state ----------------------------------------------------------------------------------


def test_a_monoid():
    rng = np.random.default_rng(0)
    for make in (
        lambda n: Sample.of(rng.normal(size=n)),
        lambda n: Sample.of(rng.normal(size=(n, 2)), rng.normal(size=n), key="a|b"),
        lambda n: Sample.of(rng.integers(0, 3, n), rng.normal(size=n),
                            kinds=("discrete", "continuous")),
        lambda n: Sample.of_groups([rng.normal(size=n)], [rng.normal(size=n + 2)]),
    ):  # fmt: skip
        check_state(make(3), make(1), make(5))


def test_what_joins_and_what_does_not():
    one = Sample.of(X, Y)
    assert (one + one).n.tolist() == [600]
    for other in (
        Sample.of(X),
        Sample.of(X, np.column_stack([Y, Z])),
        Sample.of(X, Y, key="b"),
        Sample.of(X, Y, kinds=("continuous", "discrete")),
        Sample.of_groups([X, Y], [X, Y]),
    ):
        with pytest.raises(MergeError) as caught:
            one + other
        assert caught.value.hint
    with pytest.raises(TypeError):
        one + 3


def test_values_of_joined_parts_are_those_of_the_whole():
    parts = Sample.of(X[:100], Y[:100]) + Sample.of(X[100:], Y[100:])
    assert float(KSG1().value(parts)) == float(KSG1().value(Sample.of(X, Y)))


def test_facts_of_a_sample():
    s = Sample.of_groups([np.ones((4, 2)), np.arange(4)], [np.ones((6, 2)), np.arange(6)])
    assert (s.n_groups, s.n.tolist(), s.dims, s.shape) == (2, [4, 6], (2, 1), (4, 6, 2, 1))
    assert s.groups[0][1].shape == (4, 1)
    assert s.groups[0][0].dtype == np.float64
    assert s.variables is s.groups[0]


def test_json():
    s = Sample.of([0.1, 1e-320, -1e308], [[1, 2], [3, 4], [5, 6]], key="x|y",
                  kinds=("continuous", "discrete"))  # fmt: skip
    back = Sample.from_dict(json.loads(json.dumps(s.to_dict(), allow_nan=False)))
    assert back.to_dict() == s.to_dict()
    assert (back.kinds, back.key, back.dims) == (s.kinds, s.key, s.dims)
    assert all(np.array_equal(a, b) for a, b in zip(s.variables, back.variables, strict=True))


@pytest.mark.parametrize("broken", [{}, {"state": "counts", "schema_version": 1},
                                    {"state": "sample", "schema_version": 99}])  # fmt: skip
def test_json_of_something_else(broken):
    with pytest.raises(DataError, match="not a sample") as caught:
        Sample.from_dict(broken)
    assert caught.value.hint


def test_take():
    s = Sample.of_groups([X], [P])
    some = s.take(np.array([3, 1]), np.array([0]))
    assert some.groups[0][0][:, 0].tolist() == [X[3], X[1]]
    assert some.groups[1][0][:, 0].tolist() == [P[0]]
    assert some.key == s.key
    assert s.n.tolist() == [300, 200]


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 8), st.integers(1, 7),
       st.integers(0, 9))  # fmt: skip
def test_property_split(n, m, parts, block, seed):
    """Disjoint, complete, of one size but for a block, and blocks stay together."""
    s = Sample.of_groups([np.arange(n), -np.arange(n)], [np.arange(m), np.arange(m)])
    split = s.split(parts, np.random.default_rng(seed), block)
    assert len(split) == parts
    for group, size in enumerate((n, m)):
        rows = [part.groups[group][0][:, 0].astype(int) for part in split]
        assert sorted(itertools.chain(*map(list, rows))) == list(range(size))
        assert all((np.diff(r) > 0).all() for r in rows)
        sizes = [len(r) for r in rows]
        assert max(sizes) - min(sizes) <= 2 * block - 1  # the last block may be short
        owner = np.empty(size, int)
        for k, r in enumerate(rows):
            owner[r] = k
            assert np.array_equal(np.abs(split[k].groups[group][1][:, 0]), r)
        for start in range(0, size, block):
            assert len(set(owner[start : start + block].tolist())) == 1


def test_splits_are_random_and_reproducible():
    s = Sample.of(X)
    first, second, other = (
        [part.to_dict() for part in s.split(3, np.random.default_rng(seed))] for seed in (1, 1, 2)
    )
    assert first == second
    assert first != other


@pytest.mark.parametrize("bad", [
    lambda: Sample.of(),
    lambda: Sample.of([]),
    lambda: Sample.of(np.empty((0, 2))),
    lambda: Sample.of(np.empty((2, 0))),
    lambda: Sample.of(X, Y[:-1]),
    lambda: Sample.of("abc"),
    lambda: Sample.of(["a", "b"]),
    lambda: Sample.of(3.0),
    lambda: Sample.of(None),
    lambda: Sample.of(np.ones((2, 2, 2))),
    lambda: Sample.of([1.0, np.nan]),
    lambda: Sample.of([1.0, np.inf]),
    lambda: Sample.of(X + 1j),
    lambda: Sample.of_groups(),
    lambda: Sample.of_groups([]),
    lambda: Sample.of_groups([X], [X, Y]),
    lambda: Sample.of_groups([X], [np.column_stack([X, Y])]),
    lambda: Sample.of(X, Y, kinds=("continuous",)),
    lambda: Sample.of(X, Y, kinds=("continuous", "class")),
])  # fmt: skip
def test_bad_samples(bad):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(InfometricError) as caught:
            bad()
    assert caught.value.hint


# --- containers ---------------------------------------------------------------------------------

CONTAINERS = {
    "list": lambda v: v.tolist(),
    "tuple": lambda v: tuple(v.tolist()),
    "array": np.asarray,
    "column": lambda v: v.reshape(-1, 1),
    "strided": lambda v: np.repeat(v, 2)[::2],
    "object": lambda v: v.astype(object),
    "masked": lambda v: np.ma.masked_array(v, mask=False),
    "series": lambda v: pd.Series(v, index=np.arange(len(v)) * 7 - 3),
    "frame": lambda v: pd.DataFrame({"a": v}),
    "nullable": lambda v: pd.Series(v, dtype="Float64"),
    "polars": pl.Series,
    "polars frame": lambda v: pl.DataFrame({"a": v}),
}


@pytest.mark.parametrize("container", CONTAINERS)
def test_whatever_holds_the_numbers(container):
    into = CONTAINERS[container]
    plain = im.mutual_information(X, Y, method="none")
    assert im.mutual_information(into(X), into(Y), method="none").value == plain.value
    plain = im.differential_entropy(X, method="none")
    assert im.differential_entropy(into(X), method="none").value == plain.value
    plain = im.kl_divergence(X, P, method="none")
    assert im.kl_divergence(into(X), into(P), method="none").value == plain.value


def test_float32_integers_and_truth_values():
    x, y = X.astype(np.float32), Y.astype(np.float32)
    expected = im.mutual_information(x.astype(float), y.astype(float), method="none").value
    assert im.mutual_information(x, y, method="none").value == expected
    whole = np.round(X * 1e6).astype(np.int64)
    assert im.mutual_information(whole, Y, method="none").value == pytest.approx(
        im.mutual_information(X, Y, method="none").value, abs=0.01
    )
    found = im.mutual_information(X > 0, Y, method="none")
    assert found.diagnostics["estimator"] == "ross"
    assert found.value == im.mutual_information(TEXT, Y, method="none").value


def test_columns_are_one_vector():
    frame = pd.DataFrame({"a": X, "b": Z})
    array = frame.to_numpy()
    expected = float(KSG1().value(Sample.of(array, Y)))
    for data in (frame, array, pl.from_pandas(frame), array.tolist()):
        assert im.mutual_information(data, Y, method="none").value == expected
    assert im.differential_entropy(frame, method="none").value == float(
        KozachenkoLeonenko().value(Sample.of(array))
    )


def test_columns_go_by_name_after_fit():
    frame = pd.DataFrame({"a": X, "b": Z})
    for fitted, y in ((im.MutualInformation().fit(frame, Y), Y),
                      (im.DifferentialEntropy().fit(frame), None)):  # fmt: skip
        turned = fitted.estimate(frame[["b", "a"]], y, uncertainty="none")
        assert turned.value == fitted.estimate(uncertainty="none").value
        with pytest.raises(InfometricError) as caught:
            fitted.estimate(frame.rename(columns={"a": "c"})[["c"]], y)
        assert caught.value.hint
    fitted = im.KLDivergence().fit(frame)
    assert fitted.score(frame[["b", "a"]] + 1) == fitted.score(frame + 1)


def test_series_of_another_order_are_not_paired():
    with pytest.raises(DataError, match="not in one order"):
        im.mutual_information(pd.Series(X), pd.Series(Y)[::-1])


# --- the interface ------------------------------------------------------------------------------


def test_which_estimator_auto_chooses():
    rng = np.random.default_rng(0)
    many = np.column_stack([X, Y, Z])
    for data, expected in (
        ((X, Y), "ksg1"),
        ((many, X), "ksg1"),
        ((many, np.column_stack([X, Y])), "gaussian_copula"),
        ((X[:49], Y[:49]), "gaussian_copula"),
        ((X[:50], Y[:50]), "ksg1"),
        ((TEXT, X), "ross"),
        ((X, TEXT), "ross"),
        ((X, rng.integers(0, 5, 300)), "ross"),
        ((many, TEXT), "ross"),
        ((X, rng.integers(0, 10**6, 300)), "ksg1"),
        ((TEXT, TEXT), None),
    ):
        found = im.mutual_information(*data, method="none")
        assert found.diagnostics.get("estimator") == expected
    given_text = im.conditional_mutual_information(X, Y, TEXT, method="none")
    assert given_text.value == pytest.approx(
        im.conditional_mutual_information(X, Y, X > 0, method="none").value, abs=1e-12
    )


def test_estimators_by_name_and_by_object():
    s = Sample.of(X, Y)
    for name, functional in (
        ("ksg1", KSG1()),
        ("gaussian_copula", GaussianCopula()),
        (KSG1(7, "standard"), KSG1(7, "standard")),
    ):
        found = im.mutual_information(X, Y, estimator=name, method="none")
        assert found.value == float(functional.value(s))
        assert found.diagnostics["estimator"] == functional.slug
    found = im.mutual_information(X, Y, n_neighbors=7, method="none")
    assert found.value == float(KSG1(7).value(s))
    assert found.diagnostics["n_neighbors"] == 7
    both = im.mutual_information(X, Y, estimator=KSG1(2, "standard"), n_neighbors=7, method="none")
    assert both.value == float(KSG1(7, "standard").value(s))
    three = Sample.of(X, Y, Z)
    for functional in (FrenzelPompe(), MesnerShalizi()):
        name = functional.slug
        found = im.conditional_mutual_information(X, Y, Z, estimator=name, method="none")
        assert found.value == float(functional.value(three))
    table = np.column_stack([X, Y, Z])
    found = im.total_correlation(table, method="none")
    assert found.value == float(TotalCorrelation().value(three))


def test_functions_and_classes():
    table = np.column_stack([X, Y, Z])
    for one, kind, data in (
        (im.mutual_information, im.MutualInformation, (X, Y)),
        (im.mutual_information, im.MutualInformation, (X, TEXT)),
        (im.conditional_mutual_information, im.ConditionalMutualInformation, (X, Y, Z)),
        (im.total_correlation, im.TotalCorrelation, (table,)),
        (im.transfer_entropy, im.TransferEntropy, (X, Y)),
        (im.differential_entropy, im.DifferentialEntropy, (X,)),
        (im.differential_renyi_entropy, im.DifferentialRenyiEntropy, (X,)),
        (im.differential_tsallis_entropy, im.DifferentialTsallisEntropy, (X,)),
    ):
        result = one(*data, method=QUICK, rng=0)
        fitted = kind(uncertainty=QUICK).fit(*data)
        assert fitted.estimate(rng=0).to_dict() == result.to_dict()
        assert fitted.estimate(*data, rng=0).to_dict() == result.to_dict()
        assert fitted.score(*data) == pytest.approx(result.value, abs=1e-15)
        assert tuple(fitted.ci(rng=0)) == pytest.approx(tuple(result.ci), nan_ok=True)
        assert im.Result.from_json(result.to_json()).to_dict() == result.to_dict()
        assert result.method == "subsampling"
        assert result.summary()
        assert result.explain()
        assert result.se > 0
        assert len(result.to_frame()) == 1


def test_units():
    for one, data in ((im.mutual_information, (X, Y)), (im.differential_entropy, (X,))):
        nats = one(*data, method=QUICK, rng=0)
        bits = one(*data, method=QUICK, rng=0, units="bits")
        assert bits.units == "bits"
        log2 = math.log(2)
        assert (bits.value * log2, bits.se * log2) == pytest.approx((nats.value, nats.se))
        ends = tuple(e * log2 for e in bits.ci)
        assert ends == pytest.approx(tuple(nats.ci), nan_ok=True)
    tsallis = im.differential_tsallis_entropy(X, method="none")
    assert tsallis.units == "dimensionless"


def test_parts_join():
    for kind, data in (
        (im.MutualInformation, (X, Y)),
        (im.MutualInformation, (X, TEXT)),
        (im.ConditionalMutualInformation, (X, Y, Z)),
        (im.TotalCorrelation, (np.column_stack([X, Y]),)),
        (im.DifferentialEntropy, (X,)),
    ):
        first, second = tuple(d[:120] for d in data), tuple(d[120:] for d in data)
        whole = kind().fit(*data).estimate(uncertainty="none")
        added = kind().fit(*first).partial_fit(*second).estimate(uncertainty="none")
        merged = kind().fit(*first).merge(kind().fit(*second)).estimate(uncertainty="none")
        assert added.to_dict() == whole.to_dict()
        assert merged.value == whole.value
        assert kind().partial_fit(*data).estimate(uncertainty="none").value == whole.value


def test_classes_that_only_a_later_part_has():
    label = np.array(["a"] * 150 + ["b", "c"] * 75)
    whole = im.MutualInformation().fit(X, label).estimate(uncertainty="none")
    parts = im.MutualInformation().fit(X[:150], label[:150]).partial_fit(X[150:], label[150:])
    assert parts.estimate(uncertainty="none").value == whole.value


@pytest.mark.parametrize("other", ["m", "c"])
def test_classes_of_two_fits_are_joined_by_name(other):
    """Numbers of classes go by appearance, and differ between fits."""
    label = TEXT.astype("<U1")
    first, second = np.flatnonzero(X < 0)[0], 150 + np.flatnonzero(X[150:] > 0)[0]
    order = np.r_[first, np.setdiff1d(np.arange(150), first), second,
                  np.setdiff1d(np.arange(150, 300), second)]  # fmt: skip
    x, label = X[order], label[order]
    label[150:] = np.where(label[150:] == "a", "a", "b" if other == "m" else other)
    mine, theirs = (
        im.MutualInformation().fit(x[rows], label[rows]) for rows in (slice(150), slice(150, 300))
    )
    whole = im.MutualInformation().fit(x, label).estimate(uncertainty="none").value
    merged = whole
    with contextlib.suppress(MergeError):
        merged = mine.merge(theirs).estimate(uncertainty="none").value
    assert merged == whole


def test_a_failed_fit_changes_nothing():
    fitted = im.MutualInformation().fit(X, Y)
    before = fitted.state_.to_dict()
    for call in (fitted.fit, fitted.partial_fit):
        with pytest.raises(InfometricError):
            call(X, np.full(300, np.nan))
        with pytest.raises(InfometricError):
            call(X, Y[:5])
    assert fitted.state_.to_dict() == before


def test_fits_that_do_not_belong_together():
    fitted = im.MutualInformation().fit(X, Y)
    for other in (im.MutualInformation().fit(X, TEXT), im.MutualInformation(bins=4).fit(X, Y),
                  im.MutualInformation().fit(np.column_stack([X, Z]), Y)):  # fmt: skip
        with pytest.raises(InfometricError) as caught:
            fitted.merge(other)
        assert caught.value.hint


def test_new_data_of_another_kind():
    with pytest.raises(DataError, match="holds text") as caught:
        im.MutualInformation().fit(X, Y).estimate(X, TEXT)
    assert caught.value.hint
    with pytest.raises(InfometricError) as caught:
        im.MutualInformation().fit(X, TEXT).estimate(X, Y, uncertainty="none")
    assert caught.value.hint


# --- intervals and tests ------------------------------------------------------------------------


def test_levels_nest_and_seeds_repeat():
    fitted = im.MutualInformation().fit(*normals(500))
    levels = (0.5, 0.9, 0.999)
    results = [fitted.estimate(level=level, uncertainty=QUICK, rng=4) for level in levels]
    for inner, outer in itertools.pairwise(results):
        assert outer.ci.low <= inner.ci.low <= inner.ci.high <= outer.ci.high
        assert inner.se == outer.se
    again = fitted.estimate(level=0.9, uncertainty=QUICK, rng=4)
    assert again.to_dict() == results[1].to_dict()
    other = fitted.estimate(level=0.9, uncertainty=QUICK, rng=5)
    assert other.se != again.se
    assert other.value == again.value
    generator = np.random.default_rng(4)
    assert fitted.estimate(level=0.9, uncertainty=QUICK, rng=generator).se == again.se


def test_intervals_hold_the_truth_and_stay_in_the_possible():
    inside = []
    for seed in range(12):
        found = im.mutual_information(*normals(500, seed=seed), rng=seed)
        inside.append(found.ci.low <= 0.2231435513 <= found.ci.high)
        assert found.pvalue < 0.01
    assert sum(inside) >= 9
    lows = [im.mutual_information(*normals(300, 0.0, seed=s), method=QUICK, rng=0).ci.low
            for s in range(6)]  # fmt: skip
    assert min(low for low in lows if not math.isnan(low)) == 0.0


@pytest.mark.parametrize("method", ["delta", "partitions", QUICK, im.Partitions(most=4)])
def test_standard_errors_are_alike(method):
    x, y = normals(800, seed=2)
    found = im.mutual_information(x, y, method=method, n_neighbors=5, rng=0)
    assert 0.013 < found.se < 0.06  # about 0.029
    assert found.ci.low < found.value < found.ci.high


def test_value_alone():
    found = im.mutual_information(X, Y, method="none")
    assert math.isnan(found.se)
    assert math.isnan(found.pvalue)
    assert math.isnan(found.ci.low)
    assert found.method == "none"
    assert found.value == im.mutual_information(X, Y, method=QUICK, rng=0).value


def test_blocks_widen_intervals_of_series():
    """A slow series and its noisy echo: the value scatters by .064, and rows alone say .031."""
    found = {1: [], 50: []}
    for seed in range(4):
        noise = np.random.default_rng(seed).normal(size=(2, 1400))
        x, e = lfilter([1], [1, -0.9], noise)[:, 400:]
        for length, errors in found.items():
            method = im.Subsampling(n_splits=12, block=length)
            result = im.mutual_information(x, x + e, method=method, rng=0)
            assert result.diagnostics["block"] == length
            errors.append(result.se)
    assert np.mean(found[50]) > 1.5 * np.mean(found[1])
    assert 0.045 < np.mean(found[50]) < 0.09


@pytest.mark.parametrize("name", ["block", "n_splits"])
@pytest.mark.parametrize("wrong", [0, -2, 2.5, True, "3", math.nan])
def test_parameters_of_subsampling(name, wrong):
    with pytest.raises(InvalidParameterError) as caught:
        im.Subsampling(**{name: wrong})
    assert caught.value.hint


def test_a_block_longer_than_half_the_rows():
    with pytest.warns(ReliabilityWarning, match="too few"):
        found = im.mutual_information(X, Y, method=im.Subsampling(block=200))
    assert math.isfinite(found.value)
    assert math.isnan(found.ci.low)


@pytest.mark.parametrize("method", ["bootstrap", "jackknife"])
def test_rows_cannot_be_copied(method):
    for call in (lambda m: im.mutual_information(X, Y, method=m),
                 lambda m: im.differential_entropy(X, method=m),
                 lambda m: im.kl_divergence(X, P, method=m),
                 lambda m: im.total_correlation(np.column_stack([X, Y]), method=m)):  # fmt: skip
        with pytest.raises(UnsupportedError, match="copied row") as caught:
            call(method)
        assert "subsampling" in caught.value.hint


@pytest.mark.parametrize("method", ["ncx2", "chi2", "posterior", "good_turing", "simultaneous",
                                    "clopper_pearson", "fisher_z"])  # fmt: skip
def test_strategies_of_counts(method):
    for call in (lambda m: im.mutual_information(X, Y, method=m),
                 lambda m: im.differential_entropy(X, method=m)):  # fmt: skip
        with pytest.raises(UnsupportedError) as caught:
            call(method)
        assert caught.value.hint
    with pytest.raises(UnsupportedError):
        im.differential_entropy(X, method="permutation")


def test_permutations():
    test = im.Permutation(49)
    strong = im.mutual_information(*normals(200, 0.7), method=test, rng=0)
    assert strong.pvalue == pytest.approx(1 / 50)
    assert math.isnan(strong.ci.low)
    assert len(strong.replicates) == 49
    assert im.MutualInformation().fit(X, Y).test(rng=0).pvalue == pytest.approx(1 / 200)
    nothing = [im.mutual_information(*normals(80, 0.0, seed=s), method=test, rng=s).pvalue
               for s in range(12)]  # fmt: skip
    assert sum(p <= 0.1 for p in nothing) <= 4
    assert max(nothing) > 0.4
    label = [im.mutual_information(TEXT[:100], Z[s : s + 100], method=test, rng=s).pvalue
             for s in (0, 100, 200)]  # fmt: skip
    assert max(label) > 0.1


def test_permutations_under_a_condition():
    """x and y of a chain share what z says, and no more."""
    test, rng = im.Permutation(39), np.random.default_rng(1)
    z = rng.normal(size=200)
    chain, direct = [], []
    for _ in range(6):
        x = z + 0.5 * rng.normal(size=200)
        y = z + 0.5 * rng.normal(size=200)
        chain.append(im.conditional_mutual_information(x, y, z, method=test, rng=0).pvalue)
        y = y + x
        direct.append(im.conditional_mutual_information(x, y, z, method=test, rng=0).pvalue)
    assert max(chain) > 0.2
    assert sum(p <= 0.05 for p in chain) <= 2
    assert max(direct) == pytest.approx(1 / 40)


def test_pvalues_of_independent_variables_are_not_small():
    values = [im.mutual_information(*normals(250, 0.0, seed=s), method=QUICK, rng=s).pvalue
              for s in range(16)]  # fmt: skip
    assert sum(p < 0.05 for p in values) <= 4
    assert max(values) > 0.4


def test_ten_columns_are_too_many_for_neighbours():
    x, y = normals(1000, d=5, seed=0)
    with pytest.warns(ReliabilityWarning, match="too low"):
        found = im.mutual_information(x, y, estimator="ksg1", method=QUICK, rng=0)
    assert found.diagnostics["reliable"] is False
    assert found.diagnostics["reasons"]
    assert math.isnan(found.ci.low)
    assert math.isnan(found.ci.high)
    assert found.value < 1.0  # the truth is 1.116
    assert "too low" in found.warnings[0]
    auto = im.mutual_information(x, y, method="none")
    assert auto.diagnostics["estimator"] == "gaussian_copula"
    assert auto.value == pytest.approx(1.1157177566, abs=0.1)


def test_an_easy_sample_is_reliable():
    with warnings.catch_warnings():
        warnings.simplefilter("error", InfometricWarning)
        found = im.mutual_information(*normals(1000, seed=3), method=QUICK, rng=0)
    assert found.diagnostics["reliable"] is True


def test_classes_too_rare_for_parts_of_the_rows():
    """Some part has no class of two rows: its value is unknown, and the reason says so."""
    label = np.repeat([f"class {i}" for i in range(100)], 3)
    found = im.mutual_information(Z, label, rng=0)
    assert math.isfinite(found.value)
    assert math.isnan(found.ci.low)
    assert "nan" not in " ".join(found.warnings)


def test_remaining_bias_is_that_of_a_power():
    for dimensions, power in ((2, 0.5), (8, 0.25)):
        bias = {m: -0.1 * m**power for m in (2, 4, 8, 16)}
        means = {m: 1 + b for m, b in bias.items()}
        assert remaining_bias(means, dimensions) == pytest.approx(-0.1, abs=1e-9)
    assert remaining_bias({2: 1.0, 4: 1.0, 8: 1.0, 16: 1.0}, 3) == 0.0
    assert remaining_bias({2: 1.0, 4: 0.9}, 2) == 0.0  # too few sizes to tell


def test_series():
    x, y = oracles.get("autoregression, source drives target").sample(600, rng=0)
    forth = im.transfer_entropy(x, y, method=QUICK, rng=0)
    back = im.transfer_entropy(y, x, method=QUICK, rng=0)
    assert forth.measure == "transfer_entropy"
    assert forth.value > back.value + 0.03
    lagged = im.transfer_entropy(x, y, lag=2, source_history=2, target_history=3, method="none")
    past = np.column_stack([y[2:-1], y[1:-2], y[:-3]])
    s = Sample.of(y[3:], np.column_stack([x[1:-2], x[:-3]]), past)
    assert lagged.value == pytest.approx(float(FrenzelPompe().value(s)), abs=1e-12)
    assert lagged.n == (597,)


def rounded(n=400, seed=2):
    x, y = normals(n, seed=seed)
    return np.round(x, 1), np.round(y)


def test_neither_order_of_rows_nor_of_variables_is_part_of_a_value():
    x, y = rounded()
    order = np.random.default_rng(0).permutation(len(x))
    value = float(KSG1().value(Sample.of(x, y)))
    for a, b in ((x[order], y[order]), (y, x), (y[order], x[order]), (10 * x, np.exp(y))):
        assert float(KSG1().value(Sample.of(a, b))) == value
    both = np.column_stack([x, y])
    value = im.differential_entropy(both, method="none").value
    assert im.differential_entropy(both[order], method="none").value == pytest.approx(value)
    assert im.differential_entropy(both[:, ::-1], method="none").value == pytest.approx(value)


@pytest.mark.parametrize("n", [1, 2, 3, 10, 11, 1000])
def test_middle_and_spread_of_columns(n):
    rng = np.random.default_rng(n)
    x = np.column_stack([rng.standard_cauchy(n), rng.integers(0, 3, n), np.full(n, 0.3)])
    np.testing.assert_array_equal(middle(x), np.median(x, axis=0, keepdims=True))
    varied = x.min(axis=0) < x.max(axis=0)
    np.testing.assert_allclose(spread(x), np.where(varied, x.std(axis=0), 1.0), rtol=1e-12)
    for factor in (1e-290, 1e290):
        np.testing.assert_allclose(spread(factor * x)[varied], factor * spread(x)[varied])
        np.testing.assert_allclose(middle(factor * x), factor * middle(x))
    far = 1e308 * np.linspace(-1.7, 1.7, 200)[:, None]
    np.testing.assert_allclose(spread(far), 1e300 * spread(far / 1e300), rtol=1e-12)


def test_copies_are_spread_apart_from_each_other():
    x, _ = rounded(2000)
    levels, cell = np.unique(x, return_inverse=True)
    spread = normal_scores(np.column_stack([x, x]), "jitter")
    within = spread - np.array([spread[x == v].mean(axis=0) for v in levels])[cell]
    assert abs(np.corrcoef(within.T)[0, 1]) < 0.1


@pytest.mark.parametrize("method", ["none", "delta", "partitions", "permutation", "subsampling"])
def test_every_method_says_whether_it_can_be_relied_on(method):
    x, y = normals(400)
    if method == "permutation":
        method = im.Permutation(19)
    found = im.mutual_information(x, y, method=method, rng=0)
    unseen = method in ("none", "permutation") or isinstance(method, im.Permutation)
    assert found.diagnostics["reliable"] in ((None,) if unseen else (True, False))
    assert (found.diagnostics["reliable"] is False) == bool(found.diagnostics.get("reasons"))
    copied = im.mutual_information(np.tile(x, 2), np.tile(y, 2), method=method, rng=0)
    assert copied.diagnostics["reliable"] is False
    assert any("copies" in reason for reason in copied.diagnostics["reasons"])


@pytest.mark.parametrize("method", ["delta", "partitions"])
def test_shortcuts_say_what_they_miss(method):
    with pytest.warns(ReliabilityWarning, match="times in 100"):
        found = im.mutual_information(*normals(400), method=method)
    assert found.diagnostics["reliable"] is False
    assert found.ci.low < found.value < found.ci.high


def test_random_orders_of_a_series_are_no_null():
    e = np.random.default_rng(0).normal(size=(2, 400))
    x, y = (lfilter([1], [1, -0.9], v) for v in e)
    with pytest.warns(ReliabilityWarning, match="as in a series"):
        found = im.mutual_information(x, y, method=im.Permutation(19), rng=0)
    assert found.diagnostics["reliable"] is False


@pytest.mark.parametrize(("memory", "slow"), [(0.0, False), (0.5, False), (0.9, True)])
def test_neighbours_in_time_of_a_slow_series(memory, slow):
    e = np.random.default_rng(3).normal(size=(2, 1200))
    x, y = (lfilter([1], [1, -memory], v)[200:] for v in e)
    found = im.mutual_information(x, y, method=im.Subsampling(8, block=20), rng=0)
    assert any("near in time" in reason for reason in found.diagnostics.get("reasons", ())) == slow
    assert (0.05 < crowding(Sample.of(x, y), 20) < 0.15) == slow


def test_rounded_numbers_are_no_reason_to_doubt():
    """Parts take for rounded what all rows do, though in few rows a value is soon frequent."""
    reliable = 0
    for seed in range(8):
        x, y = np.round(normals(500, rho=0.0, seed=seed), 1)
        found = im.mutual_information(x, y, rng=seed)
        means = found.diagnostics["means_of_parts"].values()
        assert max(means) - min(means) < 0.08
        reliable += found.diagnostics["reliable"]
    assert reliable >= 7


@pytest.mark.parametrize("factor", [1e-10, 3.0, 1e10])
def test_mixtures_on_a_lattice_have_no_units(factor):
    """Differences of rounded numbers are equal but for the last bit, which is no distance."""
    x, y = np.round(normals(600, seed=1), 1)
    order = np.random.default_rng(0).permutation(600)
    value = im.mutual_information(x, y, estimator="mixed", method="none").value
    for a, b in ((factor * x, y), (x[order], y[order]), (3 * x + 7, factor * y)):
        found = im.mutual_information(a, b, estimator="mixed", method="none").value
        assert found == pytest.approx(value, abs=1e-12)


def test_equal_values_are_no_series():
    x, _ = normals(400)
    assert not serial(Sample.of(np.column_stack([x, np.ones(400)])))
    assert not serial(Sample.of(np.column_stack([x, x > 1.5])))
    assert serial(Sample.of(np.sort(x)))


def test_results_of_counts_say_it_too():
    sound = im.mutual_information(X > 0, Y > 0)
    assert sound.diagnostics["reliable"] is True
    thin = im.mutual_information([1, 2, 3, 4, 1], [1, 2, 3, 4, 2])
    assert thin.diagnostics["reliable"] is False
    assert thin.diagnostics["reasons"] == list(thin.warnings)


def test_single_terms_of_entropies():
    with pytest.warns(ReliabilityWarning, match="bias is not looked at"):
        found = im.differential_entropy(X, method="delta")
    assert found.diagnostics["reliable"] is False
    with pytest.raises(UnsupportedError, match="three dimensions"):
        im.differential_entropy(np.column_stack([X, Y, Z]), method="delta")


@pytest.mark.parametrize("scale", [10, 100, 1000])
def test_whole_numbers_are_numbers_where_a_table_would_be_thin(scale):
    x, y = normals(2000, rho=0.0, seed=4)
    a, b = (np.rint(scale * v).astype(int) for v in (x, y))
    found = im.mutual_information(a, b, method="none")
    assert found.diagnostics["estimator"] == "ksg1"
    assert abs(found.value) < 0.06
    few = im.mutual_information(*(np.rint(2 * v).astype(int) for v in (x, y)), method="none")
    assert "estimator" not in few.diagnostics


# --- bad input ----------------------------------------------------------------------------------

NAN, INF = np.where(X > 2, np.nan, X), np.where(X > 2, np.inf, X)
ODD = {
    "empty list": [],
    "empty row": [[]],
    "no rows": np.empty((0, 2)),
    "no columns": np.empty((300, 0)),
    "a number": 3.5,
    "None": None,
    "missing": NAN,
    "infinite": INF,
    "masked": np.ma.masked_greater(X, 2),
    "None within": [*X[:-1].tolist(), None],
    "NA": pd.Series([*X[:-1], None], dtype="Float64"),
    "null": pl.Series([*X[:-1].tolist(), None]),
    "complex": X + 1j,
    "three axes": X.reshape(300, 1, 1),
    "generator": (v for v in X),
    "set": set(X.tolist()),
    "mapping": {1: 2},
    "ragged": [[1.5, 2.5], [3.5]],
    "dictionaries": [{}] * 300,
    "lists": pd.Series([[1.5]] * 300),
    "objects": np.array([object()] * 300),
    "dates": pd.Series(pd.date_range("2026-01-01", periods=300)),
    "numpy dates": np.arange(300).astype("datetime64[D]"),
    "days": [datetime.date(2026, 1, 1)] * 300,
    "durations": pd.Series(pd.to_timedelta(np.arange(300), unit="s")),
    "text and numbers": pd.DataFrame({"a": X, "b": TEXT}),
    "no such file": "nothing_here.csv",
    "bytes": b"abc",
    "a function": len,
}


def refused(call, *data, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        with pytest.raises(InfometricError) as caught:
            call(*data, **options)
    assert caught.value.hint, str(caught.value)
    return caught.value


@pytest.mark.parametrize("odd", ODD)
def test_odd_data(odd):
    data = ODD[odd]
    refused(im.differential_entropy, data)
    refused(im.kl_divergence, X, data)
    refused(im.kl_divergence, data, X)
    refused(im.mutual_information, data, Y, estimator="ksg1", method="none")
    if not isinstance(data, pd.DataFrame):
        refused(im.conditional_mutual_information, X, Y, data, estimator="frenzel_pompe")


@pytest.mark.parametrize("data", [TEXT, TEXT.tolist(), pd.Series(TEXT, dtype="category"),
                                  pl.Series(TEXT.tolist())])  # fmt: skip
def test_text_has_no_density(data):
    for call in (im.differential_entropy, im.differential_renyi_entropy):
        assert "text" in str(refused(call, data))
    refused(im.kl_divergence, data, X)
    refused(im.kl_divergence, X, data)


def test_a_copula_has_no_classes():
    """Codes of classes have no order, and so no ranks."""
    refused(im.mutual_information, X, TEXT, estimator="gaussian_copula", method="none")


@pytest.mark.parametrize("wrong", [0, -1, 2.5, True, "3", math.nan, [3], np.array([3])])
def test_numbers_of_neighbours_that_are_none(wrong):
    refused(im.mutual_information, X, Y, n_neighbors=wrong)
    refused(im.differential_entropy, X, n_neighbors=wrong)
    refused(im.kl_divergence, X, P, n_neighbors=wrong)
    refused(im.differential_renyi_entropy, X, n_neighbors=wrong)


@pytest.mark.parametrize("wrong", [0, -1, 2.5, True, "3", None])
def test_neighbours_of_an_object_that_are_none(wrong):
    for kind in (KSG1, KozachenkoLeonenko, WangKulkarniVerdu):
        refused(kind, n_neighbors=wrong)


def test_too_few_rows():
    for n in (1, 2, 4):
        assert "at least" in str(refused(im.differential_entropy, X[:n]))
        refused(im.mutual_information, X[:n], Y[:n], estimator="ksg1")
        refused(im.mutual_information, X[:n], Y[:n])
        refused(im.kl_divergence, X[:n], P)
        refused(im.kl_divergence, X, P[:n])
        refused(im.conditional_mutual_information, X[:n], Y[:n], Z[:n])
        refused(im.transfer_entropy, X[:n], Y[:n])
    assert math.isfinite(im.mutual_information(X[:5], Y[:5], estimator="ksg1", method="none").value)
    refused(im.mutual_information, X, Y, n_neighbors=299)
    refused(im.mutual_information, X, Y, n_neighbors=10**30)
    assert math.isfinite(im.mutual_information(X, Y, n_neighbors=298, method="none").value)
    with pytest.warns(ReliabilityWarning, match="40 rows are too few"):
        found = im.mutual_information(X[:40], Y[:40], estimator="ksg1")
    assert math.isfinite(found.value)
    assert math.isnan(found.ci.high)


@pytest.mark.parametrize("label", [["a"] * 300, [str(i) for i in range(300)]],
                         ids=["one class", "a class a row"])  # fmt: skip
def test_classes_that_tell_nothing(label):
    """Zero, or a refusal; never NaN."""
    found = 0.0
    with contextlib.suppress(InfometricError):
        found = im.mutual_information(X, label, method=QUICK, rng=0).value
    assert found == pytest.approx(0, abs=1e-12)


def test_lengths_that_differ():
    for data in ((X, Y[:-1]), (X, TEXT[:-1])):
        refused(im.mutual_information, *data)
    refused(im.conditional_mutual_information, X, Y, Z[:-1])
    refused(im.transfer_entropy, X, Y[:-1])
    refused(im.kl_divergence, X, np.column_stack([P, Q]))


TOGETHER = {
    "weights": lambda: im.mutual_information(X, Y, sample_weight=np.ones(300)),
    "weights of columns": lambda: im.total_correlation(
        np.column_stack([X, Y]), sample_weight=np.ones(300)
    ),
    "bins": lambda: im.mutual_information(X, Y, bins=5, estimator="ksg1"),
    "no bins": lambda: im.mutual_information(X, Y, estimator="counts"),
    "neighbours of a copula": lambda: im.mutual_information(
        X, Y, estimator="gaussian_copula", n_neighbors=3
    ),
    "neighbours of spacings": lambda: im.differential_entropy(
        X, estimator="vasicek", n_neighbors=3
    ),
    "spacings of a vector": lambda: im.differential_entropy(
        np.column_stack([X, Y]), estimator="vasicek"
    ),
    "classes of numbers": lambda: im.mutual_information(X, Y, estimator="ross"),
    "no condition": lambda: im.conditional_mutual_information(X, Y, None),
    "no such name": lambda: im.mutual_information(X, Y, estimator="no such"),
    "a class": lambda: im.mutual_information(X, Y, estimator=KSG1),
    "no estimator": lambda: im.mutual_information(X, Y, estimator=None),
    "units": lambda: im.differential_entropy(X, units="bit"),
    "level": lambda: im.differential_entropy(X, level=95),
    "seed": lambda: im.differential_entropy(X, rng="seed"),
    "counts beside rows": lambda: im.KLDivergence().fit(X).estimate(im.Counts.from_counts([3, 4])),
    "counts": lambda: im.DifferentialEntropy().fit(im.Counts.from_counts([3, 4])),
}


@pytest.mark.parametrize("what", TOGETHER)
def test_what_does_not_go_together(what):
    refused(TOGETHER[what])


@pytest.mark.parametrize("call", [
    lambda: im.mutual_information(X, Y, bias="miller_madow", method="none"),
    lambda: im.kl_divergence(X, P, bias="second_order", method="none"),
    lambda: im.mutual_information(TEXT, TEXT, n_neighbors=3, method="none"),
], ids=["bias of information", "bias of a divergence", "neighbours of counts"])  # fmt: skip
def test_parameters_without_effect_are_refused(call):
    refused(call)


@pytest.mark.parametrize("call", [
    lambda: im.mutual_information(X, Y, estimator=FrenzelPompe(), method="none"),
    lambda: im.mutual_information(X, Y, estimator=KozachenkoLeonenko(), method="none"),
    lambda: im.conditional_mutual_information(X, Y, Z, estimator=KSG1(), method="none"),
    lambda: im.differential_entropy(X, estimator=KSG1(), method="none"),
    lambda: im.infer(KSG1(), Sample.of(X), "none"),
    lambda: im.infer(KSG1(), Sample.of(X, Y, Z), "none"),
    lambda: im.infer(FrenzelPompe(), Sample.of(X, Y), "none"),
    lambda: im.infer(KozachenkoLeonenko(), Sample.of(X, Y), "none"),
    lambda: im.infer(Ross(), Sample.of(X, Y), "none"),
    lambda: im.infer(WangKulkarniVerdu(), Sample.of(X), "none"),
    lambda: im.infer(KSG1(), im.Counts.from_counts([[3, 1], [2, 4]], joint=True), "none"),
], ids=range(11))  # fmt: skip
def test_an_estimator_of_another_measure(call):
    refused(call)


def test_one_bad_cell_among_numbers():
    text = [f"{v:.3f}" for v in X]
    text[7] = "oops"
    told = refused(im.mutual_information, text, Y, method="none")
    assert "oops" in str(told)
    assert "to_numeric" in told.hint


def test_dates_have_a_line_to_type():
    told = refused(im.mutual_information, np.arange(300).astype("datetime64[D]"), Y)
    assert "exclude" not in told.hint
    assert "astype('int64')" in told.hint


def test_a_bad_target_is_told_once():
    frame = pd.DataFrame({"a": X, "b": Y, "target": NAN})
    told = refused(im.score_features, frame, "target")
    assert "target" in str(told)
    assert "exclude" not in told.hint


def test_errors_name_the_variable():
    frame = pd.DataFrame({"income": NAN})
    assert "income" in str(refused(im.mutual_information, frame, Y))
    assert "y contains NaN" in str(refused(im.mutual_information, X, NAN))


def test_names_are_offered_once():
    error = refused(im.mutual_information, X, Y, estimator="no such")
    assert error.what.count("'auto'") == 1


def test_large_and_small_numbers():
    plain = im.mutual_information(X, Y, method="none").value
    for factor in (1e-320, 1e-300, 1e300, 5e307):
        found = im.mutual_information(X * factor, Y, method="none").value
        assert found == pytest.approx(plain, abs=0.02)
    kl = im.kl_divergence(X, P, method="none").value
    for factor in (1e-300, 1e300, 3e307):
        assert im.kl_divergence(X * factor, P * factor, method="none").value == pytest.approx(kl)
    tied = np.round(X, 1) * 4e307
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        found = im.mutual_information(tied, Y, method="none").value
    assert found == pytest.approx(im.mutual_information(np.round(X, 1), Y, method="none").value)


def test_cells_of_the_largest_numbers_have_ends():
    x = np.zeros(5)
    for y in (np.array([0.0, 0, 0, 1, 1]), -np.array([0.0, 0, 0, 1, 1])):
        small = im.kl_divergence(x, y, estimator="knn", method="none").value
        for largest in (2.0**1021, 2.0**1023, np.finfo(float).max):
            found = im.kl_divergence(x, largest * y, estimator="knn", method="none").value
            assert found == pytest.approx(small)
    both = np.array([-1.0, 0, 0, 1, 1] * 4) * np.finfo(float).max
    assert np.isfinite(im.kl_divergence(both, both[:9], estimator="knn", method="none").value)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.floats(), st.floats()), min_size=1, max_size=30))
def test_property_a_number_or_an_error_with_advice(rows):
    x, y = np.array(rows).T
    for call in (lambda: im.mutual_information(x, y, estimator="ksg1", method="none"),
                 lambda: im.mutual_information(x, y, estimator="mixed", method="none"),
                 lambda: im.differential_entropy(x, method="none"),
                 lambda: im.kl_divergence(x, y, estimator="knn", method="none")):  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            try:
                found = call().value
            except InfometricError as error:
                found = 0.0 if error.hint else math.nan
        assert not math.isnan(found)
