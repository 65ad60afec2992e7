"""Networks in a quarter of their bytes: how near they stay, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from infometric.amortised.packing import MOST, packed, unpacked
from infometric.exceptions import DataError, OutputError

matrices = arrays(
    np.float32,
    st.tuples(st.integers(1, 3), st.integers(1, 6), st.integers(1, 4)),
    elements=st.floats(-(2.0**100), 2.0**100, width=32),
)


@settings(deadline=None)
@given(matrices)
def test_a_number_moves_by_half_a_step_at_most(w):
    found = unpacked(packed({"w0": w}))["w0"]
    step = np.abs(w).max(1, keepdims=True).astype(float) / MOST
    assert found.dtype == np.float32
    assert (np.abs(found - w.astype(float)) <= 0.5 * step * (1 + 1e-5) + 1e-30).all()


@settings(deadline=None)
@given(matrices)
def test_what_was_stored_is_stored_again_alike(w):
    once = unpacked(packed({"w0": w}))["w0"]
    again = unpacked(packed({"w0": once}))["w0"]
    # the step itself is rounded, and with it every number by one part in ten million
    np.testing.assert_allclose(again, once, rtol=3e-7, atol=1e-30)


def test_other_arrays_keep_half_precision_and_a_matrix_has_one_byte_a_number():
    network = {"w0": np.ones((4, 30, 20)), "b0": np.full((4, 1, 20), 0.1), "mean": np.arange(30.0)}
    found = packed(network)
    assert sum(v.nbytes for v in found.values()) == 4 * 30 * 20 + 4 * 4 * 20 + 2 * 4 * 20 + 2 * 30
    assert found["b0"].dtype == np.float16
    back = unpacked(found)
    assert set(back) == set(network)
    assert all(v.dtype == np.float32 for v in back.values())
    np.testing.assert_array_equal(back["mean"], np.arange(30.0))


@pytest.mark.parametrize("name", ["w0", "b0"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e39])
def test_numbers_that_are_none_are_refused(name, value):
    network = {"w0": np.ones((1, 2, 2)), "b0": np.ones((1, 1, 2))}
    network[name][..., 0, 0] = value
    with pytest.raises(OutputError, match="too large to be stored") as raised:
        packed(network)
    assert name in str(raised.value)


def test_numbers_beyond_half_precision_are_refused_beside_matrices():
    with pytest.raises(OutputError, match="b0"):
        packed({"w0": np.ones((1, 2, 2)), "b0": np.full((1, 1, 2), 7e4)})


def test_steps_of_another_shape_are_refused():
    found = packed({"w0": np.ones((2, 3, 4))})
    with pytest.raises(DataError, match="do not fit together"):
        unpacked(found | {"w0": found["w0"][..., :2]})
    with pytest.raises(DataError, match="do not fit together"):
        unpacked(found | {"w0 step": np.ones(4, np.float32)})
