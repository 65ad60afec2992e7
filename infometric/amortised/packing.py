"""Weights of a network in a quarter of their bytes: whole numbers of a step for each output.

A matrix of a layer is kept as numbers from -127 to 127, times a step for every member and output;
what else a network has is kept in half precision. A network is judged as it will be read again.

References
----------
Jacob, B., Kligys, S., Chen, B., et al. (2018). Quantization and training of neural networks for
efficient integer-arithmetic-only inference. IEEE/CVF CVPR, 2704-2713.
doi:10.1109/CVPR.2018.00286
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from infometric.exceptions import DataError, OutputError
from infometric.typing import Array

MOST = 127
NOTHING = 1e-30  # a column of a matrix whose numbers are all below is zero
STEP = " step"  # ends the name of what a matrix is multiplied by


def packed(network: Mapping[str, Array]) -> dict[str, Array]:
    """Arrays to be stored.

    Parameters
    ----------
    network : mapping of str to array
        ``w0``, ``w1``, ... of shape (members, inputs, outputs), and others.

    Raises
    ------
    OutputError
        Where a number is not finite, or too large for half precision.

    Examples
    --------
    >>> found = packed({"w0": np.array([[[0.5, 3.0], [-1.27, 0.0]]])})
    >>> found["w0"].tolist(), found["w0 step"].shape
    ([[[50, 127], [-127, 0]]], (1, 1, 2))
    """
    out: dict[str, Array] = {}
    bad = []
    for name, value in network.items():
        with np.errstate(over="ignore"):
            value = np.asarray(value, dtype=np.float32)
        if name.startswith("w") and value.ndim == 3:
            most = np.abs(value).max(1, keepdims=True)
            step = np.where(most > NOTHING, most / np.float32(MOST), np.float32(1))
            fits = bool(np.isfinite(most).all())
            out[name] = np.rint(value / step).astype(np.int8) if fits else value
            out[name + STEP] = step
        else:
            fits = bool((np.abs(value) <= np.finfo(np.float16).max).all())
            out[name] = value.astype(np.float16) if fits else value
        bad += [] if fits else [name]
    if bad:
        raise OutputError(
            "Weights are too large to be stored, or not finite.",
            got=bad,
            hint="a smaller learning_rate, a larger weight_decay",
        )
    return out


def unpacked(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Arrays of a network, in single precision, from those stored; others as they are.

    Raises
    ------
    DataError
        Where the steps of a matrix are not those of its members and outputs.

    Examples
    --------
    >>> network = {"w0": np.array([[[0.5, 3.0], [-1.27, 0.0]]]), "b0": np.ones((1, 1, 2))}
    >>> once = unpacked(packed(network))
    >>> again = unpacked(packed(once))
    >>> all(np.array_equal(once[name], again[name]) for name in network)
    True
    """
    out: dict[str, Array] = {}
    for name, value in arrays.items():
        if name.endswith(STEP):
            continue
        if name + STEP in arrays:
            step = arrays[name + STEP]
            if value.ndim != 3 or step.shape != (len(value), 1, value.shape[2]):
                raise DataError(
                    "The arrays of the network do not fit together.",
                    got={name: value.shape, name + STEP: step.shape},
                    hint="MIST.train(...).save(folder)",
                )
            out[name] = value.astype(np.float32) * step
        else:
            out[name] = value.astype(np.float32) if value.dtype == np.float16 else value
    return out
