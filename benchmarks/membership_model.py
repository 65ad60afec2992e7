"""A language model of which it is known what it was trained on, and its scores of every token.

    python benchmarks/membership_model.py [--folder build/membership] [--seeds 0 1 2] [--quick]

A GPT of 1.1 million parameters reads the background documents first, then, an exposure at a time,
the members among documents that are new at every exposure. Members and non-members are a random
split of one corpus, so before the first exposure nothing can tell them apart. After each exposure,
and before the first, a file keeps what scores of membership need of a text, and the model is done
with: for tokens x_i in the context <bos> x_1 ... x_(i-1),

    logprob = log p(x_i),  mu = sum_v p(v) log p(v),  var = sum_v p(v) (log p(v))^2 - mu^2.

Writes seed{S}_exposure{E}.npz and seed{S}.json; a seed that is there already is not run again. One
thread by default: two that wait for each other on a busy machine take ten times as long.
"""

from __future__ import annotations

import argparse
import json
import math
import time
import zlib
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from membership_corpus import (
    LENGTH,
    VOCABULARY,
    Corpus,
    Sizes,
    corpus,
    encoded,
    put,
    split,
    written,
)
from torch import Tensor, nn
from torch.nn import functional as F

LAYERS, WIDTH, HEADS = 3, 128, 4
CONTEXT = 2 * (LENGTH + 1)  # two documents, each after <bos>
RATE, BETAS, DECAY, WARM, CLIP = 1.5e-3, (0.9, 0.95), 0.01, 100, 1.0
ROWS, SCORED = 4, 32  # rows of two documents in a step; rows that are scored at a time
NEIGHBORS, REPLACED = 8, 0.1
SHOT = 15  # tokens of each document of a prefix
QUICK, QUICK_CORPUS = Sizes(60, 80, 20, 20, 20, 4, 20, 2), (("numpy", "networkx"), 400)
BOS = 0
LABELS = {"member": 1, "nonmember": 0, "calibration": -1}


# --- model ----------------------------------------------------------------------------------------


class Block(nn.Module):
    """Attention to earlier tokens, then a layer for each token; both add to what they read."""

    def __init__(self) -> None:
        super().__init__()
        self.before, self.between = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.read, self.write = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        """(rows, tokens, width) to the same."""
        rows, tokens, _ = x.shape
        heads = self.read(self.before(x)).view(rows, tokens, 3, HEADS, WIDTH // HEADS)
        query, key, value = heads.permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.write(seen.transpose(1, 2).reshape(rows, tokens, WIDTH))
        return x + self.down(F.gelu(self.up(self.between(x))))


class GPT(nn.Module):
    """Small transformer; the embedding of tokens is also the matrix of the last layer."""

    def __init__(self) -> None:
        super().__init__()
        self.token, self.place = nn.Embedding(VOCABULARY, WIDTH), nn.Embedding(CONTEXT, WIDTH)
        self.blocks = nn.Sequential(*(Block() for _ in range(LAYERS)))
        self.last = nn.LayerNorm(WIDTH)
        for name, weight in self.named_parameters():
            if weight.ndim == 2:
                deep = name.endswith(("write.weight", "down.weight"))
                nn.init.normal_(weight, std=0.02 / math.sqrt(2 * LAYERS if deep else 1))

    def forward(self, ids: Tensor, last: int = CONTEXT) -> Tensor:
        """Tokens (rows, tokens) to logits of what follows the last (rows, last, vocabulary)."""
        x = self.token(ids) + self.place.weight[: ids.shape[1]]
        return self.last(self.blocks(x)[:, -last:]) @ self.token.weight.T


# --- training -------------------------------------------------------------------------------------


class Trainer:
    """A model, its optimiser, and the order of documents."""

    def __init__(self, seed: int) -> None:
        torch.manual_seed(seed)
        self.rng = np.random.default_rng([seed, 1])
        self.model = GPT()
        options: dict[str, Any] = {"lr": RATE, "betas": BETAS, "weight_decay": DECAY}
        self.optimiser = torch.optim.AdamW(self.model.parameters(), **options)
        warm = torch.optim.lr_scheduler.LambdaLR
        self.schedule = warm(self.optimiser, lambda step: min(1.0, (step + 1) / WARM))

    def epoch(self, documents: np.ndarray) -> float:
        """One reading of documents (n, 64) in random pairs; the mean loss on the way."""
        order = self.rng.permutation(len(documents))
        rows = opened(documents[order]).reshape(-1, CONTEXT)  # fails if one is left over
        losses = [self.step(rows[i : i + ROWS]) for i in range(0, len(rows), ROWS)]
        return float(np.mean(losses))

    def step(self, rows: Tensor) -> float:
        """One step of the optimiser."""
        found = self.model(rows[:, :-1])
        loss = F.cross_entropy(found.flatten(0, 1), rows[:, 1:].flatten())
        self.optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), CLIP)
        self.optimiser.step()
        self.schedule.step()
        return loss.item()


def opened(documents: np.ndarray) -> Tensor:
    """Documents (n, tokens) after <bos>."""
    return F.pad(torch.from_numpy(documents.astype(np.int64)), (1, 0), value=BOS)


# --- scores ---------------------------------------------------------------------------------------


@torch.inference_mode()
def moments(model: GPT, rows: Tensor) -> np.ndarray:
    """Rows (n, 1 + tokens) to logprob, mu and var (3, n, tokens) of all but the first token."""
    found = []
    for part in rows.split(SCORED):
        logs = model(part[:, :-1]).log_softmax(-1)
        weighted = logs.exp() * logs
        mu = weighted.sum(-1)
        var = ((weighted * logs).sum(-1) - mu**2).clamp(min=0)
        found.append(torch.stack([picked(logs, part[:, 1:]), mu, var]))
    return torch.cat(found, 1).numpy()


def picked(values: Tensor, ids: Tensor) -> Tensor:
    """Value at each token."""
    return values.gather(-1, ids[..., None])[..., 0]


@torch.inference_mode()
def logprobs(model: GPT, rows: Tensor, last: int = LENGTH) -> np.ndarray:
    """Rows (n, 1 + tokens) to logprob (n, last) of their last tokens, and nothing else."""
    found = []
    for part in rows.split(SCORED):
        logits = model(part[:, :-1], last)
        found.append(picked(logits, part[:, -last:]) - logits.logsumexp(-1))
    return torch.cat(found).numpy()


def mean_logprobs(model: GPT, copies: np.ndarray) -> np.ndarray:
    """Documents (n, copies, tokens) to the mean of logprob (n, copies)."""
    return logprobs(model, opened(copies.reshape(-1, LENGTH))).mean(1).reshape(copies.shape[:2])


# --- what is scored -------------------------------------------------------------------------------


class Evaluated:
    """Members, non-members and non-members for calibration, and all that stays over exposures.

    Parameters
    ----------
    corpus : Corpus
    places : dict of ndarray
        Places in the corpus, by what they are for.
    seed : int
    """

    def __init__(self, corpus: Corpus, places: dict[str, np.ndarray], seed: int) -> None:
        where = np.concatenate([places[name] for name in LABELS])
        self.label = np.repeat(
            np.array(list(LABELS.values()), np.int8), [len(places[name]) for name in LABELS]
        )
        self.ids, self.texts = corpus.ids[where], [corpus.texts[i] for i in where]
        self.lower = encoded(corpus.tokenizer, [text.lower() for text in self.texts])
        self.counts = np.bincount(corpus.ids[places["reference"]].ravel(), minlength=VOCABULARY)
        self.neighbors = self.perturbed(np.random.default_rng([seed, 2]))
        self.prefixes = {
            name: opened(corpus.ids[places[name], :SHOT]).reshape(1, -1)
            for name in ("nonmember_prefix", "member_prefix")
        }

    def perturbed(self, rng: np.random.Generator) -> np.ndarray:
        """Copies (n, copies, tokens) of what is not for calibration, some tokens drawn anew."""
        copies = np.repeat(self.ids[self.label >= 0, None], NEIGHBORS, axis=1)
        which = rng.random(copies.shape).argsort(-1)[..., : round(REPLACED * LENGTH)]
        drawn = rng.choice(VOCABULARY, which.shape, p=self.counts / self.counts.sum())
        np.put_along_axis(copies, which, drawn.astype(copies.dtype), -1)
        return copies

    def constant(self) -> dict[str, np.ndarray]:
        """Arrays that are the same at every exposure."""
        raw = [text.encode() for text in self.texts]
        return {
            "ids": self.ids.ravel(),
            "offsets": np.arange(len(self.ids) + 1) * LENGTH,
            "lower_offsets": np.cumsum([0, *map(len, self.lower)]),
            "label": self.label,
            "texts": np.array(self.texts),
            "bytes": np.array([len(text) for text in raw], np.int32),
            "zlib": np.array([len(zlib.compress(text)) for text in raw], np.int32),
            "counts": self.counts,
        }

    def scores(self, model: GPT) -> dict[str, np.ndarray]:
        """Arrays that a model gives."""
        rows = opened(self.ids)
        logprob, mu, var = (found.ravel() for found in moments(model, rows))
        neighbors = np.full((len(rows), NEIGHBORS), np.nan, np.float32)
        neighbors[self.label >= 0] = mean_logprobs(model, self.neighbors)
        found = {"logprob": logprob, "mu": mu, "var": var, "neighbors": neighbors}
        found["lower"] = self.lowered(model)
        for name, prefix in self.prefixes.items():
            both = torch.cat([prefix.expand(len(rows), -1), rows], 1)
            found[name] = logprobs(model, both).ravel()
        return found

    def lowered(self, model: GPT) -> np.ndarray:
        """Logprob of the lower-cased texts, one after another."""
        lengths = np.array([len(ids) for ids in self.lower])
        inside = np.arange(LENGTH) < lengths[:, None]
        padded = np.full(inside.shape, BOS, np.int32)
        padded[inside] = np.concatenate(self.lower)  # what follows a text does not change it
        return logprobs(model, opened(padded))[inside]


# --- runs -----------------------------------------------------------------------------------------


def finished(path: Path, plan: dict[str, Any]) -> bool:
    """Whether a run of the same plan has written its facts, which come last."""
    if not path.exists():
        return False
    facts = json.loads(path.read_text())
    return all(facts.get(key) == value for key, value in plan.items())


def read(texts: Corpus, places: dict[str, np.ndarray], exposures: int) -> Iterator[np.ndarray]:
    """Documents that are read before each scoring: the background, then members among others."""
    yield texts.ids[places["background"]]
    members = np.concatenate([places["member"], places["member_prefix"]])
    for fresh in np.split(places["fresh"], exposures):
        yield texts.ids[np.concatenate([members, fresh])]


def run(seed: int, folder: Path, quick: bool = False) -> None:
    """Train a model and write its scores at every exposure, unless they are there.

    Parameters
    ----------
    seed : int
        Of the split, the weights, the order of documents and the perturbed copies.
    folder : Path
        Where files are written, the corpus among them.
    quick : bool, default False
        Few documents of two packages: tells that it runs, and nothing of membership.
    """
    texts = corpus(folder, *QUICK_CORPUS) if quick else corpus(folder)
    sizes = QUICK if quick else Sizes()
    plan = {"seed": seed, "sizes": asdict(sizes), "torch": torch.__version__, "corpus": texts.facts}
    if finished(folder / f"seed{seed}.json", plan):
        return
    clock, cpu = time.perf_counter(), time.process_time()
    places = split(len(texts.ids), sizes, seed)
    trainer, evaluated = Trainer(seed), Evaluated(texts, places, seed)
    facts = plan | {"parameters": sum(p.numel() for p in trainer.model.parameters()), "losses": []}
    arrays = evaluated.constant()
    for exposure, documents in enumerate(read(texts, places, sizes.exposures)):
        loss = {"training": trainer.epoch(documents)}
        arrays |= evaluated.scores(trainer.model)
        arrays.setdefault("reference", arrays["logprob"])  # the model that has seen no member
        save(folder / f"seed{seed}_exposure{exposure}.npz", arrays)
        loss |= {name: mean_loss(arrays, label) for name, label in LABELS.items()}
        facts["losses"].append(loss)
        print(seed, exposure, {name: round(value, 3) for name, value in loss.items()}, flush=True)
    facts |= {"threads": torch.get_num_threads(), "seconds": time.perf_counter() - clock}
    facts |= {"cpu_seconds": time.process_time() - cpu}
    put(folder / f"seed{seed}.json", facts)


def save(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Arrays as one compressed file."""
    written(path, lambda file: np.savez_compressed(file, **arrays))


def mean_loss(arrays: dict[str, np.ndarray], label: int) -> float:
    """Mean loss of a token of the documents with a label."""
    return -float(arrays["logprob"].reshape(-1, LENGTH)[arrays["label"] == label].mean())


def main() -> None:
    parser = argparse.ArgumentParser(description="Scores of a model whose training data are known.")
    parser.add_argument("--folder", type=Path, default=Path("build/membership"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="a smoke test, into FOLDER/quick")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    for seed in options.seeds:
        run(seed, options.folder / "quick" if options.quick else options.folder, options.quick)


if __name__ == "__main__":
    main()
