"""Configuration of a training run: a TOML file that holds every number of it."""

from __future__ import annotations

import difflib
import hashlib
import json
import math
import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from infometric.amortised.examination import Examination
from infometric.amortised.families import FAMILIES
from infometric.amortised.fitting import Settings
from infometric.amortised.stream import Stream
from infometric.exceptions import InvalidParameterError, SourceError

EXAMPLE = "benchmarks/mist.toml"
DRAWN = tuple(f.name for f in fields(Stream) if f.name not in ("families", "seed", "device"))
FITTED = tuple(f.name for f in fields(Settings) if f.name != "seed")
ASKED = tuple(f.name for f in fields(Examination))
SECTIONS: dict[str, tuple[str, ...]] = {
    "stream": DRAWN,
    "stream_cuda": DRAWN,
    "fit": FITTED,
    "pilot": ("tasks", *FITTED),
    "full": ("tasks", *FITTED),
    "relatives": FITTED,
    "examination": ASKED,
}


@dataclass(frozen=True)
class Config:
    """What a run is asked to do.

    Parameters
    ----------
    content : mapping
        Content of the file: ``seed``, ``families`` ("all" or names), and the sections ``stream``,
        ``stream_cuda``, ``fit``, ``pilot``, ``full``, ``relatives`` and ``examination``, whose keys
        are the parameters of `Stream`, of `infometric.amortised.fitting.Settings` and of
        `infometric.amortised.examination.Examination`; ``tasks`` of a stage is how many it fits to.
    families : mapping of str to Family, optional
        Families that may be named; default all of the package.

    Raises
    ------
    InvalidParameterError
        Where a key is unknown or missing, or a value is no number of its kind.

    Examples
    --------
    >>> config = Config({"seed": 1, "pilot": {"tasks": 10_000}, "full": {"tasks": 10_000}})
    >>> config.shards("pilot"), config.settings("pilot").seed
    (5, 1)
    """

    content: Mapping[str, Any]
    families: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        _check(self.content, ("seed", "families", *SECTIONS), "the configuration")
        for name, known in SECTIONS.items():
            section = self._section(name)
            _check(section, known, f"[{name}]")
        for stage in ("pilot", "full"):
            tasks = self._section(stage).get("tasks")
            if not isinstance(tasks, int) or tasks < 1:
                raise InvalidParameterError(
                    f"[{stage}] needs its number of tasks.",
                    got=tasks,
                    hint=f"[{stage}]\ntasks = 40_000",
                )
        if not isinstance(self.content.get("seed"), int):
            raise InvalidParameterError(
                "The configuration needs a seed.", got=self.content.get("seed"), hint="seed = 0"
            )
        for stage in ("pilot", "full"):
            self.settings(stage)
        self.examination()
        self.stream()

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Config:
        """Configuration of a file.

        Raises
        ------
        SourceError
            Where the file is absent or is not TOML.
        """
        try:
            return cls(tomllib.loads(Path(path).read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise SourceError(
                f"{path} cannot be read as TOML: {error}",
                hint=f"python -m infometric.amortised {EXAMPLE}",
            ) from error

    def _section(self, name: str) -> Mapping[str, Any]:
        section = self.content.get(name, {})
        if not isinstance(section, Mapping):
            raise InvalidParameterError(
                f"{name!r} must be a section of the configuration.", got=section, hint=f"[{name}]"
            )
        return section

    @property
    def key(self) -> str:
        """Fingerprint of the content."""
        text = json.dumps(self.content, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def stream(self, device: str = "cpu", **other: Any) -> Stream:
        """Stream of the tasks; on a GPU with the numbers of ``[stream_cuda]``."""
        known = FAMILIES if self.families is None else self.families
        names = self.content.get("families", "all")
        names = list(known) if names == "all" else names
        _check(dict.fromkeys(names), known, "families")
        numbers = dict(self._section("stream"))
        if device.startswith("cuda"):
            numbers |= self._section("stream_cuda")
        numbers = {k: _tuples(v) for k, v in numbers.items()} | other
        chosen = {name: known[name] for name in names}
        return _made(Stream, "stream", families=chosen, seed=self.content["seed"], device=device,
                     **numbers)  # fmt: skip

    def has(self, section: str) -> bool:
        """Whether there is such a section."""
        return section in self.content

    def settings(self, stage: str) -> Settings:
        """Numbers of the fit of a stage: ``[fit]``, and what the stage says otherwise."""
        numbers = {**self._section("fit"), **self._section(stage)}
        numbers.pop("tasks", None)
        numbers = {k: _tuples(v) for k, v in numbers.items()}
        return _made(Settings, "fit", seed=self.content["seed"], **numbers)

    def examination(self) -> Examination:
        """Which families are asked again."""
        return _made(Examination, "examination", **self._section("examination"))

    def shards(self, stage: str, device: str = "cpu") -> int:
        """Number of shards of a stage."""
        return math.ceil(self._section(stage)["tasks"] / self.stream(device).tasks)


def _made(kind: Any, section: str, **numbers: Any) -> Any:
    """An object of these numbers; those of another type than the default's are named."""
    defaults = {f.name: f.default for f in fields(kind)}
    for name, value in numbers.items():
        default = defaults[name]
        if isinstance(default, int | float | tuple) and not _alike(value, default):
            raise InvalidParameterError(
                f"{name!r} in [{section}] is of another kind than a value like {default!r}.",
                got=value,
                hint=f"{name} = {json.dumps(default)}",
            )
    return kind(**numbers)


def _alike(value: Any, default: Any) -> bool:
    if isinstance(default, tuple):
        return isinstance(value, tuple) and len(value) > 0
    if isinstance(default, bool):
        return isinstance(value, bool)
    number = isinstance(value, int) and not isinstance(value, bool)
    return number or (isinstance(default, float) and isinstance(value, float))


def _tuples(value: Any) -> Any:
    return tuple(_tuples(v) for v in value) if isinstance(value, list) else value


def _check(content: Mapping[str, Any], known: Iterable[str], where: str) -> None:
    """Error for a key that nobody reads: a slip of the pen must not change a run in silence."""
    for name in content:
        if name not in known:
            near = difflib.get_close_matches(str(name), list(known), n=1)
            raise InvalidParameterError(
                f"There is no {name!r} in {where}.",
                got=name,
                hint=near[0] if near else f"one of {', '.join(known)}",
            )
