"""Coverage of the protocol of neural information: what the table of the documentation rests on."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
ROOT = Path(__file__).parents[2]
FILE = ROOT / "docs" / "_data" / "calibration_neural.json"
SE = 1.959964


@pytest.fixture(scope="module")
def results():
    return json.loads(FILE.read_text())


def covers(r):
    return abs(r["value"] - r["truth"]) <= SE * r["se"]


def test_reliable_intervals_of_the_study_cover_as_they_say(results):
    ok = [r for r in results if r["reliable"] and r["family"] != "beyond reach"]
    assert len(ok) >= 150
    assert len([r for r in results if r["family"] != "beyond reach"]) >= 200
    assert np.mean([covers(r) for r in ok]) == pytest.approx(0.95, abs=0.03)
    for family in {r["family"] for r in ok}:
        assert np.mean([covers(r) for r in ok if r["family"] == family]) > 0.9


def test_what_is_beyond_reach_is_flagged(results):
    beyond = [r for r in results if r["family"] == "beyond reach"]
    assert len(beyond) >= 20
    assert not any(r["reliable"] for r in beyond)


@pytest.mark.statistical
def test_a_line_of_the_study_is_made_again(results):
    """The same law, seeds and code give the same numbers."""
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        import calibration_neural as study
    finally:
        sys.path.pop(0)
    known = {(r["family"], r["i"]): r for r in results}
    for job in (("normal", 0), ("low rank", 1)):
        again, before = study.one((*job, study.SEED)), known[job]
        assert again["value"] == pytest.approx(before["value"], abs=0.02)
        assert again["se"] == pytest.approx(before["se"], rel=0.2)
        assert again["reliable"] == before["reliable"]
