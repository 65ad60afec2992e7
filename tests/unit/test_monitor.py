"""The monitor: the numbers of `psi`, adjusted for every look, and rebuilt from records alone."""

from __future__ import annotations

import hashlib
import json
import warnings
from datetime import UTC, datetime
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from scipy.special import rel_entr
from scipy.stats import binom, chi2, chi2_contingency, random_table
from sklearn.base import clone
from statsmodels.stats.multitest import multipletests

import infometric as im
from infometric.credit import audit
from infometric.credit.periods import without_thin
from infometric.datasets import load_credit_card_months
from infometric.exceptions import (
    ColumnError,
    DataError,
    InvalidParameterError,
    OutputError,
    UnsupportedError,
)
from infometric.functional.base import Null
from infometric.report.document import Report
from infometric.uncertainty.far_tail import deviance_mean, inflation, mixture_sf

POINTS = {"kind": {"a": 10, "b": 25, "c": 40, "other": 5, "missing": 0}}


def sample(seed, n=1500, drift=0.0, kinds="abc"):
    rng = np.random.default_rng(seed)
    x = rng.normal(drift, 1, n)
    return pd.DataFrame(
        {"score": 600 + 40 * x, "age": np.where(rng.random(n) < 0.05, np.nan, 40 + 9 * x),
         "kind": rng.choice(list(kinds), n)}
    )  # fmt: skip


def history(months=4, **options):
    parts = [sample(k, 800, 0.15 * k, "abcd" if k == 2 else "abc").assign(month=f"2026-0{k}")
             for k in range(1, months + 1)]  # fmt: skip
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.fixture
def path(tmp_path):
    return tmp_path / "audit.jsonl"


def monitored(path=None, **options):
    options = {"score": "score", "points": POINTS, "records": path} | options
    return im.StabilityMonitor(**options).fit(sample(0, 3000)).update(history(), by="month")


def numbers(r):
    return r.value, r.se, *r.ci, r.pvalue


def known(r):
    """What does not depend on the test."""
    return r.value, r.se, r.ci.high, r.diagnostics["upper_bound"]


def test_a_period_has_the_numbers_of_psi_and_csi():
    reference, later = sample(0, 3000), history()
    monitor = monitored()
    psi = im.psi(reference, later, by="month")
    csi = im.csi(reference, later, by="month", points=POINTS)
    assert list(monitor.results_) == sorted(set(later["month"]))
    for period, table in monitor.results_.items():
        assert list(table) == ["score", "age", "kind"]
        for name, r in table.items():
            assert known(r) == known(psi[f"{name} @ {period}"])
            assert r.diagnostics["verdict"] == psi[f"{name} @ {period}"].diagnostics["verdict"]
        assert numbers(monitor.shifts_[period]["kind"]) == numbers(csi[f"kind @ {period}"])


def test_p_values_hold_far_out_in_the_tail():
    """The larger of Pearson's and the likelihood ratio's: scipy has both."""
    for table in monitored(sequential="none").results_.values():
        for r in table.values():
            counts = [[row[k] for row in r.diagnostics["cells"]] for k in ("count_a", "count_b")]
            plain, ratio = (
                chi2_contingency(counts, correction=False, lambda_=kind).pvalue
                for kind in (None, "log-likelihood")
            )
            # the library's X^2 has exact moments, which shows far out
            assert np.log(r.pvalue) == pytest.approx(np.log(max(plain, ratio)), rel=0.01)
            if ratio > 1.05 * plain:
                assert r.pvalue == pytest.approx(ratio, rel=1e-9)


def test_the_likelihood_ratio_of_thin_cells_has_its_mean():
    """Against tables drawn with their margins, whose likelihood ratio scipy works out."""
    rng = np.random.default_rng(0)
    shares = np.arange(1, 41) ** -1.2
    table = np.stack([rng.multinomial(n, shares / shares.sum()) for n in (600, 150)])
    table = table[:, table.sum(0) > 4]
    drawn = random_table(table.sum(1), table.sum(0)).rvs(1500, random_state=1)
    each = [chi2_contingency(t, correction=False, lambda_="log-likelihood") for t in drawn]
    ratio = np.array([found.statistic for found in each]) / each[0].dof
    found = float(inflation(im.Counts(table)))
    assert found > 1.05
    assert found == pytest.approx(ratio.mean(), abs=4 * ratio.std() / np.sqrt(len(ratio)))
    n, p = np.array([3.0, 40.0, 900.0]), np.array([0.5, 0.2, 0.02])

    def mean(n, p):
        x = np.arange(n + 1)
        return 2 * binom(n, p).pmf(x) @ (rel_entr(x, n * p) + rel_entr(n - x, n * (1 - p)))

    assert deviance_mean(n, p) == pytest.approx(list(map(mean, n, p)), rel=1e-9)
    many = np.array([1200.0]), np.array([0.02])  # beyond where the sum is exact
    assert deviance_mean(*many) == pytest.approx(mean(1200, 0.02), abs=2e-3)


def test_the_tail_of_a_mixture_of_chi_squares():
    """Equal weights are a chi-square; Imhof's (1961) exact values; simulation far out."""
    q = np.array([1.0, 8.0, 20.0, 40.0])
    for df, error in ((1, 0.11), (2, 0.05), (4, 0.02), (9, 0.005)):
        weights = np.full((4, df), 0.7)
        found = mixture_sf(0.7 * q, weights, Null(np.asarray(0.7), np.asarray(float(df))))
        exact = chi2.sf(q, df)
        assert found == pytest.approx(exact, rel=error)
        assert (found >= exact * (1 - 1e-5)).all()  # where it errs, it errs on the safe side
    weights = np.array([0.6, 0.3, 0.1])
    near = Null((weights**2).sum(), 1 / (weights**2).sum())
    for value, exact in ((0.1, 0.9458), (0.7, 0.5064), (2.0, 0.1240)):
        assert mixture_sf(np.asarray(value), weights, near) == pytest.approx(exact, abs=0.01)
    drawn = np.random.default_rng(0).chisquare(1, size=(2_000_000, 3)) @ weights
    for value in (5.0, 8.0, 11.0):
        share = (drawn > value).mean()
        slack = 4 * np.sqrt(share / 2_000_000)
        found = mixture_sf(np.asarray(value), weights, near)
        assert found == pytest.approx(share, rel=0.06, abs=slack)
    assert mixture_sf(np.asarray(0.0), weights, near) == 1.0


@pytest.mark.parametrize("method", ["holm", "bh"])
def test_p_values_are_adjusted_for_every_look(method):
    monitor = monitored(multiplicity=method)
    named = {"holm": "holm", "bh": "fdr_bh"}[method]
    for t, table in enumerate(monitor.results_.values(), start=1):
        plain = [r.pvalue for r in table.values()]
        wanted = np.minimum(multipletests(plain, method=named)[1] * t * (t + 1), 1)
        assert table.adjusted["pvalue_sequential"] == pytest.approx(wanted)
        for r, p in zip(table.values(), wanted, strict=True):
            found = r.diagnostics
            assert found["pvalue_sequential"] == pytest.approx(p)
            assert found["alpha_spent"] == pytest.approx(0.05 / (t * (t + 1)))
            assert found["shift_seen"] == (p <= 0.05)
            assert found["alarm"] == (p <= 0.05 and found["verdict"] != "stable")
    alone = monitored(multiplicity=method, sequential="none").results_["2026-03"]
    assert alone.adjusted["pvalue_sequential"] == alone.adjusted[f"pvalue_{method}"]


def test_a_shift_of_no_consequence_is_seen_and_gives_no_alarm():
    rng = np.random.default_rng(0)
    monitor = im.StabilityMonitor().fit(rng.normal(size=(100_000, 1)))
    monitor.update(rng.normal(0.05, 1, size=(100_000, 1)), period="1")
    found = monitor.results_["1"]["x0"].diagnostics
    assert (found["shift_seen"], found["verdict"], found["alarm"]) == (True, "stable", False)


def test_a_single_missing_record_takes_nothing_away():
    rng = np.random.default_rng(0)
    reference, now = (pd.DataFrame({"x": rng.normal(size=n)}) for n in (10_000, 1_000))
    whole = im.StabilityMonitor().fit(reference).update(now, period="1")
    gone = now.copy()
    gone.loc[7, "x"] = np.nan
    monitor = im.StabilityMonitor().fit(reference).update(gone, period="1")
    found, wanted = (m.results_["1"]["x"] for m in (monitor, whole))
    assert np.isnan(im.psi(reference, gone)["x"].ci.high)
    assert found.ci.high == pytest.approx(wanted.ci.high, abs=1e-3)
    assert found.diagnostics["verdict"] == "stable"
    assert found.diagnostics["missing_share"] == [0.0, 1e-3]
    large = im.StabilityMonitor().fit(pd.DataFrame({"x": rng.normal(size=30_000)}))
    few = now[:300].copy()
    few.iloc[:9, 0] = np.nan  # of which a tenth of a record is expected
    found = large.update(few, period="1").results_["1"]["x"].diagnostics
    assert found["alarm"]
    assert found["cells"][-1]["cell"] == "missing"
    many = now.assign(x=now["x"].where(rng.random(1000) > 0.3))
    found = monitor.update(many, period="2").results_["2"]["x"]
    assert found.diagnostics["cells"][-1]["cell"] == "missing"
    assert found.diagnostics["alarm"]


@pytest.mark.parametrize("baseline", ["previous", "pooled"])
def test_other_baselines(baseline):
    """Compared with the period before, or with all that came before, in the bins of the start."""
    reference, later = sample(0, 3000), history()
    monitor = monitored(baseline=baseline)
    bins = monitor.encoders_
    for k in (1, 2, 3, 4):
        before = {"previous": [later[later["month"] == f"2026-0{k - 1}"]]}.get(baseline)
        if baseline == "pooled" or k == 1:
            before = [reference, later[later["month"] < f"2026-0{k}"]]
        now = later[later["month"] == f"2026-0{k}"]
        names = ["score", "age"]  # categories come and go: see the next test
        wanted = im.psi(pd.concat(before)[names], now[names], bins={n: bins[n] for n in names})
        for name in names:
            assert known(monitor.results_[f"2026-0{k}"][name]) == known(wanted[name])


def test_categories_that_come_and_go():
    monitor = monitored(baseline="previous")
    cells = {
        period: [row["cell"] for row in table["kind"].diagnostics["cells"]]
        for period, table in monitor.results_.items()
    }
    assert cells["2026-01"] == ["a", "b", "c"]
    assert cells["2026-02"] == cells["2026-03"] == ["a", "b", "c", "d"]  # there, then gone
    assert cells["2026-04"] == ["a", "b", "c"]
    found = monitor.results_["2026-02"]["kind"].diagnostics
    share = (history().query("month == '2026-02'")["kind"] == "d").mean()
    assert found["unseen"] == ["d"]
    assert found["unseen_share"] == pytest.approx(share)
    shift = monitor.shifts_["2026-02"]["kind"].diagnostics["cells"]
    assert [(row["cell"], row["points"]) for row in shift][-1] == ("other", 5.0)


def tailed(seed, n, size=300, power=1.5, new=0.0):
    """Categories of a long tail; a share of the last records is of one that is new."""
    shares = np.arange(1, size + 1) ** -power
    rng = np.random.default_rng(seed)
    names = np.array([f"z{i}" for i in range(size)], dtype=object)
    found = names[rng.choice(size, n, p=shares / shares.sum())]
    found[: round(new * n)] = "new"
    return pd.DataFrame({"kind": found})


def test_a_long_tail_of_categories_is_no_shift():
    """Half of the categories are new in the month, each with a record or two."""
    seen = []
    for seed in range(40):
        reference, now = tailed(seed, 5000), tailed(1000 + seed, 1000)
        monitor = im.StabilityMonitor(sequential="none").fit(reference).update(now, "1")
        seen.append(monitor.results_["1"]["kind"].pvalue < 0.05)
    assert sum(seen) <= 6  # 2 expected; P(more than 6) = .003


@pytest.mark.parametrize(
    ("before", "now"), [(5000, 1000), (30_000, 1000), (100_000, 1000), (10_000, 300)]
)
def test_a_new_category_in_a_long_tail_gives_an_alarm(before, now):
    """Three in a hundred of the month, of which less than one may be expected."""
    monitor = im.StabilityMonitor().fit(tailed(1, before)).update(tailed(2, now, new=0.03), "1")
    found = monitor.results_["1"]["kind"].diagnostics
    assert found["alarm"]
    assert found["unseen"][0] == "new"
    assert "new" in [row["cell"] for row in found["cells"]]


def test_a_tail_is_joined_by_what_both_samples_hold():
    rng = np.random.default_rng(0)
    cells = [f"c{k}" for k in range(60)]
    shares = np.r_[[0.4, 0.3], np.full(58, 0.3 / 58)]
    table = np.stack([rng.multinomial(n, shares) for n in (4000, 200)])
    found = without_thin(im.Counts.from_counts(table, cells=cells), ordered=False)
    wanted = table.sum(0) * 200 / 4200 >= 1
    (rare,) = (k for k, label in enumerate(found.cells) if label.endswith("rare categories"))
    kept = {c for c, big in zip(cells, wanted, strict=True) if big}
    assert 2 < len(kept) < 60
    assert set(found.cells) - {found.cells[rare]} == kept
    assert found.table[:, rare].tolist() == table[:, ~wanted].sum(1).tolist()
    turned = im.Counts.from_counts(table[:, ::-1], cells=cells[::-1])
    again = without_thin(turned, ordered=False)
    assert sorted(again.table.T.tolist()) == sorted(found.table.T.tolist())


def test_a_period_does_not_depend_on_what_came_in_the_same_table():
    whole = monitored()
    single = im.StabilityMonitor(score="score", points=POINTS).fit(sample(0, 3000))
    later = history()
    for month in sorted(set(later["month"])):
        single.update(later[later["month"] == month].drop(columns="month"), period=month)
    assert single.timeline().to_json() == whole.timeline().to_json()


def test_missing_shares_are_told():
    reference, now = sample(0, 3000), history().query("month == '2026-01'")
    found = monitored().results_["2026-01"]["age"].diagnostics["missing_share"]
    assert found == pytest.approx([reference["age"].isna().mean(), now["age"].isna().mean()])


def test_shifts_of_points_add_up_to_the_shift_of_the_mean_score():
    reference, now = sample(0, 3000), sample(5, 900, 0.4, "abcd")
    encoders = im.PSI(bins=6).fit(reference).encoders_
    points = {n: np.arange(e.n_cells) * 7.0 - 11 for n, e in encoders.items()}
    found = im.csi(reference, now, points=points, bins=encoders)

    def mean(frame):
        columns = im.sources.open_table(frame)
        each = [points[n][e.encode(columns.column(n))] for n, e in encoders.items()]
        return np.sum(each, axis=0).mean()

    assert sum(r.value for r in found.values()) == pytest.approx(mean(now) - mean(reference))
    for r in found.values():
        cells = r.diagnostics["cells"]
        assert sum(row["contribution"] for row in cells) == pytest.approx(r.value)


# --- records ---------------------------------------------------------------------------------


def test_the_records_alone_give_every_number_again(path):
    monitor = monitored(path)
    text = monitor.timeline().to_json()
    back = im.StabilityMonitor.from_records(path)
    assert back.timeline().to_json() == text
    assert im.Timeline.from_json(text).to_json() == text
    assert [line["kind"] for line in im.AuditLog(path).verify()] == ["reference"] + ["period"] * 4
    more = sample(9).assign(month="2026-05")
    with_rows = monitor.update(more, by="month").timeline().to_json()
    again = im.StabilityMonitor.from_records(path)
    assert again.timeline().to_json() == with_rows


def test_a_monitor_from_records_goes_on(path, tmp_path):
    monitored(path)
    other = tmp_path / "other.jsonl"
    other.write_bytes(path.read_bytes())
    more = sample(9)
    back = im.StabilityMonitor.from_records(path).update(more, period="2026-05")
    fresh = monitored(other).update(more, period="2026-05")
    assert back.timeline().to_json() == fresh.timeline().to_json()
    kept = [im.AuditLog(p).verify()[-1] for p in (path, other)]
    for line in kept:
        line.pop("time"), line.pop("previous"), line.pop("hash")
    assert kept[0] == kept[1]


def test_numbers_that_are_categories_stay_so_in_records(path):
    """A number that the reference has not seen is a category of its own, and not "other"."""
    frame = sample(0, 3000).assign(grade=np.arange(3000) % 4)
    monitor = im.StabilityMonitor(records=path, categorical=["grade"]).fit(frame)
    new = frame[:900].assign(grade=np.arange(900) % 6)
    with_rows = im.StabilityMonitor(categorical=["grade"]).fit(frame).update(new, "1")
    back = im.StabilityMonitor.from_records(path).update(new, "1")
    assert back.results_["1"]["grade"].diagnostics["unseen"] == ["4", "5"]
    assert back.timeline()["1"].to_dict() == with_rows.timeline()["1"].to_dict()
    assert monitor.get_params()["categorical"] == back.get_params()["categorical"]


def test_records_hold_no_row_and_no_client(path):
    frame = sample(0, 3000).assign(client=[f"client-{k}" for k in range(3000)])
    monitor = im.StabilityMonitor(cluster="client", records=path).fit(frame)
    monitor.update(frame[:1000], period="1")
    text = path.read_text()
    assert "client-" not in text
    assert repr(float(frame["score"].iloc[17])) not in text


def test_a_restart_takes_the_records_up(path):
    text = monitored(path).timeline().to_json()
    before = path.read_bytes()
    again = monitored(path)  # the same periods once more: nothing is written
    assert again.timeline().to_json() == text
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("options", "reference", "says"),
    [({"alpha": 0.01}, 0, "another policy"), ({"thresholds": (0.05, 0.2)}, 0, "another policy"),
     ({"points": None}, 0, "another policy"), ({}, 1, "another reference"),
     ({"bins": 7}, 0, "another reference")],
)  # fmt: skip
def test_records_of_another_policy_or_reference_are_refused(path, options, reference, says):
    monitored(path)
    before = path.read_bytes()
    given = {"score": "score", "points": POINTS, "records": path} | options
    with pytest.raises(DataError, match=says):
        im.StabilityMonitor(**given).fit(sample(reference, 3000))
    assert path.read_bytes() == before


def rechained(path, change):
    """The records with one of them changed by somebody who knows how the chain is made."""
    lines, previous = [], audit.START
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        record = json.loads(line)
        change(number, record)
        record = {k: v for k, v in record.items() if k != "hash"} | {"previous": previous}
        own = hashlib.sha256(json.dumps(record, separators=(",", ":")).encode()).hexdigest()
        text = json.dumps(record | {"hash": own}, separators=(",", ":"))
        previous = hashlib.sha256(text.encode()).hexdigest()
        lines.append(text + "\n")
    path.write_text("".join(lines))


def test_counts_that_do_not_give_their_results_are_named(path):
    monitored(path)

    def counts(number, record):
        if number == 3:
            record["counts"]["age"]["table"][0][2] += 1

    rechained(path, counts)
    assert len(im.AuditLog(path).verify()) == 5  # the chain holds
    with pytest.raises(DataError, match=r"Line 3 .*'2026-02' do not give") as error:
        im.StabilityMonitor.from_records(path)
    assert "results.age" in str(error.value)


def test_results_that_were_made_up_are_named(path):
    monitored(path)

    def results(number, record):
        if number == 5:
            record["results"]["results"]["score"]["diagnostics"]["alarm"] = False

    rechained(path, results)
    with pytest.raises(DataError, match=r"Line 5 .* do not give"):
        im.StabilityMonitor.from_records(path)


@pytest.mark.parametrize("number", [3, 5])
def test_alarms_and_verdicts_that_were_made_up_are_named(path, number):
    monitored(path)
    text = path.read_text()

    def verdict(record):
        record["results"]["results"]["age"]["diagnostics"]["verdict"] = "undecided"

    def policy(record):
        record["results"]["meta"]["parameters"]["alpha"] = 0.5

    for change, says in (
        (lambda record: record.update(alarms=["score"] if not record["alarms"] else []), "alarms"),
        (verdict, "verdict"),
        (policy, "alpha"),
        (lambda record: record["bins"].update(age="0" * 16), "bins"),
    ):
        path.write_text(text)
        rechained(path, lambda k, record, do=change: do(record) if k == number else None)
        with pytest.raises(DataError, match=f"Line {number} of .* do not give") as error:
            im.StabilityMonitor.from_records(path)
        assert says in str(error.value)


def test_a_column_may_be_called_as_the_library(path):
    frame = sample(0, 900).rename(columns={"age": "infometric"})
    im.StabilityMonitor(records=path).fit(frame).update(frame[:400], period="1")
    im.StabilityMonitor.from_records(path)

    def verdict(number, record):
        if number == 2:
            record["results"]["results"]["infometric"]["diagnostics"]["verdict"] = "shifted"

    rechained(path, verdict)
    with pytest.raises(DataError, match=r"Line 2 of .* do not give"):
        im.StabilityMonitor.from_records(path)


def test_records_of_another_version_are_read(path):
    monitored(path)

    def older(number, record):
        record["version"] = "0.0.9"
        if number > 1:
            for part in ("results", "shifts"):
                record[part]["meta"]["infometric"] = "0.0.9"

    rechained(path, older)
    assert len(im.StabilityMonitor.from_records(path).timeline()) == 4


def test_no_period_vanishes_by_another_name(path):
    monitored(path)
    text = path.read_text()

    def renamed(number, record):
        if number == 3:
            record["kind"] = "perioD"

    rechained(path, renamed)
    with pytest.raises(DataError, match=r"Line 3 of .* is of the kind 'perioD'"):
        im.StabilityMonitor.from_records(path)
    path.write_text(text)
    lines = text.splitlines(keepends=True)
    path.write_text("".join([*lines[:2], *lines[3:]]))
    rechained(path, lambda number, record: None)  # left out, and the chain made whole
    with pytest.raises(DataError, match=r"Line 3 of .* do not give"):
        im.StabilityMonitor.from_records(path)
    path.write_text("".join([*lines[:3], lines[2], *lines[3:]]))
    rechained(path, lambda number, record: None)
    with pytest.raises(DataError, match=r"Line 4 of .* not after"):
        im.StabilityMonitor.from_records(path)


def test_a_record_without_its_parts_is_named(path):
    monitored(path)
    rechained(path, lambda number, record: record.pop("counts") if number == 4 else None)
    with pytest.raises(DataError, match=r"Line 4 .* schema of its kind"):
        im.StabilityMonitor.from_records(path)


def test_a_file_that_holds_something_else(path):
    im.AuditLog(path).append("note", {})
    with pytest.raises(DataError, match="records of one monitor"):
        im.StabilityMonitor.from_records(path)


def test_notes_of_others_in_the_log_do_no_harm(path):
    monitored(path)
    im.AuditLog(path).append("note", {"text": "approved by the committee"})
    im.AuditLog(path).append("approval", {"by": "the committee", "period": "2026-04"})
    assert len(im.StabilityMonitor.from_records(path).timeline()) == 4


def test_records_tell_the_time_of_their_log(path):
    monitored(path)
    told = datetime.fromisoformat(im.AuditLog(path).verify()[0]["time"])
    assert abs((datetime.now(UTC) - told).total_seconds()) < 300
    path.unlink()
    log = im.AuditLog(path, clock=lambda: datetime(2026, 1, 31, tzinfo=UTC))
    monitored(log)
    assert {line["time"] for line in log.verify()} == {"2026-01-31T00:00:00+00:00"}
    head = log.head
    path.unlink()
    monitored(log)
    assert log.head == head  # the same numbers at the same time are the same bytes


# --- periods ----------------------------------------------------------------------------------


def test_periods_go_forward_and_stay_as_they_are(path):
    monitor = monitored(path)
    before, text = path.read_bytes(), monitor.timeline().to_json()
    later = history()
    april = later[later["month"] == "2026-04"].drop(columns="month")
    monitor.update(april, period="2026-04")  # the same counts again
    for frame, period, says in (
        (april, "2026-03x", "forward"),
        (april[1:], "2026-04", "other counts"),
        (april, "2025-12", "forward"),
    ):
        with pytest.raises(DataError, match=says):
            monitor.update(frame, period=period)
    assert path.read_bytes() == before
    assert monitor.timeline().to_json() == text


def test_numbers_are_periods_in_their_order():
    frame = pd.concat([sample(k, 300).assign(month=k) for k in (9, 10, 11)])
    monitor = im.StabilityMonitor().fit(sample(0, 3000)).update(frame, by="month")
    assert list(monitor.results_) == ["9", "10", "11"]
    with pytest.raises(DataError, match="forward"):
        monitor.update(sample(12, 300), period="11.0")  # the same number


def test_a_write_that_fails_leaves_monitor_and_records_as_they_were(path, monkeypatch):
    monitor = monitored(path)
    before, text = path.read_bytes(), monitor.timeline().to_json()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(audit.os, "write", full)
    with pytest.raises(OutputError):
        monitor.update(sample(7), period="2026-07")
    monkeypatch.undo()
    assert (path.read_bytes(), monitor.timeline().to_json()) == (before, text)
    monitor.update(sample(7), period="2026-07")


def test_somebody_else_wrote_in_between(path):
    monitor, other = monitored(path), im.StabilityMonitor.from_records(path)
    other.update(sample(7), period="2026-07")
    with pytest.raises(DataError, match="somebody else"):
        monitor.update(sample(8), period="2026-08")
    assert list(monitor.results_)[-1] == "2026-04"
    path.unlink()
    with pytest.raises(DataError, match="somebody else"):
        monitor.update(sample(8), period="2026-08")
    assert not path.exists()


@pytest.mark.parametrize("baseline", ["previous", "pooled"])
def test_clusters_with_other_baselines_after_a_restart(path, baseline):
    def named(frame):
        return frame.assign(who=np.arange(len(frame)) % 700)

    options = {"cluster": "who", "baseline": baseline, "records": path}
    reference, later = named(sample(0, 3000)), named(history())
    monitor = im.StabilityMonitor(**options).fit(reference).update(later, by="month")
    more = named(sample(9, 800)).assign(month="2026-05")
    again = im.StabilityMonitor(**options).fit(reference)
    with pytest.raises(UnsupportedError, match="earlier periods once more"):
        again.update(more, by="month")
    again.update(pd.concat([later, more]), by="month")
    path.unlink()
    whole = im.StabilityMonitor(**options).fit(reference)
    whole.update(pd.concat([later, more]), by="month")
    assert again.timeline().to_json() == whole.timeline().to_json()
    assert list(again.results_) == [*monitor.results_, "2026-05"]


def test_what_is_asked_must_be_clear():
    monitor = im.StabilityMonitor().fit(sample(0))
    for options in ({}, {"period": "1", "by": "month"}):
        with pytest.raises(InvalidParameterError, match="a column says it"):
            monitor.update(sample(1), **options)
    with pytest.raises(ColumnError, match="'scor'"):
        im.StabilityMonitor(score="scor").fit(sample(0))
    with pytest.raises(DataError, match="not watched"):
        im.StabilityMonitor(columns=["age"], points=POINTS).fit(sample(0))
    with pytest.raises(InvalidParameterError, match="baseline"):
        im.StabilityMonitor(baseline="first").fit(sample(0))
    with pytest.raises(DataError, match="No period"):
        monitor.timeline().latest
    with pytest.raises(ColumnError, match="'2026-01'"):
        monitor.timeline()["2026-01"]


def test_a_column_has_one_part():
    frame = sample(0).assign(month="2026-01")
    with pytest.raises(DataError, match=r"exclude=\['month'\]"):
        im.StabilityMonitor().fit(frame)
    for monitor in (
        im.StabilityMonitor(constant="keep").fit(frame),
        im.StabilityMonitor().fit(frame.assign(month=np.arange(len(frame)) % 5)),
    ):
        with pytest.raises(InvalidParameterError, match="'month' is watched") as error:
            monitor.update(sample(1).assign(month="2026-02"), by="month")
        assert "exclude=['month']" in str(error.value)
        assert not monitor.results_
    monitor = im.StabilityMonitor(exclude=["month"]).fit(frame)
    monitor.update(sample(1).assign(month="2026-02"), by="month")
    assert list(monitor.results_["2026-02"]) == ["score", "age", "kind"]
    with pytest.raises(InvalidParameterError, match="watched once"):
        im.StabilityMonitor(columns=["age", "kind", "age"]).fit(frame)
    for options in ({"score": "age"}, {"columns": ["age", "kind"]}):
        with pytest.raises(InvalidParameterError, match="belong together"):
            im.StabilityMonitor(cluster="age", **options).fit(frame)


@pytest.mark.parametrize(
    "names",
    [("9", "10"), ("2026-9", "2026-10"), ("2025-12", "2026-01"), ("2026Q3", "2026Q4"),
     ("202512", "202601"), ("2026-04", "2026-04 corrected"), ("wave 9", "wave 10"), ("9.5", "10"),
     ("2026-02-28", "2026-03-01"), ("2026-01-31 00:00:00", "2026-02-28 00:00:00")],
)  # fmt: skip
def test_periods_whose_order_their_names_say(names):
    for first, last in (names, names[::-1]):
        monitor = im.StabilityMonitor().fit(sample(0)).update(sample(1, 300), period=first)
        if (first, last) == names:
            assert list(monitor.update(sample(2, 300), period=last).results_) == list(names)
        else:
            with pytest.raises(DataError, match="forward"):
                monitor.update(sample(2, 300), period=last)
    both = pd.concat([sample(1, 300).assign(when=names[1]), sample(2, 300).assign(when=names[0])])
    monitor = im.StabilityMonitor().fit(sample(0)).update(both, by="when")
    assert list(monitor.results_) == list(names)


@pytest.mark.parametrize(
    "name", ["", " ", "Jan 2026", "March", "first", "01.02.2026", "Q1 2026", "2026 may", "nan"]
)
def test_a_name_that_says_no_place_in_time_is_refused_at_once(name):
    monitor = im.StabilityMonitor().fit(sample(0))
    with pytest.raises(DataError, match="place in time") as error:
        monitor.update(sample(1, 300), period=name)
    assert "write 2026-09" in str(error.value)
    with pytest.raises(DataError, match="place in time"):
        monitor.update(sample(1, 300).assign(when=name), by="when")
    with pytest.raises(InvalidParameterError, match="a text"):
        monitor.update(sample(1, 300), period=202601)
    assert not monitor.results_


def test_names_of_two_kinds_have_no_order():
    monitor = im.StabilityMonitor().fit(sample(0)).update(sample(1, 300), period="2026-02")
    for name in ("2026-02-15", "2027", "wave 3", "2026-02x"):
        with pytest.raises(DataError, match=r"nobody can say .* after '2026-02'"):
            monitor.update(sample(2, 300), period=name)
    both = pd.concat([sample(k, 300).assign(when=w) for k, w in ((1, "2026-03"), (2, "wave 1"))])
    with pytest.raises(DataError, match="nobody can say"):
        monitor.update(both, by="when")
    assert list(monitor.results_) == ["2026-02"]


# --- sources, weights, clusters ----------------------------------------------------------------


def test_files_weights_and_a_single_sample(tmp_path):
    reference, later = sample(0, 3000), history()
    rng = np.random.default_rng(3)
    reference["w"], later["w"] = rng.lognormal(size=3000), rng.lognormal(size=len(later))
    reference.to_csv(tmp_path / "reference.csv", index=False)
    later.to_parquet(tmp_path / "later.parquet")
    of_files = im.StabilityMonitor(score="score").fit(
        tmp_path / "reference.csv", sample_weight="w"
    ).update(tmp_path / "later.parquet", by="month", sample_weight="w")  # fmt: skip
    of_frames = im.StabilityMonitor(score="score").fit(reference, sample_weight="w")
    of_frames.update(later, by="month", sample_weight="w")
    a, b = (m.timeline().to_frame() for m in (of_files, of_frames))
    assert np.allclose(a["value"], b["value"], rtol=1e-12)
    assert np.allclose(a["se"], b["se"], rtol=1e-9)
    rng = np.random.default_rng(0)
    one = im.StabilityMonitor().fit(rng.normal(size=2000)).update(rng.normal(size=500), "2026-01")
    assert list(one.results_["2026-01"]) == ["x"]


def test_the_same_clients_in_every_month(path):
    months = load_credit_card_months()
    months["client"] = np.tile(np.arange(30_000), 6)
    april = months[months["month"] == "2005-04"].drop(columns="month")
    options = {"columns": ["BILL_AMT"], "cluster": "client", "records": path}
    monitor = im.StabilityMonitor(**options).fit(april)
    monitor.update(months[months["month"].isin(["2005-05", "2005-06"])], by="month")
    found = monitor.results_["2005-06"]["BILL_AMT"]
    june = months[months["month"] == "2005-06"].drop(columns="month")
    wanted = im.psi(april, june, columns=["BILL_AMT"], cluster="client")["BILL_AMT"]
    assert known(found) == known(wanted)
    assert found.diagnostics["clusters_in_both"] == 30_000
    back = im.StabilityMonitor.from_records(path)
    assert back.timeline().to_json() == monitor.timeline().to_json()
    july = months[months["month"] == "2005-07"]
    with pytest.raises(UnsupportedError, match="hold no names"):
        back.update(july, by="month")
    again = im.StabilityMonitor(**options).fit(april).update(july, by="month")
    assert list(again.results_) == ["2005-05", "2005-06", "2005-07"]


def test_it_is_an_estimator_and_a_failed_fit_changes_nothing():
    monitor = monitored()
    text = monitor.timeline().to_json()
    fresh = clone(monitor)
    assert fresh.get_params() == monitor.get_params()
    with pytest.raises(DataError):
        monitor.fit(sample(0)[:0])
    assert monitor.timeline().to_json() == text
    assert monitor.fit(sample(1)) is monitor
    assert monitor.results_ == {}


def test_the_timeline_is_told_in_words_and_in_a_frame():
    timeline = monitored().timeline()
    frame = timeline.to_frame()
    assert len(frame) == 12
    assert timeline.names == ["score", "age", "kind"]
    assert list(timeline.of("age")) == list(timeline)
    alarms = [tuple(row) for row in frame[frame["alarm"]][["period", "name"]].to_numpy()]
    assert alarms == timeline.alarms() != []
    last = timeline.summary().splitlines()[-1]
    assert last.startswith("2026-04  ")
    assert all(name in last for period, name in alarms if period == "2026-04")
    assert frame["points"].notna().sum() == 4


# --- the report --------------------------------------------------------------------------------


class Drawn(HTMLParser):
    """Charts of a page: their y axis, and the dots in them."""

    def __init__(self, text):
        super().__init__()
        self.charts, self.alarms, self.spoken = [], 0, []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        kind = (found.get("class") or "").split()
        if tag == "figure" and "course" in kind:
            self.charts.append({"dots": [], "limits": []})
        if tag == "svg" and self.charts and "aria-label" in found:
            self.spoken.append(found["aria-label"])
        if "dot" in kind and len(kind) == 2:  # a verdict is the second
            self.charts[-1]["dots"].append((float(found["cx"][:-1]), float(found["cy"][:-1])))
        if "limit" in kind and self.charts and found.get("x1") == "0":
            self.charts[-1]["limits"].append(float(found["y1"][:-1]))
        self.alarms += "alarm" in kind and tag == "text"


def test_the_page_draws_every_value_where_it_is(tmp_path):
    monitor = monitored()
    report = monitor.report("Watch", reference="2025", current="2026")
    text = report.to_html(tmp_path / "report.html").read_text()
    timeline = monitor.timeline()
    page = Drawn(text)
    assert len(page.charts) == 1 + len(timeline.names)  # the score, large, then every column
    for chart, name in zip(page.charts, ["score", *timeline.names], strict=True):
        results = list(timeline.of(name).values())
        per_unit = (100 - chart["limits"][0]) / results[0].diagnostics["thresholds"][0]
        for i, (r, (x, y)) in enumerate(zip(results, chart["dots"], strict=True)):
            assert x == pytest.approx(100 * (i + 0.5) / len(results), abs=0.01)
            assert 100 - y == pytest.approx(per_unit * r.value, abs=0.1)  # of rounding
    alarms = timeline.alarms()
    of_score = sum(name == "score" for _, name in alarms)
    assert page.alarms == len(alarms) + of_score
    assert "http" not in text.replace("http-equiv", "")
    assert "2026-04" in text
    assert f"{sum(r.value for r in monitor.shifts_['2026-04'].values()):+.1f}" in text
    told = [label for label in page.spoken if label.startswith("PSI of age")]
    named = [period for period, name in alarms if name == "age"]
    assert ("alarm in " + ", ".join(named) if named else "no alarm") in told[0]


def test_the_report_and_its_twin_come_from_the_records_alone(path, tmp_path):
    report = monitored(path).report("Watch")
    back = im.StabilityMonitor.from_records(path).report("Watch")
    assert [s.to_dict() for s in back.sections] == [s.to_dict() for s in report.sections]
    twin = Report.from_json(report.to_json(tmp_path / "report.json"))
    assert twin.to_dict() == report.to_dict()
    again = twin.to_html(tmp_path / "again.html").read_text()
    assert again == report.to_html(tmp_path / "report.html").read_text()
    assert {n: e.key for n, e in twin.encoders().items()} == {
        n: e.key for n, e in monitored().encoders_.items()
    }


def test_a_long_watch_is_drawn_too(tmp_path):
    rng = np.random.default_rng(0)
    monitor = im.StabilityMonitor().fit(rng.normal(size=(3000, 2)))
    for t in range(40):
        monitor.update(rng.normal(0.03 * t, 1, size=(400, 2)), period=str(t))
    text = monitor.report().to_html(tmp_path / "report.html").read_text()
    page = Drawn(text)
    assert [len(chart["dots"]) for chart in page.charts] == [40, 40]
    assert 'class="calendar dense"' in text
    ax = monitor.timeline().plot("x1")
    assert len(ax.lines[0].get_xdata()) == 40
    assert monitor.timeline().plot(ax=ax) is ax


def test_a_name_cannot_break_out_of_the_page(tmp_path):
    bad = '</title><script>alert("x")</script>'
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({bad: rng.normal(size=900)})
    monitor = im.StabilityMonitor(score=bad).fit(frame)
    monitor.update(frame, period="1").update(frame, period='2 "<b>')
    text = monitor.report(bad, reference=bad).to_html(tmp_path / "r.html").read_text()
    assert "<script>alert" not in text
    assert "<b>'" not in text
