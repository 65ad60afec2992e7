"""``infometric scorecard`` as a user runs it: what it writes scores alike everywhere."""

from __future__ import annotations

import re
import subprocess
import sys

import command_line
import duckdb
import numpy as np
import pandas as pd
import pytest

import infometric as im
from infometric.datasets import load_german_credit, make_credit_applicants


def run(folder, *arguments):
    return command_line.run(folder, "scorecard", *arguments)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("scorecard")
    load_german_credit().to_csv(path / "german.csv", index=False)
    applicants = make_credit_applicants(6000, rng=0)
    applicants[:4000].to_parquet(path / "train.parquet")
    applicants[4000:].to_parquet(path / "test.parquet")
    return path


def test_a_scorecard_from_a_file_to_sql_and_python(folder):
    done = command_line.process(
        folder, "scorecard", "german.csv", "-t", "creditability", "--select",
        "--json", "card.json", "--sql", "card.sql", "--python", "card.py", "--html", "card.html",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "auc" in done.stdout
    assert "left out: foreign_worker, one bin" in done.stderr
    card = im.Scorecard.from_json(folder / "card.json")
    assert (card.event_, sum(card.fit_.n)) == ("bad", 700)  # of two texts the one that says it
    german = load_german_credit()
    wanted = card.scores(german).tolist()
    query = (folder / "card.sql").read_text().replace("german.csv", str(folder / "german.csv"))
    assert [score for (score,) in duckdb.sql(query).fetchall()] == wanted
    names: dict = {}
    exec((folder / "card.py").read_text(), names)
    assert [names["score"](row) for row in german.to_dict("records")] == wanted
    page = (folder / "card.html").read_text()
    for heading in ("Performance", "Coefficients", "Points", card.hash_):
        assert heading in page
    assert "On 300 rows of german.csv, drawn by chance (--holdout 0.3 --seed 0)" in page
    assert "learned from the other 700" in page


def test_it_is_measured_on_rows_that_it_was_not_learned_from(folder):
    """Noise, which a scorecard learns by heart, has no area beyond one half on other rows."""
    rng = np.random.default_rng(0)
    noise = pd.DataFrame(rng.normal(size=(1500, 8)).round(3)).add_prefix("x")
    noise.assign(y=rng.integers(0, 2, 1500)).to_csv(folder / "noise.csv", index=False)
    found = []
    for seed in ("0", "1", "1"):
        done = run(folder, "noise.csv", "-t", "y", "--seed", seed, "--holdout", "0.4",
                   "--json", "noise.json")  # fmt: skip
        assert done.returncode == 0, done.stderr
        card = im.Scorecard.from_json(folder / "noise.json")
        assert sum(card.fit_.n) == 900
        found.append(card.hash_)
    assert found[1] == found[2] != found[0]
    data = pd.read_csv(folder / "noise.csv")
    flattered = im.auc(data["y"], -card.scores(data)).value
    measured = float(re.search(r"auc\D+?(0\.\d+)", done.stdout)[1])
    assert measured < 0.56 < flattered


def test_the_program_is_a_module_too(folder):
    done = subprocess.run([sys.executable, "-m", "infometric", "scorecard", "german.csv", "-t",
                           "creditabilty"], cwd=folder, capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 2
    assert "'creditability'" in done.stderr


def test_it_is_measured_on_another_file(folder):
    done = run(folder, "train.parquet", "-t", "default", "--exclude", "group",
               "--test", "test.parquet", "--json", "train.json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    card = im.Scorecard.from_json(folder / "train.json")
    found = card.evaluate(str(folder / "test.parquet"), "default")
    assert f"{found['auc'].value:.4f}" in done.stdout


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--json", "a.json", "--sql", "a.json"], "a file of its own"),
        (["--sql", "absent/card.sql"], "mkdir -p absent"),
        (["--pdo", "0"], "'pdo'"),
        (["--pdo", "inf"], "(0, 1e+09]"),
        (["--base-odds", "inf"], "Try: --base-odds 50"),
        (["--event", "worse"], "'bad'"),
        (["--holdout", "0.0001"], "cannot be divided"),
        (["--test", "german.csv", "--holdout", "0.2"], "another file"),
        (["--exclude", "creditabilty"], "'creditability'"),
    ],
)
def test_what_cannot_be_done_is_said_with_a_hint_and_code_2(folder, options, says):
    before = sorted(p.name for p in folder.iterdir())
    done = run(folder, "german.csv", "-t", "creditability", *options)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(p.name for p in folder.iterdir()) == before
