"""Scripts of MIST's evidence: laws that know their truth, and tables that say what was measured."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.special import entr, iv
from scipy.stats import norm

ROOT = Path(__file__).parents[2]
DATA = ROOT / "docs" / "_data"


@pytest.fixture(scope="module")
def scripts():
    """Modules of the benchmarks."""
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        import calibration_mist
        import mist
        import mist_laws
    finally:
        sys.path.pop(0)
    return {"laws": mist_laws, "mist": mist, "calibration": calibration_mist}


# --- laws -----------------------------------------------------------------------------------------


def test_truths_by_other_means(scripts):
    laws = scripts["laws"]
    assert laws.smeared("parabola", laws.PARABOLA) == pytest.approx(0.881, abs=2e-4)
    assert laws.plackett_truth(1.0 + 1e-9) == pytest.approx(0.0, abs=1e-9)
    assert laws.rounded_truth(2) == pytest.approx(
        math.log(2) - entropy_of(0.5 + math.asin(math.sqrt(1 - math.exp(-1))) / math.pi)
    )
    waves = [laws.smeared("sine", 0.2, turns) for turns in (1, 4, 16)]
    assert waves == pytest.approx([waves[0]] * 3, abs=1e-4)


def entropy_of(p):
    return -p * math.log(p) - (1 - p) * math.log(1 - p)


def test_half_wave_against_an_average_of_the_density(scripts):
    rng, noise = np.random.default_rng(0), 0.3
    f = rng.normal(size=100_000).clip(0)
    y = f + noise * rng.normal(size=len(f))
    wide = math.sqrt(1 + noise**2)
    smooth = norm.pdf(y, 0, wide) * norm.cdf(y / (noise * wide))
    found = np.mean(norm.logpdf(y, f, noise) - np.log(norm.pdf(y, 0, noise) / 2 + smooth))
    assert scripts["laws"].smeared("half wave", noise) == pytest.approx(found, abs=0.01)


def test_kibble_against_an_average_of_the_density(scripts):
    rng, square = np.random.default_rng(0), 0.5
    z, noise = rng.normal(size=(2, 2, 100_000))
    other = math.sqrt(square) * z + math.sqrt(1 - square) * noise
    x, y = ((v**2).sum(0) / 2 for v in (z, other))
    logs = np.log(iv(0, 2 * np.sqrt(square * x * y) / (1 - square)))
    found = np.mean(logs - square * (x + y) / (1 - square) - math.log1p(-square))
    assert scripts["laws"].powers_truth(square) == pytest.approx(found, abs=0.01)


def test_volatile_truth_against_an_average_of_the_density(scripts):
    rng = np.random.default_rng(0)
    x, e = rng.normal(size=(2, 4000))
    y = np.exp(x) * e
    at = np.linspace(-9, 9, 2001)
    weight = norm.pdf(at) / norm.pdf(at).sum()
    density = np.array([(weight * norm.pdf(v, 0, np.exp(at))).sum() for v in y])
    pointwise = norm.logpdf(y, 0, np.exp(x)) - np.log(density)
    error = pointwise.std() / math.sqrt(len(y))
    assert abs(scripts["laws"].volatile_truth(1.0) - pointwise.mean()) < 3 * error


@pytest.mark.parametrize("group", ["PROBLEMS", "FRESH"])
def test_every_law_draws_what_it_says(scripts, group):
    for name, law in getattr(scripts["laws"], group).items():
        first, again = (law(np.random.default_rng(3), 64) for _ in range(2))
        assert first.x.shape[0] == first.y.shape[0] == 64, name
        assert first.x.ndim == first.y.ndim == 2, name
        assert np.isfinite(first.x).all(), name
        assert np.isfinite(first.y).all(), name
        assert 0 <= first.truth < 20, name
        assert first.truth == again.truth, name
        assert (first.x == again.x).all(), name


def test_every_limit_has_a_truth_at_every_setting(scripts):
    for name, limit in scripts["laws"].LIMITS.items():
        for setting in limit.settings:
            rows = min(limit.rows or setting, 200)
            drawn = limit.law(np.random.default_rng(0), rows, min(setting, 1e6))
            assert drawn.truth >= 0, name
            assert len(drawn.x) == len(drawn.y), name


def test_new_laws_are_in_no_family(scripts):
    """By name, and the two lists of names of the scripts agree."""
    pytest.importorskip("torch")
    from infometric.amortised.families import FAMILIES

    assert tuple(scripts["laws"].FRESH) == scripts["calibration"].LAWS
    assert tuple(scripts["laws"].LIMITS) == scripts["mist"].LIMITS
    assert tuple(scripts["laws"].PROBLEMS) == scripts["mist"].PROBLEMS
    assert not set(scripts["laws"].FRESH) & set(FAMILIES)


# --- tables ---------------------------------------------------------------------------------------


def reading(truth, value, far=False):
    return {
        "truth": truth,
        "n": 50,
        "value": value,
        "ci": [value - 0.1, value + 0.1],
        "flagged": far,
        "warned": far,
        "quantiles": [value + d for d in (-0.4, -0.3, -0.2, -0.1, 0, 0.1, 0.2, 0.3, 0.4)],
        "classical": {"ksg": truth + 0.3, "rank_gaussian": truth + 0.4, "blend": truth + 0.5},
        "ksg": None,
    }


def test_tables_count_what_is_covered(scripts):
    runs = [reading(1.0, 1.05), reading(1.0, 1.25, far=True)]
    table = scripts["calibration"].fresh_table({"fresh-rolled up": {"runs": runs}})
    line = next(x for x in table.splitlines() if "| rolled up" in x)
    # .05 off is within every interval; .25 off within those of 90 and 95 % alone
    assert line.startswith("| rolled up | 2 | .500 | .500 | 1.000 | 1.000 | .500 | **0.18** |")
    last = table.splitlines()[-1]
    assert last.startswith(
        "| all that are not flagged | 1 | 1.000 | 1.000 | 1.000 | 1.000 | .000 |"
    )


def test_levels_tell_the_worst_cell_and_how_many_are_short(scripts, monkeypatch):
    covers = {"odd_law": 0.84, "fair_law": 0.9, "wide_law": 0.99}
    families = [
        {
            "family": name,
            "rows": [100, 300],
            "coverage": dict.fromkeys(("0.5", "0.8", "0.9", "0.95"), c),
        }
        for name, c in covers.items()
    ]
    monkeypatch.setattr(scripts["calibration"], "card", lambda: {"families": families})
    lines = scripts["calibration"].levels_table({}).splitlines()
    assert lines[-2] == "| 90 % | .910 | .840 | odd law, 100–299 | 1 of 3 |"
    assert lines[-3].endswith("| 0 of 3 |")
    assert lines[-1].endswith("| 1 of 3 |")  # .9 is five points below .95, and not more


def test_truth_of_an_oblique_wave_is_that_of_its_density(scripts):
    u = (np.arange(1000) + 0.5) / 1000
    y = np.linspace(-3.5, 3.5, 2001)
    density = norm.pdf(y[:, None], np.sin(2 * np.pi * u), 0.3).mean(1)
    wanted = np.trapezoid(entr(density), y) - norm(0, 0.3).entropy()
    for turns in (1, 5):
        drawn = scripts["laws"].oblique(np.random.default_rng(0), 50, turns)
        assert drawn.truth == pytest.approx(wanted, abs=1e-3)


@pytest.mark.parametrize("turns", [2, 13])
def test_truth_of_bands_is_that_of_their_density(scripts, turns):
    """Given its column of x, one of y is uniform on intervals that are 1/e of the circle in all."""
    drawn = scripts["laws"].bands(np.random.default_rng(0), 30_000, turns)
    for x, y in zip(drawn.x.T, drawn.y.T, strict=True):
        assert np.histogram(y, 10, (0, 1))[0].min() > 2800
        place = (3 * y - turns * x) % 1.0
        assert place.max() < 1 / np.e + 1e-9
        assert np.histogram(place, 10, (0, 1 / np.e))[0].min() > 2800
        which = np.rint(3 * y - turns * x - place).astype(int) % 3
        assert np.bincount(which).min() > 9700
    assert drawn.truth == pytest.approx(-2 * np.log(3 * (1 / np.e) / 3))


def test_limits_and_problems_say_the_middle_and_the_share(scripts):
    mist = scripts["mist"]
    cells = {"limit-waves": {"settings": {"4": [reading(1.0, 1.0), reading(1.0, 2.0, far=True)]}}}
    line = mist.limit_table("waves")(cells).splitlines()[-1]
    assert line == "| 4 | 1.00 | 1.50 | 1.40 to 1.60 | 1 of 2 | 1, 1 | – |"
    runs = {p: {"truth": 1.0, "runs": [{"value": 1 + e, "ci": [0.9, 1.2], "cpu": 1.0}]}
            for p, e in (("mist", 0.1), ("ksg", -0.2), ("rank_gaussian", 0.3))}  # fmt: skip
    runs["ksg"]["runs"][0]["ci"] = None
    name = mist.PROBLEMS[0]
    found = mist.problem_table({f"problem-{name}-100-{p}": v for p, v in runs.items()})
    assert "| **0.100** (+0.100) | 1 of 1 | 0.200 (-0.200) | none given | 0.300 (+0.300) |" in found


def test_an_interval_that_was_not_given_counts_neither_for_nor_against(scripts):
    held = scripts["mist"].held
    runs = [{"truth": 1.0, "ci": ci} for ci in ([0.5, 1.5], [1.1, 1.5], [math.nan] * 2, None)]
    assert held(runs) == "1 of 2"
    assert held(runs[2:]) == "none given"
    assert held([{"truth": 1.0, "ci": [0.0, math.inf]}]) == "1 of 1"  # open above


def test_a_table_without_results_says_so(scripts):
    tables = scripts["mist"].tables() | {"fresh": scripts["calibration"].fresh_table}
    assert {table({}) for table in tables.values()} == {"Not run yet.\n"}


def test_results_of_other_weights_are_run_anew(scripts):
    of_weights = scripts["mist"].of_weights
    assert of_weights("limit-waves")
    assert of_weights("speed-mist-500-5")
    assert of_weights("problem-spiral, 2 + 2-500-mist")
    assert not of_weights("problem-spiral, 2 + 2-500-ksg")
    assert not of_weights("speed-mist-statinf-500-5")
    assert not of_weights("speed-ksg-500-5")


def test_results_are_of_the_weights_of_the_package():
    """After a training: python benchmarks/mist.py --missing, and calibration_mist.py."""
    digest = json.loads((ROOT / "infometric/amortised/pretrained/mist.json").read_text())["sha256"]
    for name in ("mist.json", "calibration_mist.json"):
        assert json.loads((DATA / name).read_text())["weights"] == digest, name
