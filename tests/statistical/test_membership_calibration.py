"""Size and coverage of the evidence on membership, over many draws."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import infometric as im

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import calibration_membership as simulation

pytestmark = pytest.mark.statistical


def test_conformal_false_positives_are_within_a_hundredth_over_200_splits():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = simulation.false_positives(200)
    for line in found:
        assert abs(line["mean"] - line["rate"]) <= 0.01, line
        assert line["mean"] <= line["rate"] + 0.002, line  # valid: no more than asked


def test_delongs_intervals_cover():
    for line in simulation.areas(4000):
        assert 0.935 <= line["covers"] <= 0.97, line
        assert 0.935 <= line["difference_covers"] <= 0.965, line


def test_a_corpus_of_non_members_is_rarely_found():
    for line in simulation.corpora(600):
        assert line["0.01"] <= 0.024, line  # three and a half errors of so many draws
        assert line["0.05"] <= 0.082, line


def test_the_blind_check_raises_few_false_alarms():
    for line in simulation.blind(200):
        assert line["alarms"] <= 0.06, line
        assert abs(line["area"] - 0.5) < 0.01, line


def test_a_combination_keeps_the_size_of_its_p_values():
    """Weights and calibration are of different halves: fitted scores are not fitted p-values."""
    rng, flagged = np.random.default_rng(8), []
    for seed in range(60):
        t = simulation.texts(rng, 700)
        y = (np.arange(700) < 200).astype(int)  # labels without meaning: nothing is a member
        score = im.CombinedScore(["loss", "min_k", "min_k_plus_plus"], random_state=seed)
        found = score.fit(t[:500], y[:500]).estimate(t[500:], uncertainty="none")
        flagged.append((found.pvalues <= 0.05).mean())
    assert np.mean(flagged) == pytest.approx(0.05, abs=0.012)
