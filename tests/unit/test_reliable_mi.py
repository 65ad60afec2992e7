"""ReliableMI: the exact critic, what each check sees, interruption, new rows, what is refused."""

from __future__ import annotations

import copy
import json
import math
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import infometric as im
from infometric.exceptions import (
    DataError,
    InvalidParameterError,
    MergeError,
    ReliabilityWarning,
    UnsupportedError,
)
from infometric.extrapolation import Extrapolation
from infometric.neural import fitting, reliable
from infometric.neural.fitting import Fitted, Settings, fit_critic
from infometric.neural.model import Model, Plain
from infometric.neural.reliable import FEWEST_OF_ALL, LIMITS, MOST_TRAININGS
from infometric.neural.training import LEAST_GAIN, WINDOW, Course, Plan, Trainer

RHO = 0.8
TRUTH = -np.log(1 - RHO**2)  # two independent pairs of normal variables
QUICK = {"hidden": (16,), "embedding_dims": (4,), "patience": 2, "random_state": 0}
SMALL = QUICK | {"folds": 2, "gammas": (1, 2)}


def pair(n, d=2, seed=0, rho=RHO):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d))
    return x, rho * x + np.sqrt(1 - rho**2) * rng.normal(size=(n, d))


@pytest.fixture(scope="module")
def xy():
    return pair(400)


@pytest.fixture(scope="module")
def fitted(xy):
    return im.ReliableMI(**QUICK).fit(*xy)


@pytest.fixture(scope="module")
def small():
    """A smaller protocol, and one that is not reliable."""
    return im.ReliableMI(**SMALL | {"max_epochs": 1}).fit(*pair(120))


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ReliabilityWarning)
        yield


class Exact(nn.Module):
    """Log density ratio of jointly normal variables."""

    def __init__(self, rho=RHO):
        super().__init__()
        self.rho = rho

    def forward(self, x, y):
        v = 1 - self.rho**2
        square = (y[None] - self.rho * x[:, None]).square().sum(-1)
        constant = -0.5 * x.shape[1] * math.log(v)
        return constant - 0.5 * square / v + 0.5 * y.square().sum(-1)[None]


def not_trained(critic, ended="patience"):
    """In place of `fit_critic`: a critic that is what it is."""

    def fit(settings, x, y, rng, say=lambda epoch: None):
        order = rng.permutation(len(x))
        held = max(2, round(settings.validation * len(x)))
        course = Course([{"epoch": 0.0, "train": math.nan, "validation": 0.5}], 0, ended)
        model = Model(Plain(), Plain(), critic)
        return Fitted(model, course, None, np.sort(order[held:]), np.sort(order[:held]))

    return fit


# --- the number -------------------------------------------------------------------------------


def exact_value(x, y):
    """Mean exact log ratio of these rows: what no critic can know better."""
    rest = 1 - RHO**2
    ratio = 0.5 * (y**2 - (y - RHO * x) ** 2 / rest - np.log(rest))
    return ratio.sum(axis=1).mean()


def test_closed_form(fitted, xy):
    r = fitted.estimate()
    assert fitted.reliable_
    assert r.n == (400.0,)
    assert r.ci.low < exact_value(*xy) < r.ci.high
    assert abs(r.value - TRUTH) < 3 * r.se
    assert r.diagnostics["reliable"]
    assert "reasons" not in r.diagnostics
    assert r.diagnostics["interval_of"] == "the mutual information"


@pytest.mark.parametrize("strategy", ["jackknife", "bootstrap", "permutation"])
def test_strategies_that_see_the_rows_alone_are_refused(fitted, strategy):
    """Left-out rows know nothing of the lines: the interval would be half as wide."""
    with pytest.raises(UnsupportedError, match=strategy) as caught:
        fitted.estimate(uncertainty=strategy)
    assert "delta" in caught.value.hint


def test_the_value_is_that_of_the_lines(fitted):
    e, r = fitted.extrapolation_, fitted.estimate()
    assert r.value == pytest.approx(r.diagnostics["held_out"] + e.correction)
    assert r.diagnostics["held_out"] == pytest.approx(e.mean(1), abs=0.02)  # folds differ by a row
    told = r.diagnostics
    assert r.se**2 == pytest.approx(told["se_of_rows"] ** 2 + told["se_of_extrapolation"] ** 2)
    assert r.se > told["se_of_rows"]


def test_error_of_rows_and_of_folds_are_of_one_size(fitted):
    """A check of the influence values: folds are three draws, whose spread says the same."""
    told = fitted.estimate().diagnostics
    held = [t.held for t in fitted.extrapolation_ if t.gamma == 1]
    assert told["se_of_folds"] == pytest.approx(np.std(held, ddof=1) / np.sqrt(3))
    assert 0.1 < told["se_of_folds"] / told["se_of_rows"] < 3


@pytest.mark.statistical
def test_spread_of_estimates_is_that_of_the_error():
    found = [im.ReliableMI(**QUICK).fit(*pair(400, seed=s)).estimate() for s in range(20)]
    found = [r for r in found if r.diagnostics["reliable"]]
    assert len(found) > 12
    spread = np.std([r.value for r in found], ddof=1)
    assert 0.65 < spread / np.mean([r.se for r in found]) < 1.4
    folds = np.sqrt(np.mean([r.diagnostics["se_of_folds"] ** 2 for r in found]))
    rows = np.sqrt(np.mean([r.diagnostics["se_of_rows"] ** 2 for r in found]))
    assert folds == pytest.approx(rows, rel=0.4)


@pytest.mark.statistical
def test_intervals_cover_or_the_data_are_flagged():
    rng, told = np.random.default_rng(11), []
    for k in range(12):
        n, d = (300, 600)[k % 2], (1, 3, 10)[k % 3]
        rho = np.sqrt(1 - np.exp(-2 * (0.5, 1.5)[k % 2] / d))
        x, y = pair(n, d, int(rng.integers(2**31)), rho)
        truth = -0.5 * d * np.log(1 - rho**2)
        if k >= 6:  # monotone maps leave the information
            x, y = np.exp(x), y**3
        m = im.ReliableMI(max_epochs=100, patience=10, random_state=k).fit(x, y)
        r = m.estimate()
        told.append(not m.reliable_ or r.ci.low <= truth <= r.ci.high)
    assert sum(told) >= 9


# --- the same judges for every gamma ------------------------------------------------------------


def test_nothing_but_the_rows_trained_on_changes_with_gamma(xy, monkeypatch):
    """With the exact critic the held-out value is one number, and partners are one count."""
    partners, real = [], reliable.seen_value

    def spy(within, across):
        partners.append(across.shape[1])
        return real(within, across)

    monkeypatch.setattr(fitting, "fit_critic", not_trained(Exact()))
    monkeypatch.setattr(reliable, "seen_value", spy)
    m = im.ReliableMI(**QUICK | {"gammas": (1, 2, 5)}).fit(*xy)
    e = m.extrapolation_
    for fold in range(3):
        held = {t.held for t in e if t.fold == fold}
        assert len(held) == 1
    assert len(partners) == 2 * len(e)
    assert set(partners) <= {133, 134}  # the rows of the fold
    assert {t.gamma: t.rows for t in e if t.fold == 0} == {1: 266, 2: 133, 5: 54}
    assert e.used == (1, 2, 5)


def test_exact_critic_has_no_slope(monkeypatch):
    monkeypatch.setattr(fitting, "fit_critic", not_trained(Exact()))
    lines = np.array(
        [im.ReliableMI(**QUICK).fit(*pair(240, seed=s)).extrapolation_.lines for s in range(30)]
    )
    mean, se = lines.mean(axis=0), lines.std(axis=0, ddof=1) / np.sqrt(30)
    assert mean[0] == pytest.approx(TRUTH, abs=2 * se[0])
    assert abs(mean[1]) < 2 * se[1]
    assert abs(mean[2]) < 2 * se[2]
    assert se[1:].max() < 0.05


def test_exact_critic_passes_every_check(xy, monkeypatch):
    monkeypatch.setattr(fitting, "fit_critic", not_trained(Exact()))
    m = im.ReliableMI(**QUICK).fit(*xy)
    assert m.reliable_, m.extrapolation_.summary()


# --- which weights are kept -----------------------------------------------------------------------


def test_weights_that_are_kept_are_those_of_the_epoch_that_is_told(monkeypatch):
    x, y = pair(200, seed=3)
    averages, real = [], Trainer.exchange

    def spy(self):
        averages.append(self.average.clone())
        return real(self)

    monkeypatch.setattr(Trainer, "exchange", spy)
    settings = Settings(hidden=(16,), anchor=None, plan=Plan(max_epochs=40, patience=3))
    found = fit_critic(settings, x, y, np.random.default_rng(0))
    best = found.course.best_epoch
    assert 0 < best < len(found.course.epochs) - 1
    kept = torch.cat([p.detach().reshape(-1) for p in found.model.parameters()])
    assert torch.equal(kept, averages[2 * best])  # twice an epoch: there and back
    values = [e["validation"] for e in found.course.epochs]
    top, chosen = -math.inf, 0
    for epoch in range(len(values)):  # each looks at the past alone
        recent = np.median(values[max(0, epoch - WINDOW + 1) : epoch + 1])
        if recent > top + LEAST_GAIN * abs(top if np.isfinite(top) else 0):
            top, chosen = recent, epoch
    assert chosen == best


def test_later_epochs_do_not_change_what_was_best():
    x, y = pair(200, seed=3)
    whole = None
    for last in (12, 6, 3):
        plan = Plan(max_epochs=last, patience=50)
        settings = Settings(hidden=(16,), anchor=None, plan=plan)
        course = fit_critic(settings, x, y, np.random.default_rng(0)).course
        whole = whole or course
        assert course.epochs[1:] == whole.epochs[1 : last + 1]
        if whole.best_epoch <= last:
            assert course.best_epoch == whole.best_epoch
        assert course.best_epoch <= last


def test_the_epoch_of_each_training_is_told(xy):
    seen, real = [], fitting.fit_critic

    def spy(*args, **options):
        seen.append(real(*args, **options))
        return seen[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fitting, "fit_critic", spy)
        m = im.ReliableMI(**SMALL).fit(*xy)
    assert [t.epochs for t in m.extrapolation_] == [f.course.best_epoch for f in seen]
    assert [t.ended for t in m.extrapolation_] == [f.course.ended for f in seen]


# --- how many trainings -------------------------------------------------------------------------


def test_default_protocol_is_at_most_fifteen_trainings(xy, monkeypatch):
    count, never = [0], not_trained(Exact())

    def spy(*args, **options):
        count[0] += 1
        return never(*args, **options)

    monkeypatch.setattr(fitting, "fit_critic", spy)
    m = im.ReliableMI(random_state=0).fit(*xy)
    assert count[0] == 14 <= MOST_TRAININGS
    assert len(m.extrapolation_) == 12  # two more chose the dimension
    assert sorted(m.extrapolation_.dimensions) == [4, 16, 64]
    assert next(iter(m.extrapolation_.dimensions)) == m.extrapolation_.embedding_dim


def test_best_dimension_is_that_of_the_validation_rows(xy, monkeypatch):
    values = {2: 0.3, 4: 0.9, 8: 0.5}

    def fit(settings, *args):
        found = not_trained(Exact())(settings, *args)
        found.course.epochs[0]["validation"] = values[settings.embedding_dim]
        return found

    monkeypatch.setattr(fitting, "fit_critic", fit)
    e = im.ReliableMI(**QUICK | {"embedding_dims": (8, 2, 4, 4)}).fit(*xy).extrapolation_
    assert e.embedding_dim == 4
    assert e.dimensions == values


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"gammas": (2, 4)}, "ascend from 1"),
        ({"gammas": (1, 4, 2)}, "ascend from 1"),
        ({"gammas": (1, 2, 2)}, "ascend from 1"),
        ({"gammas": (1,)}, "two or more"),
        ({"gammas": (1, 2.5)}, "whole numbers"),
        ({"gammas": ()}, "two or more"),
        ({"gammas": 4}, "gammas"),
        ({"folds": 1}, "folds"),
        ({"folds": 5}, "more than 15"),
        ({"gammas": tuple(range(1, 11))}, "more than 15"),
        ({"embedding_dims": ()}, "embedding_dims"),
        ({"embedding_dims": (0, 4)}, "embedding_dims"),
        ({"embedding_dims": (4, 2.5)}, "embedding_dims"),
        ({"embedding_dims": ("a",)}, "embedding_dims"),
        ({"embedding_dims": 16}, "embedding_dims"),
        ({"hidden": ("a",)}, "hidden"),
        ({"hidden": (0,)}, "hidden"),
        ({"units": "bytes"}, "units"),
    ],
    ids=str,
)
def test_parameters_that_are_wrong(given, says, xy):
    with pytest.raises(InvalidParameterError, match=says) as caught:
        im.ReliableMI(**QUICK | given).fit(*xy)
    assert "Try:" in str(caught.value) or "must be" in str(caught.value)


@pytest.mark.parametrize("n", [2, 9, 12, 20, 29])
def test_too_few_rows(n):
    with pytest.raises(DataError, match=f"{n}") as caught:
        im.ReliableMI(**QUICK).fit(*pair(n))
    assert "mutual_information" in caught.value.hint


def test_fewest_rows():
    n = 30  # three folds and gamma four leave five
    m = im.ReliableMI(**QUICK | {"max_epochs": 2}).fit(*pair(n))
    assert min(t.rows for t in m.extrapolation_) == FEWEST_OF_ALL
    assert np.isfinite(m.estimate().value)


# --- what each check sees ---------------------------------------------------------------------


def failed(x, y, **given):
    m = im.ReliableMI(**QUICK | given).fit(x, y)
    r = m.estimate()
    if m.reliable_:
        return set(), r
    assert math.isnan(r.ci.low)
    assert math.isnan(r.ci.high)
    low, high = r.diagnostics["interval_if_reliable"]
    assert low <= high
    told = " ".join(r.diagnostics["reasons"])
    for c in m.extrapolation_.failed:
        assert f"{c.name} " in told
        assert c.reason in m.extrapolation_.summary()
    return {c.name for c in m.extrapolation_.failed}, r


def test_independent_variables_are_reliably_without_information():
    x, _ = pair(300)
    found, r = failed(x, pair(300, seed=9)[1])
    assert not found
    assert r.ci.low <= 0.02
    assert r.value < 0.1


def test_gap_sees_what_was_learned_by_heart():
    rng = np.random.default_rng(0)
    heavy = np.sqrt(2 / rng.chisquare(2, size=(300, 1)))
    x, y = rng.normal(size=(2, 300, 10)) * heavy
    assert "gap" in failed(x, y)[0]


def test_ceiling_and_partners_see_that_rows_are_too_few():
    rho = np.sqrt(1 - np.exp(-2 * 8 / 10))
    found, r = failed(*pair(500, 10, rho=rho))
    assert {"ceiling", "partners"} <= found
    assert r.value < 8


def test_moments_see_a_critic_that_is_wrong(xy, monkeypatch):
    x, y = pair(400, rho=0.9)
    assert {"moments", "training"} <= failed(x, y, anchor=None, max_epochs=1)[0]
    monkeypatch.setattr(fitting, "fit_critic", not_trained(Exact(0.4)))
    assert "spread of moments" in failed(x, y)[0]


@pytest.mark.parametrize("ended", ["diverged", "interrupted", "epochs"])
def test_training_sees_what_was_cut_off(ended, xy, monkeypatch):
    monkeypatch.setattr(fitting, "fit_critic", not_trained(Exact(), ended))
    assert failed(*xy)[0] == {"training"}


def test_rows_see_copies_twins_and_constants(xy):
    x, y = pair(150)
    few = {"max_epochs": 5}
    assert "rows" in failed(np.vstack([x, x]), np.vstack([y, y]), **few)[0]
    assert {"rows", "ceiling"} <= failed(x, x, **few)[0]
    assert "rows" in failed(x, 0 * y, **few)[0]


def test_learned_sees_that_lines_do_not_tell_all():
    """A dependence that no critic of two epochs finds, in rows that are not normal."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(300, 1))
    y = np.sin(9 * x) + 0.1 * rng.normal(size=(300, 1))
    ring = rng.uniform(0, 2 * np.pi, size=(300, 1))
    x = np.hstack([x, np.cos(ring), np.sin(ring)])
    assert "learned" in failed(x, y, patience=1)[0]


def test_shift_sees_lines_that_are_not_straight(xy, monkeypatch):
    real = reliable.Training

    def training(fold, gamma, chunk, rows, held, *more):
        return real(fold, gamma, chunk, rows, held - 0.5 * (gamma == 1), *more)

    monkeypatch.setattr(fitting, "fit_critic", not_trained(Exact()))
    monkeypatch.setattr(reliable, "Training", training)
    assert "shift" in failed(*xy)[0]


def test_an_unreliable_estimate_warns_once(small):
    assert not small.reliable_
    with pytest.warns(ReliabilityWarning, match=r"Not reliable: .*training") as caught:
        r = small.estimate()
    assert len(caught) == 1
    assert not r.diagnostics["reliable"]
    with pytest.warns(ReliabilityWarning):
        assert math.isnan(small.ci().low)


def test_a_reliable_estimate_does_not_warn(fitted):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted.estimate()


def test_every_check_has_a_limit_and_a_reason(fitted):
    names = [c.name for c in fitted.extrapolation_.checks]
    assert len(set(names)) == len(names)
    assert set(names) >= {"ceiling", "partners", "gap", "shift", "moments", "training", "rows"}
    assert set(names) <= set(reliable.REASONS)
    for c in fitted.extrapolation_.checks:
        assert c.limit == LIMITS.get(c.name, 0.0) or c.name == "spread of moments"
        assert c.limit >= LIMITS.get(c.name, 0.0)
        assert c.passed == (c.value <= c.limit)


@pytest.mark.parametrize("which", ["fitted", "small"])
def test_results_survive_json(which, request):
    m = request.getfixturevalue(which)
    r = m.estimate()
    again = type(r).from_json(r.to_json())
    assert again.to_dict() == r.to_dict()
    e = m.extrapolation_
    assert Extrapolation.from_dict(json.loads(json.dumps(e.to_dict(), allow_nan=False))) == e


# --- interruption -------------------------------------------------------------------------------


@pytest.mark.parametrize("at", ["first epoch", "first critic", "dimensions", "middle", "end"])
def test_ctrl_c_leaves_a_usable_state(at, xy):
    epochs, told = 3, []
    trainings = 2 * 3 + 1  # two folds, and one more dimension
    wanted = {"first epoch": 1, "first critic": 3, "dimensions": 4, "middle": 11, "end": 21}[at]
    assert trainings * epochs == 21

    def stop(done, total):
        told.append((done, total))
        if done >= wanted:
            raise KeyboardInterrupt

    given = SMALL | {"max_epochs": epochs, "patience": 50, "embedding_dims": (2, 4)}
    m = im.ReliableMI(**given, progress=stop)
    with pytest.warns(ReliabilityWarning, match="interrupted") as caught:
        m.fit(*xy)
    assert len([w for w in caught if "interrupted" in str(w.message)]) == 1
    assert {total for _, total in told} == {21}
    assert max(done for done, _ in told) < wanted + epochs  # and nothing was trained after it
    assert not m.reliable_
    assert "training" in [c.name for c in m.extrapolation_.failed]
    r = m.estimate()
    assert np.isfinite(r.value)
    assert math.isnan(r.se)
    assert not r.diagnostics["reliable"]
    assert np.isfinite(m.estimate(*pair(50, seed=7)).value)
    type(r).from_json(r.to_json())
    m.extrapolation_.summary()


def test_ctrl_c_before_anything_is_there_is_an_interruption(xy, monkeypatch):
    def stop(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(fitting, "fit_critic", stop)
    m = im.ReliableMI(**SMALL)
    with pytest.raises(KeyboardInterrupt):
        m.fit(*xy)
    assert not hasattr(m, "state_")


def test_progress_goes_from_nothing_to_all(xy):
    told = []
    given = SMALL | {"max_epochs": 2}
    im.ReliableMI(**given, progress=lambda done, total: told.append((done, total))).fit(*xy)
    done = [d for d, _ in told]
    assert done == sorted(done)
    assert told[-1] == (12, 12)


# --- new rows -----------------------------------------------------------------------------------


def test_new_rows_are_judged_and_corrected(fitted):
    new = pair(1000, seed=5)
    r = fitted.estimate(*new)
    assert r.n == (1000.0,)
    assert abs(r.value - TRUTH) < 3 * r.se
    assert r.value - r.diagnostics["held_out"] == pytest.approx(fitted.extrapolation_.correction)
    assert r.se < fitted.estimate().se


def test_rows_added_and_merged(xy):
    m = im.ReliableMI(**SMALL).fit(*xy)
    other = copy.deepcopy(m)
    before = m.estimate()
    new = pair(100, seed=6)
    alone = m.estimate(*new)
    other.partial_fit(*new)
    both = other.estimate()
    assert both.n == (500.0,)
    assert both.value == pytest.approx((400 * before.value + 100 * alone.value) / 500)
    assert m.merge(other).estimate().n == (900.0,)  # critics are the same
    third = im.ReliableMI(**SMALL | {"random_state": 1}).fit(*xy)
    with pytest.raises(MergeError):
        m.merge(third)
    assert m.estimate().n == (900.0,)


def test_rows_of_another_width(fitted, xy):
    with pytest.raises(DataError, match="features"):
        fitted.estimate(xy[0][:, :1], xy[1])


def test_columns_by_name_and_classes_are_read_again():
    x, y = pair(160)
    frame = pd.DataFrame(x, columns=["a", "b"]).assign(grade=["u", "v"] * 80, t=y[:, 0])
    m = im.ReliableMI(**SMALL | {"max_epochs": 2}).fit(frame, "t")
    whole = m.estimate(frame, "t")
    assert m.estimate(frame[["t", "grade", "b", "a"]], "t").value == pytest.approx(whole.value)
    some = frame[frame.grade == "v"]  # one class of two: the columns stay what they were
    assert m.estimate(some, "t").n == (80.0,)
    assert list(m.feature_names_in_) == ["a", "b", "grade"]


def test_the_same_seed_gives_the_same_bits(xy):
    first, second = (im.ReliableMI(**SMALL).fit(*xy) for _ in range(2))
    assert first.estimate().to_dict() == second.estimate().to_dict()
    assert first.extrapolation_ == second.extrapolation_
    third = im.ReliableMI(**SMALL | {"random_state": 1}).fit(*xy)
    assert third.estimate().value != first.estimate().value


def test_units_commute(fitted, xy):
    bits = im.ReliableMI(**QUICK, units="bits").fit(*xy).estimate()
    assert bits.units == "bits"
    nats = fitted.estimate()
    assert bits.value == pytest.approx(nats.value / np.log(2))
    assert bits.se == pytest.approx(nats.se / np.log(2))
    assert bits.ci.high == pytest.approx(nats.ci.high / np.log(2))


def test_intervals_nest_by_level(fitted):
    narrow, wide = fitted.ci(level=0.68), fitted.ci(level=0.95)
    assert wide.low <= narrow.low < narrow.high <= wide.high


def test_a_failed_fit_changes_nothing(fitted, xy):
    before = fitted.estimate().to_dict()
    for bad in (xy[0][:20], xy[1][:20]), (xy[0], xy[1][:30]), (xy[0] * np.nan, xy[1]):
        with pytest.raises(DataError):
            fitted.fit(*bad)
    assert fitted.estimate().to_dict() == before


@pytest.mark.parametrize("which", ["fitted", "small"])
def test_saved_and_loaded_is_the_same_to_the_last_bit(which, request, tmp_path):
    before = request.getfixturevalue(which)
    folder = before.save(tmp_path / "m")
    after = im.ReliableMI.load(folder)
    new = pair(60, seed=5)
    assert after.estimate().to_dict() == before.estimate().to_dict()
    assert after.estimate(*new).to_dict() == before.estimate(*new).to_dict()
    assert after.extrapolation_ == before.extrapolation_
    assert after.reliable_ == before.reliable_
    assert after.history_.to_dict() == before.history_.to_dict()
    assert after.get_params() == before.get_params()
    again = im.ReliableMI.load(after.save(tmp_path / "again"))
    assert again.estimate().to_dict() == before.estimate().to_dict()
    with pytest.raises(DataError, match="another estimator") as caught:
        im.NeuralMI.load(folder)
    assert "ReliableMI.load" in caught.value.hint


def test_a_dimension_that_was_chosen_and_an_encoder_are_loaded(xy, tmp_path):
    x, y = xy
    given = SMALL | {"max_epochs": 2, "embedding_dims": (3, 5)}
    before = im.ReliableMI(**given).fit(x, y)
    after = im.ReliableMI.load(before.save(tmp_path / "m"))
    assert after.estimate(x, y).to_dict() == before.estimate(x, y).to_dict()
    images = x.reshape(-1, 1, 2)
    body = lambda: nn.Sequential(nn.Flatten(), nn.Linear(2, 3))  # noqa: E731
    before = im.ReliableMI(encoder_x=body, **given).fit(images, y)
    folder = before.save(tmp_path / "encoder")
    after = im.ReliableMI.load(folder, encoder_x=body)
    assert after.estimate(images, y).to_dict() == before.estimate(images, y).to_dict()
    with pytest.raises(InvalidParameterError, match="encoder_x of yours") as caught:
        im.ReliableMI.load(folder)
    assert "ReliableMI.load" in caught.value.hint


# --- images, critics of the user's, and what is refused -------------------------------------------


def test_images_with_an_encoder():
    x, y = pair(200, 4)
    images = x.reshape(200, 1, 2, 2)
    body = nn.Sequential(nn.Flatten(), nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 8))
    m = im.ReliableMI(encoder_x=body, **SMALL | {"max_epochs": 5}).fit(images, y)
    names = [c.name for c in m.extrapolation_.checks]
    assert "moments" not in names  # rows are no vectors, whose moments could be compared
    assert "gap" in names
    r = m.estimate()
    assert type(r).from_json(r.to_json()).value == r.value
    assert m.estimate(images, y).n == (200.0,)
    with pytest.raises(DataError, match="encoder_x"):
        im.ReliableMI(**SMALL).fit(images, y)


def test_a_critic_of_the_users(xy):
    class Product(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(torch.full((2,), 0.5))

        def forward(self, x, y):
            return (x * self.w) @ y.T

    given = SMALL | {"embedding_dims": (4, 16, 64), "max_epochs": 5}
    for critic in (Product(), lambda dx, dy: Product()):
        m = im.ReliableMI(critic=critic, **given).fit(*xy)
        assert len(m.extrapolation_) == 6
        assert len(m.extrapolation_.dimensions) == 1  # it has the dimension that it has
        assert 0 < m.estimate().value < TRUTH + 0.3


def test_critic_is_differentiable(fitted, xy):
    x = torch.tensor(xy[0][:20], dtype=torch.float32, requires_grad=True)
    y = torch.tensor(xy[1][:20], dtype=torch.float32)
    score = fitted.critic_(x, y)
    assert score.shape == (20, 20)
    score.diagonal().sum().backward()
    weights = [p for p in fitted.critic_.parameters() if p.requires_grad]
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in weights)
    fitted.critic_.zero_grad(set_to_none=True)


def test_what_is_refused(fitted, xy):
    with pytest.raises(UnsupportedError, match="one critic per fold"):
        fitted.test()
    with pytest.raises(UnsupportedError, match="weighted"):
        im.ReliableMI(**SMALL).fit(*xy, sample_weight=np.ones(400))
    with pytest.raises(DataError, match="y is None"):
        im.ReliableMI(**SMALL).fit(xy[0])


# --- pictures -------------------------------------------------------------------------------------


@pytest.mark.parametrize("style", ["default", "dark_background"])
def test_plot_shows_both_lines_meet_at_the_information(style, fitted, small):
    plt = pytest.importorskip("matplotlib.pyplot")
    with plt.style.context(style):
        for m in (fitted, small):
            ax = m.extrapolation_.plot()
            at = [line.get_ydata()[0] for line in ax.lines if line.get_xdata()[0] == 0]
            assert len(at) >= 3
            assert at == pytest.approx([m.extrapolation_.lines.intercept] * len(at))
            assert ("not reliable" in ax.get_title()) == (not m.reliable_)
            plt.close(ax.figure)
    own = plt.figure().subplots()
    assert fitted.extrapolation_.plot(own) is own
    plt.close(own.figure)
