"""Texts of the membership experiment: docstrings of pinned packages, tokens, and a random split.

A document is the first 64 tokens of a docstring. The packages are those which the extra ``test``
installs, so that the corpus is a function of the pins and of the version of Python, and nothing
is downloaded. Two things would blur which text was trained on, and are left out: a document that
shares more than half of its runs of 8 tokens with an earlier one, and one whose text does not give
its tokens back. The tokenizer is a byte-level BPE of 4,096, trained on documents which are used for
nothing else.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

PACKAGES = {
    "numpy": "numpy",
    "scipy": "scipy",
    "sklearn": "scikit-learn",
    "statsmodels": "statsmodels",
    "pandas": "pandas",
    "matplotlib": "matplotlib",
    "networkx": "networkx",
    "torch": "torch",
    "sympy": "sympy",
}  # folder and distribution
OTHERS = {"tests", "externals", "_external", "array_api_compat", "_vendor"}  # copies of other code
DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
CHARACTERS, HEAD = 300, 120  # least length of a docstring; what two must not share
LENGTH, RUN, SHARED = 64, 8, 0.5  # tokens of a document; near-duplicates
VOCABULARY, TRAINED = 4096, 2000  # of the tokenizer, and its documents
BOS = "<bos>"


# --- docstrings -----------------------------------------------------------------------------------


def sources(names: Iterable[str]) -> Iterator[Path]:
    """Python files of packages, sorted; none is imported."""
    for name in names:
        found = importlib.util.find_spec(name)
        if found is None or found.origin is None:
            raise ModuleNotFoundError(f"{name} is missing: pip install 'infometric[test]'")
        root = Path(found.origin).parent
        for path in sorted(root.rglob("*.py")):
            if OTHERS.isdisjoint(path.relative_to(root).parts):
                yield path


def docstrings(path: Path) -> Iterator[str]:
    """Docstrings of a file, in the order of `ast.walk`; none if this Python cannot read it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of escapes in other people's strings
        try:
            tree = ast.parse(path.read_bytes())
        except SyntaxError:  # written for another version
            return
    for node in ast.walk(tree):
        if isinstance(node, DOCUMENTED):
            yield ast.get_docstring(node) or ""


def distinct(names: Iterable[str]) -> list[str]:
    """Long docstrings, no two of which begin alike."""
    found: dict[str, str] = {}
    for path in sources(names):
        for text in docstrings(path):
            if len(text) >= CHARACTERS:
                found.setdefault(text[:HEAD], text)
    return list(found.values())


def licence(distribution: str) -> str:
    """What a distribution says of its licence."""
    told = importlib.metadata.metadata(distribution)
    classifiers = [c for c in told.get_all("Classifier") or [] if c.startswith("License")]
    return str(told.get("License-Expression") or " ".join(classifiers).split(" :: ")[-1])


def versions(names: Iterable[str]) -> dict[str, str]:
    """Versions of what the corpus depends on."""
    wanted = [*(PACKAGES[name] for name in names), "tokenizers"]
    found = {name: importlib.metadata.version(name) for name in wanted}
    return {"Python": platform.python_version()} | found


# --- tokens ---------------------------------------------------------------------------------------


def trained(texts: list[str]) -> Tokenizer:
    """Byte-level BPE; token 0 begins a document."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=VOCABULARY,
            special_tokens=[BOS],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    return made


def encoded(tokenizer: Tokenizer, texts: list[str]) -> list[list[int]]:
    """First tokens of texts, at most those of a document."""
    return [found.ids[:LENGTH] for found in tokenizer.encode_batch(texts)]


def different(documents: list[list[int]]) -> list[int]:
    """Places of documents that share at most half of their runs of tokens with an earlier one."""
    holders: dict[tuple[int, ...], list[int]] = defaultdict(list)
    kept = []
    for place, ids in enumerate(documents):
        runs = {tuple(ids[i : i + RUN]) for i in range(len(ids) - RUN + 1)}
        earlier = Counter(other for run in runs for other in holders.get(run, ()))
        if max(earlier.values(), default=0) <= SHARED * len(runs):
            kept.append(place)
            for run in runs:
                holders[run].append(place)
    return kept


@dataclass(frozen=True)
class Corpus:
    """Documents: tokens (n, 64), their texts, the tokenizer, and facts."""

    ids: np.ndarray
    texts: list[str]
    tokenizer: Tokenizer
    facts: dict[str, Any]


def built(names: Iterable[str], used: int) -> Corpus:
    """Corpus out of the installed packages, `used` documents of it for the tokenizer."""
    found = distinct(names)
    order = np.random.default_rng(0).permutation(len(found))
    tokenizer = trained([found[i] for i in order[:used]])
    rest = [found[i] for i in sorted(order[used:])]
    long = [ids for ids in encoded(tokenizer, rest) if len(ids) == LENGTH]
    again = encoded(tokenizer, tokenizer.decode_batch(long))
    exact = [ids for ids, back in zip(long, again, strict=True) if ids == back]
    documents = [exact[i] for i in different(exact)]
    texts = tokenizer.decode_batch(documents)
    facts = {
        "versions": versions(names),
        "licences": {PACKAGES[name]: licence(PACKAGES[name]) for name in names},
        "docstrings": len(found),
        "tokenizer_documents": used,
        "too_short": len(rest) - len(long),
        "not_exact": len(long) - len(exact),
        "near_duplicates": len(exact) - len(documents),
        "documents": len(documents),
        "vocabulary": tokenizer.get_vocab_size(),
        "sha256": hashlib.sha256("\0".join(texts).encode()).hexdigest(),
        "tokenizer_sha256": hashlib.sha256(tokenizer.to_str().encode()).hexdigest(),
    }
    return Corpus(np.array(documents, dtype=np.int32), texts, tokenizer, facts)


# --- files ----------------------------------------------------------------------------------------


def written(path: Path, write: Callable[[IO[bytes]], Any]) -> None:
    """A file that is there as a whole or not at all."""
    part = path.with_name(f"{path.name}.part")
    with part.open("wb") as file:
        write(file)
    os.replace(part, path)


def put(path: Path, facts: dict[str, Any]) -> None:
    """Facts as JSON."""
    written(path, lambda file: file.write((json.dumps(facts, indent=1) + "\n").encode()))


def corpus(folder: Path, names: Iterable[str] = tuple(PACKAGES), used: int = TRAINED) -> Corpus:
    """Corpus of these packages and versions, from the folder if it was built before (40 s)."""
    told = folder / "corpus.json"  # the last that is written
    if told.exists() and (facts := json.loads(told.read_text()))["versions"] == versions(names):
        ids = np.load(folder / "corpus.npy")
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        return Corpus(ids, tokenizer.decode_batch(ids.tolist()), tokenizer, facts)
    folder.mkdir(parents=True, exist_ok=True)
    made = built(names, used)
    written(folder / "corpus.npy", lambda file: np.save(file, made.ids))
    written(folder / "tokenizer.json", lambda file: file.write(made.tokenizer.to_str().encode()))
    put(told, made.facts)
    return made


# --- split ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sizes:
    """Numbers of documents of a split; fresh ones are per exposure, `prefix` is of either kind."""

    reference: int = 3000
    background: int = 5200
    member: int = 500
    nonmember: int = 500
    calibration: int = 500
    prefix: int = 4
    fresh: int = 400
    exposures: int = 4


def split(n: int, sizes: Sizes, seed: int) -> dict[str, np.ndarray]:
    """Places of documents, drawn at random without replacement, by what they are for."""
    wanted = asdict(sizes)
    exposures, prefix = wanted.pop("exposures"), wanted.pop("prefix")
    wanted |= {"member_prefix": prefix, "nonmember_prefix": prefix}
    wanted["fresh"] *= exposures
    total = sum(wanted.values())
    if total > n:
        raise ValueError(f"The split must have at most {n} documents. Got {total}.")
    ends = np.cumsum(list(wanted.values()))
    order = np.random.default_rng(seed).permutation(n)[:total]
    return dict(zip(wanted, np.split(order, ends[:-1]), strict=True))
