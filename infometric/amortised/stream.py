r"""Stream of tasks: shard after shard of portraits with known information, drawn when asked for.

A shard is a function of the seed and its number alone, whoever draws it. Tasks are drawn in batches
of one family and shape, small where rows are many, and yet every single task follows the law of
shapes: with :math:`f` that law and :math:`B(n)` the batch of n rows, the batches of a family are a
renewal process in equilibrium, whose first batch is drawn from :math:`f` and begins anywhere within
itself, and whose later batches are drawn from :math:`f / B`.

References
----------
Cox, D. R. (1962). Renewal theory. Methuen, section 5.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import inspect
import json
import math
import sys
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cached_property
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from infometric.amortised.table import Table
from infometric.exceptions import (
    DataError,
    InvalidParameterError,
    MissingExtraError,
    UnsupportedError,
)
from infometric.functional import portrait as portraits

try:
    import torch
except ImportError as error:
    raise MissingExtraError.of("torch", "neural") from error

BANDS = ((10, 600, 0.85), (600, 2000, 0.13), (2000, 10_000, 0.02))
COLUMNS = (1, 32)
SQUARE = 0.5  # share of the batches with as many columns of Y as of X
TRIES = 10_000  # shapes that a family may refuse in a row
# torch does not list its own
SINGULAR = (np.linalg.LinAlgError, torch.linalg.LinAlgError)  # type: ignore[attr-defined]

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Stream:
    """Tasks of some families, every family equally often.

    Parameters
    ----------
    families : mapping of str to Family
        Families by name; see `infometric.amortised.families`.
    seed : int
        Seed of everything.
    bands : sequence of (int, int, float)
        Numbers of rows: log-uniform from the first to the second in this share of the tasks.
    columns : (int, int)
        Numbers of columns: log-uniform; in half of the batches Y has as many as X.
    tasks : int
        Tasks of a shard.
    batch_rows, batch_tasks : int, (int, int)
        A batch has so many rows in all, and at least and at most so many tasks.
    device : str
        Device of torch that draws the tasks.
    tensors : bool
        Portraits by torch on a CPU too; on a CPU numpy is faster.

    Raises
    ------
    InvalidParameterError
        Where a parameter is outside its constraint.

    Notes
    -----
    A draw by another kind of device, or in other batches, gives other tasks of the same law.
    """

    families: Mapping[str, Any]
    seed: int
    bands: tuple[tuple[int, int, float], ...] = BANDS
    columns: tuple[int, int] = COLUMNS
    tasks: int = 2048
    batch_rows: int = 6000
    batch_tasks: tuple[int, int] = (2, 48)
    device: str = "cpu"
    tensors: bool = False

    def __post_init__(self) -> None:
        low, high = self.columns
        ranges = [*((a, b) for a, b, _ in self.bands), self.batch_tasks]
        shares = sum(share for _, _, share in self.bands)
        checks = (
            ("families", bool(self.families), "at least one family"),
            ("seed", self.seed >= 0, "a whole number, 0 or more"),
            ("bands", min(a for a, _, _ in self.bands) >= 10, "ten rows or more"),
            ("bands", math.isclose(shares, 1.0), "shares that sum to one"),
            ("bands", all(a <= b for a, b in ranges), "ranges from low to high"),
            ("columns", 1 <= low <= high, "a range from 1 or more"),
            ("tasks", self.tasks >= len(self.families), "one task a family, or more"),
            ("batch_tasks", self.batch_tasks[0] >= 1, "one task or more"),
        )
        for name, holds, wanted in checks:
            if not holds:
                got = list(self.families) if name == "families" else getattr(self, name)
                raise InvalidParameterError(
                    f"The {name!r} parameter of Stream must be {wanted}.",
                    got=got,
                    hint=f"Stream(families, seed=0) has {name}={_default(name)!r}",
                )

    # --- what it is ---------------------------------------------------------------------------

    def describe(self) -> dict[str, Any]:
        """Everything that the tasks depend on, as JSON."""
        plain = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "families"}
        plain["device"] = torch.device(self.device).type
        plain["families"] = {name: _parameters(f) for name, f in self.families.items()}
        plain["code"] = _fingerprint([*self.families.values()])
        return json.loads(json.dumps(plain))

    @cached_property
    def key(self) -> str:
        """Fingerprint of `describe`, code of the families and of the portrait included."""
        text = json.dumps(self.describe(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    # --- drawing ------------------------------------------------------------------------------

    def shard(self, i: int) -> Table:
        """Tasks of shard i.

        Returns
        -------
        Table
            Family by family.

        Raises
        ------
        DataError
            Where a family draws what is not finite.
        UnsupportedError
            Where a family accepts none of the shapes.
        """
        torch.empty(0, device=self.device)  # a device that is not there is known at once
        with _one_thread(self.device):
            drawn = [t for place in range(len(self.families)) for t in self._of_family(i, place)]
        parts = {
            name: np.concatenate([getattr(t, name) for _, t in drawn])
            for name in ("features", "truth", "se", "n", "dx", "dy", "parts")
        }
        family = np.concatenate([np.full(len(t), place) for place, t in drawn])
        return Table(**parts, family=family, families=tuple(self.families), key=self.key)

    def _of_family(self, i: int, place: int) -> Iterator[tuple[int, Table]]:
        name = tuple(self.families)[place]
        source = np.random.SeedSequence([self.seed, i, zlib.crc32(name.encode())])
        rng = np.random.default_rng(source)
        torch_rng = torch.Generator(self.device).manual_seed(int(rng.integers(2**63)))
        left = self.quota(i, place)
        first = True
        while left:
            n, dx, dy = self._shape(name, rng, first)
            whole = self._batch(n)
            size = min(left, int(rng.integers(1, whole + 1)) if first else whole)
            yield place, self._batch_of(name, size, (n, dx, dy), torch_rng, i)
            left, first = left - size, False

    def quota(self, i: int, place: int) -> int:
        """Tasks of a family in shard i; what cannot be shared out evenly goes around."""
        count = len(self.families)
        each, more = divmod(self.tasks, count)
        return each + ((place - i * more) % count < more)

    def _batch(self, n: int) -> int:
        low, high = self.batch_tasks
        return min(max(round(self.batch_rows / n), low), high)

    def _shape(self, name: str, rng: np.random.Generator, first: bool) -> Shape:
        n = self._n_rows(rng)
        while not first and rng.random() * self._batch(n) > self.batch_tasks[0]:
            n = self._n_rows(rng)
        for _ in range(TRIES):
            dx = _log_uniform(rng, *self.columns)
            dy = dx if rng.random() < SQUARE else _log_uniform(rng, *self.columns)
            if self.families[name].accepts(dx, dy):
                return n, dx, dy
        raise UnsupportedError(
            f"The family {name!r} accepts none of the numbers of columns.",
            got=self.columns,
            hint="Stream(families, seed, columns=(1, 32))",
        )

    def _n_rows(self, rng: np.random.Generator) -> int:
        low, high, _ = self.bands[int(rng.choice(len(self.bands), p=[p for _, _, p in self.bands]))]
        return _log_uniform(rng, low, high)

    def _batch_of(self, name: str, size: int, shape: Shape, rng: torch.Generator, i: int) -> Table:
        n, dx, dy = shape
        where = f"{size} tasks of {n} rows, {dx} and {dy} columns in shard {i}"
        try:
            draw = self.families[name].draw(size, n, dx, dy, rng)
            _check_finite(name, draw, where)
            features = self._portrait(draw.x, draw.y)
        except SINGULAR as error:
            raise DataError(
                f"The family {name!r} draws tasks that no portrait can be made of: {error}",
                got=where,
                hint=f"Stream({{{name!r}: family}}, seed={self.seed}).shard({i})",
            ) from error
        truth, se = (v.double().cpu().numpy() for v in (draw.mi, draw.se))
        parts = {"features": features.sum(1), "truth": truth, "se": se}
        bad = [part for part, v in parts.items() if not np.isfinite(v).all()]
        if bad or (truth < 0).any() or (se < 0).any():
            raise DataError(
                f"The family {name!r} draws numbers that are not finite, or negative: "
                f"{', '.join(bad) or 'truth'}.",
                got=where,
                hint=f"Stream({{{name!r}: family}}, seed={self.seed}).shard({i})",
            )
        table = Table.of(features, truth, se, name, n=n, dx=dx, dy=dy)
        known = tuple(self.families)
        for place, part in enumerate(draw.parts):
            table.parts[:, place] = known.index(part) if part in known else -1
        return table

    def _portrait(self, x: Any, y: Any) -> Any:
        # ranks of the values as drawn, tails that single precision would tie included
        if self.tensors or self.device != "cpu":
            x, y = (portraits.normal_scores(v).float() for v in (x, y))
            return portraits.portrait(x, y).float().cpu().numpy()
        x, y = (portraits.normal_scores(v.numpy()).astype(np.float32) for v in (x, y))
        return portraits.portrait(x, y)


def _check_finite(name: str, draw: Any, where: str) -> None:
    """Error where rows are no numbers: NaN would be ranked last."""
    for part in ("x", "y"):
        values = getattr(draw, part)
        if not bool(values.isfinite().all()):
            raise DataError(
                f"The family {name!r} draws {part} that is not finite, in {where}.",
                got={"shape": tuple(values.shape), "values": int((~values.isfinite()).sum())},
                hint=f"torch.isfinite({part}).all() in the generator",
            )


def _default(name: str) -> Any:
    found = next(f for f in fields(Stream) if f.name == name).default
    return found if isinstance(found, int | tuple) else 0


def _log_uniform(rng: np.random.Generator, low: int, high: int) -> int:
    """A whole number from low to high, both included."""
    return min(int(math.exp(rng.uniform(math.log(low), math.log(high + 1)))), high)


@contextlib.contextmanager
def _one_thread(device: str) -> Iterator[None]:
    """One thread on a CPU: sums in one order, and other workers are not waited for."""
    if device != "cpu":
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)


# --- fingerprint --------------------------------------------------------------------------------


def _parameters(family: Any) -> dict[str, str]:
    own = fields(family) if is_dataclass(family) else ()
    return {"class": type(family).__qualname__} | {
        f.name: repr(getattr(family, f.name)) for f in own
    }


def _fingerprint(families: list[Any]) -> str:
    """Hash of the code of the families and of the portrait, comments and docstrings left out."""
    classes = {c for f in families for c in type(f).__mro__ if c is not object}
    modules = {sys.modules[c.__module__] for c in classes}
    modules |= {m for name, m in sys.modules.items() if _is_of(name, portraits.__name__)}
    digest = hashlib.sha256()
    for module in sorted(modules, key=lambda m: m.__name__):
        with contextlib.suppress(OSError, TypeError):  # a class typed at a prompt has no source
            digest.update(_code(inspect.getsource(module)).encode())
    return digest.hexdigest()[:16]


def _is_of(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def _code(source: str) -> str:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and (
            ast.get_docstring(node) is not None
        ):
            node.body = node.body[1:]
    return ast.dump(tree)
