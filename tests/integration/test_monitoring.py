"""``infometric monitor`` as a user runs it, and its page in a real browser."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import infometric as im
from infometric.datasets import load_credit_card, load_credit_card_months
from infometric.report import commands
from infometric.report.document import Report

PROGRAM = Path(sys.executable).with_name("infometric")
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")


@pytest.fixture
def folder(tmp_path):
    months = load_credit_card_months().groupby("month").head(6000)
    months["client"] = np.tile(np.arange(6000), 6)
    months[months["month"] == "2005-04"].to_csv(tmp_path / "april.csv", index=False)
    months[months["month"] > "2005-04"].to_parquet(tmp_path / "later.parquet")
    months[months["month"] == "2005-09"].to_parquet(tmp_path / "september.parquet")
    months[months["month"].between("2005-05", "2005-08")].to_parquet(tmp_path / "summer.parquet")
    return tmp_path


def run(folder, *arguments):
    return subprocess.run(
        [PROGRAM, "monitor", *map(str, arguments)], cwd=folder, capture_output=True, text=True
    )


@pytest.fixture
def here(monkeypatch, capfd):
    """The same without a process of its own."""

    def call(folder, *arguments):
        monkeypatch.chdir(folder)
        code = commands.run(["monitor", *map(str, arguments)])
        told = capfd.readouterr()
        return subprocess.CompletedProcess(arguments, code, told.out, told.err)

    return call


def test_a_history_in_one_call_and_again_from_its_records(folder):
    done = run(folder, "april.csv", "later.parquet", "--by", "month", "--cluster", "client",
               "--records", "audit.jsonl", "--html", "a.html", "--json", "a.json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    monitor = im.StabilityMonitor(cluster="client", exclude=["month"]).fit(folder / "april.csv")
    monitor.update(folder / "later.parquet", by="month")
    timeline = Report.from_json(folder / "a.json").sections[0].timeline
    assert [r["value"] for r in timeline.rows()] == [r["value"] for r in monitor.timeline().rows()]
    for line in monitor.timeline().summary().splitlines():
        assert line in done.stdout
    again = run(folder, "--from-records", "audit.jsonl", "--html", "b.html", "--json", "b.json")
    assert again.returncode == 0, again.stderr
    a, b = (json.loads((folder / name).read_text())["sections"] for name in ("a.json", "b.json"))
    assert a == b
    assert (folder / "b.html").read_text().startswith("<!doctype html>")


def test_month_after_month_with_an_exit_code(folder, here):
    first = here(folder, "april.csv", "summer.parquet", "--by", "month", "--exclude", "client",
                "--score", "BILL_AMT", "--records", "audit.jsonl", "-q")  # fmt: skip
    assert first.returncode == 0, first.stderr
    assert first.stdout == ""
    each = []
    for what in ("shifted", "unstable"):
        log = folder / f"{what}.jsonl"
        log.write_bytes((folder / "audit.jsonl").read_bytes())
        done = here(folder, "--from-records", log, "september.parquet", "--period", "2005-09",
                   "--fail-on", what)  # fmt: skip
        each.append(done.returncode)
        assert len(log.read_text().splitlines()) == 6
        assert (f"{what} in 2005-09: " in done.stderr) == (done.returncode == 1)
    assert each == [0, 1]


def test_records_are_begun_with_a_reference_alone(folder, here):
    done = here(folder, "april.csv", "--exclude", "month,client", "--records", "audit.jsonl",
               "--limits", "0.05,0.2", "--alpha", "0.01")  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "records begun; no period yet\n")
    (line,) = im.AuditLog(folder / "audit.jsonl").verify()
    assert line["policy"]["thresholds"] == [0.05, 0.2]
    assert line["policy"]["alpha"] == 0.01


def test_a_scorecard_brings_bins_and_points(folder, here):
    cards = load_credit_card()[:6000]
    names = ["PAY", "BILL_AMT", "PAY_AMT"]
    built = cards[["PAY_0", "BILL_AMT1", "PAY_AMT1"]].set_axis(names, axis="columns")
    card = im.Scorecard().fit(built, cards["default.payment.next.month"])
    card.to_json(folder / "card.json")
    done = here(folder, "april.csv", "september.parquet", "--period", "2005-09", "--exclude",
                "month,client", "--scorecard", "card.json", "--json", "a.json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    shifts = Report.from_json(folder / "a.json").sections[1].table
    columns = pd.read_csv(folder / "april.csv")[names], pd.read_parquet(
        folder / "september.parquet"
    )[names]  # fmt: skip
    moved = card.scores(columns[1]).mean() - card.scores(columns[0]).mean()
    assert sum(r.value for r in shifts.values()) == pytest.approx(moved, abs=1e-9)
    assert f"in all {moved:+.1f}" in Report.from_json(folder / "a.json").sections[1].note


@pytest.mark.parametrize(
    ("arguments", "says", "hint"),
    [
        ((), "reference and a current file", "--by month"),
        (("april.csv",), "no file for them", "--records audit.jsonl"),
        (("april.csv", "later.parquet"), "a column says it", "--period 2026-01"),
        (
            ("april.csv", "later.parquet", "--by", "month", "--period", "1"),
            "a column says it",
            "--",
        ),
        (
            ("--from-records", "no.jsonl"),
            "cannot be read",
            "infometric monitor reference.csv --records no.jsonl",
        ),
        (("--from-records", "no.jsonl", "--records", "a.jsonl"), "would begin others", "alone"),
        (("april.csv", "later.parquet", "--by", "month", "--limits", "1"), "two numbers", "0.1"),
    ],
)
def test_what_is_not_clear_is_refused(arguments, says, hint, here, tmp_path):
    for name in ("april.csv", "later.parquet"):
        (tmp_path / name).touch()
    done = here(tmp_path, *arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert hint in done.stderr
    assert "Traceback" not in done.stderr
    assert "StabilityMonitor" not in done.stderr


def test_a_log_that_was_tampered_with_is_named_and_no_report_is_written(folder, here):
    here(folder, "april.csv", "summer.parquet", "--by", "month", "--exclude", "client",
        "--records", "audit.jsonl", "-q")  # fmt: skip
    text = (folder / "audit.jsonl").read_text()
    (folder / "audit.jsonl").write_text(text.replace('"alarms":[]', '"alarms":["PAY"]', 1))
    done = here(folder, "--from-records", "audit.jsonl", "--html", "a.html")
    assert done.returncode == 2
    assert "Line 2 of audit.jsonl was edited" in done.stderr
    assert not (folder / "a.html").exists()


CONTRAST = """
const luminance = text => {
  const [r, g, b] = text.match(/[\\d.]+/g).slice(0, 3).map(v => v / 255).map(
    v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
  return .2126 * r + .7152 * g + .0722 * b;
};
const ground = e => {
  for (; e; e = e.parentElement) {
    const c = getComputedStyle(e).backgroundColor;
    if (!/^rgba\\(.*, 0\\)$/.test(c)) return c;
  }
  return 'rgb(255, 255, 255)';
};
const texts = [...document.querySelectorAll('.calendar td, .calendar th, .ticks span, '
  + '.periods span, .legend span, h3, .tag')].filter(e => e.offsetHeight && e.textContent.trim());
return texts.map(e => {
  const [a, b] = [getComputedStyle(e).color, ground(e)].map(luminance);
  return (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
});
"""


@pytest.mark.browser
@pytest.mark.skipif(not (BROWSER and DRIVER), reason="chromium and chromedriver are not installed")
def test_the_page_in_a_browser_in_light_and_dark_and_on_a_telephone(folder):
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    run(folder, "april.csv", "later.parquet", "--by", "month", "--exclude", "client", "--score",
        "BILL_AMT", "--html", "watch.html", "-q")  # fmt: skip
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for flag in ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage",
                 "window-size=1280,900"):  # fmt: skip
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    try:
        driver.get((folder / "watch.html").as_uri())
        for scheme in ("light", "dark"):
            features = [{"name": "prefers-color-scheme", "value": scheme}]
            driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
            found = driver.execute_script(CONTRAST)
            assert len(found) > 40
            assert min(found) >= 4.5
        box = "const b = arguments[0].getBoundingClientRect(); return [b.left, b.right, b.top];"
        chart = driver.execute_script("return document.querySelector('figure.course > svg')")
        left, right, _ = driver.execute_script(box, chart)
        dots = driver.execute_script("return [...arguments[0].querySelectorAll('.dot')]", chart)
        middles = [sum(driver.execute_script(box, dot)[:2]) / 2 for dot in dots]
        assert len(dots) == 5
        assert np.diff(middles) == pytest.approx((right - left) / 5, abs=1)
        driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": 390, "height": 800, "deviceScaleFactor": 2, "mobile": True},
        )
        driver.refresh()
        assert driver.execute_script("return document.documentElement.scrollWidth") <= 390
        assert [e for e in driver.get_log("browser") if e["level"] == "SEVERE"] == []
    finally:
        driver.quit()
