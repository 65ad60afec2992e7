"""``infometric neural`` on arrays and tables."""

from __future__ import annotations

import json
import sys
import warnings

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("torch")

import infometric as im
from infometric.exceptions import ReliabilityWarning
from infometric.report import terminal
from infometric.report.cli import main
from infometric.report.document import Report
from infometric.report.options import spoken


def pairs(n, seed=0):
    """Two pairs of columns that share .51 nats each."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2))
    return x, 0.8 * x + 0.6 * rng.normal(size=(n, 2))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    where = tmp_path_factory.mktemp("neural")
    x, y = pairs(150)
    np.save(where / "x.npy", x)
    np.save(where / "y.npy", y)
    np.save(where / "short.npy", y[:100])
    np.save(where / "holes.npy", np.where(np.arange(300).reshape(150, 2) == 7, np.nan, y))
    np.savez(where / "both.npz", rows=x, other=y)
    (where / "x.pt").write_text("no array")
    frame = pd.DataFrame(np.column_stack([x, y]), columns=["a", "b", "c", "d"])
    frame.to_csv(where / "table.csv", index=False)
    frame.to_parquet(where / "table.parquet")
    words = frame.assign(kind=np.where(x[:, 0] > 0, "high", "low"))
    words.to_csv(where / "words.csv", index=False)
    gaps = words.assign(a=frame["a"].where(frame.index != 3))
    gaps.to_csv(where / "gaps.csv", index=False)
    words.assign(kind=words["kind"].where(words.index != 3)).to_csv(
        where / "unknown.csv", index=False
    )
    frame[:6].to_csv(where / "few.csv", index=False)
    frame.to_csv(where / "headless.csv", index=False, header=False)
    return where


def of_report(path):
    """The one result of a report, and its name."""
    (section,) = Report.from_json(path).sections
    ((name, result),) = section.table.items()
    return name, result, section.note


QUICK = ("--quick", "--max-epochs", "3")


def test_a_bound_of_arrays_is_that_of_the_estimator(folder, capsys):
    out = folder / "quick.json"
    given = [f"{folder}/x.npy", "--y", f"{folder}/y.npy", *QUICK, "--units", "bits"]
    assert main(["neural", *given, "--level", "0.9", "--json", str(out)]) == 0
    said = capsys.readouterr()
    x, y = pairs(150)
    wanted = im.NeuralMI(max_epochs=3, units="bits", random_state=0).fit(x, y).estimate(level=0.9)
    name, found, note = of_report(out)
    assert (name, found.value, found.ci, found.pvalue, found.units, found.level) == (
        "x and y", wanted.value, wanted.ci, wanted.pvalue, "bits", 0.9,
    )  # fmt: skip
    assert f"{wanted.value:.4f}" in said.out
    assert "150 rows of 2 + 2 columns of x.npy; 5 critics" in said.err
    assert "without --quick" in " ".join(note.split())
    data = json.loads(out.read_text())
    assert Report.from_dict(data).to_dict() == data


def test_a_table_and_its_columns_are_the_same_as_arrays(folder, capsys):
    values = {}
    for name, given in {
        "arrays": ("both.npz:rows", "--y", f"{folder}/both.npz:other"),
        "csv": ("table.csv", "--y", "c", "--y", "d"),
        "parquet": ("table.parquet", "--x", "a,b", "--y", "c,d"),
    }.items():
        out = folder / f"{name}.json"
        file, *rest = given
        assert main(["neural", f"{folder}/{file}", *rest, *QUICK, "--json", str(out), "-q"]) == 0
        values[name] = of_report(out)[:2]
    assert values["csv"][0] == values["parquet"][0] == "a, b and c, d"
    assert values["arrays"][0] == "rows and other"
    assert values["csv"][1].value == pytest.approx(values["arrays"][1].value, abs=1e-5)
    assert values["parquet"][1].value == values["arrays"][1].value


def test_another_seed_is_another_number(folder):
    found = []
    for seed in ("0", "1", "1"):
        out = folder / "seed.json"
        given = [f"{folder}/x.npy", "--y", f"{folder}/y.npy", *QUICK, "--random-state", seed]
        assert main(["neural", *given, "--json", str(out), "-q"]) == 0
        found.append(of_report(out)[1].value)
    assert found[0] != found[1] == found[2]


def test_the_protocol_prints_its_checks_and_keeps_them(folder, capsys):
    out, page, picture = (folder / f"all.{kind}" for kind in ("json", "html", "png"))
    given = [f"{folder}/words.csv", "--y", "c", "--y", "kind", "--exclude", "d"]
    files = ["--json", str(out), "--html", str(page), "--plot", str(picture)]
    assert main(["neural", *given, "--max-epochs", "2", *files]) == 0
    said = capsys.readouterr()
    name, found, _ = of_report(out)
    assert name == "a, b and c, kind"
    checks = found.diagnostics["checks"]
    assert found.diagnostics["reliable"] is False  # trainings were cut off at two epochs
    assert np.isnan(found.ci.low)
    assert f"of {len(checks)} checks fail" in said.out
    for check in checks:
        assert check["name"] in said.out
        assert check["reason"] in page.read_text().replace("&#x27;", "'")
    assert "FAIL  training" in said.out
    assert "trainings that were cut off" in said.out
    assert "Not reliable" in said.err
    assert "summary()" not in said.err + page.read_text()
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_checks_that_hold_are_said_in_one_line(capsys):
    holds = {"name": "gap", "passed": True, "value": 0.05, "limit": 0.2, "reason": "too wide"}
    terminal.checks([holds])
    shown = capsys.readouterr().out
    assert "reliable: all of 1 checks hold" in shown
    assert "not reliable" not in shown
    assert "too wide" not in shown  # the reason is for those that fail
    terminal.checks([holds | {"passed": False}])
    shown = capsys.readouterr().out
    assert "not reliable: 1 of 1 checks fail" in shown
    assert "gap: too wide." in shown


def test_a_picture_of_the_training(folder, capsys):
    picture = folder / "curves.svg"
    given = [f"{folder}/x.npy", "--y", f"{folder}/y.npy", *QUICK, "--plot", str(picture), "-q"]
    assert main(["neural", *given]) == 0
    assert "<svg" in picture.read_text()
    assert str(picture.resolve()) in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["x.npy", "--y", "c"], "An array has no named columns"),
        (["x.npy", "--y", "{}/y.npy", "--x", "a"], "An array has no named columns"),
        (["x.npy", "--y", "{}/y.npy", "--y", "{}/x.npy"], "one array"),
        (["x.npy", "--y", "{}/short.npy"], "'rows of X': 150, 'rows of y': 100"),
        (["x.npy", "--y", "{}/holes.npy"], "NaN or infinity"),
        (["x.npy", "--y", "{}/absent.npy"], "There is no file"),
        (["both.npz", "--y", "{}/y.npy"], "holds several arrays"),
        (["x.pt", "--y", "c"], "name it .npy or .npz"),
        (["table.csv", "--y", "e"], "There is no column 'e'"),
        (["table.csv", "--y", "c", "--x", "c"], "name each column once"),
        (["table.csv", "--y", "a,b,c,d"], "--x nothing"),
        (["table.csv", "--y", ""], "--y takes columns of FILE"),
        (["table.csv"], "Missing option '--y'"),
        (["gaps.csv", "--y", "c"], "--exclude 'a'"),
        (["unknown.csv", "--y", "kind"], "The column 'kind' is missing in 1 row(s)"),
        (["few.csv", "--y", "c"], "n_samples=6"),
        (["x.npy", "--y", "{}/y.npy", "--level", "2"], "--level 0.95"),
        (["x.npy", "--y", "{}/y.npy", "--units", "miles"], "units"),
        (["x.npy", "--y", "{}/y.npy", "--plot", "curve.gif"], "--plot curve.png"),
        (["x.npy", "--y", "{}/y.npy", "--plot", "/no/such/place/a.png"], "mkdir -p"),
        (["x.npy", "--y", "{}/y.npy", "--json", "{}/y.npy"], "a file of its own"),
    ],
)
def test_refusals_say_what_to_type(folder, capsys, arguments, says):
    name, *rest = (argument.format(folder) for argument in arguments)
    assert main(["neural", f"{folder}/{name}", *rest]) == 2
    assert says in " ".join(capsys.readouterr().err.replace("│", " ").split())


def test_pictures_do_not_replace_what_is_read_or_written(folder, capsys):
    given = [f"{folder}/x.npy", "--y", f"{folder}/y.npy", "--html", f"{folder}/o.png"]
    assert main(["neural", *given, "--plot", f"{folder}/o.png"]) == 2
    assert "a file of its own" in capsys.readouterr().err


def test_without_torch_it_says_what_to_install(folder, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert main(["neural", f"{folder}/x.npy", "--y", f"{folder}/y.npy"]) == 2
    assert "pip install 'infometric[neural]'" in capsys.readouterr().err


def test_without_matplotlib_nothing_is_trained_for_a_picture(folder, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    given = [f"{folder}/x.npy", "--y", f"{folder}/y.npy", "--plot", f"{folder}/no.png"]
    assert main(["neural", *given]) == 2
    assert "pip install 'infometric[plot]'" in capsys.readouterr().err


def test_help_lists_the_kinds_of_files(capsys):
    assert main(["neural", "--help"]) == 0
    shown = capsys.readouterr().out
    assert ".npz" in shown
    assert "--quick" in shown


def test_hints_speak_of_the_list_of_checks():
    text = "No interval is given; extrapolation_.summary() says what each means."
    assert spoken(text) == "No interval is given; the list of checks says what each means."


def test_the_function_is_the_protocol_or_the_bound():
    x, y = pairs(120)
    frame = pd.DataFrame(np.column_stack([x, y]), columns=["a", "b", "c", "d"])
    options = {"max_epochs": 2, "random_state": 0}
    quick = im.neural_mutual_information(frame, ["c", "d"], reliable=False, level=0.9, **options)
    assert quick == im.NeuralMI(**options).fit(x, y).estimate(level=0.9)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ReliabilityWarning)
        whole = im.neural_mutual_information(x, y, units="bits", **options)
        wanted = im.ReliableMI(units="bits", **options).fit(x, y).estimate()
    assert whole.to_json() == wanted.to_json()
    assert whole.diagnostics["reliable"] is False


def test_progress_of_the_function_is_told():
    seen = []
    x, y = pairs(60)
    im.neural_mutual_information(
        x, y, reliable=False, max_epochs=2, progress=lambda done, total: seen.append((done, total))
    )
    assert seen[-1] == (10, 10)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"max_epoch": 3}, "max_epochs=..., the nearest"),
        ({"bound": "nwj"}, "bound belongs to NeuralMI"),
        ({"gammas": (1, 2), "reliable": False}, "reliable=True, gammas=..."),
        ({"units": "miles"}, "units"),
    ],
)
def test_options_that_are_none(options, says):
    with pytest.raises(im.exceptions.InvalidParameterError) as error:
        im.neural_mutual_information(*pairs(60), **options)
    assert says in str(error.value)


# --- what a user who is in a hurry meets ----------------------------------------------------------


@pytest.mark.parametrize("given", [("scalar.npy", "x.npy"), ("x.npy", "scalar.npy")])
def test_a_single_number_has_no_rows(folder, capsys, given):
    np.save(folder / "scalar.npy", np.array(3.0))
    file, other = (f"{folder}/{name}" for name in given)
    assert main(["neural", file, "--y", other]) == 2
    said = capsys.readouterr().err
    assert "holds one number, and no rows" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ((), "interrupted: 1 of 12 critics, 50 of 150 rows scored"),
        (("--quick",), "interrupted: 1 of 5 critics, 30 of 150 rows scored"),
    ],
)
def test_interruption_is_said_and_has_its_code(folder, capsys, monkeypatch, options, says):
    from infometric.neural import fitting

    once, calls = fitting.fit_critic, []

    def second_is_stopped(*arguments):
        calls.append(1)
        if len(calls) > (1 if options else 3):  # three dimensions are tried before the others
            raise KeyboardInterrupt
        return once(*arguments)

    monkeypatch.setattr(fitting, "fit_critic", second_is_stopped)
    out = folder / "cut.json"
    given = [f"{folder}/x.npy", "--y", f"{folder}/y.npy", "--max-epochs", "2", *options]
    assert main(["neural", *given, "--json", str(out)]) == 130
    assert says in " ".join(capsys.readouterr().err.split())
    assert np.isfinite(of_report(out)[1].value)


def test_pictures_and_summaries_are_in_the_units_asked():
    figure = pytest.importorskip("matplotlib.figure")
    levels = [(1, 0.9, 1.05), (2, 0.8, 1.1), (4, 0.6, 1.2)]
    trainings = tuple(im.extrapolation.Training(0, g, 0, 400 // g, t, r) for g, t, r in levels)
    found = im.extrapolation.Extrapolation(trainings, (1, 2, 4))
    ax = found.plot(figure.Figure().subplots(), units="bits")
    assert ax.get_ylabel() == "mutual information (bits)"
    heights = np.concatenate([line.get_ydata() for line in ax.lines])
    assert heights.max() == pytest.approx(1.2 / np.log(2))
    assert "infinitely many: 1.44" in [t.get_text() for t in ax.get_legend().get_texts()]
    assert found.summary(units="bits").startswith("1.443 bits")
    with pytest.raises(im.exceptions.InvalidParameterError):
        found.summary(units="miles")


def test_hints_are_options_where_columns_are_dates_or_rows_are_few(folder, capsys):
    frame = pd.read_csv(folder / "table.csv")
    frame.assign(when=pd.date_range("2020-01-01", periods=150)).to_csv(
        folder / "dated.csv", index=False
    )
    frame[:13].to_csv(folder / "thirteen.csv", index=False)
    assert main(["neural", f"{folder}/dated.csv", "--y", "c"]) == 2
    said = capsys.readouterr().err
    assert "--exclude when" in said
    assert "characteristic" not in said
    assert main(["neural", f"{folder}/thirteen.csv", "--y", "c"]) == 2
    said = capsys.readouterr().err
    assert "Try: --quick, or infometric mi of a column of each" in said
    assert "NeuralMI" not in said


def test_a_check_of_trainings_that_fails_says_what_to_type(folder, capsys):
    given = [f"{folder}/x.npy", "--y", f"{folder}/y.npy", "--max-epochs", "2"]
    assert main(["neural", *given]) == 0
    assert "--max-epochs 8" in capsys.readouterr().err
