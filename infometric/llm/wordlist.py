"""Frequencies of a published list of words, given to the tokens of a tokenizer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from infometric.exceptions import DataError, MissingExtraError

_PER = 1_000_000_000  # words that the list is taken to have counted


def word_counts(
    tokenizer: Callable[[str], Any], language: str, vocabulary_size: int | None, words: int
) -> dict[str, Any]:
    """Counts of tokens, and what they are of.

    Raises
    ------
    MissingExtraError
        Where wordfreq is not installed.
    DataError
        Where there is no list of the language, or the size of the vocabulary is unknown.
    """
    try:
        import wordfreq
    except ImportError as error:
        raise MissingExtraError.of("wordfreq", "words") from error
    from infometric.llm.models import tokenizer_fingerprint

    size = vocabulary_size if vocabulary_size is not None else len_of(tokenizer)
    known = wordfreq.available_languages()
    if language not in known:  # the list of a language that is near would be taken in silence
        raise DataError(
            "There is no list of words of this language.",
            got=language,
            hint=f"one of {sorted(known)}",
        )
    listed = wordfreq.top_n_list(language, words)
    counts = np.zeros(size)
    for word in listed:
        found = tokenizer(f" {word}")
        ids = found["input_ids"] if hasattr(found, "keys") else getattr(found, "ids", found)
        kinds = np.asarray(ids, dtype=np.int64)
        if kinds.max(initial=0) >= size:
            raise DataError(
                f"The tokenizer gives token {kinds.max()}, beyond the vocabulary of {size}.",
                got=int(kinds.max()),
                hint="vocabulary_size=len(tokenizer), or the padded size of the model's output",
            )
        np.add.at(counts, kinds, wordfreq.word_frequency(word, language))
    whole = np.rint(counts * _PER).astype(np.int64)
    named = hasattr(tokenizer, "get_vocab")
    return {
        "counts": whole,
        "tokenizer": tokenizer_fingerprint(tokenizer) if named else "",
        "source": f"wordfreq {language}",
        "vocabulary_size": size,
    }


def len_of(tokenizer: Any) -> int:
    """Size of the vocabulary of a tokenizer.

    Raises
    ------
    DataError
        Where it does not say.
    """
    try:
        return len(tokenizer)
    except TypeError as error:
        raise DataError(
            "This tokenizer does not say how many tokens it has.",
            got=type(tokenizer).__name__,
            hint="vocabulary_size=50_257",
        ) from error
