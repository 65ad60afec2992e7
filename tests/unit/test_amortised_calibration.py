"""Who may see which task, and margins from families that were left out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.special import ndtri

pytest.importorskip("torch")

from infometric.amortised.calibration import KINDS, Judged, kinds, margins_of, moved, of_kind
from infometric.amortised.config import EXAMPLE, Config
from infometric.amortised.families import FAMILIES
from infometric.amortised.fitting import Settings, assignment, fit, weight_of
from infometric.amortised.network import LEVELS, MIDDLE, perceptron, quantiles, released
from infometric.amortised.table import Table
from infometric.exceptions import DataError, InvalidParameterError
from infometric.functional.portrait import names


def combined(parts):
    """Eight tasks of two plain families and of a third that is made of them."""
    family = np.repeat([0, 1, 2], [3, 3, 2])
    made_of = np.full((8, 2), -1)
    made_of[6:] = parts
    ones = np.ones(8)
    names = ("plain", "other", "made")
    return Table(
        np.ones((8, 2)), ones, ones * 0, family, ones * 50, ones, ones, made_of, families=names
    )


def test_who_may_not_see_a_family_sees_no_task_made_of_it():
    seen = np.array([[False, True, True], [True, True, False], [True, False, True]])
    found = combined([[0, -1], [1, 0]]).seen_by(seen)
    assert found.tolist() == [
        [False] * 3 + [True] * 3 + [False, False],
        [True] * 6 + [False, False],
        [True] * 3 + [False] * 3 + [True, False],
    ]


def test_the_fit_gives_hidden_tasks_no_weight():
    """Truths of tasks that a member may not see can be anything: it stays the same, bit by bit."""
    rng = np.random.default_rng(0)
    width = len(names())
    table = combined([[0, -1], [0, -1]])
    features = rng.normal(size=(8, width)).astype(np.float32)
    seen = np.array([[False, True, True], [True, True, True]])
    settings = Settings(members=2, hidden=(4, 4), steps=20, batch=16, left_out=1)
    fits = []
    for odd in (0.0, 30.0):  # below and above what a member says
        truth = np.where(table.seen_by(seen)[0], 1.0, odd)
        changed = replace(table, features=features, truth=truth)
        fits.append(fit(changed, settings, seen=seen))
    assert np.array_equal(fits[0]["w0"][0], fits[1]["w0"][0])
    assert not np.array_equal(fits[0]["w0"][1], fits[1]["w0"][1])


def test_margins_are_those_of_families_of_one_weight_and_wider_for_one_more():
    rng = np.random.default_rng(1)
    family = np.repeat(np.arange(9), [500] + [100] * 8)
    scores = rng.normal(size=(len(family), 2, 4)) + (family == 0)[:, None, None] * [[0.0], [50.0]]
    margins = margins_of(scores, family, np.zeros(len(family), int))
    assert margins.shape == (KINDS, len(LEVELS))
    assert (margins == margins[0]).all()  # kinds that no family has
    # above, one family of nine has scores of fifty, though five tasks of thirteen:
    # 8/9 is less than 1 - (1 - .8 * 10/9) / 2, and more than 1 - (1 - .5 * 10/9) / 2
    assert margins[0, -3] > 40
    assert margins[0, -4] < 3
    assert margins[0, 2] == pytest.approx(-1.6, abs=0.15)  # below: one end's .944


def test_margins_are_apart_for_ties_common_scales_and_narrow_sides():
    wanted = ("ties:x", "ties:y", "log columns:x", "log columns:y", "log norms, correlation")
    features = np.zeros((9, len(names())), np.float32)
    features[:, [names().index(name) for name in wanted]] = [
        *([0, 0, 0, np.log(32), 0], [0, 0, np.log(32), 0, -0.9]),
        *([0, 0, np.log(2), np.log(32), 0.4], [0.04, 0.04, np.log(4), np.log(4), 0]),
        *([0, 0, np.log(5), np.log(5), 0], [0, 0, np.log(2), np.log(2), 0.6]),
        *([0, 0, np.log(9), np.log(9), 0.6], [0.5, 0, 0, 0, 0.9]),
        [0, 0.5, np.log(32), np.log(9), 0],
    ]
    assert kinds(features).tolist() == [0, 0, 1, 1, 2, 4, 5, 6, 8]
    family, kind = np.repeat([0, 1, 2], 200), np.tile(np.arange(2), 300)
    scores = np.random.default_rng(0).normal(size=(600, 2, 4)) + 7.0 * kind[:, None, None]
    margins = margins_of(scores, family, kind)
    assert (margins[1, MIDDLE + 1 :] - margins[0, MIDDLE + 1 :] > 5).all()
    t = np.tile(np.linspace(1.0, 2.0, len(LEVELS)), (2, 1))
    assert np.array_equal(of_kind(margins, np.array([1, 0])), margins[[1, 0]])
    margins = np.array([[0.1], [0.3]]) * np.arange(-4, 5)
    found = moved(t, margins, np.array([1, 0]), 0.5)
    assert np.allclose(found[:, -1], 2.0 + 1.5 * margins[[1, 0], -1])
    assert np.array_equal(moved(t, margins[0], np.array([1, 0])), t + margins[0])


def test_calibration_covers_the_next_family_as_often_as_it_says():
    """Families whose errors differ by a shift of their own: what is left out is covered."""
    rng = np.random.default_rng(2)
    count, each = 40, 200
    family = np.repeat(np.arange(count), each)
    shift = rng.normal(size=count)[family]
    truth = released(3.0 + 0.3 * shift + 0.3 * rng.normal(size=len(family)))
    guess = released(3.0 + 0.1 * ndtri(np.array(LEVELS)))
    ones = np.ones(len(family))
    features = rng.normal(size=(len(family), len(names()))).astype(np.float32)
    features[:, [names().index("ties:x"), names().index("ties:y")]] = 0.0
    none = np.full((len(family), 2), -1)
    families = tuple(f"f{i}" for i in range(count))
    table = Table(features, truth, ones * 0, family, ones * 50, ones, ones, none, families)
    guess = np.tile(guess, (len(family), 1))
    judged = Judged(table, guess)
    found, flagged = judged.of_others(table, guess)
    assert judged.calibration()["margins"].shape == (KINDS, len(LEVELS))
    # one in a hundred of those that the distance was fitted to, of others somewhat more
    assert 0.005 < flagged.mean() < 0.04
    for level, low in ((0.5, 3), (0.8, 2), (0.9, 1), (0.95, 0)):
        inside = (found[:, low] <= truth) & (truth <= found[:, -1 - low])
        assert abs(inside[~flagged].mean() - level * (count + 1) / count) < 0.02


@pytest.mark.parametrize("left_out", [1, 2, 3])
@pytest.mark.parametrize("families", [3, 37, 48])
def test_each_family_is_hidden_from_as_many_members(families, left_out):
    settings = Settings(members=8, left_out=left_out)
    hidden = ~assignment(families, settings)
    assert (hidden.sum(0) == left_out).all()
    each = families * left_out / 8
    assert hidden.sum(1).max() <= 2 * each + left_out


def test_relatives_are_hidden_from_different_members():
    """Who is asked about a family of the package knows its relatives."""
    settings = Config.read(Path(__file__).parents[2] / EXAMPLE).settings("full")
    groups = [family.group for family in FAMILIES.values()]
    hidden = ~assignment(len(groups), settings, groups)
    assert (hidden.sum(0) == settings.left_out).all()
    for group in set(groups):
        mine = [place for place, name in enumerate(groups) if name == group]
        assert hidden[:, mine].sum(1).max() == 1


def test_a_family_counts_as_much_as_its_group_is_to():
    """Two families of one portrait: the median is pulled to the truth of the heavier."""
    rng = np.random.default_rng(0)
    features = np.repeat(np.abs(rng.normal(size=(1, len(names())))), 200, axis=0)
    half = np.arange(200) % 2
    truth = np.where(half, 2.0, 0.5)
    table = Table.of(features.astype(np.float32), truth, 0.0, "few", n=50, dx=1, dy=1)
    table = replace(table, family=half, families=("few", "many"))
    seen = np.ones((1, 2), bool)
    medians = []
    for weight in (0.25, 1.0, 4.0):  # of the greater truth
        settings = Settings(members=1, hidden=(8,), steps=400, batch=64, emphasis=(("b", weight),))
        found = fit(table, settings, seen=seen, weight=weight_of("ab", settings))
        medians.append(float(quantiles(found, table.features[:1])[0, MIDDLE]))
    assert medians[0] < medians[1] - 0.1 < medians[2] - 0.2


@pytest.mark.parametrize(
    "emphasis", [(("b", 0.0),), (("b", "x"),), ("b",), (("b", np.inf),), (("b", 1), ("b", 2))]
)
def test_weights_that_are_none_are_refused(emphasis):
    with pytest.raises(InvalidParameterError, match="'emphasis'"):
        Settings(emphasis=emphasis)


def test_a_group_that_no_family_has_is_refused():
    with pytest.raises(InvalidParameterError, match="group 'party'"):
        weight_of(["parity"], Settings(emphasis=(("party", 2.0),)))


def test_gradients_are_numbers_far_out():
    torch = pytest.importorskip("torch")
    weights = {"w0": torch.full((1, 1, 1), 1.0), "b0": torch.zeros(1, 1, 1)}
    weights |= {"w1": torch.ones(1, 1, 1), "b1": torch.zeros(1, 1, 1)}
    z = torch.tensor([[-300.0], [-1.0], [300.0]], requires_grad=True)
    found = perceptron(weights, z)
    np.testing.assert_allclose(found.detach().ravel(), [0.0, -0.26894, 300.0], atol=1e-4)
    (grad,) = torch.autograd.grad(found.sum(), z)
    np.testing.assert_allclose(grad.ravel(), [0.0, 0.07233, 1.0], atol=1e-4)


def test_a_fit_that_diverges_says_so():
    rng = np.random.default_rng(0)
    table = replace(
        combined([[-1, -1], [-1, -1]]),
        features=rng.normal(size=(8, len(names()))),
        truth=np.full(8, np.nan),
    )
    settings = Settings(members=2, hidden=(4, 4), steps=3, batch=4, left_out=1)
    with pytest.raises(DataError, match="diverged"):
        fit(table, settings)
