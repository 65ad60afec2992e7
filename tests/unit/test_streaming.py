"""The softmax over a vocabulary in parts: against scipy, whatever the parts, and its memory."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from scipy.special import log_softmax

from infometric.exceptions import DataError, InvalidParameterError
from infometric.functional.streaming import (
    Readout,
    SoftmaxMoments,
    logit_chunks,
    softmax_moments,
    streamed_statistics,
    token_statistics,
    wide,
)

torch = pytest.importorskip("torch")


def oracle(logits, targets):
    """The same by all logits at once, in double precision."""
    lp = log_softmax(np.asarray(logits, float), -1)
    p = np.exp(lp)
    told = np.where(p > 0, lp, 0.0)
    mu = (p * told).sum(-1)
    return lp[np.arange(len(lp)), targets], mu, (p * (told - mu[:, None]) ** 2).sum(-1)


def assert_equal(found, expected, **tolerance):
    for name, value in zip(("logprob", "mu", "var"), expected, strict=True):
        seen = np.asarray(getattr(found, name), float)
        np.testing.assert_allclose(seen, value, **tolerance, err_msg=name)


@pytest.fixture
def case(rng):
    hidden, weight = rng.normal(size=(7, 5)), rng.normal(size=(103, 5))
    return hidden, weight, rng.normal(size=103), rng.integers(0, 103, 7)


def test_closed_form():
    found = token_statistics(np.log([[0.5, 0.25, 0.25]]), [1])
    assert_equal(found, [[np.log(0.25)], [-1.5 * np.log(2)], [np.log(2) ** 2 / 4]], rtol=1e-12)
    assert found.entropy == pytest.approx(1.5 * np.log(2))


@pytest.mark.parametrize("chunk", [1, 2, 7, 50, 102, 103, 5000])
@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_any_chunk_gives_the_numbers_of_scipy(case, chunk, library):
    hidden, weight, bias, targets = case
    expected = oracle(hidden @ weight.T + bias, targets)
    if library == "torch":
        hidden, weight, bias, targets = map(torch.as_tensor, (hidden, weight, bias, targets))
    found = streamed_statistics(hidden, weight, targets, bias=bias, chunk=chunk)
    assert_equal(found, expected, rtol=1e-10, atol=1e-12)


def test_parts_join_in_any_order(case):
    hidden, weight, _, targets = case
    parts = [SoftmaxMoments.of(z, targets, s) for s, z in logit_chunks(hidden, weight, chunk=10)]
    forward, backward = parts[0], parts[-1]
    for part in parts[1:]:
        forward = forward + part
    for part in parts[-2::-1]:
        backward = backward + part
    assert_equal(forward, [backward.logprob, backward.mu, backward.var], rtol=1e-12)
    pairs = [a + b for a, b in zip(parts[::2], [*parts[1::2], parts[-1]], strict=True)]
    assert len(pairs) == 6
    with pytest.raises(TypeError):
        parts[0] + 1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_huge_logits_lose_nothing(rng, dtype):
    z = (rng.normal(size=(4, 300)) * 3 + 1e4).astype(dtype)
    z[1] -= dtype(2e4)
    z[2, 5] = 3e4  # one word far above all others
    for chunk in (17, 300):
        found = token_statistics(z, [0, 1, 2, 3], chunk=chunk)
        assert found.logprob.dtype == dtype
        assert_equal(found, oracle(z, [0, 1, 2, 3]), rtol=1e-5, atol=1e-6)


def test_one_point_has_no_entropy():
    z = np.full((2, 9), -1e4, np.float32)
    z[:, 4] = 1e4
    z[1] = -np.inf
    z[1, 8] = -3.0
    found = token_statistics(z, [4, 0], chunk=2)
    assert found.mu.tolist() == [0.0, 0.0]
    assert found.var.tolist() == [0.0, 0.0]
    assert found.logprob.tolist() == [0.0, -np.inf]


@pytest.mark.parametrize("mask", [-np.inf, np.finfo(np.float32).min])
def test_masked_words_count_for_nothing(rng, mask):
    z = rng.normal(size=(3, 20)).astype(np.float32)
    z[:, 8:16] = mask  # whole parts of it
    for chunk in (4, 20):
        found = token_statistics(z, [0, 1, 19], chunk=chunk)
        kept = np.delete(z, np.s_[8:16], axis=1)
        assert_equal(found, oracle(kept, [0, 1, 11]), rtol=1e-5)
        tensor = token_statistics(torch.as_tensor(z), [0, 1, 19], chunk=chunk)
        assert_equal(tensor, oracle(kept, [0, 1, 11]), rtol=1e-5)


def test_variance_is_not_negative_where_all_words_are_alike():
    z = np.full((1, 50_000), 7.25, np.float32)
    found = token_statistics(z, chunk=999)
    assert 0 <= found.var[0] < 1e-9
    assert found.mu == pytest.approx(-np.log(50_000), rel=1e-6)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_is_widened_before_any_sum(rng, dtype):
    kind = getattr(torch, dtype)
    hidden = torch.as_tensor(rng.normal(size=(6, 32))).to(kind)
    weight = torch.as_tensor(rng.normal(size=(5000, 32))).to(kind)
    found = streamed_statistics(hidden, weight, [1, 2, 3, 4, 5, 6], chunk=64)
    assert found.mu.dtype == torch.float32
    exact = hidden.double().numpy() @ weight.double().numpy().T
    assert_equal(found, oracle(exact, [1, 2, 3, 4, 5, 6]), rtol=2e-5, atol=2e-5)
    assert wide(np.float16([1.0])).dtype == np.float32


def test_capped_and_scaled_logits(case):
    hidden, weight, bias, targets = case
    z = 4.0 * (hidden @ weight.T + bias)
    for readout, expected in (
        (Readout(scale=4.0), z),
        (Readout(scale=4.0, cap=3.0), 3 * np.tanh(z / 3)),
        (np.tanh, np.tanh(z / 4.0)),
    ):
        found = streamed_statistics(hidden, weight, targets, bias=bias, transform=readout, chunk=20)
        assert_equal(found, oracle(expected, targets), rtol=1e-10)


def test_gradients_flow(case):
    hidden, weight, _, targets = (torch.as_tensor(part) for part in case)
    hidden.requires_grad_()
    streamed_statistics(hidden, weight, targets, chunk=10).logprob.sum().backward()
    mine, hidden.grad = hidden.grad, None
    lp = torch.log_softmax(hidden @ weight.T, -1)
    lp.gather(1, targets[:, None]).sum().backward()
    torch.testing.assert_close(mine, hidden.grad)
    hidden.grad = None
    streamed_statistics(hidden, weight, chunk=10).entropy.sum().backward()
    mine, hidden.grad = hidden.grad, None
    lp = torch.log_softmax(hidden @ weight.T, -1)
    (-(lp.exp() * lp).sum()).backward()
    torch.testing.assert_close(mine, hidden.grad)


def test_inputs_are_not_written_to(case):
    hidden, weight, bias, targets = case
    before = [part.copy() for part in case]
    logits = hidden @ weight.T
    kept = logits.copy()
    streamed_statistics(hidden, weight, targets, bias=bias)
    token_statistics(logits, targets)
    assert all((a == b).all() for a, b in zip(case, before, strict=True))
    assert (logits == kept).all()
    tensor = torch.as_tensor(kept).clone()
    token_statistics(tensor, targets)
    assert (tensor.numpy() == kept).all()


def test_memory_does_not_follow_the_vocabulary(rng):
    t, d = 32, 4
    peaks = []
    for size in (50_000, 200_000):
        hidden, weight = rng.normal(size=(t, d)), rng.normal(size=(size, d))
        tracemalloc.start()
        streamed_statistics(hidden, weight, np.zeros(t, int), chunk=1024)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert peaks[-1] < t * size * 8 / 5
    assert peaks[1] < 1.1 * peaks[0]


def test_no_targets_and_no_rows():
    found = token_statistics(np.zeros((2, 8)))
    assert found.entropy == pytest.approx(np.log(8))
    assert np.isneginf(found.logprob).all()
    assert streamed_statistics(np.zeros((0, 3)), np.ones((4, 3)), []).mu.shape == (0,)


def test_what_is_refused():
    hidden, weight = np.ones((2, 3)), np.ones((5, 3))
    with pytest.raises(DataError, match=r"need output weights of shape \(V, d\)"):
        streamed_statistics(hidden, np.ones((5, 4)), [0, 1])
    with pytest.raises(DataError, match=r"Each of the 2 rows needs one target\. Got \(1,\)"):
        streamed_statistics(hidden, weight, [0])
    with pytest.raises(DataError, match=r"between 0 and 4\. Got \[-100, 5\]"):
        streamed_statistics(hidden, weight, [-100, 5])
    with pytest.raises(DataError, match="between 0 and 4"):
        streamed_statistics(torch.ones(2, 3), torch.ones(5, 3), torch.tensor([0, 5]))
    for chunk in (0, -3, 2.5, True):
        with pytest.raises(InvalidParameterError, match="chunk must be a positive whole number"):
            token_statistics(np.ones((2, 5)), [0, 1], chunk=chunk)
    with pytest.raises(DataError, match="one row per token"):
        token_statistics(np.ones(5), [0])
    with pytest.raises(DataError, match="no logits"):
        softmax_moments([])
