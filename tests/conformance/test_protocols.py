"""Everything public passes the public checks; so does a measure that is born in this file."""

from __future__ import annotations

import math

import numpy as np
import pytest

import infometric as im
from infometric.functional import (
    divergence,
    entropy,
    information,
    margins,
    parity,
    proportion,
    ranking,
    shift,
)
from infometric.functional.divergence import Divergence
from infometric.functional.scores import Mean
from infometric.functional.shannon import ESTIMATORS as ESTIMATORS_OF_ENTROPY
from infometric.functional.shannon import ShannonEntropy
from infometric.oracles import catalogue
from infometric.state.clusters import ClusteredCounts
from infometric.testing import (
    check_estimator,
    check_functional,
    check_state,
    check_strategies,
    check_uncertainty,
)

ONE = [
    im.Counts.from_counts([12, 7, 3, 30, 1]),
    im.Counts.from_counts([50, 50]),
    im.Counts.from_counts([0, 4, 9]),
]
TWO = [
    im.Counts.from_counts([[30, 50, 20, 9], [25, 50, 25, 4]]),
    im.Counts.from_counts([[300, 1, 20], [2, 500, 25]]),
    im.Counts.from_counts([[3, 0, 20], [2, 5, 25]]),
]
DECISIONS = [
    im.Counts.from_counts([[40, 60], [12, 9]]),
    im.Counts.from_counts([[3, 4], [2, 3]]),
]
JOINT = [
    im.Counts.from_counts([[30, 10, 5], [10, 30, 8]], joint=True),
    im.Counts.from_counts([[5, 1], [2, 9]], joint=True),
    im.Counts.from_counts([[5, 0, 3], [0, 7, 1]], joint=True),
]
CUBES = [
    im.Counts.from_counts([[[30, 10, 5], [10, 30, 8]], [[9, 3, 40], [12, 7, 6]]], joint=True),
    im.Counts.from_counts([[[5, 1], [2, 9]], [[0, 3], [7, 0]]], joint=True),
]
NORMALIZATIONS = ("arithmetic", "min", "max", "geometric", "joint")
FUNCTIONALS = [
    (ShannonEntropy(), ONE),
    (ShannonEntropy("miller_madow"), ONE),
    *((ShannonEntropy(name, 40), ONE) for name in ESTIMATORS_OF_ENTROPY),
    (entropy.RenyiEntropy(order=2.0, bias_correction="unbiased"), ONE),
    (entropy.RenyiEntropy(order=math.inf), ONE[:1]),
    (entropy.RenyiEntropy(order=0.0), ONE),
    (entropy.HillNumber(), ONE),
    (entropy.HillNumber(q=1.0), ONE),
    (entropy.TsallisEntropy(q=3.0, bias_correction="unbiased"), ONE),
    (entropy.RenyiEntropy(order=2.0), ONE),
    (entropy.RenyiEntropy(order=0.5), ONE),
    (entropy.TsallisEntropy(), ONE),
    (divergence.KullbackLeibler(), TWO),
    (divergence.Jeffreys(), TWO),
    (divergence.JensenShannon(), TWO),
    (divergence.JensenShannon(weight=0.2), TWO),
    (divergence.RenyiDivergence(), TWO),
    (divergence.RenyiDivergence(order=0.5), TWO),
    (divergence.TsallisDivergence(), TWO),
    (divergence.TsallisDivergence(order=0.5), TWO),
    (divergence.AlphaDivergence(), TWO),
    (divergence.AlphaDivergence(order=2.0), TWO),
    (divergence.AlphaDivergence(order=-1.0), TWO),
    (divergence.SquaredHellinger(), TWO),
    (divergence.HellingerDistance(), TWO),
    (divergence.SquaredTotalVariation(), TWO[1:]),
    (divergence.TotalVariation(), TWO[1:]),
    (divergence.JensenShannonDistance(), TWO),
    (information.MutualInformation(), JOINT),
    (information.MutualInformation(bias_correction="second_order"), JOINT),
    *((information.NormalizedMutualInformation(kind), JOINT) for kind in NORMALIZATIONS),
    (information.AdjustedMutualInformation(), JOINT),
    (information.ConditionalMutualInformation(), CUBES),
    (information.TotalCorrelation(), CUBES),
    (information.TotalCorrelation(), JOINT),
    (information.DualTotalCorrelation(), CUBES),
    (information.InteractionInformation(), CUBES),
    (information.PearsonChiSquare(), TWO),
    (parity.ProportionRatio(), DECISIONS),
    (parity.ProportionDifference(), DECISIONS),
    (parity.StandardizedMeanDifference(np.array([1.0, 2.0, 5.0, 7.0])), TWO[:1]),
    (margins.SummedJeffreys(np.array([[0, 0, 1, 1], [0, 1, 1, 0]])), TWO[:1]),
    (information.PearsonChiSquare(), JOINT),
    (proportion.EventRate(), [im.Counts.from_counts([40, 9]), im.Counts.from_counts([7, 0])]),
    (shift.ShareShift(np.array([12.0, -3.0, 40.0, 5.0])), TWO[:1]),
    (shift.ShareShift(np.array([12.0, -3.0, 40.0])), TWO[1:]),
    (ranking.Gini(), TWO),
    (ranking.AreaUnderCurve(), TWO),
    (ranking.KolmogorovSmirnov(), TWO),
    (ranking.AreaDifference(np.array([0, 1, 1, 2]), np.array([2, 0, 1, 1])), TWO[:1]),
]


def label(case: object) -> str:
    return type(case).__name__ if not isinstance(case, list) else ""


@pytest.mark.parametrize(("functional", "states"), FUNCTIONALS, ids=label)
def test_functional(functional, states):
    check_functional(functional, states)


@pytest.mark.parametrize(("functional", "states"), FUNCTIONALS, ids=label)
def test_strategies(functional, states):
    found = check_strategies(functional, states[0])
    values = {r.value for r in found.values()}
    assert len(values) == 1  # the strategy does not touch the estimate


def test_counts_obey_the_laws_of_a_state():
    parts = [
        im.Counts.from_counts(t) for t in ([[1, 2], [3, 4]], [[5, 0], [7, 1]], [[9, 9], [2, 2]])
    ]
    check_state(*parts)


def test_weighted_counts_obey_the_laws_of_a_state():
    parts = [im.Counts.from_counts([k, 2.5], squares=[k * k, 4.0]) for k in (0.5, 1.5, 4.0)]
    check_state(*parts, exact=False)


def test_clustered_counts_obey_the_laws_of_a_state(rng):
    parts = [
        ClusteredCounts.from_records(rng.integers(0, 9, n), rng.integers(0, 6, n), 3, n_groups=2)
        for n in (40, 55, 70)
    ]
    check_state(*parts)


def test_scores_obey_the_laws_of_a_state(rng):
    check_state(*(im.Scores.from_values(rng.normal(size=k)) for k in (5, 90, 400)), exact=False)


FEW_GROUPS = im.Jackknife(n_groups=3)  # each is a spectrum of hundreds of rows
ESTIMATORS = [
    im.PSI(constant="keep"),
    im.InformationValue(constant="keep"),
    im.FairnessIV(constant="keep"),
    im.WeightOfEvidence(constant="keep"),
    im.OptimalBinning(constant="keep"),
    im.StumpBinning(constant="keep"),
    im.Entropy(bins=5),
    im.RenyiEntropy(2.0, bins=5),
    im.TsallisEntropy(2.0, bins=5),
    im.HillNumber(2.0, bins=5),
    im.KLDivergence(bins=5),
    im.JeffreysDivergence(bins=5),
    im.JensenShannonDivergence(bins=5),
    im.RenyiDivergence(bins=5),
    im.AlphaDivergence(bins=5),
    im.HellingerDistance(bins=5),
    im.TotalVariation(bins=5),
    im.JensenShannonDistance(bins=5),
    im.TsallisDivergence(bins=5),
    im.MutualInformation(bins=5),
    im.NormalizedMutualInformation(bins=5),
    im.AdjustedMutualInformation(bins=5),
    im.ConditionalMutualInformation(bins=5),
    im.TotalCorrelation(bins=5),
    im.DualTotalCorrelation(bins=5),
    im.InteractionInformation(bins=5),
    im.TransferEntropy(bins=5),
    im.DifferentialEntropy(),
    im.DifferentialRenyiEntropy(),
    im.DifferentialTsallisEntropy(),
    im.DiffusionSpectralEntropy(uncertainty=FEW_GROUPS),
    im.DiffusionSpectralMI(uncertainty=FEW_GROUPS, n_orders=2),
    im.DiffusionConditionalEntropy(uncertainty=FEW_GROUPS),
    im.MatrixEntropy(uncertainty=FEW_GROUPS),
    im.MatrixJointEntropy(uncertainty=FEW_GROUPS),
    im.MatrixConditionalEntropy(uncertainty=FEW_GROUPS),
    im.MatrixMutualInformation(uncertainty=FEW_GROUPS),
    im.VendiScore(),
    im.RankMe(),
    im.ParticipationRatio(),
    im.StableRank(),
    im.AlphaReQ(),
    im.LiDAR(),
    im.KernelAlignment(),
    im.NeuralMI(folds=2, max_epochs=1, hidden=(4,), embedding_dim=2, random_state=0),
    im.ReliableMI(
        gammas=(1, 2), embedding_dims=(2,), folds=2, max_epochs=1, hidden=(4,), random_state=0
    ),
    im.MIST(),
]


# points belong to the cells of certain columns, so scikit-learn's own data do not do
POINTED = [im.CSI(points={"x0": [12, 40, 0, 7, 3, 1]}, bins=[1, 2, 3, 4])]


def token_scores(n: int = 80) -> im.TokenScores:
    """Texts with every column that a membership score is made of."""
    rng = np.random.default_rng(6)
    logs = {
        name: -rng.exponential(2, (n, 24))
        for name in ("logprob", "mu", "reference", "nonmember_prefix", "member_prefix", "lower")
    }
    return im.TokenScores.from_lists(
        ids=rng.integers(0, 50, (n, 24)),
        var=rng.random((n, 24)) + 0.1,
        zlib=rng.integers(50, 90, n),
        neighbors=-rng.exponential(2, (n, 5)),
        **logs,
    )


# they take token scores: scikit-learn's own data are no log-probabilities
EVEN = im.TokenFrequency.uniform(50)
SCORED = [
    im.DCPDD(EVEN),
    im.PMIScore(EVEN),
    im.LossScore(),
    im.ZlibScore(),
    im.LowercaseScore(),
    im.ReferenceScore(),
    im.NeighborScore(),
    im.MinK(),
    im.ReCaLL(),
    im.ConReCall(),
    im.SURP(),
    im.CombinedScore(["loss", "min_k"], random_state=0),
]


@pytest.mark.parametrize("estimator", SCORED, ids=label)
def test_estimator_of_token_scores(estimator):
    data = token_scores(), np.arange(80) % 2
    check_estimator(estimator, scikit_learn=False, data=data)


def test_every_public_estimator_is_checked():
    public = {n for n in im.__all__ if isinstance(getattr(im, n), type)}
    wanted = {n for n in public if issubclass(getattr(im, n), im.Estimator)} - {
        "Estimator",
        "MembershipScore",
    }
    assert {type(e).__name__ for e in [*ESTIMATORS, *POINTED, *SCORED]} == wanted


@pytest.mark.parametrize("estimator", POINTED, ids=label)
def test_estimator_of_points(estimator):
    check_estimator(estimator, scikit_learn=False)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=label)
def test_estimator(estimator):
    check_estimator(estimator)


@pytest.mark.parametrize("oracle", catalogue().values(), ids=lambda o: o.name)
def test_plug_in_values_converge_to_the_truth_of_the_oracle(oracle):
    members = {f.name: f for f, _ in reversed(FUNCTIONALS)}
    n = 1_000_000
    s = oracle.draw(n, rng=1)
    for name in oracle.defined:
        functional = members[name]
        parameters = {k: getattr(functional, k) for k in ("order", "weight", "q", "normalization")
                      if hasattr(functional, k)}  # fmt: skip
        truth = oracle.truth(name, **parameters)
        if isinstance(functional, divergence.Root):  # a root has a kink at zero, its square none
            functional, truth = functional.inner, truth**2
        se = math.sqrt(float(s.variance(functional.influence(s))))
        assert abs(float(functional.value(s)) - truth) < 5 * se + 30 * s.n_cells / n, name


class Triangular(Divergence):  # the ten lines: Vincze and Le Cam's discrimination
    name, units, curvature = "triangular_discrimination", "dimensionless", 1.0

    def terms(self, p):
        return np.diff(p, axis=-2)[..., 0, :] ** 2 / p.sum(-2)

    def influence(self, s):
        p = self.prepare(s).p
        other = p[..., ::-1, :]
        return (p - other) * (p + 3 * other) / (p + other) ** 2


def test_ten_line_law(tmp_path):
    """A measure of ten lines gets intervals, tests, merging, conformance, plots and reports."""
    from infometric.oracles import TwoSample
    from infometric.report.document import Report, Section

    check_functional(Triangular(), TWO[:2])
    found = check_strategies(Triangular(), TWO[0], rng=0)
    assert set(found) == {
        "delta", "ncx2", "chi2", "jackknife", "bootstrap", "permutation", "none",
    }  # fmt: skip
    assert all(math.isfinite(found[m].se) for m in ("delta", "ncx2", "jackknife", "bootstrap"))
    assert all(0 < found[m].pvalue <= 1 for m in ("ncx2", "chi2", "permutation"))
    measures = TwoSample.measures
    measures["triangular_discrimination"] = lambda s: float(
        (np.diff(s, axis=0) ** 2 / s.sum(0)).sum()
    )
    try:
        for truth in (0.0, 0.1):
            oracle = TwoSample.tilted(10, truth)
            check_uncertainty(im.NoncentralChi2(), Triangular(), oracle, 1000)
    finally:
        del measures["triangular_discrimination"]
    whole = im.infer(Triangular(), TWO[0] + TWO[0])
    assert whole.value == pytest.approx(im.infer(Triangular(), TWO[0]).value)
    table = im.ResultTable({"a": whole})
    assert len(table.plot().get_children()) > 0
    page = Report("Triangle", (Section("Distance", table),), {}).to_html(tmp_path / "r.html")
    assert "triangular_discrimination" in page.read_text()


def test_scores_through_the_engine(rng):
    x = rng.normal(3.0, 2.0, 400)
    found = im.infer(Mean(), im.Scores.from_values(x))
    assert found.value == pytest.approx(x.mean())
    assert found.se == pytest.approx(x.std(ddof=1) / 20, rel=0.01)
