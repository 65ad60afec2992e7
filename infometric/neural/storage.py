"""Trained estimators in a folder: weights as safetensors, everything else as JSON; never pickle.

The weights have a name made of their content, and the JSON names them. It is written last, beside
its target and renamed, so that a folder holds the old estimator or the new one at any moment.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from infometric._version import __version__
from infometric.curves import LearningCurves
from infometric.exceptions import (
    DataError,
    InvalidParameterError,
    MissingExtraError,
    OutputError,
    SourceError,
    UnsupportedError,
)
from infometric.extrapolation import Extrapolation
from infometric.files import read_json, sealed, unsealed, unwritable, write_bytes, write_text
from infometric.functional import bounds
from infometric.functional.base import Caution
from infometric.inference import STRATEGIES
from infometric.neural.data import Reader
from infometric.neural.fitting import Settings, critic_of, device_of
from infometric.neural.model import (
    Ensemble,
    GaussianAnchor,
    Model,
    NormalScores,
    Plain,
    Standard,
    baseline_net,
)
from infometric.state.critic import CriticScores

try:
    import torch
except ImportError as error:
    raise MissingExtraError.of("torch", "neural") from error

SCHEMA_VERSION = 1
KIND = "infometric-neural"
NAME = "neural_mi.json"
AGAIN = "NeuralMI(...).fit(x, y).save(folder)"
OWN = ("critic", "encoder_x", "encoder_y", "bound")  # parameters that may be code of the user's
FORGOTTEN = {"progress": False, "random_state": None}  # what training alone needs
SCALES: dict[str, tuple[type[Any], tuple[str, ...]]] = {
    "Plain": (Plain, ()),
    "Standard": (Standard, ("mean", "deviation")),
    "NormalScores": (NormalScores, ("knots", "scores")),
}
Tensors = Mapping[str, torch.Tensor]


def _safetensors() -> Any:
    try:
        import safetensors.torch as library
    except ImportError as error:
        raise MissingExtraError.of("safetensors", "neural") from error
    return library


# -- writing ------------------------------------------------------------------------------------


def save(estimator: Any, folder: str | os.PathLike[str]) -> Path:
    """Write a fitted estimator; see `NeuralMI.save`."""
    library, target = _safetensors(), Path(folder)
    parameters = {k: _told(k, v) for k, v in estimator.get_params(deep=False).items()}
    content: dict[str, Any] = {
        "kind": KIND,
        "schema_version": SCHEMA_VERSION,
        "infometric": __version__,
        "estimator": type(estimator).__name__,
        "parameters": parameters,
        "models": [_structure(m) for m in estimator.models_],
        "state": _strict(estimator.state_.to_dict()),
        "history": estimator.history_.to_dict(),
        "flags": [list(c) for c in estimator.flags_],
        "shapes": [list(estimator.shape_x_), list(estimator.shape_y_)],
        "readers": [r.to_dict() for r in estimator.readers_],
    }
    if hasattr(estimator, "extrapolation_"):
        content["protocol"] = _protocol(estimator)
    weights = library.save(_tensors(estimator.models_))
    digest = hashlib.sha256(weights).hexdigest()
    content |= {"weights": f"weights-{digest[:16]}.safetensors", "sha256": digest}
    _write(target, weights, content)
    return target


def _protocol(estimator: Any) -> dict[str, Any]:
    """What `ReliableMI` learned beside its critics."""
    numbers = {"departure": estimator.departure_, "extra": estimator.extra_}
    return _strict(numbers) | {"extrapolation": estimator.extrapolation_.to_dict()}


def _write(target: Path, weights: bytes, content: dict[str, Any]) -> None:
    """Weights first, then the JSON that makes them the estimator's; older weights go last."""
    new = not target.exists()
    file, before = target / content["weights"], _named(target)
    text = json.dumps(sealed(content), allow_nan=False)
    try:
        if new:
            target.mkdir()
        write_bytes(file, weights)
        write_text(target / NAME, text)
    except BaseException as error:
        with contextlib.suppress(OSError):
            if file.name != before:
                file.unlink(missing_ok=True)
            if new:
                target.rmdir()
        if isinstance(error, OSError) and not isinstance(error, OutputError):
            raise unwritable(target, error) from error
        raise
    if before and before != file.name:
        with contextlib.suppress(OSError):
            (target / before).unlink()


def _named(target: Path) -> str | None:
    """Weights that an estimator already in the folder has."""
    with contextlib.suppress(SourceError):
        name = read_json(target / NAME, AGAIN).get("weights")
        if isinstance(name, str) and Path(name).name == name:
            return name
    return None


def _structure(model: Model) -> dict[str, Any]:
    return {
        "scale_x": type(model.scale_x).__name__,
        "scale_y": type(model.scale_y).__name__,
        "anchor": model.anchor is not None,
        "baseline": model.baseline is not None,
    }


def _tensors(models: list[Model]) -> dict[str, torch.Tensor]:
    """Tensors of all models by name, each in memory of its own."""
    found = {}
    for k, model in enumerate(models):
        for name, value in model.state_dict().items():
            if not isinstance(value, torch.Tensor):
                raise UnsupportedError(
                    "Weights are saved as tensors, and this module's state holds something else.",
                    got={name: type(value).__name__},
                    hint="a module without get_extra_state",
                )
            found[f"{k}.{name}"] = value.detach().cpu().clone().contiguous()
    return found


def _told(name: str, value: Any) -> Any:
    """A parameter as JSON; code of the user's as the name of its class."""
    if isinstance(value, tuple):
        return {"tuple": [_told(name, v) for v in value]}
    if isinstance(value, list):
        return [_told(name, v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, str | bool | int | float):
        return value
    kind = type(value).__name__
    if getattr(bounds, kind, None) is type(value) or kind in _strategies():
        return {"class": kind, "fields": {f.name: getattr(value, f.name) for f in fields(value)}}
    if name in OWN:
        return {"given": kind}
    if name in FORGOTTEN:
        return FORGOTTEN[name]
    raise UnsupportedError(
        f"The {name!r} parameter is no plain value, and cannot be saved.",
        got=kind,
        hint=f"set_params({name}='auto').save(folder)",
    )


def _strategies() -> dict[str, type[Any]]:
    return {kind.__name__: kind for kind in STRATEGIES.values()}


def _strict(values: Any) -> Any:
    """The same with texts for numbers that are not finite, which JSON does not have."""
    if isinstance(values, dict):
        return {k: _strict(v) for k, v in values.items()}
    return str(values) if isinstance(values, float) and not math.isfinite(values) else values


def _loose(values: Mapping[str, Any]) -> dict[str, Any]:
    """Inverse of `_strict`."""
    special = ("nan", "inf", "-inf")
    return {k: float(v) if isinstance(v, str) and v in special else v for k, v in values.items()}


# -- reading ------------------------------------------------------------------------------------


def load(cls: type[Any], folder: str | os.PathLike[str], given: Mapping[str, Any]) -> Any:
    """Read what `save` wrote; see `NeuralMI.load`."""
    library, target = _safetensors(), Path(folder)
    data = _content(cls, target)
    tensors = _weights(library, target, data)
    estimator = cls(**_parameters(data["parameters"], given, f"{cls.__name__}.load", target))
    if given.get("device") is not None:
        estimator.set_params(device=given["device"])
    shapes = [tuple(s) for s in data["shapes"]]
    more = _learned_of(data["protocol"]) if "protocol" in data else {}
    settings = estimator._settings()
    if more:
        settings = replace(settings, embedding_dim=more["extrapolation_"].embedding_dim)
    models = _models(settings, data["models"], tensors, shapes)
    state = CriticScores.from_dict(_loose(data["state"]))
    readers = tuple(Reader.from_dict(r) for r in data["readers"])
    names = readers[0].names
    learned = {
        "models_": models,
        "critic_": Ensemble(models).eval(),
        "history_": LearningCurves.from_dict(data["history"]),
        "state_": state,
        "flags_": tuple(Caution(*c) for c in data["flags"]),
        "readers_": readers,
        "shape_x_": shapes[0],
        "shape_y_": shapes[1],
        "n_features_in_": len(names),
        "feature_names_in_": np.array(names, dtype=object),
    }
    for name, value in (learned | more).items():
        setattr(estimator, name, value)
    return estimator


def _learned_of(protocol: Mapping[str, Any]) -> dict[str, Any]:
    """Inverse of `_protocol`."""
    found = Extrapolation.from_dict(protocol["extrapolation"])
    numbers = _loose({k: protocol[k] for k in ("departure", "extra")})
    return {
        "extrapolation_": found,
        "reliable_": found.reliable,
        "departure_": numbers["departure"],
        "extra_": numbers["extra"],
    }


def _content(cls: type[Any], target: Path) -> dict[str, Any]:
    """What the JSON says, if it is whole, of this version and of this class."""
    data = read_json(target / NAME, AGAIN)
    seen = data.get("kind"), data.get("schema_version")
    if seen != (KIND, SCHEMA_VERSION):
        raise DataError(
            f"{target / NAME} is not a trained estimator of schema version {SCHEMA_VERSION}.",
            got=seen,
            hint=f"write it again with this version: {AGAIN}",
        )
    data = unsealed(data, AGAIN)
    if data["estimator"] != cls.__name__:
        raise DataError(
            f"{target} holds another estimator.",
            got=data["estimator"],
            hint=f"{data['estimator']}.load({str(target)!r})",
        )
    return data


def _weights(library: Any, target: Path, data: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    file = target / data["weights"]
    try:
        content = file.read_bytes()
    except OSError as error:
        raise SourceError(
            f"The weights {file} cannot be read: {error.strerror or error}.", hint=AGAIN
        ) from error
    digest = hashlib.sha256(content).hexdigest()
    if digest != data["sha256"]:
        raise DataError(
            "The weights do not match their checksum: they were changed after they were written.",
            got={"stored": data["sha256"][:16], "computed": digest[:16]},
            hint=AGAIN,
        )
    tensors: dict[str, torch.Tensor] = library.load(content)
    return tensors


def _parameters(
    told: Mapping[str, Any], given: Mapping[str, Any], load: str, target: Path
) -> dict[str, Any]:
    """Parameters of the constructor, those that are the user's code as given."""
    found = {}
    for name, value in told.items():
        own = isinstance(value, dict) and "given" in value
        mine = given.get(name) if name in OWN else None
        if own and mine is None:
            raise InvalidParameterError(
                f"The estimator was saved with a {name} of yours, whose code is not in the file.",
                got=value["given"],
                hint=f"{load}({str(target)!r}, {name}={value['given']}(...))",
            )
        if mine is not None and not own:
            raise InvalidParameterError(
                f"The estimator was saved with {name}={_read(value)!r}; another is not loaded.",
                got=type(mine).__name__,
                hint=f"{load}({str(target)!r})",
            )
        found[name] = mine if own else _read(value)
    return found


def _read(value: Any) -> Any:
    """Inverse of `_told`."""
    if isinstance(value, list):
        return [_read(v) for v in value]
    if not isinstance(value, dict):
        return value
    if "tuple" in value:
        return tuple(_read(v) for v in value["tuple"])
    kind = _strategies().get(value["class"]) or getattr(bounds, value["class"])
    return kind(**value["fields"])


def _models(
    settings: Settings, structures: Any, tensors: Tensors, shapes: list[tuple[int, ...]]
) -> list[Model]:
    """Models of the saved structure with the saved weights."""
    device = device_of(settings.device)
    rows = [torch.zeros(2, *shape) for shape in shapes]
    found = []
    with torch.random.fork_rng(devices=[]):  # first weights are drawn, and replaced
        for k, structure in enumerate(structures):
            prefix = f"{k}."
            mine = {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}
            model = _model(settings, structure, mine, rows)
            _fill(model, mine)
            found.append(model.to(device).eval())
    return found


def _model(settings: Settings, structure: Any, mine: Tensors, rows: list[Any]) -> Model:
    scales = []
    for side in ("scale_x", "scale_y"):
        kind, buffers = SCALES[structure[side]]
        scales.append(kind(*(mine[f"{side}.{b}"] for b in buffers)))
    critic = critic_of(settings, *(scale(r) for scale, r in zip(scales, rows, strict=True)))
    anchor = None
    if structure["anchor"]:
        parts = {b: mine[f"anchor.{b}"] for b in ("to_u", "to_v", "mean_x", "mean_y")}
        anchor = GaussianAnchor(**parts, rho=torch.zeros(parts["to_u"].shape[1]))
    net = baseline_net(math.prod(rows[1].shape[1:])) if structure["baseline"] else None
    return Model(scales[0], scales[1], critic, anchor, net)


def _fill(model: Model, mine: Tensors) -> None:
    """Give a model its weights.

    Raises
    ------
    DataError
        Where the architecture is not that of the weights.
    """
    try:
        model.load_state_dict(dict(mine), strict=True)
    except RuntimeError as error:
        lines = [line.strip() for line in str(error).splitlines()[1:]] or [str(error)]
        raise DataError(
            f"The saved weights are of another architecture: {lines[0].rstrip('.')}.",
            got=type(model.critic).__name__,
            hint="the critic and encoders of the fit, with the same sizes",
        ) from error
