"""Activations of a torch model, by hooks that live for one forward pass, which leaves no trace.

torch is loaded on use: who has a model has it.
"""

from __future__ import annotations

import difflib
import importlib
import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
MOST_ARGUMENTS = 8  # arrays in a list up to which they may be arguments, not examples
Call = Callable[[Any, Any], Any]
Pool = str | int | tuple[int, ...] | Callable[[Any], Any]
TRIED = (3, 2)  # examples of the passes that try a model: two sizes show what follows the batch


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


def layer_names(layers: Any) -> list[str]:
    """Names of layers as a list; one name is a list of one.

    Raises
    ------
    InvalidParameterError
        Where they cannot be gone through.
    """
    if isinstance(layers, str):
        return [layers]
    if layers is None or isinstance(layers, Iterable):
        return list(layers or ())
    raise InvalidParameterError(
        "layers must be names as in model.named_modules().",
        got=layers,
        hint=f"layers=[{str(layers)!r}]",
    )


def refuse_unhooked(model: Any, layers: Sequence[str]) -> None:
    """Error for what can never be measured: weights without numbers, layers without hooks."""
    held = [*model.parameters(), *model.buffers()]
    if any(part.is_meta for part in held):
        raise UnsupportedError(
            "The model is on the meta device: its weights hold no numbers.",
            got="meta",
            hint="model.to_empty(device='cpu'), with weights loaded, before the probe is made",
        )
    scripted = torch_library().jit.ScriptModule
    closed = [name for name in layers if isinstance(layer_of(model, name), scripted)]
    if closed:
        raise UnsupportedError(
            "Scripted and traced modules call no hooks, so that their layers cannot be seen.",
            got=closed,
            hint="give the probe the module that was scripted: they share their weights",
        )


def unbuilt(model: Any) -> list[str]:
    """Names of the weights that the first batch will build."""
    lazy = torch_library().nn.parameter.is_lazy
    return [name for name, p in model.named_parameters() if lazy(p)]


def refuse_unbuilt(model: Any) -> None:
    """Error where a layer has no weights yet, which the first batch would build."""
    waiting = unbuilt(model)
    if waiting:
        raise UnsupportedError(
            "Some layers have no weights before the first batch, and a probe must not build them.",
            got=waiting[:5],
            hint="model(first_batch), then probe.measure()",
        )


@contextmanager
def untouched(model: Any) -> Iterator[None]:
    """Evaluation mode without gradients; then modes, buffers and random numbers are as they were.

    Buffers that change their shape are left: they are stores that a model keeps for itself.
    """
    torch = torch_library()
    modes = [(module, module.training) for module in model.modules()]
    used = {p.device.index or 0 for p in model.parameters() if p.device.type == "cuda"}
    with (
        torch.random.fork_rng(devices=sorted(used)),
        torch.no_grad(),
        _other_random_numbers(),
        _buffers(model),
        _slow_path(torch),
    ):
        try:
            model.eval()
            yield
        finally:
            for module, mode in modes:
                module.training = mode


@contextmanager
def _other_random_numbers() -> Iterator[None]:
    """Random numbers of numpy and of Python, which layers and transformations may draw."""
    legacy, plain = np.random.get_state(), random.getstate()  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(legacy)  # noqa: NPY002
        random.setstate(plain)


@contextmanager
def _buffers(model: Any) -> Iterator[None]:
    """Counters, running means and codebooks, which some layers change in evaluation mode too."""
    kept = [
        (module, name, buffer, buffer.detach().clone())
        for module in model.modules()
        for name, buffer in module.named_buffers(recurse=False)
        if not torch_library().nn.parameter.is_lazy(buffer)
    ]
    try:
        yield
    finally:
        for module, name, buffer, before in kept:
            now = getattr(module, name, None)
            if now is None or now.shape != before.shape:
                continue
            if now is not buffer:
                module._buffers[name] = buffer
            if not torch_library().equal(buffer, before):
                buffer.data.copy_(before)  # so that a backward pass under way is not refused


@contextmanager
def _slow_path(torch: Any) -> Iterator[None]:
    """No fast path of attention: it goes round the hooks, and drops the tokens of padding."""
    switch = getattr(torch.backends, "mha", None)
    if switch is None:
        yield
        return
    before = switch.get_fastpath_enabled()
    switch.set_fastpath_enabled(False)
    try:
        yield
    finally:
        switch.set_fastpath_enabled(before)


# --- its inputs -----------------------------------------------------------------------------------


def arrays(inputs: Any) -> Any:
    """The same structure of tensors, and of arrays of numbers.

    Raises
    ------
    DataError
        Where a part holds no numbers, or lists of unlike lengths.
    """
    _refuse_parts(inputs)
    return each(inputs, lambda part: part if is_tensor(part) else numbers(part))


def _refuse_parts(inputs: Any) -> None:
    """Error for a list of arguments: a list is one array of examples."""
    if not isinstance(inputs, list) or not 0 < len(inputs) <= MOST_ARGUMENTS:
        return
    shapes = [tuple(getattr(part, "shape", ())) for part in inputs]
    lengths = {shape[0] if shape else 0 for shape in shapes}
    if len(lengths) == 1 and lengths.pop() > len(inputs):
        raise DataError(
            "X is a list of arrays: the arguments of a model are given as a tuple.",
            got={"shapes": shapes},
            hint="X=(ids, mask) for two arguments; np.stack(X) where each array is an example",
        )


def numbers(part: Any, what: str = "X must hold numbers, as the model takes them.") -> Array:
    """Array of numbers.

    Raises
    ------
    DataError
        Where it holds none, or lists of unlike lengths.
    """
    try:
        found = np.asarray(part)
    except ValueError:
        found = np.empty(0, dtype=object)
    if found.dtype.kind not in "fiubc":
        raise DataError(
            what,
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
    single = [name for name, part in _named(inputs) if not len(getattr(part, "shape", ()))]
    if single and isinstance(inputs, Mapping | tuple):
        raise DataError(
            "Every part of X must be an array with one entry for each example.",
            got={"single values": single},
            hint="call=lambda model, batch: model(**batch, flag=True) for other arguments",
        )
    lengths = {len(part) for part in _parts(inputs) if len(getattr(part, "shape", ()))}
    if len(lengths) != 1:
        raise DataError(
            "X must hold arrays with one entry for each example.",
            got=sorted(lengths),
            hint="X of shape (n_examples, ...), or a tuple or dict of such arrays",
        )
    return lengths.pop()


def _named(inputs: Any) -> list[tuple[Any, Any]]:
    if isinstance(inputs, Mapping):
        return list(inputs.items())
    return list(enumerate(inputs if isinstance(inputs, tuple) else [inputs]))


def _parts(inputs: Any) -> list[Any]:
    return [part for _, part in _named(inputs)]


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
    shapes: list[tuple[tuple[int, ...], tuple[int, ...]]] = field(default_factory=list)

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
    pool : {"flatten", "mean"}, int, tuple of int, or callable
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
            with _noted(found[name], "it takes no hooks"):
                hook = _keeper(name, outputs, found[name])
                handles.append(module.register_forward_hook(hook))
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


@contextmanager
def _noted(seen: Seen, what: str) -> Iterator[None]:
    """Exceptions are the reason why a layer has no rows: a probe must not end a training run."""
    try:
        yield
    except Exception as error:
        text = str(error).strip().splitlines() or [""]
        seen.reason = f"{what}: {type(error).__name__}: {text[0][:200]}"


def _keeper(name: str, outputs: dict[str, Any], seen: Seen) -> Callable[..., None]:
    def keep(module: Any, given: Any, output: Any) -> None:
        seen.calls += 1
        with _noted(seen, "its output cannot be read"):
            tensor = first_tensor(output)
            # copied, for the next layer may work in place; of several calls the last one counts
            outputs[name] = None if tensor is None else padded(tensor).clone()

    return keep


def padded(tensor: Any) -> Any:
    """The same as one block: rows of unlike lengths are filled with zeros."""
    if not getattr(tensor, "is_nested", False):
        return tensor
    return torch_library().nested.to_padded_tensor(tensor, 0.0)


def _keep(seen: Seen, outputs: dict[str, Any], name: str, n: int, pool: Pool) -> None:
    if seen.reason:
        return
    tensor = outputs.get(name)
    if tensor is None:
        missing = "its output held no tensor" if name in outputs else "the layer was not called"
        seen.reason = f"{missing} in the forward pass"
        return
    with _noted(seen, "its output cannot be pooled"):
        rows = pooled(tensor, pool)
        shape = tuple(getattr(rows, "shape", ()))
        seen.shapes.append((tuple(tensor.shape), shape))
        if len(shape) != 2 or shape[0] != n:
            seen.reason = f"{shape} after pooling is not one row for each of {n} examples"
        elif seen.parts and seen.parts[0].shape[1] != shape[1]:
            seen.reason = (
                f"{seen.parts[0].shape[1]} columns in one batch and {shape[1]} in another; "
                "a pool that makes them equal is needed"
            )
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
    the second (places of an image, whose second axis holds channels); numbers name other axes.
    """
    if callable(pool):
        return pool(output)
    if output.ndim == 0:
        return output
    if output.ndim > 2 and pool != "flatten":
        output = output.mean(_axes(pool, output.ndim))
    return output.reshape(len(output), -1)


def _axes(pool: Any, ndim: int) -> int | tuple[int, ...]:
    """Axes that the mean is over."""
    if pool == "mean":
        return 1 if ndim == 3 else tuple(range(2, ndim))
    return tuple(pool) if isinstance(pool, tuple) else int(pool)


def as_numpy(rows: Any) -> Array:
    """Numbers in single or double precision, from whatever device."""
    if is_tensor(rows):
        rows = rows.detach()
        short = rows.is_floating_point() and rows.element_size() < 4
        rows = (rows.float() if short else rows).cpu().numpy()
    found = np.asarray(rows)
    return found if found.dtype.kind in "fc" and found.itemsize >= 4 else found.astype(float)


# --- before training ------------------------------------------------------------------------------


def rehearse(
    model: Any, layers: Sequence[str], inputs: Any, *, pool: Pool, batch_size: int, call: Call
) -> None:
    """Show a model its first examples, to refuse at once what could never be measured.

    Raises
    ------
    DataError
        Where the forward pass fails, or a layer's rows do not follow the examples.
    InvalidParameterError
        Where a function or axes given as `pool` fail.
    """
    sizes: dict[str, list[Any]] = {name: [] for name in layers}
    for n in TRIED:
        few = each(inputs, lambda part: part[:n])  # noqa: B023
        try:
            found = activations(
                model, layers, few, pool=pool, batch_size=max(n, batch_size), call=call
            )
        except Exception as error:
            raise _not_shown(few, n, error) from error
        for name, seen in found.items():
            _refuse_pool(name, seen, pool)
            sizes[name] += seen.shapes
    for name, shapes in sizes.items():
        _refuse_transposed(name, shapes)


def _not_shown(inputs: Any, n: int, error: Exception) -> DataError:
    text = (str(error).strip().splitlines() or [""])[0][:200].rstrip(".")
    told = {
        str(name): f"{str(part.dtype).removeprefix('torch.')}{list(part.shape)}"
        for name, part in _named(inputs)
    }
    return DataError(
        f"The forward pass fails on {n} examples of X: {type(error).__name__}: {text}.",
        got=told if isinstance(inputs, Mapping | tuple) else next(iter(told.values())),
        hint="X as the model takes it (tokens are whole numbers, a tuple holds arguments), or "
        "call=lambda model, batch: ...; rehearse=False leaves this trial out",
    )


def _refuse_pool(name: str, seen: Seen, pool: Pool) -> None:
    if not isinstance(pool, str) and seen.reason.startswith("its output cannot be pooled"):
        raise InvalidParameterError(
            f"pool fails on the output of layer {name!r}; {seen.reason.rstrip('.')}.",
            got=pool,
            hint="pool=lambda output: output.flatten(1), one row for each example"
            if callable(pool)
            else "pool='mean', or axes that the outputs of all layers with more than two axes have",
        )


def _refuse_transposed(name: str, shapes: Sequence[tuple[tuple[int, ...], ...]]) -> None:
    """Error where the first axis is of one length whatever the number of examples."""
    rows = [after[0] for _, after in shapes if after]
    if len(rows) == len(TRIED) and len(set(rows)) == 1:
        raise DataError(
            f"The first axis of the output of layer {name!r}, after pooling, does not hold the "
            f"examples: it has length {rows[0]} whatever their number.",
            got={f"{n} examples": before for n, (before, _) in zip(TRIED, shapes, strict=True)},
            hint="batch_first=True in the layer; or pool=0 for the mean over a first axis of "
            "tokens, pool=lambda output: output.transpose(0, 1).flatten(1)",
        )
