"""Intervals of spectra hold the mean of the value at n rows, and tests keep their size."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import infometric as im
from infometric.exceptions import InfometricWarning
from infometric.functional.diffusion_information import less_scattered, noise_of_means
from infometric.functional.spectra import DiffusionSpectralEntropy
from infometric.state.kernels import Kernel, median_distance
from infometric.state.spectrum import Spectrum
from infometric.uncertainty import Permutation
from infometric.uncertainty.base import freedom_of, of_unequal_groups, quadratic, straightened

CENTRES = np.random.default_rng(7).normal(size=(4, 16)) * 3


def blobs(n, rng):
    return CENTRES[rng.integers(0, 4, n)] + rng.normal(size=(n, 16))


def normal(n, rng):
    return rng.normal(size=(n, 3))


def ring(n, rng):
    angle = rng.uniform(0, 2 * np.pi, n)
    return np.column_stack([np.cos(angle), np.sin(angle)]) + 0.1 * rng.normal(size=(n, 2))


def heavy(n, rng):
    return rng.standard_t(3, size=(n, 5))


def two_classes(strength):
    def draw(n, rng):
        y = rng.integers(0, 2, n)
        return rng.normal(size=(n, 4)) + strength * y[:, None], y

    return draw


def pair(n, rng):
    x = rng.normal(size=(n, 3))
    return x, x[:, 0] + 0.5 * rng.normal(size=n)


def study(estimator, draw, n, replicates, others, seed=17):
    """Share of intervals that hold the mean over other samples, and share that is flagged."""
    rng = np.random.default_rng(seed)

    def result(**how):
        data = draw(n, rng)
        return estimator.fit(*(data if isinstance(data, tuple) else (data,))).estimate(
            rng=rng, **how
        )

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InfometricWarning)
        truth = np.mean([result(uncertainty="none").value for _ in range(others)])
        found = [result() for _ in range(replicates)]
    held = np.mean([r.ci.low <= truth <= r.ci.high for r in found])
    return held, np.mean([not r.diagnostics["reliable"] for r in found])


def least(replicates, share=0.93):
    """Three standard errors of a share below the accepted range of .93 to .97."""
    return share - 3 * np.sqrt(share * (1 - share) / replicates)


def test_groups_of_one_row_are_the_closed_form():
    x = np.random.default_rng(0).normal(size=30)
    without = (x.sum() - x) / 29
    found = of_unequal_groups(x.mean(), without, np.ones(30, dtype=int))
    assert found == pytest.approx(x.var(ddof=1) / 30, rel=1e-12)


def test_what_grows_with_the_rows_does_not_scatter_by_the_sizes_of_groups():
    sizes = np.array([1] * 10 + [2] * 10)
    values = np.log(30.0 - sizes)
    plain = 19 / 20 * ((values - values.mean()) ** 2).sum()
    assert of_unequal_groups(np.log(30.0), values, sizes) < 0.01 * plain


def test_a_quadratic_value_counts_once():
    """The squared length of a mean of zero: its variance is 2 d / n^2, of the jackknife twice."""
    rng, n, d, jackknife, ours = np.random.default_rng(1), 200, 50, [], []
    for _ in range(100):
        x = rng.normal(size=(n, d))
        parts = x.reshape(20, 10, d).sum(axis=1)
        values = (((x.sum(axis=0) - parts) / (n - 10)) ** 2).sum(axis=1)
        means = (rng.permutation(x).reshape(2, -1, d).mean(axis=1) for _ in range(12))
        halves = np.array([(m**2).sum() / 2 for m in means])
        whole = float((x.mean(axis=0) ** 2).sum())
        jackknife.append(of_unequal_groups(whole, values, np.full(20, 10)))
        ours.append(straightened(jackknife[-1], quadratic(halves)))
    truth = 2 * d / n**2
    assert np.mean(jackknife) / truth == pytest.approx(2, rel=0.15)
    # of all quadratic values the noise of few divisions leaves a third too much
    assert np.mean(ours) / truth == pytest.approx(1.35, rel=0.15)


def test_undefined_halves_change_nothing():
    assert straightened(2.0, quadratic(np.array([np.nan, np.nan, 1.0]))) == 2.0


def test_degrees_of_freedom_of_a_difference():
    assert freedom_of(2.0, 2.0, 0.0, 20) == 19
    assert freedom_of(1.9, 2.0, 0.1, 20) == pytest.approx(1.9**2 / (4 / 19 + 0.01 / 11))
    assert freedom_of(1.0, 2.0, 1.0, 20) == 11  # no fewer than of the halves


def test_noise_of_orders_is_told_from_that_of_samples():
    rng = np.random.default_rng(2)
    clean = rng.normal(size=(20, 1)) + rng.normal(size=5)
    assert noise_of_means(clean) == pytest.approx(0, abs=1e-20)
    noisy = [noise_of_means(clean + 3 * rng.normal(size=(20, 5))) for _ in range(200)]
    assert np.mean(noisy) == pytest.approx(9 / 5, rel=0.1)
    values = np.array([0.0, 2.0, 4.0])
    assert less_scattered(values, 2.0) == pytest.approx([2 - 2**0.5, 2, 2 + 2**0.5])
    assert less_scattered(values, 5.0) == pytest.approx([1, 2, 3])  # a quarter is always kept


def test_small_samples_are_covered():
    covered, flagged = study(im.DiffusionSpectralEntropy(), normal, 40, 60, 240)
    assert covered >= least(60)
    assert flagged <= 0.1


def flagged(draw, functional, samples=60, n=100):
    """Share of samples in which a row decides alone."""
    rng, found = np.random.default_rng(3), []
    for _ in range(samples):
        x = draw(n, rng)
        s = Spectrum.of(x, kernels=[Kernel(sigma=median_distance(x))])
        found.append(bool(functional.hesitations(s, np.empty(0))))
    return np.mean(found)


def test_rows_that_decide_alone_are_warned_of():
    assert flagged(heavy, DiffusionSpectralEntropy()) >= 0.75
    assert flagged(normal, DiffusionSpectralEntropy()) <= 0.1
    assert flagged(blobs, DiffusionSpectralEntropy()) == 0


def test_a_group_that_decides_is_warned_of():
    x = np.random.default_rng(4).normal(size=(40, 3))
    s = Spectrum.of(x, kernels=[Kernel(sigma=median_distance(x))])
    alike = np.tile([0.0, 1.0], 10)
    assert not DiffusionSpectralEntropy().hesitations(s, alike)
    (said,) = DiffusionSpectralEntropy().hesitations(s, np.append(alike, 30.0))
    assert "one group of rows" in said


@pytest.mark.statistical
@pytest.mark.parametrize("t", [1, 2])
@pytest.mark.parametrize("draw", [blobs, normal, ring], ids=["blobs", "normal", "ring"])
def test_intervals_cover_the_mean_at_n(draw, t):
    covered, flagged = study(im.DiffusionSpectralEntropy(t=t), draw, 100, 200, 600)
    assert least(200) <= covered
    assert flagged <= 0.1


@pytest.mark.statistical
@pytest.mark.parametrize("draw", [two_classes(1.0), pair], ids=["classes", "number"])
def test_intervals_of_information_cover(draw):
    covered, _ = study(im.DiffusionSpectralMI(), draw, 80, 150, 450)
    assert covered >= least(150)


@pytest.mark.statistical
def test_the_permutation_test_keeps_its_size():
    rng, draw, rejected, values = np.random.default_rng(5), two_classes(0.0), [], []
    for _ in range(600):
        x, y = draw(40, rng)
        r = im.DiffusionSpectralMI().fit(x, y).test(method=Permutation(39), rng=rng)
        rejected.append(r.pvalue <= 0.05)
        values.append(r.value)
    assert abs(np.mean(rejected) - 0.05) <= 3 * np.sqrt(0.05 * 0.95 / 600)
    assert abs(np.mean(values)) <= 3 * np.std(values) / np.sqrt(600)
