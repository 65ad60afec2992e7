"""Eigenvalues by way of a band: a closed form, and LAPACK's own."""

from __future__ import annotations

import numpy as np
import pytest

from infometric.state import banded


def symmetric(n, seed=0):
    a = np.random.default_rng(seed).normal(size=(n, n))
    return a + a.T


def test_second_differences_have_eigenvalues_of_cosines():
    n = 300
    rotation = np.linalg.qr(symmetric(n))[0]
    chain = 2 * np.eye(n) - np.eye(n, k=1) - np.eye(n, k=-1)
    found = banded.eigenvalues(rotation @ chain @ rotation.T)
    exact = 2 - 2 * np.cos(np.pi * np.arange(1, n + 1) / (n + 1))
    np.testing.assert_allclose(found, exact, atol=1e-12)


@pytest.mark.parametrize("n", [1, 2, 3, 32, 33, 34, 35, 64, 65, 100, 700, 1100])
@pytest.mark.parametrize("width", [1, 7, 32])
def test_eigenvalues_are_those_of_lapack(n, width):
    if width == 1 and n > 200:
        pytest.skip("a long way in single columns")
    a = symmetric(n)
    exact = np.linalg.eigvalsh(a)
    found = banded.eigenvalues(a.copy(), width)
    np.testing.assert_allclose(found, exact, atol=1e-12 * max(abs(exact)) * n**0.5)
    single = banded.eigenvalues(a.astype(np.float32), width)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, exact, atol=2e-6 * max(abs(exact)) * n**0.25)


def test_lower_triangle_alone_is_read():
    a = symmetric(600)
    lower = np.tril(a) + np.triu(np.full_like(a, np.nan), 1)
    for start in range(0, 600, banded.STRIP):  # squares on the diagonal are read whole
        at = slice(start, start + banded.STRIP)
        lower[at, at] = a[at, at]
    np.testing.assert_allclose(banded.eigenvalues(lower), np.linalg.eigvalsh(a), atol=1e-11)


@pytest.mark.parametrize("make", [np.zeros, np.ones, lambda s: np.eye(s[0])])
def test_degenerate_matrices(make):
    a = make((80, 80))
    np.testing.assert_allclose(banded.eigenvalues(a.copy()), np.linalg.eigvalsh(a), atol=1e-12)
