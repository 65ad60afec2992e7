"""Waves along a column and products of columns: dependence that no pair of columns shows."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
from scipy.special import erf

from infometric.functional.portrait.arrays import Features, contiguous, largest, standard
from infometric.state.arrays import is_tensor, like, namespace

TURNS = 16  # of the fastest wave
FAST = 4  # turns from which a wave is one that tables do not see
WIDE = 8  # columns of which there are fast waves and products of all functions
NARROW = 5  # columns of which there are products of three
OBLIQUE = {2: (8, 3), 3: (4, 3)}  # columns of a direction: of how many, turns along each at most


def _turning(z: Any, turns: int) -> Any:
    """Sines and cosines of the whole turns of the ranks of columns, (..., d, 2 turns, n)."""
    xp = namespace(z)
    angle = np.pi * (xp.special.erf(z * 0.5**0.5) if is_tensor(z) else erf(z * 0.5**0.5))
    sine, cosine = xp.sin(angle), xp.cos(angle)
    s, c = sine, cosine
    waves = [s, c]
    for _ in range(turns - 1):
        s, c = s * cosine + c * sine, c * cosine - s * sine
        waves += [s, c]
    return xp.stack(waves, -2)


def of_waves(x: Any, y: Any, out: Features) -> None:
    """How far waves along a column, and products of two, foretell functions of another column.

    Of each column of one variable five functions are foretold: the score, and waves of one turn and
    of two. What foretells them are waves of up to 16 turns along a column of the other variable,
    products of the functions of two of its columns, and waves along directions of two or three. Of
    many columns, waves are slower, products those of the scores, and there are no directions.
    """
    xp = namespace(x)
    waves, plain = {}, {}
    for name, v in (("x", x), ("y", y)):
        z = contiguous(v.swapaxes(-1, -2))
        waves[name] = _turning(z, TURNS if z.shape[-2] <= WIDE else FAST)
        plain[name] = xp.concatenate([z[..., None, :], waves[name][..., :4, :]], -2)
    for name, other in ("xy", "yx"):
        told = plain[other] - plain[other].mean(-1)[..., None]
        flat = standard(told.reshape(*told.shape[:-3], -1, told.shape[-1]).swapaxes(-1, -2))
        _waves(waves[name], flat, told.shape[-3], name, out)
        _directions(waves[name], flat, told.shape[-3], name, out)
        few = plain[name] if plain[name].shape[-3] <= WIDE else plain[name][..., :1, :]
        _products(few, flat, told.shape[-3], name, out)


def _foretold(z: Any, told: Any, columns: int) -> Any:
    """Squared correlations of rows z with functions of columns, which are standard."""
    n = z.shape[-1]
    cross, mean = z @ told / n, z.mean(-1)
    variance = (z * z).mean(-1) - mean * mean
    found = cross * cross / variance.clip(1e-6)[..., None]
    return found.reshape(*found.shape[:-1], columns, -1).clip(0.0, 1.0)


def _in_nats(share: Any) -> Any:
    return -0.5 * namespace(share).log(1.0 - share.clip(0.0, 0.99))


def _waves(z: Any, told: Any, columns: int, name: str, out: Features) -> None:
    d, count, n = z.shape[-3], z.shape[-2] // 2, z.shape[-1]
    square = _foretold(z.reshape(*z.shape[:-3], -1, n), told, columns).sum(-1)
    square = square.reshape(*z.shape[:-3], d, count, 2, columns).sum(-2)
    chance = 10.0 / n  # ten squared correlations; two of them leave room for their spread
    found = _in_nats(square - chance)
    clear = (found - chance).clip(0.0)  # (..., d, turns, columns)
    out[f"waves, largest:{name}"] = largest(largest(largest(found)))
    out[f"waves, fast:{name}"] = largest(largest(largest(found[..., FAST - 1 :, :])))
    out[f"waves, matched:{name}"] = largest(largest(clear, -2), -2).sum(-1)
    weight = clear.sum((-3, -1)) ** 4  # the best, without its overtones
    turns = like(np.log(np.arange(1.0, count + 1)), weight)
    out[f"waves, turns:{name}"] = (weight * turns).sum(-1) / (weight.sum(-1) + 1e-9)


def _directions(z: Any, told: Any, columns: int, name: str, out: Features) -> None:
    """How far waves along directions of two columns, and of three, foretell another's functions.

    The directions are those of whole turns along each column. What is foretold of each column is
    one direction's, so that its squared correlations with sine and cosine are added.
    """
    xp = namespace(z)
    d, n = z.shape[-3], z.shape[-1]
    none = z[..., 0, 0, 0] * 0.0
    sines, cosines = z[..., ::2, :], z[..., 1::2, :]  # (..., d, turns, n)
    for many, (most, turns) in OBLIQUE.items():
        out[f"directions, {many}:{name}"] = none
        out[f"directions, {many}, matched:{name}"] = none
        if not many <= d <= most:
            continue
        first, *others = np.array([*combinations(range(d), many)]).T
        wave = sines[..., first, :turns, :], cosines[..., first, :turns, :]
        for at in others:
            wave = _crossed(wave, (sines[..., at, :turns, :], cosines[..., at, :turns, :]))
        both = xp.stack(wave, -2)  # (..., combinations, directions, 2, n)
        square = _foretold(both.reshape(*both.shape[:-4], -1, n), told, columns).sum(-1)
        square = square.reshape(*square.shape[:-2], -1, 2, columns).sum(-2)
        chance = 10.0 / n  # ten squared correlations, as of waves along a column
        best = _in_nats(largest(square, -2) - chance)
        out[f"directions, {many}:{name}"] = largest(best)
        out[f"directions, {many}, matched:{name}"] = (best - chance).clip(0.0).sum(-1)


def _crossed(one: Any, other: Any) -> Any:
    """Sines and cosines of all sums and differences of angles, (..., combinations, angles, n)."""
    xp = namespace(one[0])
    (s, c), (t, k) = ((v[..., :, None, :] for v in one), (v[..., None, :, :] for v in other))
    sk, ct, ck, st = s * k, c * t, c * k, s * t
    found = xp.stack([sk + ct, sk - ct], -3), xp.stack([ck - st, ck + st], -3)
    return tuple(v.reshape(*v.shape[:-4], -1, v.shape[-1]) for v in found)


def _products(z: Any, told: Any, columns: int, name: str, out: Features) -> None:
    d, functions, n = z.shape[-3:]
    none = z[..., 0, 0, 0] * 0.0
    for part in ("largest", "matched", "pair", "sum", "three", "three, matched"):
        out[f"products, {part}:{name}"] = none
    if d == 1:
        return
    first, second = np.triu_indices(d, 1)
    product = z[..., first, :, None, :] * z[..., second, None, :, :]
    square = _foretold(product.reshape(*z.shape[:-3], -1, n), told, columns)
    best, clear = _best(square, n)
    out[f"products, largest:{name}"], out[f"products, matched:{name}"] = best, clear
    square = square.reshape(*z.shape[:-3], len(first), functions**2, columns, 5)
    whole = square.sum((-1, -3)) - 5 * functions**2 / n  # (..., pairs, columns)
    out[f"products, pair:{name}"] = _in_nats(largest(largest(whole)))
    out[f"products, sum:{name}"] = whole.sum((-1, -2))
    if 3 <= d <= NARROW:
        i, j, k = np.array([*combinations(range(d), 3)]).T
        z = z[..., :3, :]  # the score, and a wave of one turn
        pair = z[..., i, :, None, :] * z[..., j, None, :, :]
        product = pair[..., None, :] * z[..., k, None, None, :, :]
        square = _foretold(product.reshape(*z.shape[:-3], -1, n), told, columns)
        best, clear = _best(square, n)
        out[f"products, three:{name}"], out[f"products, three, matched:{name}"] = best, clear


def _best(square: Any, n: int) -> tuple[Any, Any]:
    """Largest squared correlation in nats; and of every column foretold, beyond chance, summed."""
    count = square.shape[-3] * square.shape[-1]
    best = _in_nats(largest(largest(square), -2))  # (..., columns)
    return largest(best), (best - np.log(count) / n).clip(0.0).sum(-1)
