"""Columns of token scores: made ragged, and checked once."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral
from typing import Any

import numpy as np

from infometric.exceptions import DataError, InvalidParameterError, MergeError, and_list
from infometric.state.ragged import Ragged
from infometric.typing import Array
from infometric.validation import Span, check_parameters

ROUNDING = 1e-3  # a log-probability in half precision may lie so far above zero
MOST_TOKENS = 1 << 24  # vocabularies of models have up to a million
_SIZE = Span(Integral, 1)
CONTEXTS = ("bos", "eos", "none", "")
_ARROW_LIST = re.compile(r"(large_|fixed_size_)?list<")
_ARROW_WHOLE = re.compile(r"u?int\d+")
_ARROW_NUMBER = re.compile(r"u?int\d+|halffloat|float|double")
# columns of the same tokens as `logprob`, and columns of tokens of their own
ALIGNED = ("mu", "var", "reference", "nonmember_prefix", "member_prefix")
APART = ("lower", "neighbors")
NUMBERS = ("zlib", "bytes")
_LOGPROBS = ("logprob", "reference", "nonmember_prefix", "member_prefix", "lower", "neighbors")
MEANINGS = {
    "ids": "the number of each token in the vocabulary",
    "mu": "the mean log-probability over the vocabulary",
    "var": "the variance of the log-probability over the vocabulary",
    "reference": "log-probabilities of the same tokens by a second model",
    "nonmember_prefix": "log-probabilities of the same tokens after a text that is no member",
    "member_prefix": "log-probabilities of the same tokens after a text that is a member",
    "lower": "log-probabilities of the text in lower case",
    "neighbors": "the mean log-probability of each perturbed copy of the text",
    "zlib": "the length of the compressed text",
}


def to_array(values: Any) -> Any:
    """Values of a tensor of torch, an array of pyarrow, or what numpy takes."""
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        return values.float().numpy() if values.is_floating_point() else values.numpy()
    return values.to_numpy(zero_copy_only=False) if hasattr(values, "to_pylist") else values


def ragged(rows: Any, name: str, kind: Any) -> Ragged:
    """Ragged array of lists, of a list array of pyarrow, or of an array with equal rows.

    Raises
    ------
    DataError
        Where it is one list only, or a row is missing or holds no numbers.
    """
    if isinstance(rows, Ragged):
        whole = kind is np.int64 and rows.values.dtype.kind in "iu"
        return rows if whole else Ragged(rows.values.astype(kind, copy=False), rows.offsets)
    if hasattr(rows, "to_pylist") and hasattr(rows, "type"):
        return of_arrow(rows, name, kind)
    if isinstance(rows, str) or not isinstance(rows, Iterable):
        raise one_list(name, rows)
    found = [row_of(row, name, i, kind) for i, row in enumerate(rows)]
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in found])]).astype(np.int64)
    return Ragged(np.concatenate(found) if found else np.empty(0, kind), offsets)


def of_arrow(rows: Any, name: str, kind: Any) -> Ragged:
    """Ragged array of a list array of pyarrow, without a loop over its rows."""
    parts = rows.chunks if hasattr(rows, "chunks") else [rows]
    found = Ragged(np.empty(0, kind), np.zeros(1, np.int64))
    for part in parts:
        if not _ARROW_LIST.match(str(part.type)):
            raise one_list(name, part.type)
        inner = str(part.type.value_type)
        if not (_ARROW_WHOLE if kind is np.int64 else _ARROW_NUMBER).fullmatch(inner):
            raise DataError(
                f"{name} must hold lists of {'whole ' * (kind is np.int64)}numbers.",
                got=part.type,
                hint="pa.array(rows, pa.list_(pa.int32())) of ids, pa.float32() of all else",
            )
        if part.null_count or part.flatten().null_count:
            raise missing(name, part.is_null().to_pylist().index(True) if part.null_count else -1)
        if hasattr(part, "offsets"):
            ends = part.offsets.to_numpy().astype(np.int64)
        else:  # lists of one length
            ends = np.arange(len(part) + 1, dtype=np.int64) * part.type.list_size
        values = part.flatten().to_numpy(zero_copy_only=False).astype(kind)
        found = found + Ragged(values, ends - ends[0])
    return found


def row_of(row: Any, name: str, i: int, kind: Any) -> Array:
    """Numbers of one text.

    Raises
    ------
    DataError
        Where they are none.
    """
    if not isinstance(row, list | tuple | str) and np.ndim(to_array(row)) == 0:
        raise one_list(name, row)
    return numbers(row, f"{name} of text {i}", kind, missing(name, i))


def numbers(values: Any, what: str, kind: Any, gone: DataError) -> Array:
    """One-dimensional array of numbers, of whole ones where an integer kind is asked for.

    Raises
    ------
    DataError
        Where they are none; `gone` where one is None.
    """
    if np.ma.isMaskedArray(values) and np.ma.getmaskarray(values).any():
        raise gone
    try:
        found = np.asarray(to_array(values))
    except (TypeError, ValueError):
        found = np.empty(1, object)
    if found.dtype.kind == "O" and any(v is None for v in found.flat):
        raise gone
    whole = kind is np.int64
    right = found.ndim == 1 and (found.dtype.kind in "iuf" or found.size == 0)
    if right and whole and found.dtype.kind == "f":
        right = bool((found == np.rint(found)).all())
    if not right:
        raise DataError(
            f"{what} must be a list of {'whole ' * whole}numbers.",
            got=values,
            hint=f"{what.split()[0]}=[[...], [...]], one list of numbers per text",
        )
    if whole and found.dtype.kind in "iu":  # as small as they are
        return found
    return found.astype(kind)


def one_list(name: str, got: Any) -> DataError:
    """Error for numbers that are not in one list per text."""
    return DataError(
        f"{name} must hold one list of numbers per text.",
        got=got,
        hint=f"{name}=[[...], [...]]; of one text {name}=[values]",
    )


def missing(name: str, i: int) -> DataError:
    """Error for a value that is not there."""
    where = f" of text {i}" if i >= 0 else ""
    return DataError(
        f"A value of {name}{where} is missing.",
        got=None,
        hint="leave out the first token of a server that gives it no log-probability, "
        "or im.llm.from_prompt_logprobs(payload), which does",
    )


def unlike(name: str, size: Any, expected: Any, what: str) -> DataError:
    """Error for two sizes that differ."""
    return DataError(
        f"{name} and logprob differ in their {what}: {size} and {expected}.",
        got={name: size, "logprob": expected},
        hint="make both in one pass over the same texts",
    )


def same_shape(main: Ragged, other: Ragged, name: str) -> None:
    """Error where a column has other tokens than the log-probabilities."""
    if len(main) != len(other):
        raise unlike(name, len(other), len(main), "texts")
    apart = np.flatnonzero(main.sizes != other.sizes)
    if len(apart):
        i = int(apart[0])
        raise unlike(name, int(other.sizes[i]), int(main.sizes[i]), f"number of tokens of text {i}")


def sound(column: Ragged, name: str) -> Array:
    """Values of a column, rounding errors above what is possible cut off.

    Raises
    ------
    DataError
        Where one is NaN, a log-probability is positive or a variance negative.
    """
    values = column.values
    logs = name in (*_LOGPROBS, "mu")
    worst = values.max(initial=-np.inf) if logs else -values.min(initial=np.inf)
    if not logs and np.isinf(values.max(initial=0)):
        worst = np.float32(np.inf)
    if 0 < worst <= ROUNDING:
        values = np.clip(values, None, 0) if logs else np.clip(values, 0, None)
    if not worst <= ROUNDING:  # which NaN is not
        bad = ~(values <= ROUNDING) if logs else ~(values >= -ROUNDING)
        bad |= np.isinf(values) if not logs else False
        at = int(np.flatnonzero(bad)[0])
        i = int(np.searchsorted(column.offsets, at, side="right")) - 1
        what = "a variance, not negative" if name == "var" else "a natural logarithm, at most 0"
        raise DataError(
            f"{name} of text {i}, token {at - int(column.offsets[i])}, must be {what}.",
            got=float(column.values[at]),
            hint="np.log(probability), and the token left out where it is not known",
        )
    return values


def numbered(ids: Array, vocabulary_size: int | None) -> Array:
    """Numbers of tokens as int32.

    Raises
    ------
    DataError
        Where one is negative, or not below the size of the vocabulary.
    """
    if vocabulary_size is not None:
        check_parameters(
            "TokenScores", {"vocabulary_size": vocabulary_size}, {"vocabulary_size": (_SIZE,)}
        )
    top = 2**31 if vocabulary_size is None else vocabulary_size
    bad = (ids < 0) | (ids >= top)
    if bad.any():
        raise DataError(
            f"Numbers of tokens lie between 0 and {top - 1}.",
            got=int(ids[bad][0]),
            hint="vocabulary_size=len(tokenizer), or the padded size of the model's output",
        )
    return ids.astype(np.int32, copy=False)


def averaged(rows: Any, name: str) -> Any:
    """Means of the copies of a text, where each is a list; all else as it is."""
    if name != "neighbors" or isinstance(rows, Ragged) or hasattr(rows, "type"):
        return rows
    found = []
    for row in rows:
        nested = isinstance(row, Iterable) and any(np.ndim(copy) for copy in row)
        found.append([float(np.mean(np.asarray(c, float))) for c in row] if nested else row)
    return found


def per_text(values: Any, name: str, n: int) -> Array:
    """One positive number per text."""
    try:
        found = np.asarray(to_array(values), dtype=float)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"{name} must be a number per text.",
            got=values,
            hint="text=texts, from which it is made",
        ) from error
    if found.shape != (n,):
        raise unlike(name, found.shape, (n,), "texts")
    if not (found >= 0).all():
        raise DataError(
            f"{name} must be a length per text.",
            got=found[~(found >= 0)][:3].tolist(),
            hint="text=texts, from which it is made",
        )
    return found


def lengths(text: Any, n: int) -> dict[str, Array]:
    """Length of each text in bytes, plain and compressed."""
    if isinstance(text, str):
        raise DataError("text must be a list of texts.", got=text, hint="text=[text]")
    encoded = []
    for i, one in enumerate(text.to_pylist() if hasattr(text, "to_pylist") else text):
        if not isinstance(one, str):
            raise DataError(f"Text {i} is no text.", got=one, hint="text=list(map(str, texts))")
        encoded.append(one.encode("utf-8", errors="surrogatepass"))
    if len(encoded) != n:
        raise unlike("text", len(encoded), n, "texts")
    sizes = np.array([len(e) for e in encoded], float)
    return {"bytes": sizes, "zlib": np.array([len(zlib.compress(e)) for e in encoded], float)}


def named(names: Sequence[Any], n: int) -> tuple[str, ...]:
    """Names of the texts; equal ones are told apart by a number.

    Raises
    ------
    DataError
        Where there are more or fewer names than texts.
    """
    found = [str(name) for name in names]
    if len(found) != n:
        raise unlike("names", len(found), n, "texts")
    if len(set(found)) == n:
        return tuple(found)
    seen: dict[str, int] = {}
    out: list[str] = []
    taken = set(found)
    for name in found:
        seen[name] = seen.get(name, 0) + 1
        text = name if seen[name] == 1 else f"{name} #{seen[name]}"
        while seen[name] > 1 and text in taken:
            seen[name] += 1
            text = f"{name} #{seen[name]}"
        taken.add(text)
        out.append(text)
    return tuple(out)


def refuse_others(rest: Mapping[str, Any]) -> None:
    """Error for an argument that is none."""
    known = {"names", "tokenizer", "vocabulary_size", "model", "context"}
    strange = sorted(set(rest) - known)
    if strange:
        raise InvalidParameterError(
            f"There is no column {strange[0]!r} of token scores.",
            got=strange,
            hint=f"one of {and_list([*ALIGNED, *APART, *NUMBERS, *sorted(known)], limit=20)}",
        )


def require_alike(a: Any, b: Any, what: str = "Token scores") -> None:
    """Error where two things were made by different tokenizers, models or contexts.

    What is unknown of either is not compared.
    """
    for name in ("tokenizer", "model", "context"):
        mine, theirs = getattr(a, name, ""), getattr(b, name, "")
        if mine and theirs and mine != theirs:
            raise MergeError(
                f"{what} of different {name}s do not belong together.",
                got=(mine, theirs),
                hint=f"score both with one {name}",
            )


def of_counts(counts: Any) -> Array:
    """Counts as int64, one per token.

    Raises
    ------
    DataError
        Where one is negative, missing or no whole number.
    """
    if isinstance(counts, Mapping):
        kinds = np.array(list(counts), dtype=np.int64 if not counts else None)
        whole = kinds.dtype.kind in "iu" and kinds.min(initial=0) >= 0
        if not whole or kinds.max(initial=0) >= MOST_TOKENS:
            raise DataError(
                "Counts belong to numbers of tokens.",
                got=next(iter(counts)),
                hint="{tokenizer.convert_tokens_to_ids(token): count}",
            )
        full = np.zeros(int(kinds.max(initial=-1)) + 1)
        np.add.at(full, kinds, np.array(list(counts.values()), float))
        counts = full
    found = np.asarray(to_array(counts))
    right = found.ndim == 1 and found.dtype.kind in "iuf"
    if not right or not (np.isfinite(found).all() and (found >= 0).all()):
        raise DataError(
            "Counts must be numbers of occurrences, one per token.",
            got=counts,
            hint="TokenFrequency.from_counts([10, 5, 0, 3])",
        )
    if (found != np.rint(found)).any():
        raise DataError(
            "Counts must be whole: frequencies have lost how many there were.",
            got=found[found != np.rint(found)][:3].tolist(),
            hint="the counts themselves, or np.rint(frequency * 1e6)",
        )
    if float(found.sum(dtype=float)) >= 2.0**62:
        raise DataError(
            "The sum of these counts is beyond whole numbers.",
            got=float(found.max()),
            hint="counts // 1000",
        )
    return found.astype(np.int64)


def real_tokens(mask: Any) -> Array:
    """Mask of tokens as booleans.

    Raises
    ------
    DataError
        Where it is not of two dimensions, or holds anything but 0 and 1.
    """
    try:
        found = np.asarray(to_array(mask))
    except ValueError:
        found = np.empty(0, object)
    right = found.ndim == 2 and found.dtype.kind in "biuf"
    if not right or not np.isin(found, (0, 1)).all():
        raise DataError(
            "The mask has a row per text, True or 1 where a token is real and False or 0 where it "
            "is padding.",
            got=found.shape if found.dtype.kind in "biuf" and found.ndim != 2 else mask,
            hint="mask=batch['attention_mask'] of a tokenizer",
        )
    return found.astype(bool)


def places(index: Any, n: int) -> Array:
    """Places that an index chooses among n texts.

    Raises
    ------
    DataError
        Where it is neither whole numbers nor a mask of all texts.
    """
    at = np.asarray(index)
    if at.dtype == bool and at.shape == (n,):
        return np.flatnonzero(at)
    whole = at.ndim == 1 and (at.dtype.kind in "iu" or at.size == 0)
    if not whole or (at.size and (at.max() >= n or at.min() < -n)):
        raise DataError(
            f"Texts are chosen by their places among {n}, or by a mask of all of them.",
            got=index,
            hint="tokens[labels == 1], tokens[[0, 2]] or tokens[:10]",
        )
    at = at.astype(np.int64)
    return np.where(at < 0, at + n, at)


def rising(offsets: Any, n: int) -> Array:
    """Offsets as int64.

    Raises
    ------
    DataError
        Where they do not rise from zero to the number of tokens.
    """
    found = np.asarray(to_array(offsets))
    right = found.ndim == 1 and found.dtype.kind in "iu" and len(found) > 0
    if not right or found[0] != 0 or found[-1] != n or (np.diff(found.astype(np.int64)) < 0).any():
        raise DataError(
            f"offsets must rise from 0 to the {n} tokens that there are.",
            got=found[:6].tolist() if found.ndim == 1 else offsets,
            hint="offsets = np.concatenate([[0], np.cumsum(lengths)])",
        )
    return found.astype(np.int64)


def rectangle(values: Any) -> Array:
    """Array with a row per text.

    Raises
    ------
    DataError
        Where rows differ in length.
    """
    try:
        return np.asarray(to_array(values))
    except ValueError as error:
        raise DataError(
            "Padded rows have one length.", got=values, hint="from_lists, which needs no padding"
        ) from error
