"""``infometric membership`` and ``infometric token-frequency`` on real files."""

from __future__ import annotations

import json

import numpy as np
import pytest

import infometric as im
from infometric.report.document import Report
from tests.command_line import run

pa = pytest.importorskip("pyarrow")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Texts in question, half of them members, calibration texts, and a corpus to count."""
    from pyarrow import parquet

    made = tmp_path_factory.mktemp("membership")
    rng = np.random.default_rng(1)
    y = np.repeat([1, 0, -1, -2], [150, 150, 300, 200])
    ids = [rng.integers(0, 300, rng.integers(40, 60)) for _ in y]
    logprob = [-rng.exponential(2.5 - 0.8 * (k == 1), len(i)) for k, i in zip(y, ids, strict=True)]
    tokens = im.TokenScores.from_lists(
        ids=ids, logprob=logprob, names=[f"text {i}" for i in range(len(y))], tokenizer="f00",
        vocabulary_size=300,
    )  # fmt: skip
    for name, kinds in (("texts", (1, 0)), ("others", (-1,)), ("corpus", (-2,))):
        chosen = np.isin(y, kinds)
        tokens[chosen].to_parquet(made / f"{name}.parquet")
        if name == "texts":
            table = parquet.read_table(made / "texts.parquet")
            table = table.append_column("member", pa.array(y[chosen]))
            parquet.write_table(table, made / "texts.parquet")
    return made


@pytest.fixture(scope="module")
def frequency(folder):
    run(folder, "token-frequency", folder / "corpus.parquet", "-o", folder / "freq.npz",
        "--vocabulary-size", 300)  # fmt: skip
    return folder / "freq.npz"


def test_frequencies_are_counted_with_the_tokenizer_of_the_file(frequency):
    found = im.TokenFrequency.load(frequency)
    assert found.tokenizer == "f00"
    assert found.n_documents == 200
    assert len(found.counts) == 300


def test_report_of_texts(folder, frequency):
    out = folder / "out"
    out.mkdir(exist_ok=True)
    done = run(
        folder, "membership", folder / "texts.parquet", "--reference", frequency, "--calibrate",
        folder / "others.parquet", "--label", "member", "--fpr", 0.05, "--html", out / "r.html",
        "--json", out / "r.json", "--csv", out / "r.csv", "--plot", out / "roc.png", "--top", 5,
    )  # fmt: skip
    assert "Highest scores" in done.stdout
    assert "calibration non-members" in done.stderr
    assert "Token noise" in done.stderr
    report = Report.from_json(out / "r.json")
    names = [s.name for s in report.sections]
    assert names == [
        "Highest scores", "The corpus as a whole", "Without the model", "Against the truth",
    ]  # fmt: skip
    highest, whole, blind, truth = (s.table for s in report.sections)
    assert len(highest) == 5
    assert all(highest[n].pvalue <= 0.01 for n in highest)
    assert whole["mean score"].diagnostics["verdict"] == "scores higher"
    assert blind["blind check"].diagnostics["verdict"] != "told apart"
    assert truth["dc_pdd"].value > 0.75
    lines = (out / "r.csv").read_text().splitlines()
    assert len(lines) == 301
    assert lines[0].endswith("pvalue_bh,flagged")
    page = (out / "r.html").read_text()
    assert "exchangeable" in page
    assert "p is conformal" in page
    assert (out / "roc.png").read_bytes().startswith(b"\x89PNG")


def test_numbers_are_those_of_the_library(folder, frequency):
    run(folder, "membership", folder / "texts.parquet", "--reference", frequency, "--calibrate",
        "others.parquet", "--cap", "0.01", "--json", "a.json", "--top", 300)  # fmt: skip
    told = json.loads((folder / "a.json").read_text())["sections"][0]["table"]["results"]
    score = im.DCPDD(im.TokenFrequency.load(frequency), cap=0.01).fit(folder / "others.parquet")
    found = score.estimate(folder / "texts.parquet")
    assert {k: r["value"] for k, r in told.items()} == {k: r.value for k, r in found.items()}


@pytest.mark.parametrize("method", ["loss", "min_k", "pmi"])
def test_other_scores(folder, frequency, method):
    given = ["--reference", frequency] if method == "pmi" else []
    done = run(folder, "membership", "texts.parquet", "--calibrate", "others.parquet",
               "--method", method, *given)  # fmt: skip
    assert done.returncode == 0
    assert "mean score" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "--reference freq.npz"),
        (["--method", "min_k", "--fpr", "0.001"], "--fpr 0.0034"),
        (["--method", "min_k", "--cap", "0.01"], "--cap belongs to dc_pdd"),
        (["--method", "zlib"], "needs zlib"),
        (["--method", "loss", "--plot", "roc.png"], "--label"),
        (["--method", "loss", "--label", "membr"], "use 'member'"),
        (["--method", "loss", "--csv", "texts.parquet"], "file of its own"),
        (["--method", "loss", "--k", "0.1"], "--k has no part in loss"),
        (["--method", "min_k", "--reference", "freq.npz"], "--reference has no part in min_k"),
        (["--method", "loss", "--label", "member", "--plot", "x.txt"], "--plot x.png"),
        (["--method", "loss", "--calibrate", "texts.parquet"], "cannot calibrate themselves"),
    ],
)
def test_what_cannot_be_done_is_said_before_the_work(folder, arguments, text):
    done = run(folder, "membership", "texts.parquet", "--calibrate", "others.parquet", *arguments)
    assert done.returncode == 2
    assert text in done.stderr


def test_frequencies_of_another_tokenizer(folder):
    im.TokenFrequency.uniform(300, tokenizer="bar").save(folder / "bar.npz")
    done = run(folder, "membership", "texts.parquet", "--calibrate", "others.parquet",
               "--reference", folder / "bar.npz")  # fmt: skip
    assert done.returncode == 2
    assert "another tokenizer" in done.stderr
    done = run(folder, "token-frequency", folder / "corpus.parquet", "-o", folder / "freq.json")
    assert done.returncode == 2
    assert "--output freq.npz" in done.stderr


def test_one_text_alone(folder):
    """It has a p-value; what needs a corpus is left out, and said."""
    tokens = im.TokenScores.from_parquet(folder / "texts.parquet")
    tokens[0].to_parquet(folder / "one.parquet")
    done = run(folder, "membership", "one.parquet", "--calibrate", "others.parquet", "--method",
               "loss", "--html", "one.html")  # fmt: skip
    assert done.returncode == 0
    assert "no test of the corpus as a whole" in done.stderr
    assert "no blind check" in done.stderr
    assert "Highest scores" in (folder / "one.html").read_text()


def test_frequencies_take_the_size_of_the_vocabulary_from_the_file(folder):
    run(folder, "token-frequency", "corpus.parquet", "-o", "size.npz")
    assert len(im.TokenFrequency.load(folder / "size.npz").counts) == 300
    empty = im.TokenScores.from_lists(ids=[], logprob=[])
    empty.to_parquet(folder / "empty.parquet")
    done = run(folder, "token-frequency", "empty.parquet", "-o", "none.npz")
    assert done.returncode == 2
    assert "holds no document" in done.stderr
    assert not (folder / "none.npz").exists()
