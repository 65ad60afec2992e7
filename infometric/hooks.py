"""Activations of a torch model, by hooks that live for one forward pass, which leaves no trace.

torch is loaded on use: who has a model has it.
"""

from __future__ import annotations

import difflib
import importlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from infometric.exceptions import (
    DataError,
    InvalidParameterError,
    MissingExtraError,
    UnsupportedError,
    and_list,
)
from infometric.state.arrays import is_tensor
from infometric.typing import Array

PARALLEL = ("DataParallel", "DistributedDataParallel")
Call = Callable[[Any, Any], Any]
Pool = str | Callable[[Any], Any]


def torch_library() -> Any:
    """The module torch.

    Raises
    ------
    MissingExtraError
        Where it is not installed.
    """
    try:
        return importlib.import_module("torch")
    except ImportError as error:
        raise MissingExtraError.of("torch", "neural") from error


# --- the model ------------------------------------------------------------------------------------


def unwrapped(model: Any) -> Any:
    """The model itself, without what spreads it over devices or compiles it.

    Raises
    ------
    InvalidParameterError
        Where it is no torch module.
    """
    if not isinstance(model, torch_library().nn.Module):
        raise InvalidParameterError(
            "The model must be a torch.nn.Module.",
            got=type(model).__name__,
            hint="TrainingProbe(y=y).record(step, 'layer', activations) for any other",
        )
    while True:
        if type(model).__name__ in PARALLEL:
            model = model.module
        elif hasattr(model, "_orig_mod"):
            model = model._orig_mod
        else:
            return model


def layer_of(model: Any, name: str) -> Any:
    """Module of a name as in ``model.named_modules()``, with or without the prefix of a wrapper."""
    modules = dict(model.named_modules(remove_duplicate=False))
    plain = re.sub(r"^((module|_orig_mod)\.)+", "", name)
    return modules.get(name, modules.get(plain))


def check_layers(model: Any, layers: Sequence[str]) -> None:
    """Error for the first name that the model has no layer of, with the nearest that it has."""
    known = [n for n, _ in model.named_modules(remove_duplicate=False) if n]
    if not layers:
        raise InvalidParameterError(
            "The probe needs the names of the layers to look at.",
            got=list(layers),
            hint=f"layers=[{and_list(known, limit=3)}], names of model.named_modules()",
        )
    for name in layers:
        if not isinstance(name, str) or layer_of(model, name) is None:
            near = difflib.get_close_matches(str(name), known, n=3, cutoff=0.3)
            raise InvalidParameterError(
                f"The model has no layer {name!r}.",
                got=name,
                hint=f"layers=[...] of {and_list(near or known)}",
            )


def refuse_unbuilt(model: Any) -> None:
    """Error where a layer has no weights yet, which the first batch would build."""
    lazy = torch_library().nn.parameter.is_lazy
    waiting = [name for name, p in model.named_parameters() if lazy(p)]
    if waiting:
        raise UnsupportedError(
            "Some layers have no weights before the first batch, and a probe must not build them.",
            got=waiting[:5],
            hint="model(first_batch), then probe.measure()",
        )


@contextmanager
def untouched(model: Any) -> Iterator[None]:
    """Evaluation mode without gradients; then modes and random numbers are as they were."""
    torch = torch_library()
    modes = [(module, module.training) for module in model.modules()]
    used = {p.device.index or 0 for p in model.parameters() if p.device.type == "cuda"}
    with torch.random.fork_rng(devices=sorted(used)), torch.no_grad():
        try:
            model.eval()
            yield
        finally:
            for module, mode in modes:
                module.training = mode


# --- its inputs -----------------------------------------------------------------------------------


def arrays(inputs: Any) -> Any:
    """The same structure of tensors, and of arrays of numbers.

    Raises
    ------
    DataError
        Where a part holds no numbers, or lists of unlike lengths.
    """
    return each(inputs, lambda part: part if is_tensor(part) else _numbers(part))


def _numbers(part: Any) -> Array:
    try:
        found = np.asarray(part)
    except ValueError:
        found = np.empty(0, dtype=object)
    if found.dtype.kind not in "fiubc":
        raise DataError(
            "X must hold numbers, as the model takes them.",
            got={"type": type(part).__name__, "dtype": str(found.dtype)},
            hint="arrays of equal rows; tokens as whole numbers, images as floats",
        )
    return found


def count_rows(inputs: Any) -> int:
    """Number of examples of an array, a tuple of arrays, or a mapping of them.

    Raises
    ------
    DataError
        Where the parts have different lengths, or none.
    """
    lengths = {len(part) for part in _parts(inputs) if len(getattr(part, "shape", ()))}
    if len(lengths) != 1:
        raise DataError(
            "X must hold arrays with one entry for each example.",
            got=sorted(lengths),
            hint="X of shape (n_examples, ...), or a tuple or dict of such arrays",
        )
    return lengths.pop()


def _parts(inputs: Any) -> list[Any]:
    if isinstance(inputs, Mapping):
        return list(inputs.values())
    return list(inputs) if isinstance(inputs, tuple) else [inputs]


def each(inputs: Any, change: Callable[[Any], Any]) -> Any:
    """The same structure with every array changed."""
    if isinstance(inputs, Mapping):
        return {name: change(part) for name, part in inputs.items()}
    return tuple(map(change, inputs)) if isinstance(inputs, tuple) else change(inputs)


def as_tensors(inputs: Any, rows: Array) -> Any:
    """Copies of some examples as tensors, so that the probe looks at the same ones for ever."""
    torch = torch_library()

    def taken(part: Any) -> Any:
        if is_tensor(part):
            return part.detach()[torch.as_tensor(rows, device=part.device)]
        return torch.as_tensor(part[rows])

    return each(inputs, taken)


def placed(model: Any, inputs: Any) -> Any:
    """Inputs on the device of a model, numbers with digits in the precision of its weights."""
    held = [*model.parameters(), *model.buffers()]
    device = held[0].device if held else None
    kinds = [p.dtype for p in held if p.is_floating_point()]

    def moved(part: Any) -> Any:
        dtype = kinds[0] if kinds and part.is_floating_point() else part.dtype
        return part.to(device=device, dtype=dtype)

    return each(inputs, moved)


def call_model(model: Any, batch: Any) -> Any:
    """Forward pass of one array, a tuple of arguments, or a mapping of named ones."""
    if isinstance(batch, Mapping):
        return model(**batch)
    return model(*batch) if isinstance(batch, tuple) else model(batch)


# --- what layers give -----------------------------------------------------------------------------


@dataclass
class Seen:
    """What one layer gave: its rows, or the reason why there are none."""

    parts: list[Array] = field(default_factory=list)
    calls: int = 0
    reason: str = ""

    @property
    def rows(self) -> Array | None:
        """Rows of all batches; None where a batch has none."""
        return np.concatenate(self.parts) if self.parts and not self.reason else None


def activations(
    model: Any,
    layers: Sequence[str],
    inputs: Any,
    *,
    pool: Pool = "flatten",
    batch_size: int = 256,
    call: Call = call_model,
) -> dict[str, Seen]:
    """Outputs of layers, in evaluation mode, of inputs that are tensors.

    Parameters
    ----------
    model : torch.nn.Module
        The model without wrappers.
    layers : sequence of str
        Names as in ``model.named_modules()``.
    inputs : tensor, tuple or mapping of tensors
        Examples.
    pool : {"flatten", "mean"} or callable
        What is made of outputs of more than two axes.
    batch_size : int
        Examples of one pass.
    call : callable
        ``call(model, batch)``, the forward pass.

    Returns
    -------
    dict of str to Seen
        Rows of each layer, or the reason why there are none.
    """
    refuse_unbuilt(model)
    outputs: dict[str, Any] = {}
    found = {name: Seen() for name in layers}
    handles = []
    try:
        for name in layers:
            module = layer_of(model, name)
            if module is None:
                found[name].reason = "the model has no layer of this name any more"
                continue
            handles.append(module.register_forward_hook(_keeper(name, outputs, found[name])))
        with untouched(model):
            for start in range(0, count_rows(inputs), batch_size):
                batch = each(inputs, lambda part: part[start : start + batch_size])  # noqa: B023
                outputs.clear()
                call(model, placed(model, batch))
                for name, seen in found.items():
                    _keep(seen, outputs, name, count_rows(batch), pool)
    finally:
        for handle in handles:
            handle.remove()
    return found


def _keeper(name: str, outputs: dict[str, Any], seen: Seen) -> Callable[..., None]:
    def keep(module: Any, given: Any, output: Any) -> None:
        tensor = first_tensor(output)
        # copied, for the next layer may work in place; of a layer called again the last call counts
        outputs[name] = None if tensor is None else tensor.clone()
        seen.calls += 1

    return keep


def _keep(seen: Seen, outputs: dict[str, Any], name: str, n: int, pool: Pool) -> None:
    if seen.reason:
        return
    tensor = outputs.get(name)
    if tensor is None:
        missing = "its output held no tensor" if name in outputs else "the layer was not called"
        seen.reason = f"{missing} in the forward pass"
        return
    rows = pooled(tensor, pool)
    shape = tuple(getattr(rows, "shape", ()))
    if len(shape) != 2 or shape[0] != n:
        seen.reason = f"{shape} after pooling is not one row for each of {n} examples"
    else:
        seen.parts.append(as_numpy(rows))


def first_tensor(output: Any) -> Any:
    """The first tensor of an output; None where there is none."""
    if is_tensor(output):
        return output
    if isinstance(output, Mapping):
        output = tuple(output.values())
    if isinstance(output, tuple | list):
        found = (first_tensor(part) for part in output)
        return next((part for part in found if part is not None), None)
    return None


def pooled(output: Any, pool: Pool) -> Any:
    """Rows of an output, shape (n, d); a function gets the output as it is.

    The mean of three axes is over the second (tokens of a sequence), of more over all axes after
    the second (places of an image, whose second axis holds channels).
    """
    if callable(pool):
        return pool(output)
    if output.ndim == 0:
        return output
    if output.ndim > 2 and pool == "mean":
        output = output.mean(1 if output.ndim == 3 else tuple(range(2, output.ndim)))
    return output.reshape(len(output), -1)


def as_numpy(rows: Any) -> Array:
    """Numbers in single or double precision, from whatever device."""
    if is_tensor(rows):
        rows = rows.detach()
        short = rows.is_floating_point() and rows.element_size() < 4
        rows = (rows.float() if short else rows).cpu().numpy()
    found = np.asarray(rows)
    return found if found.dtype.kind in "fc" and found.itemsize >= 4 else found.astype(float)
