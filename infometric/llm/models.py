"""Token scores of texts by a causal language model of torch, such as those of transformers.

The hidden states of the model and the weights of its output layer are enough: the vocabulary is
gone through a part at a time (`infometric.functional.streaming`), so that no array of tokens x
vocabulary is made. Texts are padded on the right and sorted by length inside; the results are in
their order and do not depend on the batches.

torch is loaded on use; transformers is not needed for a model and a tokenizer that are there.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from infometric.exceptions import (
    DataError,
    InfometricWarning,
    InvalidParameterError,
    ReliabilityWarning,
    UnsupportedError,
)
from infometric.functional.streaming import (
    CHUNK,
    FLOOR,
    Readout,
    SoftmaxMoments,
    logit_chunks,
    streamed_statistics,
    token_statistics,
)
from infometric.hooks import torch_library, untouched, unwrapped
from infometric.llm.tokens import TokenScores
from infometric.sources.progress import Listener, following
from infometric.typing import Array

Context = Literal["bos", "eos", "none"]
TRIED = 8  # tokens on which the way through hidden states is compared with the model's own logits
LENGTHS = ("max_position_embeddings", "n_positions", "max_sequence_length", "max_seq_len")
COLUMNS = ("logprob", "mu", "var")


def score_texts(
    model: Any,
    tokenizer: Any,
    texts: Iterable[str],
    *,
    batch_size: int = 8,
    vocabulary_chunk: int = CHUNK,
    token_chunk: int = 256,
    max_tokens: int | None = None,
    context: Context = "bos",
    prefix: str | Iterable[str] | None = None,
    names: Iterable[Any] | None = None,
    progress: bool | Listener = False,
) -> TokenScores:
    r"""Log-probability of every token of some texts, with entropy and variance of its prediction.

    Parameters
    ----------
    model : torch.nn.Module
        A causal language model, best one of transformers. Its mode, its gradients, its buffers and
        all random numbers are as they were afterwards.
    tokenizer : callable
        As those of transformers: ``tokenizer(texts)["input_ids"]``, ``get_vocab()``, and
        ``bos_token_id`` or ``eos_token_id`` as `context` needs. It adds no special tokens here.
    texts : iterable of str
        An empty one gets an empty row.
    batch_size : int
        Texts of one forward pass.
    vocabulary_chunk, token_chunk : int
        Words and tokens that are looked at together: memory is their product. Smaller ones need
        less, and on a processor are often faster.
    max_tokens : int, optional
        Tokens of a text that are read; all that the model's context holds by default. What is cut
        is told in a warning, and the length of the text that is kept is that of the part read.
    context : {"bos", "eos", "none"}
        What stands before a text: the token of beginning, so that n tokens have n log-probabilities
        ("bos"); for models that have none, the token of end, as between documents of their training
        ("eos"); or nothing, so that the first token is left out ("none").
    prefix : str or iterable of str, optional
        Text that stands between that token and each text, one for all or one per text: the
        log-probabilities of the same tokens, given it. It is tokenised apart; end it with the
        space or line that is to stand between them. ``"\n".join(shots) + "\n"`` for several.
    names : iterable, optional
        Name of each text.
    progress : bool or callable
        A bar, or a function of (tokens done, tokens in all).

    Returns
    -------
    TokenScores
        With `ids`, `logprob`, `mu` and `var`, the tokenizer's fingerprint, and the lengths of the
        texts.

    Raises
    ------
    InvalidParameterError
        Where the model or the tokenizer is none, or the tokenizer has no such token.
    UnsupportedError
        Where the model is an encoder and a decoder, or looks at tokens that come after.
    DataError
        Where a text is none, a prefix leaves no room, or the tokenizer is not of this model.
    MissingExtraError
        Where torch is not installed.

    Warns
    -----
    InfometricWarning
        Where texts are cut, with their number.
    ReliabilityWarning
        Where hidden states and output weights do not make up the model's own logits on its first
        tokens (an unknown architecture): then its logits are used, which takes memory of tokens x
        vocabulary.

    Notes
    -----
    Scaled and capped logits (Cohere, Granite, Gemma) and biases are honoured. Half precision is
    widened before the output layer, so that logits are finer than the model's own.

    For lower-cased texts and perturbed copies, call it again with these as `texts`.

    Examples
    --------
    >>> import infometric as im
    >>> model = AutoModelForCausalLM.from_pretrained("...")  # doctest: +SKIP
    >>> tokenizer = AutoTokenizer.from_pretrained("...")  # doctest: +SKIP
    >>> tokens = im.llm.score_texts(model, tokenizer, texts)  # doctest: +SKIP
    """
    _check_sizes(batch_size=batch_size, token_chunk=token_chunk, max_tokens=max_tokens)
    network = _language_model(model)
    found = _list_of(texts, "texts")
    labels = _labels(names, len(found))
    fingerprint = tokenizer_fingerprint(tokenizer)
    rows = _rows(tokenizer, found, context, _prefixes(prefix, len(found)))
    kept = _cut(rows, max_tokens, _limit(network))
    _check_ids(network, kept)
    with following(progress, "tokens") as listener:
        scorer = _Scorer(network, batch_size, vocabulary_chunk, token_chunk, listener)
        columns = scorer(kept)
    counts = [len(row.targets) for row in kept]
    ids = [i for row in kept for i in row.targets]
    return TokenScores.from_flat(
        ids=np.asarray(ids, np.int32),
        offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        text=[_text_read(tokenizer, *parts) for parts in zip(found, rows, kept, strict=True)],
        names=labels,
        tokenizer=fingerprint,
        vocabulary_size=scorer.vocabulary_size,
        model=_name(network),
        context=context,
        **columns,
    )


def tokenizer_fingerprint(tokenizer: Any) -> str:
    """Sixteen hexadecimal digits that tell tokenizers apart.

    SHA-256 of the vocabulary, sorted, and of the special tokens but the one of padding, which is
    no part of a text; two tokenizers with the same give the same.

    Parameters
    ----------
    tokenizer : object
        With ``get_vocab()``, a mapping of token to number, and where it has special tokens
        ``special_tokens_map``.

    Raises
    ------
    InvalidParameterError
        Where it has no vocabulary.

    Examples
    --------
    >>> class Tokenizer:
    ...     def get_vocab(self):
    ...         return {"b": 1, "a": 0}
    >>> tokenizer_fingerprint(Tokenizer())
    'ac4a4c80dfdf2408'
    """
    if not callable(getattr(tokenizer, "get_vocab", None)):
        raise InvalidParameterError(
            "The tokenizer must have get_vocab(), by which tokenizers are told apart.",
            got=type(tokenizer).__name__,
            hint="AutoTokenizer.from_pretrained(name) of transformers",
        )
    special = {
        str(name): sorted(map(str, token)) if isinstance(token, list | tuple) else str(token)
        for name, token in (getattr(tokenizer, "special_tokens_map", None) or {}).items()
        if name != "pad_token"
    }
    parts = [sorted((str(k), int(v)) for k, v in tokenizer.get_vocab().items()), special]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


# --- texts to numbers -----------------------------------------------------------------------------


@dataclass(frozen=True)
class _Row:
    """Tokens of a text and of what stands before it."""

    before: tuple[int, ...]
    ids: tuple[int, ...]
    skipped: int  # first tokens that have no log-probability, or shall have none

    @property
    def targets(self) -> tuple[int, ...]:
        return self.ids[self.skipped :]

    @property
    def inputs(self) -> tuple[int, ...]:
        """What the model reads: nothing is asked of what comes after the last token."""
        return (self.before + self.ids)[:-1]

    @property
    def first(self) -> int:
        """Place among the inputs that predicts the first target."""
        return len(self.before) + self.skipped - 1


def _rows(
    tokenizer: Any, texts: Sequence[str], context: Context, prefixes: Sequence[str] | None
) -> list[_Row]:
    start = _context_token(tokenizer, context)
    lead = [] if start is None else [start]
    shots: Iterable[tuple[int, ...]] = [()] * len(texts)
    if prefixes is not None:
        distinct = list(dict.fromkeys(prefixes))
        coded = dict(zip(distinct, _encoded(tokenizer, distinct, start), strict=True))
        shots = [coded[one] for one in prefixes]
    return [
        _Row((*lead, *shot), ids, int(start is None))
        for shot, ids in zip(shots, _encoded(tokenizer, texts, start), strict=True)
    ]


def _context_token(tokenizer: Any, context: Context) -> int | None:
    if context not in ("bos", "eos", "none"):
        raise InvalidParameterError(
            "context says what stands before a text: 'bos', 'eos' or 'none'.",
            got=context,
            hint="context='bos'",
        )
    if context == "none":
        return None
    found = getattr(tokenizer, f"{context}_token_id", None)
    if found is not None:
        return int(found)
    end = context == "bos" and getattr(tokenizer, "eos_token_id", None) is not None
    raise InvalidParameterError(
        f"The tokenizer has no {context.upper()} token to stand before each text.",
        got=f"{type(tokenizer).__name__}.{context}_token_id = None",
        hint=("context='eos', which puts the token of end there; or " if end else "")
        + "context='none', which leaves the first token of each text out",
    )


def _encoded(tokenizer: Any, texts: Sequence[str], start: int | None) -> Iterator[tuple[int, ...]]:
    """Numbers of the tokens of each text, without the token that begins it."""
    if not texts:
        return
    options = _accepted(tokenizer, add_special_tokens=False)
    coded = tokenizer(list(texts), **options)
    # as those of transformers, or the lists alone
    batch = coded if isinstance(coded, list | tuple) else coded["input_ids"]
    if len(batch) != len(texts):
        raise InvalidParameterError(
            "The tokenizer must give one list of numbers per text.",
            got={"texts": len(texts), "lists": len(batch)},
            hint="tokenizer(texts)['input_ids'], as those of transformers",
        )
    for ids in batch:
        numbers = tuple(map(int, ids))
        # some tokenizers add the token of beginning whatever they are told: it is there once
        yield numbers[1:] if start is not None and numbers[:1] == (start,) else numbers


def _cut(rows: Sequence[_Row], max_tokens: int | None, limit: int | None) -> list[_Row]:
    """Rows that the model's context holds; a warning says how many were longer."""
    kept = []
    for i, row in enumerate(rows):
        # the last token of a text is not read, only asked for
        room = None if limit is None else limit + 1 - len(row.before)
        if room is not None and room < 1:
            raise DataError(
                f"What stands before text {i} fills the model's context of {limit} tokens.",
                got=f"{len(row.before)} tokens",
                hint="a shorter prefix: fewer shots, or shorter ones",
            )
        most = min((n for n in (max_tokens, room) if n is not None), default=None)
        kept.append(_Row(row.before, row.ids[:most], row.skipped))
    longer = sum(len(a.ids) < len(b.ids) for a, b in zip(kept, rows, strict=True))
    if longer:
        lost = sum(len(b.ids) - len(a.ids) for a, b in zip(kept, rows, strict=True))
        warnings.warn(
            f"{longer} of {len(rows)} texts are longer than max_tokens={max_tokens} or the model's "
            f"context of {limit} tokens: their last {lost} tokens are left out, and scores are of "
            "what is left.",
            InfometricWarning,
            stacklevel=3,
        )
    return kept


def _text_read(tokenizer: Any, text: str, row: _Row, kept: _Row) -> str:
    """The text, or of one that was cut the part that was read, so that its length fits."""
    decode = getattr(tokenizer, "decode", None)
    if len(kept.ids) == len(row.ids) or not callable(decode):
        return text
    return str(decode(list(kept.ids)))


# --- the model ------------------------------------------------------------------------------------


def _language_model(model: Any) -> Any:
    """The model without wrappers."""
    if not isinstance(model, torch_library().nn.Module):
        raise InvalidParameterError(
            "The model must be a torch.nn.Module.",
            got=type(model).__name__,
            hint="AutoModelForCausalLM.from_pretrained(name); for a model behind a server "
            "from_prompt_logprobs(response)",
        )
    network = unwrapped(model)
    if getattr(getattr(network, "config", None), "is_encoder_decoder", False):
        raise UnsupportedError(
            "The probability of a text given what comes before it needs a causal model, and this "
            "one is an encoder and a decoder.",
            got=type(network).__name__,
            hint="AutoModelForCausalLM.from_pretrained(name) of a model that only decodes",
        )
    return network


def _config(network: Any) -> Any:
    """Configuration of the part that reads text; None where there is none."""
    config = getattr(network, "config", None)
    text = getattr(config, "get_text_config", None)
    return text() if callable(text) else config


def _limit(network: Any) -> int | None:
    """Tokens that the model's context holds; None where it does not say."""
    for name in LENGTHS:
        found = getattr(_config(network), name, None)
        if isinstance(found, int) and found > 0:
            return found
    return None


def _name(network: Any) -> str:
    found = getattr(getattr(network, "config", None), "name_or_path", "")
    return str(found) or type(network).__name__


def _accepted(call: Any, **options: Any) -> dict[str, Any]:
    """Those options that a function takes."""
    try:
        known = inspect.signature(call).parameters
    except (TypeError, ValueError):
        return options
    if any(p.kind is p.VAR_KEYWORD for p in known.values()):
        return options
    return {name: value for name, value in options.items() if name in known}


def _run(module: Any, ids: Any, mask: Any) -> Any:
    options = _accepted(module.forward, attention_mask=mask, use_cache=False, return_dict=True)
    return module(ids, **options)


def _tensor(output: Any, name: str) -> Any:
    """A named part of a model's output, or the first part."""
    found = getattr(output, name, None)
    if found is None:
        found = output[0] if isinstance(output, tuple | list) else output
    return found


@dataclass(frozen=True)
class _Places:
    """Some places of the output of a pass: rows of a batch and tokens of them, cut out on use."""

    output: Any
    at: tuple[Any, Any]

    def __getitem__(self, some: slice) -> Any:
        return self.output[self.at[0][some], self.at[1][some]]


@dataclass(frozen=True)
class _Streamed:
    """Through hidden states and the weights of the output layer."""

    base: Any
    weight: Any
    bias: Any
    readout: Readout

    @property
    def vocabulary_size(self) -> int:
        return int(self.weight.shape[0])

    def run(self, ids: Any, mask: Any) -> Any:
        return _tensor(_run(self.base, ids, mask), "last_hidden_state").to(self.weight.device)

    def statistics(self, hidden: Any, targets: Any, chunk: int) -> SoftmaxMoments:
        return streamed_statistics(
            hidden, self.weight, targets, bias=self.bias, transform=self.readout, chunk=chunk
        )

    def logits(self, hidden: Any) -> Any:
        chunks = logit_chunks(hidden, self.weight, self.bias, transform=self.readout)
        return torch_library().cat([z for _, z in chunks], -1)


@dataclass(frozen=True)
class _Whole:
    """Through the model's own logits, which are as many as tokens x words."""

    model: Any
    vocabulary_size: int | None = None

    def run(self, ids: Any, mask: Any) -> Any:
        return _tensor(_run(self.model, ids, mask), "logits")

    def statistics(self, logits: Any, targets: Any, chunk: int) -> SoftmaxMoments:
        return token_statistics(logits, targets, chunk=chunk)


def _way(network: Any, row: _Row) -> _Streamed | _Whole:
    """The way that gives the model's own logits on some tokens with the least memory."""
    torch = torch_library()
    ids = torch.as_tensor([row.inputs[:TRIED]], device=_device(network))
    mask = torch.ones_like(ids)
    theirs = _logits(network, ids, mask)
    if bool(torch.isnan(theirs).any()):
        raise _broken(network, int(torch.isnan(theirs).sum()))
    _refuse_foresight(network, ids, theirs)
    reason = "it has no base model and output layer that can be told apart"
    for way in _streams(network):
        hidden = way.run(ids, mask)[0]
        if _agree(way, hidden, theirs):
            return way
        reason = "its hidden states and output weights do not make up its logits"
    warnings.warn(
        f"{type(network).__name__} is of an unknown architecture: {reason}. The model's own logits "
        "are used, and memory grows with tokens x vocabulary; a smaller batch_size bounds it.",
        ReliabilityWarning,
        stacklevel=4,
    )
    return _Whole(network, int(theirs.shape[-1]))


def _logits(network: Any, ids: Any, mask: Any) -> Any:
    """The model's own logits on a few tokens.

    Raises
    ------
    InvalidParameterError
        Where it gives none.
    """
    try:
        found = _Whole(network).run(ids, mask)[0]
        if found.ndim == 2 and len(found) == ids.shape[1]:
            return found
        error: Exception | None = None
    except (TypeError, AttributeError, IndexError, RuntimeError) as caught:
        error = caught
    raise InvalidParameterError(
        "The model gives no logits of a row of token numbers: it is no language model, or lacks "
        "its output layer.",
        got=type(network).__name__,
        hint="AutoModelForCausalLM.from_pretrained(name)",
    ) from error


def _refuse_foresight(network: Any, ids: Any, theirs: Any) -> None:
    """Error for a model whose predictions change with the tokens that come after."""
    if ids.shape[1] < 2:
        return
    torch = torch_library()
    other = ids.clone()
    other[0, -1] = 0 if int(ids[0, -1]) else 1
    changed = _Whole(network).run(other, torch.ones_like(other))[0, :-1]
    if not _near(changed, theirs[:-1]):
        raise UnsupportedError(
            "The model looks at the tokens that come after, so that it gives no probability of a "
            "token given those before it.",
            got=type(network).__name__,
            hint="AutoModelForCausalLM.from_pretrained(name) of a model that only decodes",
        )


def _streams(network: Any) -> Iterator[_Streamed]:
    """Ways through hidden states, in the order of how often they are right."""
    network = network.get_base_model() if hasattr(network, "get_base_model") else network
    base = getattr(network, "base_model", None)
    head = network.get_output_embeddings() if hasattr(network, "get_output_embeddings") else None
    weight = getattr(head, "weight", None)
    if base is None or base is network or weight is None or weight.ndim != 2:
        return
    if weight.is_meta or not weight.is_floating_point():
        return
    for readout in _readouts(_config(network)):
        yield _Streamed(base, weight, getattr(head, "bias", None), readout)


def _readouts(config: Any) -> list[Readout]:
    """What may be done to logits last: the factor stands under several names in either sense."""

    def number(name: str) -> float | None:
        found = getattr(config, name, None)
        plain = isinstance(found, int | float) and not isinstance(found, bool)
        return float(found) if plain and found else None

    scaling = number("logits_scaling")
    scales = [
        number("logit_scale"),
        None if scaling is None else 1 / scaling,
        scaling,
        number("lm_head_multiplier"),
        1.0,
    ]
    cap = number("final_logit_softcapping")
    return [Readout(s, cap) for s in dict.fromkeys(scales) if s is not None]


def _agree(way: _Streamed, hidden: Any, theirs: Any) -> bool:
    """Whether logits made of hidden states are the model's own, up to its precision."""
    if hidden.shape[-1] != way.weight.shape[1] or theirs.shape[-1] != way.vocabulary_size:
        return False
    digits = max(_digits(t) for t in (way.weight, hidden, theirs))
    return _near(way.logits(hidden), theirs, 4 * digits)


def _digits(tensor: Any) -> float:
    return float(torch_library().finfo(tensor.dtype).eps)


def _largest(logits: Any) -> float:
    """Largest size of a logit; words that are masked have minus infinity, or nearly."""
    sizes = logits.abs()
    return float(sizes.masked_fill(sizes > -FLOOR, 0.0).max())


def _near(ours: Any, theirs: Any, relative: float = 0.0) -> bool:
    """Whether logits are equal, up to a share of the largest that is no mask."""
    a, b = ours.float(), theirs.to(ours.device).float()
    relative = max(1e-4, 4 * _digits(theirs), relative)
    tolerance = relative * min(_largest(a), _largest(b))
    # where both are minus infinity, their difference is none
    return bool(((a == b) | ((a - b).abs() <= tolerance)).all())


def _device(network: Any) -> Any:
    """Where the model takes its tokens: the device of its input embeddings."""
    layer = network.get_input_embeddings() if hasattr(network, "get_input_embeddings") else None
    weight = getattr(layer, "weight", None)
    if weight is None or weight.is_meta:
        weight = next((p for p in network.parameters() if not p.is_meta), None)
    return None if weight is None else weight.device


def _check_ids(network: Any, rows: Sequence[_Row]) -> None:
    """Error for numbers that the model has no embedding of."""
    layer = network.get_input_embeddings() if hasattr(network, "get_input_embeddings") else None
    known = getattr(layer, "num_embeddings", None)
    largest = max((max(row.before + row.ids, default=0) for row in rows), default=0)
    if isinstance(known, int) and largest >= known:
        raise DataError(
            f"The tokenizer is not of this model, which has {known} tokens.",
            got=largest,
            hint="AutoTokenizer.from_pretrained(name) with the name of the model; or "
            "model.resize_token_embeddings(len(tokenizer)) before it is trained",
        )


# --- passes ---------------------------------------------------------------------------------------


@dataclass
class _Scorer:
    """Forward passes over batches of rows of about one length."""

    network: Any
    batch_size: int
    vocabulary_chunk: int
    token_chunk: int
    listener: Listener | None = None
    vocabulary_size: int | None = None

    def __call__(self, rows: Sequence[_Row]) -> dict[str, Array]:
        """Columns of all rows, flat and in their order."""
        found: list[dict[str, Array]] = [{c: np.empty(0, np.float32) for c in COLUMNS}] * len(rows)
        order = sorted(
            (i for i, row in enumerate(rows) if row.targets), key=lambda i: -len(rows[i].inputs)
        )
        total, done = sum(len(rows[i].targets) for i in order), 0
        self.tell(done, total)
        if order:
            with untouched(self.network):
                way = _way(self.network, rows[order[0]])
                self.vocabulary_size = way.vocabulary_size
                for start in range(0, len(order), self.batch_size):
                    batch = order[start : start + self.batch_size]
                    scored = self.scored(way, [rows[i] for i in batch])
                    for i, columns in zip(batch, scored, strict=True):
                        found[i] = columns
                        done += len(rows[i].targets)
                    self.tell(done, total)
        return {
            c: np.concatenate([one[c] for one in found] or [np.empty(0, np.float32)])
            for c in COLUMNS
        }

    def tell(self, done: int, total: int) -> None:
        """Say how far it is."""
        if self.listener is not None:
            self.listener(done, total)

    def scored(self, way: _Streamed | _Whole, rows: Sequence[_Row]) -> Iterator[dict[str, Array]]:
        """Columns of each row of one batch."""
        torch, device = torch_library(), _device(self.network)
        longest = max(len(row.inputs) for row in rows)
        padded = [row.inputs + (0,) * (longest - len(row.inputs)) for row in rows]
        real = [[1] * len(row.inputs) + [0] * (longest - len(row.inputs)) for row in rows]
        sizes = [len(row.targets) for row in rows]
        which = np.repeat(np.arange(len(rows)), sizes)
        places = np.concatenate([row.first + np.arange(len(row.targets)) for row in rows])
        ids, mask = (torch.as_tensor(p, device=device) for p in (padded, real))
        output = way.run(ids, mask)
        at = tuple(torch.as_tensor(p, device=output.device) for p in (which, places))
        targets = [i for row in rows for i in row.targets]
        flat = self.statistics(way, _Places(output, at), targets, output.device)
        ends = np.cumsum(sizes)[:-1]
        columns = {c: np.split(flat[c], ends) for c in COLUMNS}
        for i in range(len(rows)):
            yield {c: columns[c][i] for c in COLUMNS}

    def statistics(
        self, way: Any, part: _Places, targets: Sequence[int], device: Any
    ) -> dict[str, Array]:
        """Columns of some places, so many at a time."""
        torch = torch_library()
        target = torch.as_tensor(targets, device=device)
        found: dict[str, list[Array]] = {c: [] for c in COLUMNS}
        # under autocast, matrix products would be in half precision again
        with torch.autocast(device.type, enabled=False):
            for start in range(0, len(targets), self.token_chunk):
                some = slice(start, start + self.token_chunk)
                moments = way.statistics(part[some], target[some], self.vocabulary_chunk)
                for c in COLUMNS:
                    found[c].append(getattr(moments, c).float().cpu().numpy())
        columns = {c: np.concatenate(parts) for c, parts in found.items()}
        bad = sum(int(np.isnan(column).sum()) for column in columns.values())
        if bad:
            raise _broken(self.network, bad)
        return columns


def _broken(network: Any, count: int) -> DataError:
    return DataError(
        "The model's log-probabilities are not numbers.",
        got=f"{count} NaN from {type(network).__name__}",
        hint="model.float(): half precision may overflow; or weights that are not broken",
    )


# --- arguments ------------------------------------------------------------------------------------


def _check_sizes(**sizes: Any) -> None:
    for name, value in sizes.items():
        optional = name == "max_tokens" and value is None
        whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
        if not optional and (not whole or value < 1):
            raise InvalidParameterError(
                f"{name} must be a positive whole number.", got=value, hint=f"{name}=8"
            )


def _list_of(texts: Any, what: str) -> list[str]:
    """Texts as a list; one text is a list of one."""
    if isinstance(texts, str):
        return [texts]
    if not isinstance(texts, Iterable):
        raise DataError(f"{what} must be a list of texts.", got=texts, hint=f"{what}=[...]")
    found = list(texts)
    for i, text in enumerate(found):
        if not isinstance(text, str):
            raise DataError(
                f"Each of {what} must be a str, and number {i} is none.",
                got=text,
                hint=f"[text for text in {what} if isinstance(text, str)]",
            )
    return found


def _prefixes(prefix: Any, n: int) -> list[str] | None:
    """The text before each text."""
    if prefix is None:
        return None
    if isinstance(prefix, str):
        return [prefix] * n
    found = _list_of(prefix, "prefix")
    if len(found) != n:
        raise DataError(
            "prefix must be one text for all, or one per text.",
            got={"prefixes": len(found), "texts": n},
            hint="prefix='\\n'.join(shots) + '\\n' for several before every text",
        )
    return found


def _labels(names: Any, n: int) -> list[Any] | None:
    if names is None:
        return None
    if not isinstance(names, Iterable):
        raise DataError("names must be a list.", got=names, hint="names=None")
    found = list(names)
    if len(found) != n:
        raise DataError(
            "names must be one per text.", got={"names": len(found), "texts": n}, hint="names=None"
        )
    return found
