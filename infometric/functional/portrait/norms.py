"""Norms of the whitened rows: heavy tails, scales that the two share, rows of like norm."""

from __future__ import annotations

from typing import Any

from infometric.functional.portrait.arrays import Features, ascending, of_float, root
from infometric.functional.portrait.correlations import information_of_rows
from infometric.functional.portrait.scores import normal_scores
from infometric.functional.portrait.tables import pairs_of_tables
from infometric.state.arrays import double, is_tensor, namespace

SHELLS = 3  # parts of the rows by their norm
ALIKE = 4096.0  # steps of a unit of the logarithm of a norm
FLOOR = 1e-3  # added to mean squares before their logarithm


def of_norms(x: Any, y: Any, normal: dict[str, Any], out: Features) -> None:
    """Features of the norms of x, of y, and of what either leaves of the other."""
    xp = namespace(x)
    wx, wy = normal["white"]
    squares = {"x": (wx * wx).sum(-1), "y": (wy * wy).sum(-1)}
    _radial(squares, x.shape[-1], y.shape[-1], out)
    _shared(squares, x.shape[-1], y.shape[-1], normal, out)
    z = xp.concatenate([x, y], -1)
    for name, square in squares.items():
        _shells(z, square, x.shape[-1], name, out)


def _logarithm(square: Any, columns: int) -> Any:
    return namespace(square).log((square / columns).clip(0.0) + FLOOR)


def _correlation(one: Any, other: Any) -> Any:
    xp = namespace(one)
    a, b = (v - v.mean(-1)[..., None] for v in (one, other))
    return (a * b).mean(-1) / xp.sqrt((a * a).mean(-1) * (b * b).mean(-1) + 1e-9)


def _radial(squares: dict[str, Any], dx: int, dy: int, out: Features) -> None:
    logs = {}
    for (name, square), d in zip(squares.items(), (dx, dy), strict=True):
        logs[name] = _logarithm(square, d)
        out[f"log norm:{name}"] = logs[name].mean(-1)
        out[f"kurtosis:{name}"] = (square * square).mean(-1) / (d * (d + 2))
    for name, v in logs.items():  # of few scales or of many
        v = v - v.mean(-1)[..., None]
        square = (v * v).mean(-1)
        out[f"log norm, spread:{name}"] = root(square)
        out[f"log norm, skewness:{name}"] = (v * v * v).mean(-1) / (square + 1e-4) ** 1.5
        out[f"log norm, kurtosis:{name}"] = (v**4).mean(-1) / (square + 1e-4) ** 2
    out["log norms, correlation"] = _correlation(*logs.values())


def _shared(
    squares: dict[str, Any], dx: int, dy: int, normal: dict[str, Any], out: Features
) -> None:
    """What the norm of one tells of the norm of the other, and of what a line through it leaves.

    Of a normal law the latter is nothing, of few scales no more than their entropy. Neighbours are
    looked for among these norms too.
    """
    both = normal["norm"]
    xp = namespace(both)
    left = {"x": both - squares["y"], "y": both - squares["x"]}  # of x given y, of y given x
    logs = {name: _logarithm(v, d) for (name, v), d in zip(left.items(), (dx, dy), strict=True)}
    own = {name: _logarithm(v, d) for (name, v), d in zip(squares.items(), (dx, dy), strict=True)}
    out["norms left, correlation:x"] = _correlation(own["x"], logs["y"])
    out["norms left, correlation:y"] = _correlation(own["y"], logs["x"])
    # norms that differ by rounding alone are equal: those of opposite rows are
    ranked = [xp.round(xp.stack([own[k], logs[k]], -1) * ALIKE) for k in "xy"]
    ranked = [double(v.detach() if is_tensor(v) else v) for v in ranked]  # exact on an edge
    pairs, _ = pairs_of_tables(*(of_float(normal_scores(v), both) for v in ranked))
    out["norms, tables"] = pairs[..., 0, 0]
    out["norms left, tables:x"] = pairs[..., 0, 1]
    out["norms left, tables:y"] = pairs[..., 1, 0]
    normal["norms:x"] = own["x"][..., None], logs["y"][..., None]
    normal["norms:y"] = own["y"][..., None], logs["x"][..., None]


def _shells(z: Any, norm: Any, dx: int, name: str, out: Features) -> None:
    """Normal information among rows whose norms are alike: of scales nothing, of swirls more."""
    norm = norm.detach() if is_tensor(norm) else norm
    ordered, n = ascending(norm), norm.shape[-1]
    edges = [ordered[..., n * i // SHELLS][..., None] for i in range(1, SHELLS)]
    within: Any = sum(of_float(norm >= edge, z) for edge in edges)
    parts = [information_of_rows(z, of_float(within == i, z), dx) for i in range(SHELLS)]
    out[f"shells, normal:{name}"] = of_float(sum(parts), z)
