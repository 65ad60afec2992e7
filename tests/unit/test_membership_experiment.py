"""The ground-truth experiment: what the page says of it is what its file holds, and it runs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import infometric as im
from infometric.datasets import load_membership

ROOT = Path(__file__).parents[2]
LEAD = "DC-PDD, adaptive cap"


@pytest.fixture(scope="module")
def experiment():
    return json.loads((ROOT / "docs/_data/membership.json").read_text())


def of(experiment, exposures):
    return [r for r in experiment["results"] if r["exposure"] in exposures]


def test_three_seeds_of_five_exposures(experiment):
    assert len({r["seed"] for r in experiment["results"]}) >= 3
    assert {r["exposure"] for r in experiment["results"]} == set(range(5))
    assert {f["seed"] for f in experiment["facts"]} == {r["seed"] for r in experiment["results"]}


def test_before_the_first_exposure_areas_are_one_half(experiment):
    for r in of(experiment, {0}):
        for name, s in r["scores"].items():
            if name != "reference model":  # which is the model itself then
                assert abs(s["value"] - 0.5) < 4 * s["se"], (r["seed"], name)


def test_dc_pdd_is_above_loss_and_no_worse_than_min_k(experiment):
    for r in of(experiment, {1, 2, 3, 4}):
        assert r["differences"]["loss"]["low"] > 0
        assert r["differences"]["loss, of cap .01"]["low"] > 0
    for exposures in range(1, 5):  # the seeds are independent
        found = [r["differences"]["Min-K% .2"] for r in of(experiment, {exposures})]
        mean = np.mean([d["value"] for d in found])
        se = np.sqrt(sum(d["se"] ** 2 for d in found)) / len(found)
        assert mean - 1.96 * se > -0.02


def test_p_values_hold_on_what_was_never_read(experiment):
    for rate in ("0.01", "0.05", "0.1"):
        seen = [r["conformal"][rate]["false"] for r in experiment["results"]]
        seeds = len(experiment["facts"])
        # 500 texts that calibrate and 500 that are asked; exposures of a seed are not independent
        error = np.sqrt(2 * float(rate) * (1 - float(rate)) / 500 / seeds)
        assert abs(np.mean(seen) - float(rate)) < 3 * error


def test_the_bundled_texts_are_of_the_experiment(experiment):
    known = load_membership()
    found = im.DCPDD(known.frequency).fit(known.calibration).estimate(known.texts)
    area = found.evaluate(known.labels, fpr=[]).auc["dc_pdd"]
    whole = next(r for r in experiment["results"] if (r["seed"], r["exposure"]) == (0, 2))
    assert abs(area.value - whole["scores"][LEAD]["value"]) < 3 * area.se
    assert im.llm.audit_split(
        known.texts[known.labels == 1], known.texts[known.labels == 0]
    ).ci.low < 0.5  # fmt: skip


@pytest.mark.slow
def test_a_small_model_is_trained_and_asked(tmp_path):
    pytest.importorskip("torch")
    pytest.importorskip("tokenizers")
    program = ROOT / "benchmarks/membership_model.py"
    given = ["--folder", tmp_path, "--seeds", "0", "--quick"]
    subprocess.run([sys.executable, program, *map(str, given)], check=True, cwd=ROOT)
    sys.path.insert(0, str(ROOT / "benchmarks"))
    import membership

    made = membership.Exposure(tmp_path / "quick", 0, 1)
    scores = made.scores()
    assert set(scores) == set(membership.SCORES)
    assert all(np.isfinite(s).all() for s in scores.values())
