r"""Token scores of what inference servers answer: log-probabilities of a prompt, read from JSON.

A server that was asked for them gives each token of the prompt its log-probability, the first one
excepted, before which there is nothing. These are the key paths that are read:

===================  ===============================================================================
vLLM                 ``choices[].prompt_logprobs`` (completions), ``prompt_logprobs`` (chat, and the
                     outputs of ``LLM.generate``): nothing for the first token, then a mapping of
                     number to ``{logprob, rank, decoded_token}``; with ``prompt_token_ids`` where
                     there are any
OpenAI completions   ``choices[].logprobs.{tokens, token_logprobs}`` of a request with ``echo``, and
                     ``usage.{prompt_tokens, completion_tokens}``, which tell the prompt from what
                     was written
SGLang               ``meta_info.input_token_logprobs``, entries ``[logprob, number, text]``, and
                     ``meta_info.prompt_tokens``
TGI                  ``details.prefill``, entries ``{id, text, logprob}``
chat                 ``choices[].logprobs.content``, entries ``{token, logprob, bytes}``: tokens
                     that the model wrote, read with ``generated=True`` only
===================  ===============================================================================

The server of llama.cpp gives log-probabilities of what it writes only
(``completion_probabilities``), and is refused. Its Python binding echoes, but leaves the token of
beginning out of the tokens and counts it in ``usage``, so that its answers do not add up and are
refused; of models without such a token its numbers are each of the place after. `score_texts`
reads the same weights.

Servers give the most likely tokens too, never the whole distribution: mean and variance over the
vocabulary cannot be had from them, and are not made up. Scores that need them (Min-K%++) say so.
"""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np

from infometric.exceptions import (
    DataError,
    InvalidParameterError,
    ReliabilityWarning,
    SourceError,
)
from infometric.llm.models import tokenizer_fingerprint
from infometric.llm.tokens import TokenScores

STRINGS = "strings"  # begins the fingerprint where numbers were made of the strings themselves
UNLIKELY = -9999.0  # what servers write for a log-probability that they do not tell
_NUMBERED = "token_id:"
_BYTES = "bytes:"


def from_prompt_logprobs(
    payload: Any,
    *,
    vocabulary: Mapping[str, int] | None = None,
    tokenizer: Any = None,
    vocabulary_size: int | None = None,
    text: Any = None,
    names: Any = None,
    model: str | None = None,
    context: str | None = None,
    generated: bool = False,
) -> TokenScores:
    """Token scores of the answers of an inference server.

    Parameters
    ----------
    payload : mapping, sequence of mappings, str or path
        One answer or several, as Python objects, as JSON, or as the path of a ``.json`` or
        ``.jsonl`` file, one answer a line (results of a batch with ``response.body`` too). Each
        choice of an answer is a text.
    vocabulary : mapping of str to int, optional
        Number of each token, such as ``tokenizer.get_vocab()``, for servers that give strings only.
    tokenizer : object or str, optional
        The tokenizer of the model, which brings its vocabulary, its fingerprint and its token of
        beginning; or a fingerprint.
    vocabulary_size : int, optional
        Size of the vocabulary; from `vocabulary` or `tokenizer` where there is one.
    text : str or sequence of str, optional
        The texts that were sent, for scores that need their lengths; read from the answer where it
        has them.
    names : sequence, optional
        Name of each text; ``custom_id`` of a batch by default.
    model : str, optional
        Name of the model; read from the answer by default.
    context : {"bos", "eos", "none"}, optional
        What stood before the first token that is kept. By default "bos" where the server's first
        token is the tokenizer's token of beginning, "none" where it is another, which is left out
        as it has no log-probability, and unknown without a tokenizer. Where the first token does
        have one, "bos" or "eos" must say what it was given.
    generated : bool
        Read what the model wrote (``logprobs.content`` of chats), not the prompt.

    Returns
    -------
    TokenScores
        Without `mu` and `var`. Where tokens have no numbers, distinct strings are numbered as they
        come, and the fingerprint begins with "strings": enough for the mean, Min-K% and zlib, and
        for which tokens are repeated; scores of another call have other numbers and do not join
        them, and DC-PDD needs `vocabulary`.

    Raises
    ------
    DataError
        Where an answer is of no known form, a part of it is missing, or prompt and written tokens
        cannot be told apart: the message names the place and what stands there.
    SourceError
        Where a file cannot be read.

    Warns
    -----
    ReliabilityWarning
        Where log-probabilities are -9999, which stands for "very unlikely": they become minus
        infinity.

    Notes
    -----
    Requests that give what is needed: ``prompt_logprobs=0`` (vLLM), ``echo=True, logprobs=0,
    max_tokens=0`` (completions), ``return_logprob=True, logprob_start_len=0`` (SGLang),
    ``details=True, decoder_input_details=True`` (TGI; from version 3 on the server is started with
    ``--enable-prefill-logprobs``).

    Examples
    --------
    >>> answer = {"meta_info": {"prompt_tokens": 3, "input_token_logprobs":
    ...     [[None, 1, "The"], [-0.5, 7, " cat"], [-2.0, 9, " sat"]]}}
    >>> tokens = from_prompt_logprobs(answer)
    >>> tokens.ids.tolist(), tokens.logprob.values.tolist()
    ([7, 9], [-0.5, -2.0])
    """
    answers = [part for answer in _answers(payload) for part in _prompts(answer, generated)]
    if not answers:
        raise DataError("There is no answer to read.", got=payload, hint="payload=response.json()")
    known = _Vocabulary.of(vocabulary, tokenizer, vocabulary_size)
    before, rows = _first_left_out(answers, context)
    values = _logprobs(rows)
    ids, fingerprint = known.numbers(rows)
    return TokenScores.from_lists(
        ids=ids,
        logprob=values,
        text=_texts(text, answers),
        names=_names(names, answers),
        tokenizer=fingerprint,
        vocabulary_size=known.size,
        model=_model(answers) if model is None else model,
        context=known.context(before) if context is None else context,
    )


# --- answers --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Answer:
    """One answer of a server, and where it was found."""

    body: Mapping[str, Any]
    where: str
    name: str | None = None

    def refuse(self, place: str, what: str, got: Any, hint: str) -> DataError:
        return DataError(f"{self.where}, {place}: {what}", got=got, hint=hint)


@dataclass(frozen=True)
class _Token:
    """One token of a prompt."""

    logprob: Any
    number: int | None = None
    string: str | None = None


@dataclass(frozen=True)
class _Prompt:
    """Tokens of one text."""

    answer: _Answer
    place: str
    tokens: tuple[_Token, ...]
    text: str | None = None
    generated: bool = False


def _answers(payload: Any) -> list[_Answer]:
    """Answers of whatever they came in."""
    parts = payload
    if isinstance(payload, str | os.PathLike):
        parts = _parsed(payload)
    if isinstance(parts, Mapping) or not isinstance(parts, Sequence):
        parts = [parts]
    elif len(parts) > 1 and not parts[0] and isinstance(parts[1], Mapping):
        parts = [{"prompt_logprobs": parts}]  # what stands under that key, on its own
    return [_answer(part, f"Answer {i}") for i, part in enumerate(parts)]


def _parsed(payload: str | os.PathLike[str]) -> Any:
    """Objects of JSON text, or of a file of it."""
    if isinstance(payload, str) and payload.lstrip()[:1] in ("{", "["):
        return _decoded(payload, "The text")
    path = Path(payload)
    try:
        content = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(
            f"{path} cannot be read: {error}.",
            got=str(payload)[:80],
            hint="the path of a .json or .jsonl file, or response.json()",
        ) from error
    return _decoded(content, str(path))


def _decoded(content: str, where: str) -> Any:
    """One JSON value, or one a line."""
    try:
        return json.loads(content)
    except json.JSONDecodeError as whole:
        lines = content.split("\n")  # other separators may stand within a string
        found = []
        for i, line in enumerate(lines, 1):
            try:
                found += [json.loads(line)] if line.strip() else []
            except json.JSONDecodeError as error:
                at, reason = (i, error.msg) if found else (whole.lineno, whole.msg)
                raise DataError(
                    f"{where} is no JSON: {reason} in line {at}.",
                    got=lines[at - 1][:80],
                    hint="json.dumps(response.json()); one answer a line in a .jsonl file",
                ) from error
        return found


def _answer(part: Any, where: str) -> _Answer:
    """An answer without what a batch or a client wraps it in."""
    if hasattr(part, "model_dump"):
        part = part.model_dump()
    elif hasattr(part, "prompt_logprobs"):
        names = ("prompt_logprobs", "prompt_token_ids", "prompt")
        part = {name: getattr(part, name, None) for name in names}
    name = None
    if isinstance(part, Mapping) and isinstance(part.get("response"), Mapping):
        name = part.get("custom_id")
        part = part["response"].get("body")
    if not isinstance(part, Mapping):
        raise DataError(
            f"{where} is no JSON object.", got=part, hint="response.json() of the server's answer"
        )
    if "choices" not in part and (part.get("error") or part.get("object") == "error"):
        raise DataError(
            f"{where} is an error of the server.",
            got=part.get("error") or part.get("message"),
            hint="the request again; answers that failed left out",
        )
    return _Answer(part, where, None if name is None else str(name))


def _prompts(answer: _Answer, generated: bool) -> Iterator[_Prompt]:
    """Texts of one answer, by the first form that it has."""
    forms: list[tuple[str, Callable[[_Answer], Iterator[_Prompt]]]] = (
        [("choices", _chat_choices)]
        if generated
        else [
            ("prompt_logprobs", _vllm),
            ("choices", _choices),
            ("meta_info", _sglang),
            ("details", _tgi),
            ("completion_probabilities", _refuse_llama),
        ]
    )
    for key, read in forms:
        if answer.body.get(key) is not None:
            yield from read(answer)
            return
    known = "choices[].logprobs.content" if generated else ", ".join(key for key, _ in forms)
    raise answer.refuse(
        "keys",
        f"it holds no log-probabilities of {'what was written' if generated else 'a prompt'}.",
        sorted(map(str, answer.body)),
        f"an answer with {known}",
    )


def _choices(answer: _Answer) -> Iterator[_Prompt]:
    choices = _listed(answer, "choices", answer.body["choices"])
    for i, choice in enumerate(choices):
        place = f"choices[{i}]"
        logprobs = _mapping(answer, place, choice).get("logprobs")
        if choice.get("prompt_logprobs") is not None:
            yield _vllm_prompt(answer, choice, f"{place}.")
        elif isinstance(logprobs, Mapping) and logprobs.get("tokens") is not None:
            yield _echoed(answer, choice, place, len(choices))
        elif isinstance(logprobs, Mapping) and logprobs.get("content") is not None:
            raise answer.refuse(
                f"{place}.logprobs.content",
                "these are tokens that the model wrote, not the prompt's.",
                [_get(token, "token") for token in logprobs["content"][:5]],
                "the request with prompt_logprobs=0 (vLLM) or by completions with echo=True; "
                "generated=True to score what was written",
            )
        else:
            raise answer.refuse(
                f"{place}.logprobs",
                "it holds no log-probabilities.",
                logprobs,
                "the request with echo=True, logprobs=1, max_tokens=0; or prompt_logprobs=0 (vLLM)",
            )


# --- forms ----------------------------------------------------------------------------------------


def _vllm(answer: _Answer) -> Iterator[_Prompt]:
    yield _vllm_prompt(answer, answer.body, "")


def _vllm_prompt(answer: _Answer, holder: Mapping[str, Any], above: str) -> _Prompt:
    place = f"{above}prompt_logprobs"
    positions = _listed(answer, place, holder["prompt_logprobs"])
    numbers = holder.get("prompt_token_ids")
    if numbers is not None:
        numbers = _listed(answer, f"{above}prompt_token_ids", numbers)
    if numbers is not None and len(numbers) != len(positions):
        raise answer.refuse(
            place,
            "it must have one entry per prompt_token_ids.",
            {"prompt_logprobs": len(positions), "prompt_token_ids": len(numbers)},
            "both of one answer",
        )
    tokens = []
    for i, position in enumerate(positions):
        number = None if numbers is None else _whole(answer, f"prompt_token_ids[{i}]", numbers[i])
        if not position:
            tokens.append(_Token(None, number))
        else:
            tokens.append(_own(answer, f"{place}[{i}]", position, number))
    prompt = holder.get("prompt")
    return _Prompt(answer, place, tuple(tokens), prompt if isinstance(prompt, str) else None)


def _own(answer: _Answer, place: str, position: Any, number: int | None) -> _Token:
    """The prompt's own token among the most likely ones: by its number, else the first."""
    entries = {}
    for key, entry in _mapping(answer, place, position).items():
        if not str(key).isdecimal():
            raise answer.refuse(
                place, "its keys must be numbers of tokens.", key, "{'123': {'logprob': -0.5}}"
            )
        entries[int(key)] = entry
    if number is None:
        number = next(iter(entries))
        _refuse_reordered(answer, place, entries)
    if number not in entries:
        raise answer.refuse(
            place,
            f"it has no entry of the prompt's token {number}.",
            list(entries)[:5],
            "prompt_token_ids of the same answer",
        )
    entry = entries[number]
    return _Token(_get(entry, "logprob"), number, _get(entry, "decoded_token"))


def _refuse_reordered(answer: _Answer, place: str, entries: Mapping[int, Any]) -> None:
    """Error where the first entry cannot be the prompt's own, as when keys were sorted.

    After it come the most likely ones, in the order of their ranks; only the prompt's own can have
    a rank larger than there are entries.
    """
    ranks = [_get(entry, "rank") for entry in entries.values()]
    if len(ranks) < 2 or any(rank is None for rank in ranks):
        return
    if ranks[1:] != sorted(ranks[1:]) or max(ranks[1:]) > len(ranks):
        raise answer.refuse(
            place,
            "which of its entries is the prompt's own token cannot be told: the order of the "
            "server is lost.",
            {"ranks": ranks},
            "the request with prompt_logprobs=0, or with return_token_ids=True, which gives "
            "prompt_token_ids",
        )


def _echoed(answer: _Answer, choice: Mapping[str, Any], place: str, choices: int) -> _Prompt:
    """Prompt tokens of an answer of completions with ``echo``."""
    strings = _listed(answer, f"{place}.logprobs.tokens", choice["logprobs"]["tokens"])
    at = f"{place}.logprobs.token_logprobs"
    values = _listed(answer, at, choice["logprobs"].get("token_logprobs"))
    if len(strings) != len(values):
        raise answer.refuse(
            at,
            "it must be as long as tokens.",
            {"tokens": len(strings), "token_logprobs": len(values)},
            "both of one answer",
        )
    n = _prompt_length(answer, choice, f"{place}.logprobs.tokens", len(strings), choices)
    tokens = tuple(
        _Token(v, _number_in(s), s) for s, v in zip(strings[:n], values[:n], strict=True)
    )
    told = "".join(map(str, strings[:n]))
    whole = choice.get("text")
    return _Prompt(
        answer, at, tokens, told if isinstance(whole, str) and whole.startswith(told) else None
    )


def _prompt_length(
    answer: _Answer, choice: Mapping[str, Any], place: str, held: int, choices: int
) -> int:
    """How many of the tokens of an answer are the prompt's; an answer must add up."""
    usage = answer.body.get("usage") or {}
    prompt, written = (_get(usage, f"{part}_tokens") for part in ("prompt", "completion"))
    own = choice.get("prompt_token_ids")
    if own is not None:
        prompt, written = len(own), max(held - len(own), 0)
    elif choices > 1 and written == 0:
        prompt = held  # usage is of all of them together
    if not isinstance(prompt, int) or (choices > 1 and written and own is None):
        raise answer.refuse(
            place,
            "what was written cannot be told from the prompt"
            + (" of each of several choices." if choices > 1 else " without usage."),
            {"tokens": held, "usage": usage or None},
            "the request with max_tokens=0, or with one text; usage={'prompt_tokens': n, "
            "'completion_tokens': 0} added to an answer that has none",
        )
    if held != prompt + (written or 0):
        raise answer.refuse(
            place,
            f"{held} tokens are not the {prompt} of the prompt and the {written or 0} that were "
            "written, so that which are which cannot be told.",
            {"tokens": held, "usage": usage or None},
            "the request with echo=True, without which only what is written has log-probabilities, "
            "and max_tokens=0; prompt_logprobs=0 (vLLM) is surer",
        )
    return int(prompt)


def _sglang(answer: _Answer) -> Iterator[_Prompt]:
    place = "meta_info.input_token_logprobs"
    meta = _mapping(answer, "meta_info", answer.body["meta_info"])
    entries = _listed(answer, place, meta.get("input_token_logprobs"))
    n = meta.get("prompt_tokens")
    if not entries or (n is not None and n != len(entries)):
        raise answer.refuse(
            place,
            "it does not hold every token of the prompt.",
            {"entries": len(entries), "prompt_tokens": n},
            "the request with return_logprob=True, logprob_start_len=0",
        )
    tokens = []
    for i, entry in enumerate(entries):
        if isinstance(entry, str) or not isinstance(entry, Sequence) or len(entry) < 2:
            raise answer.refuse(
                f"{place}[{i}]", "it must be [logprob, number, text].", entry, "[-0.5, 7, ' cat']"
            )
        number = _whole(answer, f"{place}[{i}][1]", entry[1])
        tokens.append(_Token(entry[0], number, entry[2] if len(entry) > 2 else None))
    yield _Prompt(answer, place, tuple(tokens))


def _tgi(answer: _Answer) -> Iterator[_Prompt]:
    details = _mapping(answer, "details", answer.body["details"])
    entries = _listed(answer, "details.prefill", details.get("prefill"))
    if not entries:
        raise answer.refuse(
            "details.prefill",
            "it holds no tokens of the prompt.",
            entries,
            "the request with details=True, decoder_input_details=True, of a server that was "
            "started with --enable-prefill-logprobs (needed from version 3 on)",
        )
    tokens = []
    for i, entry in enumerate(entries):
        token = _mapping(answer, f"details.prefill[{i}]", entry)
        number = _whole(answer, f"details.prefill[{i}].id", token.get("id"))
        tokens.append(_Token(token.get("logprob"), number, token.get("text")))
    yield _Prompt(answer, "details.prefill", tuple(tokens))


def _chat_choices(answer: _Answer) -> Iterator[_Prompt]:
    for i, choice in enumerate(_listed(answer, "choices", answer.body["choices"])):
        place = f"choices[{i}].logprobs.content"
        logprobs = _mapping(answer, f"choices[{i}]", choice).get("logprobs") or {}
        entries = _listed(answer, place, _mapping(answer, place, logprobs).get("content"))
        tokens = tuple(
            _Token(e.get("logprob"), _number_in(e.get("token")), e.get("token"))
            for e in (_mapping(answer, f"{place}[{j}]", e) for j, e in enumerate(entries))
        )
        message = _mapping(answer, f"choices[{i}].message", choice.get("message") or {})
        yield _Prompt(answer, place, tokens, message.get("content"), generated=True)


def _refuse_llama(answer: _Answer) -> Iterator[_Prompt]:
    raise answer.refuse(
        "completion_probabilities",
        "these are tokens that the model wrote: the server of llama.cpp gives no log-probabilities "
        "of the prompt.",
        answer.body["completion_probabilities"],
        "score_texts(model, tokenizer, texts) with AutoModelForCausalLM.from_pretrained(folder, "
        "gguf_file=name)",
    )


def _listed(answer: _Answer, place: str, found: Any) -> Sequence[Any]:
    if isinstance(found, str | Mapping) or not isinstance(found, Sequence):
        raise answer.refuse(place, "it must be a list.", found, "the answer as the server gave it")
    return found


def _mapping(answer: _Answer, place: str, found: Any) -> Mapping[Any, Any]:
    if not isinstance(found, Mapping):
        raise answer.refuse(
            place, "it must be an object.", found, "the answer as the server gave it"
        )
    return found


def _whole(answer: _Answer, place: str, found: Any) -> int:
    if isinstance(found, bool) or not isinstance(found, int):
        raise answer.refuse(
            place, "it must be the number of a token.", found, "the answer as the server gave it"
        )
    return found


def _get(entry: Any, name: str) -> Any:
    """A part of an entry that is a mapping, an object of vLLM, or the log-probability alone."""
    if isinstance(entry, Mapping):
        return entry.get(name)
    if isinstance(entry, int | float):
        return entry if name == "logprob" else None
    return getattr(entry, name, None)


def _number_in(string: Any) -> int | None:
    """Number of a token that is written as ``token_id:123``."""
    tail = str(string).removeprefix(_NUMBERED)
    return int(tail) if str(string).startswith(_NUMBERED) and tail.isdecimal() else None


# --- tokens ---------------------------------------------------------------------------------------


def _first_left_out(
    prompts: Sequence[_Prompt], context: str | None
) -> tuple[list[_Token], list[_Prompt]]:
    """First tokens, which have no log-probability, and the prompts without them."""
    before, rows = [], []
    for prompt in prompts:
        tokens = prompt.tokens
        if tokens and tokens[0].logprob is None:
            before.append(tokens[0])
            tokens = tokens[1:]
        elif tokens and not prompt.generated and context not in ("bos", "eos"):
            raise prompt.answer.refuse(
                f"{prompt.place}[0]",
                "the first token of a prompt has no log-probability, and this one has: these may "
                "be tokens that were written.",
                tokens[0].logprob,
                "the request with echo=True (completions) or from the first token on; "
                "context='bos' where a token of beginning stood before it",
            )
        rows.append(_Prompt(prompt.answer, prompt.place, tokens))
    return before, rows


def _logprobs(rows: Sequence[_Prompt]) -> list[list[float]]:
    """Log-probabilities of every token, none missing."""
    found, unlikely = [], 0
    for row in rows:
        values = []
        for i, token in enumerate(row.tokens):
            value = token.logprob
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise row.answer.refuse(
                    row.place,
                    f"token {i} of those after the first has no log-probability.",
                    value,
                    "the request again; a server may leave out tokens that it had in its cache",
                )
            unlikely += UNLIKELY >= value > -np.inf
            values.append(-np.inf if value <= UNLIKELY else float(value))
        found.append(values)
    if unlikely:
        warnings.warn(
            f"{unlikely} log-probabilities are {UNLIKELY:.0f}, by which a server says that a token "
            "is very unlikely: they are taken as minus infinity.",
            ReliabilityWarning,
            stacklevel=3,
        )
    return found


@dataclass(frozen=True)
class _Vocabulary:
    """What is known of the numbers of tokens."""

    known: Mapping[str, int] | None
    fingerprint: str
    size: int | None
    beginning: int | None = None
    told: bool = False  # whether there is a tokenizer, so that no beginning means there is none

    @classmethod
    def of(
        cls, vocabulary: Mapping[str, int] | None, tokenizer: Any, size: int | None
    ) -> _Vocabulary:
        if vocabulary is not None and not isinstance(vocabulary, Mapping):
            raise InvalidParameterError(
                "vocabulary must be a mapping of tokens to numbers.",
                got=type(vocabulary).__name__,
                hint="vocabulary=tokenizer.get_vocab()",
            )
        whole = tokenizer is not None and not isinstance(tokenizer, str)
        fingerprint = tokenizer_fingerprint(tokenizer) if whole else tokenizer or ""
        if vocabulary is None and whole:
            vocabulary = tokenizer.get_vocab()
        odd = [v for v in (vocabulary or {}).values() if not isinstance(v, Integral)]
        if odd:
            raise InvalidParameterError(
                "vocabulary must be a mapping of tokens to whole numbers.",
                got=odd[0],
                hint="vocabulary=tokenizer.get_vocab()",
            )
        if size is None and vocabulary:
            size = max(map(int, vocabulary.values())) + 1
        beginning = getattr(tokenizer, "bos_token_id", None) if whole else None
        return cls(vocabulary, fingerprint, size, beginning, whole)

    def context(self, before: Sequence[_Token]) -> str:
        """What stood before the first token: unknown without a tokenizer or the first number."""
        if not self.told or not before:
            return ""
        first = {self.number(token) for token in before}
        if None in first:
            return ""
        return "bos" if first == {self.beginning} else "none"

    def number(self, token: _Token) -> int | None:
        """Number of a token: its own, or that of its string."""
        if token.number is not None:
            return int(token.number)
        if self.known is None or token.string is None:
            return None
        found = (self.known.get(form) for form in _spellings(token.string))
        return next((int(n) for n in found if n is not None), None)

    def numbers(self, rows: Sequence[_Prompt]) -> tuple[list[list[int]], str]:
        """Numbers of all tokens, and the fingerprint of what they mean."""
        every = [token for row in rows for token in row.tokens]
        if self.known is None and any(token.number is None for token in every):
            return _of_strings(rows)
        found = []
        for row in rows:
            numbers = [self.number(token) for token in row.tokens]
            if None in numbers:
                i = numbers.index(None)
                raise row.answer.refuse(
                    row.place,
                    f"token {i} of those after the first is not in the vocabulary.",
                    row.tokens[i].string,
                    "the request with return_tokens_as_token_ids=True (vLLM); or vocabulary=None, "
                    "which numbers the strings",
                )
            found.append([n for n in numbers if n is not None])
        return found, self.fingerprint


def _of_strings(rows: Sequence[_Prompt]) -> tuple[list[list[int]], str]:
    """Distinct strings, numbered as they come, and a fingerprint of which these were."""
    seen: dict[str, int] = {}
    found = []
    for row in rows:
        for i, token in enumerate(row.tokens):
            if token.string is None:
                raise row.answer.refuse(
                    row.place,
                    f"token {i} of those after the first has neither number nor string.",
                    token.logprob,
                    "the answer as the server gave it",
                )
        found.append([seen.setdefault(str(t.string), len(seen)) for t in row.tokens])
    digest = hashlib.sha256(json.dumps(list(seen)).encode()).hexdigest()[:8]
    return found, f"{STRINGS}-{digest}"


def _spellings(string: str) -> Iterator[str]:
    """How vocabularies write a token that a server gives as text."""
    yield string
    yield string.replace(" ", "▁")  # SentencePiece
    raw = string.encode("utf-8", errors="surrogatepass")
    if string.startswith(_BYTES):  # bytes that are no whole character
        try:
            raw = string.removeprefix(_BYTES).encode().decode("unicode_escape").encode("latin-1")
        except UnicodeError:
            return
        if len(raw) == 1:
            yield f"<0x{raw[0]:02X}>"
    yield "".join(_letter(byte) for byte in raw)  # byte-level pairs


def _letter(byte: int) -> str:
    """Letter by which byte-level vocabularies write a byte: itself, or one after the 256th."""
    plain = 33 <= byte <= 126 or 161 <= byte <= 255
    if plain and byte != 173:
        return chr(byte)
    if byte < 33:
        return chr(256 + byte)
    return chr(256 + (33 + byte - 127 if byte < 161 else 67))


# --- what goes with them --------------------------------------------------------------------------


def _texts(text: Any, prompts: Sequence[_Prompt]) -> Any:
    if text is not None:
        return [text] if isinstance(text, str) else text
    found = [prompt.text for prompt in prompts]
    return None if any(one is None for one in found) else found


def _names(names: Any, prompts: Sequence[_Prompt]) -> Any:
    if names is not None:
        return names
    found = [prompt.answer.name for prompt in prompts]
    return None if any(name is None for name in found) else found


def _model(prompts: Sequence[_Prompt]) -> str:
    """Name of the one model of all answers.

    Raises
    ------
    DataError
        Where there are several: their scores do not belong together.
    """
    found = {prompt.answer.body.get("model") for prompt in prompts} - {None}
    if len(found) > 1:
        raise DataError(
            "The answers are of several models, whose scores do not belong together.",
            got=sorted(map(str, found)),
            hint="one call for each model; or model='name' where they are one",
        )
    name = found.pop() if found else ""
    return name if isinstance(name, str) else ""
