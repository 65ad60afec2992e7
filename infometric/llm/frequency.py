r"""TokenFrequency: how often each token occurs in a reference corpus.

.. math:: q(v) = (c_v + \alpha) / (N + \alpha V),

so that no token has frequency zero. A state: counts of two corpora of one tokenizer add up.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, Self

import numpy as np

from infometric.exceptions import DataError, InvalidParameterError, MergeError, UnsupportedError
from infometric.llm.columns import MOST_TOKENS, of_counts, one_list, ragged, to_array
from infometric.llm.storage import read_npz, write_npz
from infometric.state.ragged import Ragged, first_occurrences
from infometric.typing import Array
from infometric.validation import Constraint, OneOf, Span, check_parameters

COUNTED: tuple[Any, ...] = ("token", "document")
_CONSTRAINTS: dict[str, tuple[Constraint, ...]] = {
    "count": (OneOf(COUNTED),),
    "smoothing": (Span(Real, 0, closed="neither"),),
    "vocabulary_size": (OneOf((None,)), Span(Integral, 1)),
    "most_tokens": (OneOf((None,)), Span(Integral, 1)),
}


@dataclass(frozen=True, eq=False)
class TokenFrequency:
    """Counts of tokens in a reference corpus, and the smoothed frequencies they give.

    Parameters
    ----------
    counts : ndarray of int64, shape (vocabulary_size,)
        How often each token occurs, or in how many documents.
    n_documents : int
        Number of documents counted.
    tokenizer : str
        Fingerprint of the tokenizer (`llm.tokenizer_fingerprint`); empty where unknown.
    count : {"token", "document"}
        Whether every occurrence counts, or one per document.
    smoothing : float
        Added to every count.
    most_tokens : int, optional
        Tokens of a document that are counted at most.
    source : str
        What was counted, for the record.

    Examples
    --------
    >>> import infometric as im
    >>> frequency = im.TokenFrequency(vocabulary_size=4).fit([[0, 1, 1], [3]])
    >>> frequency.counts.tolist(), frequency.n_documents
    ([1, 2, 0, 1], 2)
    >>> (frequency.q * 8).tolist()
    [2.0, 3.0, 1.0, 2.0]
    """

    capabilities: ClassVar[frozenset[str]] = frozenset()
    counts: Any = None
    n_documents: int = 0
    tokenizer: str = ""
    count: Literal["token", "document"] = "token"
    smoothing: float = 1.0
    most_tokens: int | None = None
    source: str = ""
    vocabulary_size: int | None = None

    def __post_init__(self) -> None:
        given = {name: getattr(self, name) for name in _CONSTRAINTS}
        check_parameters("TokenFrequency", given, _CONSTRAINTS)
        size = self.vocabulary_size or 0
        counts = np.zeros(size, np.int64) if self.counts is None else of_counts(self.counts)
        if self.vocabulary_size is not None and len(counts) > size:
            raise DataError(
                f"There are {len(counts)} counts and {size} tokens in the vocabulary.",
                got=len(counts),
                hint="vocabulary_size=len(counts), the padded size of the model's output",
            )
        counts = np.pad(counts, (0, max(size - len(counts), 0)))
        object.__setattr__(self, "counts", counts)
        object.__setattr__(self, "vocabulary_size", len(counts))

    # -- counted ------------------------------------------------------------------------------

    @classmethod
    def from_counts(cls, counts: Any, **others: Any) -> Self:
        """Frequencies of counts that were made elsewhere.

        Parameters
        ----------
        counts : array-like, mapping, sequence of pairs, frame or path
            One count per token in the order of their numbers; or number and count, as a mapping,
            pairs (rows of a GROUP BY in DuckDB or Spark), or two columns of a frame, of a relation
            of DuckDB, a frame of Spark, or of a Parquet or CSV file: ``id`` and ``count``, or the
            first two.
        **others
            Parameters of the class; `vocabulary_size` where tokens at the end never occur.

        Examples
        --------
        >>> import infometric as im
        >>> im.TokenFrequency.from_counts({0: 5, 3: 2}, vocabulary_size=6).counts.tolist()
        [5, 0, 0, 2, 0, 0]
        """
        from infometric.llm.reading import counted_rows

        return cls(counts=of_counts(counted_rows(counts)), **others)

    @classmethod
    def uniform(cls, vocabulary_size: int, **others: Any) -> Self:
        """A reference that knows nothing: every token is as frequent as any other."""
        return cls(vocabulary_size=vocabulary_size, source="uniform", **others)

    @classmethod
    def from_wordfreq(
        cls,
        tokenizer: Callable[[str], Any],
        *,
        language: str = "en",
        vocabulary_size: int | None = None,
        words: int = 100_000,
    ) -> Self:
        """Frequencies of a published word list, for want of a corpus; extra ``words``.

        Each word is tokenised with a space before it, and its frequency given to its tokens.

        Parameters
        ----------
        tokenizer : callable
            Of Hugging Face, or any that gives the token numbers of a text.
        language : str
            Language of the list.
        vocabulary_size : int, optional
            Size of the vocabulary; ``len(tokenizer)`` by default.
        words : int
            Most frequent words that are read.

        Raises
        ------
        MissingExtraError
            Where wordfreq is not installed.

        References
        ----------
        Speer, R. (2022). rspeer/wordfreq: v3.0. Zenodo. doi:10.5281/zenodo.7199437
        """
        from infometric.llm.wordlist import word_counts

        return cls(**word_counts(tokenizer, language, vocabulary_size, words))

    @classmethod
    def from_parquet(cls, path: str | os.PathLike[str], column: str = "ids", **others: Any) -> Self:
        """Frequencies of a column of lists of token numbers, counted by DuckDB.

        Parameters
        ----------
        path : str or path-like
            Parquet file, or a pattern of them, with one row per document.
        column : str
            Column of lists.
        **others
            Parameters of the class.
        """
        from infometric.llm.reading import parquet_counts

        empty = cls(**others)
        size = None if not empty.vocabulary_size else empty.vocabulary_size
        counts, documents = parquet_counts(path, column, empty.count, empty.most_tokens)
        found = {"n_documents": documents, "source": os.fspath(path), "vocabulary_size": size}
        return cls(counts=counts, **(others | found))

    def fit(self, ids: Any) -> Self:
        """Counts of a corpus in place of those that were there.

        Parameters
        ----------
        ids : sequence of sequences of int, list array of pyarrow, TokenScores or iterable of them
            Token numbers of each document. An iterator is read once, in parts of 10,000.

        Returns
        -------
        TokenFrequency
            A new one; frequencies do not change.
        """
        size = self.vocabulary_size or None
        return replace(self, counts=None, vocabulary_size=size, n_documents=0).partial_fit(ids)

    def partial_fit(self, ids: Any) -> Self:
        """Counts of this corpus and of one more; a new object."""
        total = np.asarray(self.counts)
        documents = self.n_documents
        grows = not self.n_documents and not total.any() and not self.vocabulary_size
        grows = grows or self._open
        for part in documents_in_parts(ids):
            found = self._counted(part)
            if len(found) > len(total) and not grows:
                raise beyond(len(found) - 1, len(total))
            width = max(len(found), len(total))
            total = np.pad(total, (0, width - len(total))) + np.pad(found, (0, width - len(found)))
            documents += len(part)
        made = replace(self, counts=total, n_documents=documents, vocabulary_size=None)
        object.__setattr__(made, "_grows", grows)
        return made

    @property
    def _open(self) -> bool:
        """Whether no size of the vocabulary was given, so that a new token enlarges it."""
        return getattr(self, "_grows", False)

    def _counted(self, part: Ragged) -> Array:
        if self.most_tokens is not None:
            place = np.arange(len(part.values)) - np.repeat(part.offsets[:-1], part.sizes)
            keep = place < self.most_tokens
            ends = np.minimum(part.sizes, self.most_tokens)
            part = Ragged(part.values[keep], np.concatenate([[0], np.cumsum(ends)]))
        if len(part.values) and part.values.min() < 0:
            raise DataError(
                "Numbers of tokens are not negative.",
                got=int(part.values.min()),
                hint="leave out padding: ids[mask]",
            )
        kinds = part.values
        if len(kinds) and kinds.max() >= (self.vocabulary_size or MOST_TOKENS):
            if self.vocabulary_size and not self._open:
                raise beyond(int(kinds.max()), self.vocabulary_size)
            if kinds.max() >= MOST_TOKENS:
                raise beyond(int(kinds.max()), MOST_TOKENS)
        if self.count == "document":
            kinds = kinds[first_occurrences(kinds, part.offsets)]
        return np.bincount(kinds).astype(np.int64)

    def merge(self, other: TokenFrequency) -> Self:
        """Counts of both corpora; the same as ``+``."""
        if not isinstance(other, TokenFrequency):
            raise MergeError(
                "Frequencies are joined with frequencies.",
                got=type(other).__name__,
                hint="frequency.merge(TokenFrequency.load(path))",
            )
        return self + other

    def __add__(self, other: TokenFrequency) -> Self:
        if not isinstance(other, TokenFrequency):
            return NotImplemented
        for name in ("tokenizer", "count", "smoothing", "most_tokens"):
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine != theirs:
                raise MergeError(
                    f"Frequencies with another {name} cannot be joined.",
                    got=(mine, theirs),
                    hint=f"count both corpora with one {name}",
                )
        a, b = self.counts, other.counts
        width = max(len(a), len(b))
        sources = [s for s in dict.fromkeys((self.source, other.source)) if s]
        return replace(
            self,
            counts=np.pad(a, (0, width - len(a))) + np.pad(b, (0, width - len(b))),
            n_documents=self.n_documents + other.n_documents,
            source=" + ".join(sources),
            vocabulary_size=None,
        )

    # -- seen ---------------------------------------------------------------------------------

    @property
    def n_tokens(self) -> int:
        """Sum of the counts."""
        return int(self.counts.sum())

    @property
    def n(self) -> Array:
        """Sum of the counts, as a state has it."""
        return np.asarray(self.n_tokens)

    @property
    def key(self) -> str:
        """What must be equal to join two of them."""
        most = f", {self.most_tokens} tokens each" if self.most_tokens else ""
        return f"{self.count} counts{most}, smoothing {self.smoothing:g}, {self.tokenizer}"

    @cached_property
    def q(self) -> Array:
        """Smoothed frequency of each token, adding up to one."""
        total = self.n_tokens + self.smoothing * len(self.counts)
        return (self.counts + self.smoothing) / total

    @cached_property
    def log_q(self) -> Array:
        """Natural logarithm of `q`."""
        return np.log(self.q)

    def require_tokens_of(self, tokens: Any) -> None:
        """Error where token scores are of another tokenizer.

        Raises
        ------
        MergeError
            Where the fingerprints of the tokenizers differ.
        """
        theirs = tokens.tokenizer
        if self.tokenizer and theirs and self.tokenizer != theirs:
            raise MergeError(
                "The frequencies are of another tokenizer: their numbers mean other tokens.",
                got={"frequencies": self.tokenizer, "scores": theirs},
                hint="TokenFrequency(tokenizer=...).fit(ids) of the reference corpus, tokenised "
                "as the scored texts are",
            )

    def __repr__(self) -> str:
        what = f"{self.n_tokens} tokens in {self.n_documents} documents"
        told = f", {self.tokenizer}" if self.tokenizer else ""
        return f"TokenFrequency({what}, vocabulary of {len(self.counts)}{told})"

    # -- kept ---------------------------------------------------------------------------------

    def _facts(self) -> dict[str, Any]:
        names = ("n_documents", "tokenizer", "count", "smoothing", "most_tokens", "source")
        return {name: getattr(self, name) for name in names}

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready representation, read back by `from_dict`."""
        told = {"schema_version": 1, "state": "token_frequency"}
        return told | self._facts() | {"counts": self.counts.tolist()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Inverse of `to_dict`."""
        if data.get("state") != "token_frequency" or data.get("schema_version") != 1:
            raise DataError(
                "These are no token frequencies of schema version 1.",
                got={k: data.get(k) for k in ("state", "schema_version")},
                hint="write them again: frequency.to_dict()",
            )
        return cls(**{k: v for k, v in data.items() if k not in ("state", "schema_version")})

    def save(self, path: str | os.PathLike[str]) -> Any:
        """Write an ``.npz`` file, the counts and a JSON text, read back by `load`."""
        return write_npz(path, {"counts": self.counts}, "token-frequency", self._facts())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read what `save` wrote.

        Raises
        ------
        SourceError
            Where the file is absent, or is not one of these.
        """
        arrays, meta = read_npz(path, "token-frequency", "TokenFrequency.save(path)")
        return cls(counts=arrays["counts"], **meta)


def beyond(token: int, size: int) -> DataError:
    """Error for a token that no vocabulary of this size has."""
    return DataError(
        f"Token {token} is beyond the vocabulary of {size}.",
        got=token,
        hint="TokenFrequency(vocabulary_size=...), the padded size of the model's output",
    )


def as_frequency(reference: Any) -> TokenFrequency:
    """Frequencies themselves, those of a file, or of counts.

    Raises
    ------
    InvalidParameterError
        Where there is none.
    """
    if isinstance(reference, TokenFrequency):
        return reference
    if reference is None:
        raise InvalidParameterError(
            "This score compares with the frequency of each token in a reference corpus.",
            got=None,
            hint="reference=TokenFrequency().fit(ids_of_the_corpus), or for want of one "
            "reference=TokenFrequency.uniform(vocabulary_size)",
        )
    if isinstance(reference, str | os.PathLike):
        if os.fspath(reference).lower().endswith(".npz"):
            return TokenFrequency.load(reference)
        return TokenFrequency.from_counts(reference)
    if isinstance(reference, type) or callable(reference):
        raise UnsupportedError(
            "A reference holds counts of tokens.",
            got=reference,
            hint="reference=TokenFrequency().fit(ids)",
        )
    return TokenFrequency.from_counts(reference)


def documents_in_parts(ids: Any, size: int = 10_000) -> Iterable[Ragged]:
    """Token numbers of documents, some at a time."""
    if getattr(ids, "logprob", None) is not None:  # token scores
        kinds = ids.need("ids", "A frequency")
        yield Ragged(kinds, ids.offsets)
        return
    if isinstance(ids, Ragged) or hasattr(ids, "to_pylist") or isinstance(ids, np.ndarray):
        yield ragged(to_array(ids) if isinstance(ids, np.ndarray) else ids, "ids", np.int64)
        return
    if isinstance(ids, str) or not isinstance(ids, Iterable):
        raise one_list("ids", ids)
    part: list[Any] = []
    for document in ids:
        part.append(document)
        if len(part) == size:
            yield ragged(part, "ids", np.int64)
            part = []
    if part:
        yield ragged(part, "ids", np.int64)
