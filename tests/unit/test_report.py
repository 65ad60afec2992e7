"""The report: self-contained, escaped, without raw rows; its JSON twin; plots; the terminal."""

from __future__ import annotations

import io
import json
import math
import re
from html import escape

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

import infometric as im
from infometric.report import plots, terminal
from infometric.report.demo import demo_report
from infometric.report.document import Report, Section

NASTY = "<script>alert(1)</script>&\"'"


@pytest.fixture(scope="module")
def demo():
    return demo_report()


@pytest.fixture(scope="module")
def page(demo, tmp_path_factory):
    return demo.to_html(tmp_path_factory.mktemp("report") / "r.html").read_text(encoding="utf-8")


def test_the_page_is_self_contained(page):
    assert page.startswith("<!doctype html>")
    assert not re.findall(r"(?:https?:)?//[a-z]", page)
    assert not re.findall(r"<script[^>]*\bsrc=|<link[^>]*href=\"(?!data:)|@import|url\(", page)
    assert "default-src 'none'" in page


def test_every_result_stands_on_the_page(demo, page):
    for section in demo.sections:
        assert section.name in page
        for name, r in section.table.items():
            assert f'data-key="{escape(name)}"' in page
            assert f"{r.value:.4f}" in page or abs(r.value) < 1e-4


def test_the_demonstration_is_the_main_job(demo):
    names = [s.name for s in demo.sections]
    assert len(names) == 4
    iv, _, psi, by_month = (s.table for s in demo.sections)
    assert len(iv) == 20
    assert set(psi) == {"PAY", "BILL_AMT", "PAY_AMT"}
    assert len(by_month) == 3 * 5


def test_names_are_escaped(tmp_path):
    frame = pd.DataFrame({NASTY: [NASTY, "b"] * 50})
    found = im.psi(frame, frame)
    report = Report(NASTY, (Section(NASTY, found, NASTY),), {NASTY: NASTY})
    text = report.to_html(tmp_path / "r.html").read_text(encoding="utf-8")
    body = text.split("<script>\n")[0]
    assert "<script>" not in body
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&amp;&quot;&#x27;" in body
    assert "<script>" not in found._repr_html_()
    assert Report.from_json(report.to_json(tmp_path / "r.json")).to_dict() == report.to_dict()


def test_no_raw_row_leaves_the_data(tmp_path, rng):
    x = rng.normal(size=500)
    x[7] = 123456.789012
    frame = pd.DataFrame({"a": x})
    report = Report("r", (Section("s", im.psi(frame, frame)),))
    for path in (report.to_html(tmp_path / "r.html"), report.to_json(tmp_path / "r.json")):
        assert "123456.789" not in path.read_text(encoding="utf-8")


def test_json_is_strict_and_reads_back(demo, tmp_path):
    def refuse(name):
        raise AssertionError(f"{name} is not JSON")

    path = demo.to_json(tmp_path / "r.json")
    data = json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)
    assert data["schema_version"] == 1
    again = Report.from_json(path)
    assert again.to_dict() == demo.to_dict()
    for before, after in zip(demo.sections, again.sections, strict=True):
        for name, r in before.table.items():
            assert after.table[name].value == r.value
            assert after.table[name].ci == r.ci or math.isnan(r.ci.low)


def test_frozen_bins_come_back_with_their_keys(demo, tmp_path):
    table = demo.sections[2].table
    bins = Report.from_json(demo.to_json(tmp_path / "r.json")).encoders(["PAY_AMT"])
    assert bins["PAY_AMT"].key == table["PAY_AMT"].diagnostics["key"]
    with pytest.raises(im.exceptions.ColumnError, match="PAY_AMOUNT"):
        demo.encoders(["PAY_AMOUNT"])


def test_infinite_and_absent_numbers_survive(tmp_path):
    r = im.Result("m", math.inf, math.nan, im.ConfidenceInterval(-math.inf, math.inf), 0.9, "nats",
                  (3,), "x")  # fmt: skip
    again = im.Result.from_json(r.to_json())
    assert again.value == math.inf
    assert again.ci == r.ci
    assert math.isnan(again.se)
    text = Report("r", (Section("s", im.ResultTable({"a": r})),)).to_html(tmp_path / "r.html")
    assert "∞" in text.read_text(encoding="utf-8")


def test_another_schema_is_refused(demo, tmp_path):
    data = demo.to_dict() | {"schema_version": 99}
    path = tmp_path / "r.json"
    path.write_text(json.dumps(data))
    with pytest.raises(im.exceptions.DataError, match="schema version 1"):
        Report.from_json(path)


def test_writing_replaces_a_report_whole(demo, tmp_path):
    path = tmp_path / "r.html"
    path.write_text("old")
    demo.to_html(path)
    assert path.read_text(encoding="utf-8").endswith("</html>\n")
    assert [p.name for p in tmp_path.iterdir()] == ["r.html"]


def test_the_forest_draws_the_numbers(demo):
    table = demo.sections[0].table
    ax = plots.forest(table)
    lines = np.sort([seg[:, 0] for c in ax.collections if hasattr(c, "get_segments")
                     for seg in c.get_segments()], axis=0)  # fmt: skip
    wanted = np.sort([list(r.ci) for r in table.values()], axis=0)
    found = {round(float(x), 9) for line in ax.lines for x in np.atleast_1d(line.get_xdata())}
    found |= {round(float(x), 9) for c in ax.collections for x in c.get_offsets()[:, 0]}
    found |= {round(float(x), 9) for x in lines.ravel()}
    assert {round(v, 9) for v in wanted.ravel()} <= found
    assert {round(r.value, 9) for r in table.values()} <= found
    labels = [t.get_text() for t in ax.get_yticklabels()]
    assert set(labels) == set(table)


def test_the_cells_draw_the_shares(demo):
    r = demo.sections[2].table["PAY_AMT"]
    ax = plots.cells(r)
    heights = {round(p.get_width(), 9) for p in ax.patches} | {
        round(p.get_height(), 9) for p in ax.patches
    }
    for cell in r.diagnostics["cells"]:
        for share in (cell["share_a"], cell["share_b"]):
            assert {round(share, 9), round(100 * share, 9)} & heights


@pytest.mark.parametrize("width", [40, 160])
def test_the_terminal_shows_value_interval_and_p(demo, monkeypatch, width):
    buffer = io.StringIO()
    console = Console(
        file=buffer, width=width, force_terminal=width < 99, no_color=True, highlight=False
    )
    monkeypatch.setattr(terminal, "out", console)
    table = demo.sections[2].table
    terminal.show("Drift", table)
    text = re.sub(r"\x1b\[[0-9;]*m", "", buffer.getvalue())
    if width > 99:
        for name, r in table.items():
            assert f"{r.value:.4f}" in text
            assert f"[{r.ci.low:.4f}, {r.ci.high:.4f}]" in text
            assert name in text
        assert "\x1b" not in buffer.getvalue()
    assert max(map(len, text.splitlines())) <= width
