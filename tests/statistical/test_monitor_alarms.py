"""A watch of years: false alarms are as rare as promised, and a shift is found."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

import infometric as im
from infometric.credit.monitor import looks
from infometric.credit.periods import without_thin
from infometric.functional.divergence import Jeffreys
from infometric.uncertainty import Chi2Null
from infometric.uncertainty.far_tail import far_pvalues
from infometric.uncertainty.multiplicity import holm

J, BINS = Jeffreys(), 10
REFERENCE, MONTH = 5_000, 1_000


def tilted(p, target):
    """Shares q with Jeffreys divergence `target` from p, each row tilted along the cells."""
    slope = np.zeros(len(p))
    x = np.linspace(-1, 1, BINS)
    low, high = slope.copy(), slope + 5
    for _ in range(60):
        slope = (low + high) / 2
        q = p * np.exp(slope[:, None] * x)
        q /= q.sum(-1, keepdims=True)
        small = ((p - q) * np.log(p / q)).sum(-1) < target
        low, high = np.where(small, slope, low), np.where(small, high, slope)
    return q


def pvalues(rng, watches, months, columns, shift=None, onset=0):
    """p-values of PSI, shape (watches, months, columns), in quantile bins of one reference.

    The bins hold equal counts of the reference, so the true shares are those of its spacings; they
    are the same in every month, and the months so depend on each other. From month `onset` on the
    first column has a true PSI of `shift`.
    """
    p = rng.dirichlet(np.full(BINS, REFERENCE / BINS), size=(watches, columns))
    q = np.broadcast_to(p[:, None], (watches, months, columns, BINS)).copy()
    if shift is not None:
        q[:, onset:, 0] = tilted(p[:, 0], shift)[:, None]
    now = rng.multinomial(MONTH, q)
    then = np.full(now.shape, REFERENCE // BINS)
    return np.maximum(*far_pvalues(im.Counts(np.stack([then, now], axis=-2))))


def adjusted(p):
    """Holm over the columns of each month."""
    return np.stack([[holm(month) for month in watch] for watch in p])


def watched(seed, watches, months, columns, **shift):
    rng = np.random.default_rng(seed)
    size = max(1, 200_000 // (months * columns))
    parts = [min(size, watches - k) for k in range(0, watches, size)]
    return np.concatenate([pvalues(rng, k, months, columns, **shift) for k in parts])


def spent(months):
    return np.array([looks(t) for t in range(1, months + 1)])[:, None]


def test_the_numbers_of_the_simulation_are_those_of_the_monitor():
    """The monitor's p-values over months are what the simulation below makes of its tables."""
    rng = np.random.default_rng(0)
    reference = pd.DataFrame(rng.normal(size=(REFERENCE, 4)), columns=list("abcd"))
    monitor = im.StabilityMonitor().fit(reference)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for t in range(6):
            now = pd.DataFrame(rng.normal(0.02 * t, 1, size=(MONTH, 4)), columns=list("abcd"))
            monitor.update(now, period=str(t))
    tables = np.array(
        [[[[row[k] for row in r.diagnostics["cells"]] for k in ("count_a", "count_b")]
          for r in table.values()] for table in monitor.results_.values()]
    )  # fmt: skip
    assert (tables[..., 0, :] == REFERENCE // BINS).all()
    p = adjusted(np.maximum(*far_pvalues(im.Counts(tables)))[None])[0] * spent(6)
    found = [table.adjusted["pvalue_sequential"] for table in monitor.results_.values()]
    assert np.allclose(found, np.minimum(p, 1.0))


def false_alarms(watches, months=60, columns=20, seed=1):
    """Share of watches with any false alarm: level spent, Holm in each month, each test alone."""
    p = watched(seed, watches, months, columns)
    each = adjusted(p)
    ever = (each * spent(months) <= 0.05, each <= 0.05, p <= 0.05)
    return [float(found.any((1, 2)).mean()) for found in ever]


def delays(watches, shift, onset, months=60, columns=20, seed=2):
    """Months from the onset until the shift is seen in its column, and how often it is at all."""
    p = adjusted(watched(seed, watches, months, columns, shift=shift, onset=onset))
    seen = (p[..., 0] * spent(months)[:, 0] <= 0.05)[:, onset:]
    first = np.where(seen.any(1), seen.argmax(1), months)
    return float(np.median(first)), float(np.quantile(first, 0.9)), float(seen.any(1).mean())


def test_false_alarms_of_two_years():
    spending, monthly, single = false_alarms(150, months=24, columns=10)
    assert spending <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 150)
    assert monthly > 0.4  # 1 - .95^24 = .71
    assert single > 0.99


@pytest.mark.statistical
def test_false_alarms_of_sixty_months_and_twenty_columns():
    """Any false alarm, in any column and any month: at most 5 % where the level is spent."""
    watches = 4000
    spending, monthly, single = false_alarms(watches)
    assert spending <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / watches)
    assert spending > 0.02  # the price is not more than it must be
    assert monthly > 0.85  # 1 - .95^60 = .95, less by the common reference
    assert single == 1.0


@pytest.mark.statistical
def test_a_shift_of_five_hundredths_is_found_at_once():
    """A true PSI of .05, a thousand records a month, twenty columns watched."""
    for onset in (0, 12, 48):
        median, ninth, found = delays(500, 0.05, onset)
        assert median == 0.0
        assert ninth <= 3.0
        assert found >= 0.99
    median, _, found = delays(500, 0.02, 12)  # a fifth of what anybody calls a shift
    assert median <= 14
    assert found > 0.65


SHARES = {
    "even": [0.1] * 10,
    "a thin cell": [0.002] + [0.998 / 9] * 9,
    "a thinner cell": [0.0005] + [0.9995 / 9] * 9,
    "thin cells": [0.002] * 3 + [0.01, 0.02] + [0.964 / 5] * 5,
}


@pytest.mark.statistical
@pytest.mark.parametrize("shares", SHARES)
def test_small_levels_are_kept(shares):
    """At levels of .05 to 1e-4; the chi-square test of J does not keep the small ones."""
    rng, draws, levels = np.random.default_rng(3), 600_000, np.array([0.05, 0.01, 1e-3, 1e-4])
    far, plain = np.zeros(4), np.zeros(4)
    for _ in range(draws // 100_000):
        tables = [rng.multinomial(n, SHARES[shares], size=100_000) for n in (REFERENCE, 500)]
        s = im.Counts(np.stack(tables, axis=-2))
        p = np.maximum(*far_pvalues(s))
        q = Chi2Null()(J, s, J.value(s)).pvalue
        far += (p[:, None] <= levels).sum(0) / draws
        plain += (q[:, None] <= levels).sum(0) / draws
    assert (far <= levels + 3 * np.sqrt(levels / draws)).all()
    assert plain[-1] > 1.2e-4


TAILS = [(power, size) for power in (1.0, 1.2, 1.5, 2.0) for size in (30, 300, 1000)] + [(0, 2000)]
SIZES = ((5000, 1000), (30_000, 1000), (30_000, 30_000), (5000, 500), (1000, 1000))


@pytest.mark.statistical
@pytest.mark.parametrize(("power", "size"), TAILS)
def test_long_tails_of_categories_keep_their_level(power, size):
    """Zipf's law, and even shares: at 5 % and .1 %, in every pair of sizes and over all of them."""
    shares = np.arange(1, size + 1) ** -float(power)
    rng, draws, levels = np.random.default_rng(4), 1000, np.array([0.05, 1e-3])
    each = []
    for sizes in SIZES:
        joined = np.zeros((draws, 2, size), dtype=np.int64)  # cells that are empty have no part
        for k in range(draws):
            table = np.stack([rng.multinomial(n, shares / shares.sum()) for n in sizes])
            s = without_thin(im.Counts(table), ordered=False)
            joined[k, :, : s.n_cells] = s.table
        p = np.maximum(*far_pvalues(im.Counts(joined)))
        each.append((p[:, None] <= levels).mean(0))
    assert (np.array(each) <= levels + 4 * np.sqrt(levels / draws)).all()
    assert (np.mean(each, 0) <= levels + 3 * np.sqrt(levels / (draws * len(SIZES)))).all()
