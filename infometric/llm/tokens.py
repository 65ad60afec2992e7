"""TokenScores: what a language model said of each token of some texts.

Once they are made, the model is not needed again.

Log-probabilities are natural logarithms (nats) of the token given those before it. `mu` and `var`
are mean and variance of the log-probability over the whole vocabulary at that place, so that
``-mu`` is the entropy of the prediction.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self

import numpy as np

from infometric.exceptions import (
    DataError,
    InvalidParameterError,
    MergeError,
    MissingExtraError,
    SourceError,
)
from infometric.files import write_bytes
from infometric.llm.columns import (
    ALIGNED,
    APART,
    CONTEXTS,
    MEANINGS,
    NUMBERS,
    averaged,
    lengths,
    missing,
    named,
    numbered,
    numbers,
    per_text,
    places,
    ragged,
    real_tokens,
    rectangle,
    refuse_others,
    require_alike,
    rising,
    same_shape,
    sound,
    unlike,
)
from infometric.llm.storage import read_npz, write_npz
from infometric.state.ragged import Ragged, spans
from infometric.typing import Array

_GROUP = 1 << 21  # tokens of a row group of Parquet


@dataclass(frozen=True, eq=False)
class TokenScores:
    """Log-probabilities of the tokens of texts, and what else was noted of each token.

    Made by `from_lists`, `from_flat`, `from_padded`, `from_parquet` or `load`.

    Parameters
    ----------
    logprob : Ragged
        Log-probability of each token, nats.
    ids : ndarray of int32, shape (n_tokens,), optional
        Number of each token in the vocabulary.
    columns : mapping of str to Ragged
        Further columns: "mu", "var", "reference", "nonmember_prefix", "member_prefix", of the same
        tokens; "lower" and "neighbors", of their own.
    numbers : mapping of str to ndarray of shape (n_texts,)
        "bytes" and "zlib": lengths of the text, and of the text compressed by zlib.
    names : tuple of str, optional
        Name of each text; their numbers by default.
    tokenizer : str
        Fingerprint of the tokenizer; empty where unknown.
    vocabulary_size : int, optional
        Size of the vocabulary.
    model : str
        Name of the model.
    context : {"bos", "eos", "none", ""}
        What stood before the first token: a token of beginning or end, or nothing, so that the
        first token was left out; empty where unknown.

    Examples
    --------
    >>> import infometric as im
    >>> tokens = im.TokenScores.from_lists(ids=[[5, 7], [5]], logprob=[[-1.0, -0.2], [-3.0]])
    >>> len(tokens), tokens.n_tokens, tokens[1:].logprob.values.tolist()
    (2, 3, [-3.0])
    """

    logprob: Ragged
    ids: Array | None = None
    columns: Mapping[str, Ragged] = field(default_factory=dict)
    numbers: Mapping[str, Array] = field(default_factory=dict)
    names: tuple[str, ...] | None = None
    tokenizer: str = ""
    vocabulary_size: int | None = None
    model: str = ""
    context: str = ""

    # -- made ---------------------------------------------------------------------------------

    @classmethod
    def from_lists(
        cls, ids: Any = None, logprob: Any = None, *, text: Any = None, **others: Any
    ) -> Self:
        """Scores of one list of numbers per text.

        Parameters
        ----------
        ids : sequence of sequences of int, or pyarrow list array, optional
            Number of each token in the vocabulary.
        logprob : sequence of sequences of float, or pyarrow list array
            Log-probability of each token given those before it, nats. Minus infinity is a value.
        text : sequence of str, optional
            The texts; their lengths in bytes and compressed by zlib are kept, they are not.
        **others
            `mu`, `var`, `reference`, `nonmember_prefix`, `member_prefix`: like `logprob`, of the
            same tokens; `lower`: of the text in lower case; `neighbors`: per text, of each
            perturbed copy the mean log-probability or the list of them; `zlib`, `bytes`: numbers
            per text; `names`, `tokenizer`, `vocabulary_size`, `model`, `context`: see the class.

        Returns
        -------
        TokenScores
            A failed call makes nothing.

        Raises
        ------
        DataError
            Where lengths differ, or a value is missing or impossible: the message names the text.
        """
        if logprob is None:
            raise DataError(
                "Without log-probabilities there is nothing to score.",
                hint="TokenScores.from_lists(ids=[[5, 7]], logprob=[[-1.0, -0.2]])",
            )
        main = ragged(logprob, "logprob", np.float32)
        given = {k: others.pop(k) for k in (*ALIGNED, *APART) if others.get(k) is not None}
        columns = {k: ragged(averaged(v, k), k, np.float32) for k, v in given.items()}
        kinds = None if ids is None else ragged(ids, "ids", np.int64)
        if kinds is not None:
            same_shape(main, kinds, "ids")
        return cls._checked(main, None if kinds is None else kinds.values, columns, text, others)

    @classmethod
    def from_flat(
        cls, *, ids: Any = None, logprob: Any, offsets: Any, text: Any = None, **others: Any
    ) -> Self:
        """Scores of flat arrays and where each text begins.

        Parameters
        ----------
        ids, logprob : array-like of shape (n_tokens,)
            As of `from_lists`, the tokens of all texts one after another.
        offsets : array-like of int, shape (n_texts + 1,)
            From zero to the number of tokens.
        text, **others
            As of `from_lists`; columns of the same tokens are flat too, `lower` and `neighbors`
            are lists per text.
        """
        flat = numbers(logprob, "logprob of all texts", np.float32, missing("logprob", -1))
        ends = rising(offsets, len(flat))

        def along(values: Any, name: str, kind: Any) -> Array:
            found = numbers(values, f"{name} of all texts", kind, missing(name, -1))
            if len(found) != len(flat):
                raise unlike(name, len(found), len(flat), "tokens")
            return found

        given = {k: others.pop(k) for k in (*ALIGNED, *APART) if others.get(k) is not None}
        columns = {
            k: ragged(averaged(v, k), k, np.float32)
            if k in APART
            else Ragged(along(v, k, np.float32), ends)
            for k, v in given.items()
        }
        kinds = None if ids is None else along(ids, "ids", np.int64)
        return cls._checked(Ragged(flat, ends), kinds, columns, text, others)

    @classmethod
    def from_padded(
        cls, *, ids: Any = None, logprob: Any, mask: Any, text: Any = None, **others: Any
    ) -> Self:
        """Scores of arrays of shape (n_texts, n_tokens) and a mask of the tokens that are real.

        Parameters
        ----------
        ids, logprob : array-like of shape (n_texts, n_tokens)
            As of `from_lists`; what stands in the padding is not looked at.
        mask : array-like of bool or of 0 and 1, shape (n_texts, n_tokens)
            True where a token is real, on whichever side the padding is.
        text, **others
            As of `from_lists`; columns of the same tokens are padded too.
        """
        real = real_tokens(mask)
        offsets = np.concatenate([[0], np.cumsum(real.sum(1))])

        def flat(values: Any, name: str) -> Array:
            found = rectangle(values)
            if found.shape != real.shape:
                raise unlike(name, found.shape, real.shape, "mask")
            return found[real]

        padded = {k: flat(v, k) for k, v in others.items() if k in ALIGNED and v is not None}
        kinds = None if ids is None else flat(ids, "ids")
        return cls.from_flat(
            ids=kinds, logprob=flat(logprob, "logprob"), offsets=offsets, text=text,
            **(others | padded),
        )  # fmt: skip

    @classmethod
    def from_parquet(
        cls, path: str | os.PathLike[str], *, rows: tuple[int, int] | None = None
    ) -> Self:
        """Scores of a Parquet file with one row per text, read through DuckDB.

        Parameters
        ----------
        path : str or path-like
            File with the column ``logprob`` (list of numbers), and where there are any ``ids``,
            ``mu``, ``var``, ``reference``, ``nonmember_prefix``, ``member_prefix``, ``lower``,
            ``neighbors`` (lists), ``text`` or ``zlib``, ``name``, ``tokenizer``, ``model``,
            ``vocabulary_size`` and ``context``.
        rows : pair of int, optional
            First row and the one after the last; all by default.

        Raises
        ------
        SourceError
            Where the file is absent or no Parquet.
        DataError
            Where a column is not of that kind.
        """
        from infometric.llm.reading import TokenFile

        return cls.from_lists(**TokenFile(path).columns(rows))

    @classmethod
    def _checked(
        cls,
        logprob: Ragged,
        ids: Array | None,
        columns: Mapping[str, Ragged],
        text: Any,
        others: Mapping[str, Any],
    ) -> Self:
        """Scores of parts that were made ragged; the only place where values are looked at."""
        rest = {k: v for k, v in others.items() if v is not None}
        numbers = {k: per_text(rest.pop(k), k, len(logprob)) for k in NUMBERS if k in rest}
        refuse_others(rest)
        for name, column in columns.items():
            if name in ALIGNED:
                same_shape(logprob, column, name)
            elif len(column) != len(logprob):
                raise unlike(name, len(column), len(logprob), "texts")
        checked = {k: Ragged(sound(c, k), c.offsets) for k, c in columns.items()}
        names = rest.pop("names", None)
        found = cls(
            Ragged(sound(logprob, "logprob"), logprob.offsets),
            None if ids is None else numbered(ids, rest.get("vocabulary_size")),
            checked,
            numbers | ({} if text is None else lengths(text, len(logprob))),
            None if names is None else named(names, len(logprob)),
            **rest,
        )
        if found.context not in CONTEXTS:
            raise InvalidParameterError(
                "context says what stood before the first token: 'bos', 'eos' or 'none'.",
                got=found.context,
                hint="context='bos'",
            )
        return found

    # -- seen ---------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.logprob)

    @property
    def shape(self) -> tuple[int]:
        """Number of texts, as arrays have it."""
        return (len(self),)

    @property
    def n_tokens(self) -> int:
        """Number of tokens of all texts."""
        return len(self.logprob.values)

    @property
    def offsets(self) -> Array:
        """Where each text begins."""
        return self.logprob.offsets

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Name of each text."""
        return tuple(map(str, range(len(self)))) if self.names is None else self.names

    @property
    def key(self) -> str:
        """What must be equal to compare or join two of them."""
        parts = {"tokenizer": self.tokenizer, "model": self.model, "context": self.context}
        return ", ".join(f"{k} {v}" for k, v in parts.items() if v)

    def need(self, name: str, score: str) -> Any:
        """A column that a score is made of.

        Raises
        ------
        DataError
            Where it is not there: the message names it and what makes it.
        """
        found = {"ids": self.ids, "logprob": self.logprob, **self.columns, **self.numbers}.get(name)
        if found is None:
            how = "text=texts" if name == "zlib" else f"{name}=..."
            raise DataError(
                f"{score} needs {name}, {MEANINGS[name]}, and these token scores have none.",
                got=sorted(["logprob", *self.columns, *self.numbers]),
                hint=f"TokenScores.from_lists(ids=..., logprob=..., {how}), or a score without it, "
                "such as MinK() or LossScore()",
            )
        return found

    def __getitem__(self, index: Any) -> TokenScores:
        """Some of the texts: a slice, numbers or a mask."""
        if isinstance(index, tuple) and len(index) == 2 and index[1] is ...:
            index = index[0]  # as scikit-learn takes rows
        if isinstance(index, int | np.integer) and not isinstance(index, bool):
            if not -len(self) <= index < len(self):
                raise IndexError(f"There are {len(self)} texts, and none at place {index}.")
            index = slice(index, index + 1 or None)
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            if step == 1:
                return self._with(lambda r: r.segments(start, max(start, stop)), index)
            index = np.arange(start, stop, step)
        at = places(index, len(self))
        return self._with(lambda r: r.take(at), at)

    def _with(self, choose: Any, at: Any) -> TokenScores:
        ids = None if self.ids is None else choose(Ragged(self.ids, self.offsets)).values
        names = self.names
        if names is not None:
            names = names[at] if isinstance(at, slice) else tuple(names[i] for i in at)
        return replace(
            self,
            logprob=choose(self.logprob),
            ids=ids,
            columns={k: choose(c) for k, c in self.columns.items()},
            numbers={k: v[at] for k, v in self.numbers.items()},
            names=names,
        )

    def chunks(self, tokens: int = 1 << 22) -> Iterator[TokenScores]:
        """Parts of about so many tokens, in order; at least one text each."""
        for start, stop in spans(self.offsets, tokens):
            yield self[start:stop]

    def __add__(self, other: TokenScores) -> TokenScores:
        """Texts of both, of one model and one tokenizer."""
        if not isinstance(other, TokenScores):
            return NotImplemented
        require_alike(self, other)
        mine, theirs = (
            set(self.columns) | set(self.numbers),
            set(other.columns) | set(other.numbers),
        )
        if mine != theirs or (self.ids is None) != (other.ids is None):
            raise MergeError(
                "One of the two has columns that the other has not.",
                got=sorted(mine ^ theirs) or ["ids"],
                hint="make both with the same columns",
            )
        ids = None if self.ids is None else np.concatenate([self.ids, np.asarray(other.ids)])
        either = self.names is not None or other.names is not None
        names = self.labels + other.labels
        known = {
            n: getattr(self, n) or getattr(other, n) for n in ("tokenizer", "model", "context")
        }
        sizes = [s.vocabulary_size for s in (self, other) if s.vocabulary_size]
        return replace(
            self,
            **known,
            vocabulary_size=max(sizes, default=None),
            logprob=self.logprob + other.logprob,
            ids=ids,
            columns={k: c + other.columns[k] for k, c in self.columns.items()},
            numbers={k: np.concatenate([v, other.numbers[k]]) for k, v in self.numbers.items()},
            names=named(names, len(names)) if either else None,
        )

    def __repr__(self) -> str:
        held = ["logprob", *(["ids"] * (self.ids is not None)), *self.columns, *self.numbers]
        told = f", {self.key}" if self.key else ""
        return f"TokenScores({len(self)} texts, {self.n_tokens} tokens, {', '.join(held)}{told})"

    # -- kept ---------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> Any:
        """Write an ``.npz`` file, arrays and a JSON text, read back by `load`."""
        arrays: dict[str, Any] = {"logprob": self.logprob.values, "offsets": self.offsets}
        arrays |= {} if self.ids is None else {"ids": self.ids}
        for name, column in self.columns.items():
            arrays[f"column.{name}"] = column.values
            if name in APART:
                arrays[f"offsets.{name}"] = column.offsets
        arrays |= {f"number.{k}": v for k, v in self.numbers.items()}
        meta = {"names": self.names} | {
            k: getattr(self, k) for k in ("tokenizer", "vocabulary_size", "model", "context")
        }
        return write_npz(path, arrays, "token-scores", meta)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read what `save` wrote.

        Raises
        ------
        SourceError
            Where the file is absent, or is not one of these.
        """
        arrays, meta = read_npz(path, "token-scores", "TokenScores.save(path)")
        offsets = arrays.get("offsets", np.empty(0))
        columns = {
            k.removeprefix("column."): Ragged(
                v, arrays.get(f"offsets.{k.removeprefix('column.')}", offsets)
            )
            for k, v in arrays.items()
            if k.startswith("column.")
        }
        numbers_ = {
            k.removeprefix("number."): v for k, v in arrays.items() if k.startswith("number.")
        }
        try:
            made = {n: meta[n] for n in ("tokenizer", "vocabulary_size", "model", "context")}
            return cls._checked(
                Ragged(numbers(arrays["logprob"], "logprob", np.float32, missing("logprob", -1)),
                       rising(offsets, len(arrays["logprob"]))),
                arrays.get("ids"), columns, None, made | numbers_ | {"names": meta["names"]},
            )  # fmt: skip
        except (KeyError, DataError) as error:
            raise SourceError(
                f"{path} is no sound file of token scores: {error}",
                hint="write it again: TokenScores.save(path)",
            ) from error

    def to_parquet(self, path: str | os.PathLike[str]) -> Any:
        """Write a Parquet file, read back by `from_parquet`; needs the extra ``fast`` (pyarrow)."""
        try:
            import pyarrow as pa
            from pyarrow import parquet
        except ImportError as error:
            raise MissingExtraError.of("pyarrow", "fast") from error

        def lists(part: Ragged) -> Any:
            return pa.LargeListArray.from_arrays(part.offsets, part.values)

        table: dict[str, Any] = {"name": pa.array(self.labels)}
        if self.ids is not None:
            table["ids"] = lists(Ragged(self.ids, self.offsets))
        table |= {"logprob": lists(self.logprob)} | {k: lists(c) for k, c in self.columns.items()}
        table |= {k: pa.array(v) for k, v in self.numbers.items()}
        for name in ("tokenizer", "vocabulary_size", "model", "context"):
            value = getattr(self, name)
            if value not in ("", None):
                table[name] = pa.array([value] * len(self)).dictionary_encode()
        sink = io.BytesIO()
        # groups that a reader in parts need not hold whole
        group = max(1, _GROUP * len(self) // max(self.n_tokens, 1))
        parquet.write_table(pa.table(table), sink, row_group_size=group)
        return write_bytes(path, sink.getvalue())
