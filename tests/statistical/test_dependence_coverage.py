"""Coverage of the intervals of dependence and of the distances, and size of their tests."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from infometric.functional.divergence import (
    AlphaDivergence,
    HellingerDistance,
    JensenShannonDistance,
    TotalVariation,
)
from infometric.functional.information import (
    ConditionalMutualInformation,
    DualTotalCorrelation,
    InteractionInformation,
    NormalizedMutualInformation,
    TotalCorrelation,
)
from infometric.inference import carried, resolve
from infometric.oracles import JointTable, TwoSample
from infometric.state.counts import Counts
from infometric.uncertainty import Chi2Null, Permutation

DRAWS = 1500
RANDOM = np.random.default_rng(3).dirichlet(np.full(36, 3.0)).reshape(3, 4, 3)
CUBES = [
    JointTable.exclusive_or(0.2), JointTable.chain(0.2), JointTable(RANDOM, "random 3 x 4 x 3"),
    JointTable.independent([0.2, 0.3, 0.5], [0.6, 0.4], [0.5, 0.3, 0.2]),
]  # fmt: skip
TABLES = [
    JointTable.tilted((3, 4), 0.1), JointTable.tilted((5, 5), 0.3, skew=0.75),
    JointTable.binary_symmetric_channel(0.11), JointTable.independent([0.2, 0.8], [0.3, 0.7]),
]  # fmt: skip
PAIRS = [
    TwoSample.tilted(10, 0.0), TwoSample.tilted(10, 0.1),
    TwoSample.tilted(0.7 ** np.arange(6), 0.3), TwoSample([0.5, 0.3, 0.2], [0.2, 0.3, 0.5]),
]  # fmt: skip
CASES = [
    *product((ConditionalMutualInformation(), TotalCorrelation(), DualTotalCorrelation(),
              InteractionInformation()), CUBES),
    *product((NormalizedMutualInformation(), NormalizedMutualInformation("min"),
              NormalizedMutualInformation("joint")), TABLES),
    *product((TotalVariation(), HellingerDistance(), JensenShannonDistance(), AlphaDivergence(),
              AlphaDivergence(order=0.0), AlphaDivergence(order=2.0)), PAIRS),
]  # fmt: skip


def named(case):
    return getattr(case, "name", None)


@pytest.mark.statistical
@pytest.mark.parametrize("n", [150, 1000])
@pytest.mark.parametrize(("functional", "oracle"), CASES, ids=named)
def test_coverage(functional, oracle, n):
    """The default interval of 95 %; where the truth is zero one side is left, 97.5 %."""
    s = oracle.draw(n, size=DRAWS, rng=n)
    options = {k: getattr(functional, k) for k in ("order", "normalization", "weight")
               if hasattr(functional, k)}  # fmt: skip
    truth = oracle.truth(functional.name, **options)
    strategy = resolve("auto", functional, oracle.draw(n, rng=0))
    _, _, found = carried(functional, s, strategy, 0.95, None)
    given = np.isfinite(found.low)
    assert given.mean() > 0.9
    held = ((found.low <= truth + 1e-7) & (truth - 1e-7 <= found.high))[given].mean()
    assert held >= 0.92 - np.sqrt(0.92 * 0.08 / DRAWS)
    # wider than it must be: total variation near its kink, interaction near independence
    wide = functional.signed or (truth < 0.15 and isinstance(functional, TotalVariation))
    assert held <= (1.0 if wide else 0.99)


NOTHING = [
    (ConditionalMutualInformation(), JointTable.chain(0.2)),
    (ConditionalMutualInformation(), JointTable.chain(0.05)),
    (TotalCorrelation(), JointTable.independent([0.2, 0.8], [0.3, 0.7], [0.5, 0.5])),
    (DualTotalCorrelation(), JointTable.independent(*[np.ones(4) / 4] * 4)),
    (NormalizedMutualInformation(), JointTable.independent(*[0.6 ** np.arange(6)] * 2)),
    *((f, TwoSample.tilted(20, 0.0)) for f in (TotalVariation().inner, HellingerDistance().inner,
                                               AlphaDivergence())),
]  # fmt: skip


@pytest.mark.statistical
@pytest.mark.parametrize("n", [60, 150, 1000])
@pytest.mark.parametrize(("functional", "oracle"), NOTHING, ids=named)
def test_size_of_the_analytic_test(functional, oracle, n):
    s = oracle.draw(n, size=4000, rng=n + 1)
    pvalue = Chi2Null()(functional, s, functional.value(s)).pvalue
    assert 0.03 <= np.mean(pvalue < 0.05) <= 0.065
    assert np.mean(pvalue < 0.01) <= 0.02


@pytest.mark.statistical
def test_interaction_rejects_rarely_where_all_are_independent():
    """Its own error is most of the variance there; the interval is wide, the test cautious."""
    oracle, f = JointTable.independent([0.2, 0.8], [0.3, 0.7], [0.5, 0.5]), InteractionInformation()
    s = oracle.draw(300, size=4000, rng=1)
    assert np.mean(Chi2Null()(f, s, f.value(s)).pvalue < 0.05) < 0.05


@pytest.mark.statistical
@pytest.mark.parametrize(
    ("functional", "oracle"),
    [
        (ConditionalMutualInformation(), JointTable.chain(0.2)),
        (TotalCorrelation(), JointTable.independent([0.2, 0.8], [0.3, 0.7], [0.5, 0.5])),
        (InteractionInformation(), JointTable.independent([0.2, 0.8], [0.3, 0.7], [0.5, 0.5])),
        (TotalVariation().inner, TwoSample.tilted(6, 0.0)),
    ],
    ids=named,
)
def test_size_of_the_permutation_test(functional, oracle):
    tables = oracle.draw(50, size=800, rng=4).table
    strategy = Permutation(99)
    states = [Counts(t, oracle.shape) for t in tables]
    pvalues = [
        float(strategy(functional, s, functional.value(s), rng=k).pvalue)
        for k, s in enumerate(states)
    ]
    assert np.mean(np.array(pvalues) <= 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 800)
