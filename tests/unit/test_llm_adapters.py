"""Token scores of models and of servers: against plain computations and answers read by hand."""

from __future__ import annotations

import copy
import json
import sys
import types
import warnings

import numpy as np
import pytest

from infometric.exceptions import (
    DataError,
    InfometricWarning,
    InvalidParameterError,
    MissingExtraError,
    ReliabilityWarning,
    SourceError,
    UnsupportedError,
)
from infometric.llm.models import score_texts, tokenizer_fingerprint
from infometric.llm.servers import from_prompt_logprobs

LINES = [
    "the cat sat on the mat",
    "a dog",
    "the dog saw the cat and the mat and a bird on the mat",
    "",
    "bird bird bird",
    "the",
]
WORDS = sorted({w for line in LINES for w in line.split()})

# --- models ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


@pytest.fixture(scope="module")
def hub():
    return pytest.importorskip("transformers")


def word_tokenizer(hub, *, template=None, **special):
    """Words split at spaces; numbers 0 to 3 are special."""
    tokenizers = pytest.importorskip("tokenizers")
    names = ["<unk>", "<s>", "</s>", "<pad>", *WORDS]
    model = tokenizers.models.WordLevel({w: i for i, w in enumerate(names)}, unk_token="<unk>")
    raw = tokenizers.Tokenizer(model)
    raw.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    if template:
        raw.post_processor = tokenizers.processors.TemplateProcessing(
            single=template, special_tokens=[("<s>", 1), ("</s>", 2)]
        )
    return hub.PreTrainedTokenizerFast(tokenizer_object=raw, unk_token="<unk>", **special)


@pytest.fixture(scope="module")
def tokenizer(hub):
    return word_tokenizer(hub, bos_token="<s>", eos_token="</s>", pad_token="<pad>")


SIZES = {"vocab_size": 21, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2}
HEADS = {"num_attention_heads": 2, "num_key_value_heads": 2, "max_position_embeddings": 64}


def make(hub, torch, name, **options):
    """A random model whose logits are large enough for their last steps to matter."""
    torch.manual_seed(7)
    if name == "gpt2":
        config = hub.GPT2Config(vocab_size=21, n_embd=16, n_layer=2, n_head=2, n_positions=64)
        model = hub.GPT2LMHeadModel(config)
    else:
        kind = {"llama": "Llama", "gemma2": "Gemma2", "cohere": "Cohere", "granite": "Granite"}
        kind |= {"hyperclovax": "HyperCLOVAX"}
        extra = {"head_dim": 8} if name == "gemma2" else {}
        found = getattr(hub, f"{kind[name]}Config")
        config = found(**(SIZES | HEADS | extra | {"pad_token_id": 3} | options))
        model = getattr(hub, f"{kind[name]}ForCausalLM")(config)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim == 2:
                weight.normal_(0, 0.4)
    return model


@pytest.fixture(scope="module")
def llama(hub, torch):
    return make(hub, torch, "llama")


def plain(model, rows, torch):
    """Log-probabilities, means and variances of full logits, one text at a time."""
    was = model.training
    model.eval()
    found = []
    for before, ids in rows:
        if not ids:
            found.append(np.empty((3, 0)))
            continue
        with torch.no_grad():
            logits = model(torch.tensor([[*before, *ids]])).logits[0].double()
        lp = torch.log_softmax(logits, -1)[len(before) - 1 : -1] if before else None
        lp = torch.log_softmax(logits, -1)[:-1] if lp is None else lp
        mu = (lp.exp() * lp).sum(-1)
        var = (lp.exp() * (lp - mu[:, None]) ** 2).sum(-1)
        targets = torch.tensor(ids if before else ids[1:])
        own = lp.gather(1, targets[:, None])[:, 0] if len(targets) else torch.empty(0)
        found.append(np.stack([own.numpy(), mu.numpy(), var.numpy()]))
    model.train(was)
    return np.concatenate(found, 1)


def columns(tokens):
    return np.stack([tokens.logprob.values, *(tokens.columns[c].values for c in ("mu", "var"))])


def ids_of(tokenizer, texts):
    return [tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]


@pytest.mark.parametrize("name", ["llama", "gpt2", "gemma2", "cohere", "granite", "hyperclovax"])
def test_every_architecture_gives_the_numbers_of_its_full_logits(hub, torch, tokenizer, name):
    options = {
        "gemma2": {"final_logit_softcapping": 2.0},
        "cohere": {"logit_scale": 0.25},
        "granite": {"logits_scaling": 4.0},
        "hyperclovax": {"logits_scaling": 0.25},
    }
    model = make(hub, torch, name, **options.get(name, {}))
    with warnings.catch_warnings():
        warnings.simplefilter("error", InfometricWarning)
        tokens = score_texts(model, tokenizer, LINES, vocabulary_chunk=8, token_chunk=5)
    rows = [((1,), ids) for ids in ids_of(tokenizer, LINES)]
    expected = plain(model, rows, torch)
    np.testing.assert_allclose(columns(tokens), expected, rtol=2e-5, atol=2e-5)
    assert expected[0].std() > 0.2  # the last steps are seen
    assert tokens.ids.tolist() == [i for _, ids in rows for i in ids]
    assert (tokens.vocabulary_size, tokens.context) == (21, "bos")
    assert np.diff(tokens.offsets).tolist() == [6, 2, 14, 0, 3, 1]
    assert tokens.numbers["bytes"].tolist() == [len(line) for line in LINES]


def test_a_bias_of_the_output_layer_counts(hub, torch, tokenizer):
    model = make(hub, torch, "llama")
    model.lm_head = torch.nn.Linear(16, 21, bias=True)
    tokens = score_texts(model, tokenizer, LINES)
    expected = plain(model, [((1,), ids) for ids in ids_of(tokenizer, LINES)], torch)
    np.testing.assert_allclose(columns(tokens), expected, rtol=2e-5, atol=2e-5)


def test_batches_padding_and_order_do_not_matter(llama, tokenizer):
    one = score_texts(llama, tokenizer, LINES, batch_size=1)
    for batch_size, chunk in ((2, 1), (3, 7), (64, 4096)):
        other = score_texts(
            llama, tokenizer, LINES, batch_size=batch_size, vocabulary_chunk=chunk, token_chunk=4
        )
        np.testing.assert_allclose(columns(one), columns(other), rtol=1e-5, atol=1e-5)
    back = score_texts(llama, tokenizer, LINES[::-1], names=list("fedcba"))
    assert back.names == tuple("fedcba")
    for i in range(len(LINES)):
        mine, theirs = one[i], back[len(LINES) - 1 - i]
        assert mine.ids.tolist() == theirs.ids.tolist()
        np.testing.assert_allclose(columns(mine), columns(theirs), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", ["bfloat16", "float16"])
def test_half_precision_is_finer_than_the_models_own_logits(llama, torch, tokenizer, kind):
    model = copy.deepcopy(llama).to(getattr(torch, kind))
    tokens = score_texts(model, tokenizer, LINES)
    # the same hidden states, and an output layer in double precision
    ids = [1, *ids_of(tokenizer, LINES)[0]]
    with torch.no_grad():
        hidden = model.eval().model(torch.tensor([ids])).last_hidden_state[0, :-1].double()
        lp = torch.log_softmax(hidden @ model.lm_head.weight.double().T, -1)
    exact = lp.gather(1, torch.tensor(ids[1:])[:, None])[:, 0].numpy()
    np.testing.assert_allclose(tokens[0].logprob.values, exact, atol=0.03)
    alone = score_texts(model, tokenizer, LINES[:1])
    np.testing.assert_allclose(alone.logprob.values, exact, atol=1e-5)


def test_the_model_is_as_it_was(hub, torch, tokenizer):
    model = make(hub, torch, "llama", attention_dropout=0.5).train()
    model.model.layers[1].eval()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    modes = [m.training for m in model.modules()]
    torch.manual_seed(3)
    first = torch.rand(2)
    torch.manual_seed(3)
    a, b = (score_texts(model, tokenizer, LINES) for _ in range(2))
    assert torch.equal(torch.rand(2), first)
    assert [m.training for m in model.modules()] == modes
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert all(p.grad is None and p.requires_grad for p in model.parameters())
    assert (columns(a) == columns(b)).all()  # no dropout


def test_autocast_does_not_reach_the_sums(llama, torch, tokenizer):
    head = llama.lm_head.weight.detach()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        tokens = score_texts(llama, tokenizer, LINES[:1])
        with torch.no_grad():
            ids = [1, *ids_of(tokenizer, LINES)[0]]
            hidden = llama.eval().model(torch.tensor([ids])).last_hidden_state[0, :-1]
    lp = torch.log_softmax(hidden.double() @ head.double().T, -1)
    exact = lp.gather(1, torch.tensor(ids[1:])[:, None])[:, 0]
    np.testing.assert_allclose(tokens.logprob.values, exact.numpy(), atol=1e-5)


def test_no_array_of_tokens_and_words_is_made(hub, torch, tokenizer, monkeypatch):
    model = make(hub, torch, "llama", vocab_size=5000)
    seen = []
    run = type(model.lm_head).forward

    def watched(self, x):
        found = run(self, x)
        seen.append(found.shape)
        return found

    monkeypatch.setattr(type(model.lm_head), "forward", watched)
    score_texts(model, tokenizer, LINES * 4, vocabulary_chunk=100, token_chunk=10)
    made = [shape.numel() for shape in seen if shape[-1] == 5000]
    assert max(made) <= 8 * 5000  # those of the first tokens, with which it is compared


# --- context --------------------------------------------------------------------------------------


def test_policies_of_context(hub, torch, llama, tokenizer):
    ids = ids_of(tokenizer, LINES)
    for context, before in (("bos", (1,)), ("eos", (2,)), ("none", ())):
        tokens = score_texts(llama, tokenizer, LINES, context=context)
        expected = plain(llama, [(before, row) for row in ids], torch)
        np.testing.assert_allclose(columns(tokens), expected, rtol=2e-5, atol=2e-5)
        assert tokens.context == context
        cut = int(context == "none")
        assert tokens.ids.tolist() == [i for row in ids for i in row[cut:]]


def test_the_token_of_beginning_is_there_once(hub, llama, tokenizer):
    plain_one = score_texts(llama, tokenizer, LINES)
    adding = word_tokenizer(
        hub, template="<s> $A </s>", bos_token="<s>", eos_token="</s>", pad_token="<pad>"
    )
    assert adding("a dog")["input_ids"][0] == 1
    assert (columns(score_texts(llama, adding, LINES)) == columns(plain_one)).all()

    class Stubborn:
        """Adds the token whatever it is told, and has no options."""

        bos_token_id = 1

        def __call__(self, texts):
            return {"input_ids": [[1, *ids] for ids in ids_of(tokenizer, texts)]}

        def get_vocab(self):
            return tokenizer.get_vocab()

    assert (columns(score_texts(llama, Stubborn(), LINES)) == columns(plain_one)).all()


def test_a_tokenizer_without_the_token_is_refused_with_the_way_out(hub, llama):
    ending = word_tokenizer(hub, eos_token="</s>")
    with pytest.raises(InvalidParameterError, match="no BOS token") as caught:
        score_texts(llama, ending, LINES)
    assert "context='eos'" in caught.value.hint
    assert "context='none'" in caught.value.hint
    bare = word_tokenizer(hub)
    for context in ("bos", "eos"):
        with pytest.raises(InvalidParameterError, match=f"no {context.upper()} token") as caught:
            score_texts(llama, bare, LINES, context=context)
        assert "context='eos'" not in caught.value.hint
        assert "context='none'" in caught.value.hint
    assert score_texts(llama, bare, LINES, context="none").n_tokens == 21
    with pytest.raises(InvalidParameterError, match="'bos', 'eos' or 'none'"):
        score_texts(llama, ending, LINES, context="BOS")


def test_prefixes_condition_the_same_tokens(torch, llama, tokenizer):
    plain_one = score_texts(llama, tokenizer, LINES)
    shots = ["a bird saw", "the mat", "a dog", "bird", "", "cat cat cat"]
    ids = ids_of(tokenizer, LINES)
    lead = [(1, *row) for row in ids_of(tokenizer, shots)]
    for prefix, before in (("a bird saw", [lead[0]] * 6), (shots, lead)):
        tokens = score_texts(llama, tokenizer, LINES, prefix=prefix, batch_size=4)
        assert tokens.ids.tolist() == plain_one.ids.tolist()
        assert tokens.offsets.tolist() == plain_one.offsets.tolist()
        expected = plain(llama, list(zip(before, ids, strict=True)), torch)
        np.testing.assert_allclose(columns(tokens), expected, rtol=2e-5, atol=2e-5)
    # without a token before it, the first token of the text is left out of both
    bare = score_texts(llama, tokenizer, LINES, context="none", prefix="a bird saw")
    assert bare.ids.tolist() == score_texts(llama, tokenizer, LINES, context="none").ids.tolist()
    expected = plain(llama, [(lead[0][1:], row) for row in ids], torch)
    kept = np.delete(expected, plain_one.offsets[:-1][[0, 1, 2, 4, 5]], axis=1)
    np.testing.assert_allclose(columns(bare), kept, rtol=2e-5, atol=2e-5)
    with pytest.raises(DataError, match="one text for all, or one per text") as caught:
        score_texts(llama, tokenizer, LINES, prefix=["a", "the"])
    assert "join(shots)" in caught.value.hint


def test_what_is_cut_is_told(torch, hub, tokenizer):
    model = make(hub, torch, "llama", max_position_embeddings=10)
    full = make(hub, torch, "llama")
    with pytest.warns(InfometricWarning, match=r"1 of 6 texts .*last 4 tokens") as caught:
        tokens = score_texts(model, tokenizer, LINES)
    assert len(caught) == 1
    assert np.diff(tokens.offsets).tolist() == [6, 2, 10, 0, 3, 1]
    whole = score_texts(full, tokenizer, LINES)
    assert tokens.numbers["bytes"][2] == len("the dog saw the cat and the mat and a")
    np.testing.assert_allclose(columns(tokens[2]), columns(whole[2])[:, :10], rtol=1e-4, atol=1e-5)
    with pytest.warns(InfometricWarning, match=r"2 of 6 texts .*max_tokens=4"):
        short = score_texts(full, tokenizer, LINES, max_tokens=4)
    assert np.diff(short.offsets).tolist() == [4, 2, 4, 0, 3, 1]
    with pytest.warns(InfometricWarning, match="3 of 6 texts"):
        after = score_texts(model, tokenizer, LINES, prefix="a dog saw the mat and a bird")
    assert np.diff(after.offsets).tolist() == [2, 2, 2, 0, 2, 1]
    with pytest.raises(DataError, match="fills the model's context of 10 tokens"):
        score_texts(model, tokenizer, LINES, prefix="a dog " * 6)


# --- models that are unlike -----------------------------------------------------------------------


def test_an_unknown_architecture_falls_back_to_its_logits(hub, torch, tokenizer):
    class Odd(hub.LlamaForCausalLM):
        def forward(self, *args, **options):
            found = super().forward(*args, **options)
            found.logits = found.logits.sin() * 3
            return found

    torch.manual_seed(7)
    odd = Odd(make(hub, torch, "llama").config)
    with torch.no_grad():
        odd.lm_head.weight.normal_(0, 1)
    with pytest.warns(ReliabilityWarning, match="Odd is of an unknown architecture: its hidden"):
        tokens = score_texts(odd, tokenizer, LINES, vocabulary_chunk=6, token_chunk=4)
    expected = plain(odd, [((1,), ids) for ids in ids_of(tokenizer, LINES)], torch)
    np.testing.assert_allclose(columns(tokens), expected, rtol=2e-5, atol=2e-5)
    assert tokens.vocabulary_size == 21


def test_a_wrapper_that_names_its_base_model_is_seen_through(torch, llama, tokenizer):
    class Adapted(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = llama

        def get_base_model(self):
            return self.inner

        def forward(self, *args, **options):
            return self.inner(*args, **options)

    with warnings.catch_warnings():
        warnings.simplefilter("error", InfometricWarning)
        tokens = score_texts(Adapted(), tokenizer, LINES)
    assert (columns(tokens) == columns(score_texts(llama, tokenizer, LINES))).all()


def test_a_model_of_plain_torch_is_enough(torch, tokenizer):
    class Bigram(torch.nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.table = torch.nn.Embedding(21, 21)

        def forward(self, ids):
            return self.table(ids), None

    model = Bigram()
    with pytest.warns(ReliabilityWarning, match="no base model"):
        tokens = score_texts(model, tokenizer, LINES, batch_size=2)
    lp = torch.log_softmax(model.table.weight.detach(), -1).numpy()
    pairs = [
        (a, b)
        for ids in ids_of(tokenizer, LINES)
        for a, b in zip([1, *ids[:-1]], ids, strict=bool(ids))
    ]
    np.testing.assert_allclose(tokens.logprob.values, [lp[p] for p in pairs], rtol=1e-5)
    assert tokens.model == "Bigram"


def test_masked_logits_are_the_models_own(hub, torch, tokenizer):
    class Masked(hub.LlamaForCausalLM):
        def forward(self, *args, **options):
            found = super().forward(*args, **options)
            found.logits[..., 19:] = -torch.inf
            return found

    model = Masked(make(hub, torch, "llama").config)
    with pytest.warns(ReliabilityWarning, match="unknown architecture"):
        tokens = score_texts(model, tokenizer, LINES)
    with torch.no_grad():
        logits = model.eval()(torch.tensor([[1, *ids_of(tokenizer, LINES)[0]]])).logits[0, :-1, :19]
    entropy = torch.distributions.Categorical(logits=logits).entropy()
    np.testing.assert_allclose(-tokens[0].columns["mu"].values, entropy.numpy(), rtol=1e-5)


def test_models_that_see_the_future_are_refused(hub, torch, tokenizer):
    config = hub.BertConfig(
        vocab_size=21, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=16, max_position_embeddings=64,
    )  # fmt: skip
    with pytest.raises(UnsupportedError, match="tokens that come after"):
        score_texts(hub.BertForMaskedLM(config), tokenizer, LINES)
    config = hub.T5Config(vocab_size=21, d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2)
    with pytest.raises(UnsupportedError, match="an encoder and a decoder"):
        score_texts(hub.T5ForConditionalGeneration(config), tokenizer, LINES)


def test_broken_models_and_foreign_tokenizers(hub, torch, tokenizer):
    small = make(hub, torch, "llama", vocab_size=8)
    with pytest.raises(DataError, match="not of this model, which has 8 tokens"):
        score_texts(small, tokenizer, LINES)
    broken = make(hub, torch, "llama")
    with torch.no_grad():
        broken.lm_head.weight[3, 2] = torch.nan
    with pytest.raises(DataError, match="not numbers"):
        score_texts(broken, tokenizer, LINES)


# --- arguments ------------------------------------------------------------------------------------


def test_arguments_that_are_refused(llama, tokenizer):
    for name in ("batch_size", "token_chunk", "max_tokens", "vocabulary_chunk"):
        for value in (0, 1.5, True):
            with pytest.raises(InvalidParameterError, match="positive whole number"):
                score_texts(llama, tokenizer, LINES, **{name: value})
    with pytest.raises(InvalidParameterError, match=r"must be a torch\.nn\.Module") as caught:
        score_texts("gpt2", tokenizer, LINES)
    assert "from_prompt_logprobs" in caught.value.hint
    with pytest.raises(DataError, match=r"number 1 is none\. Got nan"):
        score_texts(llama, tokenizer, ["a", float("nan")])
    with pytest.raises(DataError, match="list of texts"):
        score_texts(llama, tokenizer, 7)
    with pytest.raises(DataError, match="names must be one per text"):
        score_texts(llama, tokenizer, LINES, names=["a"])
    with pytest.raises(InvalidParameterError, match="get_vocab"):
        score_texts(llama, lambda texts: {"input_ids": []}, LINES)


def test_few_texts(llama, tokenizer):
    one = score_texts(llama, tokenizer, "a dog")
    assert (len(one), one.n_tokens) == (1, 2)
    for nothing in ([], ["", ""]):
        tokens = score_texts(llama, tokenizer, nothing)
        assert (len(tokens), tokens.n_tokens) == (len(nothing), 0)
    assert score_texts(llama, tokenizer, (line for line in LINES)).n_tokens == 26


def test_progress(llama, tokenizer):
    seen = []
    score_texts(llama, tokenizer, LINES, batch_size=2, progress=lambda *pair: seen.append(pair))
    assert seen == [(0, 26), (20, 26), (25, 26), (26, 26)]


def test_torch_that_is_missing_is_named(monkeypatch, tokenizer):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match="torch is not installed"):
        score_texts(object(), tokenizer, LINES)


def test_fingerprints(hub, tokenizer):
    class Reversed:
        special_tokens_map = tokenizer.special_tokens_map

        def get_vocab(self):
            return dict(reversed(sorted(tokenizer.get_vocab().items())))

    key = tokenizer_fingerprint(tokenizer)
    assert len(key) == 16
    assert int(key, 16) >= 0
    assert tokenizer_fingerprint(Reversed()) == key
    padded = copy.deepcopy(tokenizer)
    padded.pad_token = padded.eos_token  # what is often done before a batch
    assert tokenizer_fingerprint(padded) == key
    assert tokenizer_fingerprint(word_tokenizer(hub, bos_token="<s>")) != key
    padded.add_tokens(["zebra"])
    assert tokenizer_fingerprint(padded) != key


# --- servers --------------------------------------------------------------------------------------

ECHO = {
    "id": "cmpl-1",
    "object": "text_completion",
    "model": "some-model",
    "choices": [
        {
            "index": 0,
            "text": "The cat sat on",
            "finish_reason": "length",
            "logprobs": {
                "text_offset": [0, 3, 7, 11],
                "tokens": ["The", " cat", " sat", " on"],
                "token_logprobs": [None, -3.5, -1.25, -0.5],
                "top_logprobs": [None, {" cat": -3.5, " same": -2.0}, {}, {}],
            },
        }
    ],
    "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
}


def entry(logprob, rank, token=None):
    return {"logprob": logprob, "rank": rank, "decoded_token": token}


VLLM = [
    None,
    {"9": entry(-3.5, 12, " cat"), "4": entry(-0.5, 1, " end"), "6": entry(-1.0, 2, " a")},
    {"5": entry(-1.25, 2, " sat"), "8": entry(-0.75, 1, " was")},
    {"7": entry(-0.25, 1, " on"), "3": entry(-2.0, 2, " in")},
]


def rows(tokens):
    return [tokens[i].logprob.values.tolist() for i in range(len(tokens))]


def changed(payload, **parts):
    found = copy.deepcopy(payload)
    for path, value in parts.items():
        target = found
        *above, last = path.split("__")
        for key in above:
            target = target[int(key) if key.isdigit() else key]
        last = int(last) if last.isdigit() else last
        if value is ...:
            del target[last]
        else:
            target[last] = value
    return found


def test_completions_with_echo():
    tokens = from_prompt_logprobs(ECHO)
    assert rows(tokens) == [[-3.5, -1.25]]  # neither the first token nor what was written
    assert tokens.ids.tolist() == [0, 1]
    assert (tokens.tokenizer[:8], tokens.model, tokens.context) == ("strings-", "some-model", "")
    assert tokens.numbers["bytes"].tolist() == [len("The cat sat")]
    assert tokens.columns == {}
    several = changed(ECHO, usage={"prompt_tokens": 7, "completion_tokens": 0})
    several["choices"] *= 2
    assert rows(from_prompt_logprobs(several)) == [[-3.5, -1.25, -0.5]] * 2
    # each choice of vLLM may say which tokens are its prompt's
    each = changed(ECHO, choices__0__prompt_token_ids=[5, 6, 7], usage=...)
    each["choices"] *= 2
    assert rows(from_prompt_logprobs(each)) == [[-3.5, -1.25]] * 2


def test_what_was_written_is_not_mixed_in():
    with pytest.raises(DataError, match=r"without usage\. Got .*'tokens': 4") as caught:
        from_prompt_logprobs(changed(ECHO, usage=...))
    assert "max_tokens=0" in caught.value.hint
    twice = changed(ECHO)
    twice["choices"] *= 2
    with pytest.raises(DataError, match="each of several choices"):
        from_prompt_logprobs(twice)
    usage = {"prompt_tokens": 8, "completion_tokens": 4}  # a server that does not echo
    with pytest.raises(DataError, match="4 tokens are not the 8 of the prompt") as caught:
        from_prompt_logprobs(changed(ECHO, usage=usage))
    assert "echo=True" in caught.value.hint
    usage = {"prompt_tokens": 4, "completion_tokens": 1}  # the token of beginning, counted only
    with pytest.raises(DataError, match="4 tokens are not the 4 of the prompt and the 1 that"):
        from_prompt_logprobs(changed(ECHO, usage=usage))
    usage = {"prompt_tokens": 4, "completion_tokens": 0}
    silent = changed(ECHO, usage=usage, choices__0__logprobs__token_logprobs=[-1.0, -1, -1, -1])
    with pytest.raises(DataError, match="tokens that were written"):
        from_prompt_logprobs(silent)
    assert rows(from_prompt_logprobs(silent, context="bos")) == [[-1.0] * 4]
    # a token of beginning that usage does not count would push the last token out
    usage = {"prompt_tokens": 2, "completion_tokens": 1}
    with pytest.raises(DataError, match="4 tokens are not the 2"):
        from_prompt_logprobs(changed(ECHO, usage=usage))


def test_numbers_of_strings():
    byte_level = {"The": 0, "Ġcat": 40, "Ġsat": 41, "Ġon": 42, "Ċ": 43, "Ã©": 44, "â": 45}
    tokens = from_prompt_logprobs(ECHO, vocabulary=byte_level)
    assert tokens.ids.tolist() == [40, 41]
    assert (tokens.tokenizer, tokens.vocabulary_size) == ("", 46)
    pieces = {"The": 0, "▁cat": 7, "▁sat": 8, "<0xE2>": 9}
    assert from_prompt_logprobs(ECHO, vocabulary=pieces).ids.tolist() == [7, 8]
    odd = changed(ECHO, choices__0__logprobs__tokens=["The", "\n", "é", "bytes:\\xe2"])
    odd["usage"] = {"prompt_tokens": 4, "completion_tokens": 0}
    assert from_prompt_logprobs(odd, vocabulary=byte_level).ids.tolist() == [43, 44, 45]
    numbered = changed(ECHO, choices__0__logprobs__tokens=[f"token_id:{i}" for i in (1, 9, 5, 7)])
    tokens = from_prompt_logprobs(numbered, tokenizer="abc", vocabulary_size=10)
    assert (tokens.ids.tolist(), tokens.tokenizer, tokens.vocabulary_size) == ([9, 5], "abc", 10)
    with pytest.raises(DataError, match=r"token 1 .* not in the vocabulary\. Got ' sat'"):
        from_prompt_logprobs(ECHO, vocabulary={"Ġcat": 40})
    with pytest.raises(InvalidParameterError, match="vocabulary must be a mapping"):
        from_prompt_logprobs(ECHO, vocabulary=["a"])
    # strings that are repeated have one number in all texts
    again = from_prompt_logprobs([ECHO, changed(ECHO, choices__0__logprobs__tokens=list("aaba"))])
    assert again.ids.tolist() == [0, 1, 2, 3]
    double = changed(ECHO, choices__0__logprobs__tokens=["x", " cat", " cat", " on"])
    assert from_prompt_logprobs(double).ids.tolist() == [0, 0]


def test_every_byte_has_the_letter_of_byte_level_vocabularies():
    tokenizers = pytest.importorskip("tokenizers")
    from infometric.llm.servers import _letter

    split = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    for point in (*range(1, 0x500), 0x20AC, 0x1F600):
        letters = "".join(_letter(b) for b in chr(point).encode())
        assert split.pre_tokenize_str(chr(point))[0][0] == letters


def test_vllm():
    expected = [[-3.5, -1.25, -0.25]]
    completions = {
        "choices": [{"index": 0, "text": "!", "logprobs": None, "prompt_logprobs": VLLM}]
    }
    chat = {"choices": [{"message": {"content": "!"}}], "prompt_logprobs": VLLM, "model": "m"}
    for payload in (VLLM, completions, chat, json.dumps(completions), json.dumps(VLLM)):
        tokens = from_prompt_logprobs(payload, tokenizer="abc")
        assert rows(tokens) == expected
        assert tokens.ids.tolist() == [9, 5, 7]
        assert tokens.tokenizer == "abc"
    # numbers of the prompt say which entry is meant, whatever the order
    mixed = [VLLM[0], *(dict(sorted(position.items())) for position in VLLM[1:])]
    named = {"prompt_logprobs": mixed, "prompt_token_ids": [1, 9, 5, 7]}
    assert rows(from_prompt_logprobs(named)) == expected
    assert rows(from_prompt_logprobs(changed(named, prompt_token_ids=[1, 4, 8, 3]))) == [
        [-0.5, -0.75, -2.0]
    ]


def test_vllm_objects_of_python():
    class Logprob:
        def __init__(self, logprob, rank):
            self.logprob, self.rank, self.decoded_token = logprob, rank, None

    positions = [{}, {9: Logprob(-3.5, 2), 4: Logprob(-0.5, 1)}, {5: Logprob(-1.0, 1)}]
    output = types.SimpleNamespace(
        prompt_logprobs=positions, prompt_token_ids=[1, 9, 5], prompt="The cat sat"
    )
    tokens = from_prompt_logprobs([output, output])
    assert rows(tokens) == [[-3.5, -1.0]] * 2
    assert tokens.numbers["bytes"].tolist() == [11, 11]


def test_vllm_whose_order_is_lost_is_refused():
    # keys sorted, as by a client that takes them for places of an array
    for position in (
        {"4": entry(-0.5, 1), "9": entry(-3.5, 12)},
        {"3": entry(-2.0, 3), "4": entry(-0.5, 2), "7": entry(-0.25, 1)},
    ):
        with pytest.raises(DataError, match=r"prompt_logprobs\[1\].*order of the server") as caught:
            from_prompt_logprobs([None, position])
        assert "return_token_ids" in caught.value.hint


def test_vllm_that_is_malformed():
    holder = {"prompt_logprobs": VLLM, "prompt_token_ids": [1, 9, 5]}
    with pytest.raises(DataError, match="one entry per prompt_token_ids"):
        from_prompt_logprobs(holder)
    with pytest.raises(DataError, match=r"Answer 0, prompt_logprobs\[1\]: it has no entry of .*77"):
        from_prompt_logprobs(changed(holder, prompt_token_ids=[1, 77, 5, 7]))
    with pytest.raises(DataError, match=r"must be numbers of tokens\. Got ' cat'"):
        from_prompt_logprobs({"prompt_logprobs": [None, {" cat": entry(-1.0, 1)}]})
    with pytest.raises(DataError, match=r"must be the number of a token\. Got 'x'"):
        from_prompt_logprobs(changed(holder, prompt_token_ids=[1, "x", 5, 7]))
    with pytest.raises(DataError, match="token 1 of those after the first has no log-prob"):
        from_prompt_logprobs({"prompt_logprobs": [None, VLLM[1], None, VLLM[3]]})


def test_sglang():
    meta = {
        "prompt_tokens": 4,
        "completion_tokens": 1,
        "input_token_logprobs": [[None, 1, None], [-3.5, 9, None], [-1.25, 5, None], [-0.25, 7]],
        "output_token_logprobs": [[-0.01, 2, None]],
    }  # fmt: skip
    payload = {"text": "!", "meta_info": meta}
    tokens = from_prompt_logprobs([payload, payload], tokenizer="abc")
    assert rows(tokens) == [[-3.5, -1.25, -0.25]] * 2
    assert tokens.ids.tolist() == [9, 5, 7] * 2
    for entries in ([], meta["input_token_logprobs"][2:], None):
        with pytest.raises(DataError, match=r"meta_info\.input_token_logprobs"):
            from_prompt_logprobs(changed(payload, meta_info__input_token_logprobs=entries))
    with pytest.raises(DataError, match=r"\[2\]: it must be \[logprob, number, text\]"):
        from_prompt_logprobs(changed(payload, meta_info__input_token_logprobs__2=-1.0))


def test_tgi():
    prefill = [
        {"id": 1, "text": "<s>", "logprob": None},
        {"id": 9, "text": "cat", "logprob": -3.5},
        {"id": 5, "text": "sat", "logprob": -1.25},
    ]
    details = {"finish_reason": "length", "generated_tokens": 1, "prefill": prefill, "tokens": []}
    details["tokens"] = [{"id": 2, "text": "!", "logprob": -0.1, "special": False}]
    payload = [{"generated_text": "!", "details": details}]
    tokens = from_prompt_logprobs(payload)
    assert (rows(tokens), tokens.ids.tolist()) == ([[-3.5, -1.25]], [9, 5])
    with pytest.raises(DataError, match=r"details\.prefill: it holds no tokens") as caught:
        from_prompt_logprobs(changed(payload[0], details__prefill=[]))
    assert "decoder_input_details=True" in caught.value.hint


CHAT = {
    "object": "chat.completion",
    "model": "some-model",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hi you"},
            "logprobs": {
                "content": [
                    {"token": "Hi", "logprob": -0.3, "bytes": [72, 105], "top_logprobs": []},
                    {"token": " you", "logprob": -0.2, "bytes": [32, 121], "top_logprobs": []},
                ]
            },
        }
    ],
}


def test_chats_hold_what_was_written():
    with pytest.raises(DataError, match="that the model wrote, not the prompt's") as caught:
        from_prompt_logprobs(CHAT)
    assert "generated=True" in caught.value.hint
    tokens = from_prompt_logprobs(CHAT, generated=True)
    np.testing.assert_allclose(tokens.logprob.values, [-0.3, -0.2], rtol=1e-6)
    assert tokens.numbers["bytes"].tolist() == [6]
    with pytest.raises(DataError, match="no log-probabilities of what was written"):
        from_prompt_logprobs(VLLM, generated=True)


def test_the_server_of_llama_cpp_is_refused():
    payload = {"content": " on", "completion_probabilities": [{"id": 7, "token": " on"}]}
    with pytest.raises(DataError, match=r"llama\.cpp gives no log-prob") as caught:
        from_prompt_logprobs(payload)
    assert "score_texts" in caught.value.hint


def test_very_unlikely_is_no_number():
    payload = changed(ECHO, choices__0__logprobs__token_logprobs=[None, -9999.0, -1.0, -1.0])
    with pytest.warns(ReliabilityWarning, match="1 log-probabilities are -9999"):
        tokens = from_prompt_logprobs(payload)
    assert rows(tokens) == [[-np.inf, -1.0]]


def test_context_is_read_where_a_tokenizer_tells(hub, tokenizer):
    words = ["<s>", "the", "cat"]
    payload = changed(ECHO, choices__0__logprobs__tokens=[*words, "sat"])
    tokens = from_prompt_logprobs(payload, tokenizer=tokenizer)
    assert tokens.ids.tolist() == tokenizer.convert_tokens_to_ids(["the", "cat"])
    assert tokens.tokenizer == tokenizer_fingerprint(tokenizer)
    assert (tokens.context, tokens.vocabulary_size) == ("bos", len(tokenizer))
    payload = changed(ECHO, choices__0__logprobs__tokens=["the", "cat", "sat", "on"])
    assert from_prompt_logprobs(payload, tokenizer=tokenizer).context == "none"
    assert from_prompt_logprobs(payload, tokenizer=tokenizer, context="bos").context == "bos"
    unknown = from_prompt_logprobs([None, {"5": -1.0}], tokenizer=tokenizer)
    assert unknown.context == ""  # vLLM does not name the first token


def test_files(tmp_path):
    one, lines = tmp_path / "one.json", tmp_path / "lines.jsonl"
    one.write_text(json.dumps(ECHO, indent=2))
    batch = [{"custom_id": n, "response": {"status_code": 200, "body": ECHO}} for n in "ab"]
    lines.write_text("\n".join(map(json.dumps, batch)) + "\n\n")
    assert rows(from_prompt_logprobs(one)) == rows(from_prompt_logprobs(str(one)))
    assert rows(from_prompt_logprobs(json.dumps(ECHO))) == [[-3.5, -1.25]]
    tokens = from_prompt_logprobs(lines)
    assert (rows(tokens), tokens.names) == ([[-3.5, -1.25]] * 2, ("a", "b"))
    assert from_prompt_logprobs(lines, names=["x", "y"], model="n").names == ("x", "y")
    with pytest.raises(SourceError, match="cannot be read"):
        from_prompt_logprobs(tmp_path / "absent.json")
    lines.write_text(json.dumps(ECHO) + '\n{"choices": [}\n')
    with pytest.raises(DataError, match=r"is no JSON: .* in line 2"):
        from_prompt_logprobs(lines)
    one.write_text('{\n "choices": [\n')
    with pytest.raises(DataError, match="is no JSON"):
        from_prompt_logprobs(one)


def test_clients_objects_are_read():
    class Response:
        def model_dump(self):
            return ECHO

    assert rows(from_prompt_logprobs(Response())) == [[-3.5, -1.25]]
    assert from_prompt_logprobs(ECHO, text="The cat sat").numbers["bytes"].tolist() == [11]


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        ({}, "keys: it holds no log-probabilities of a prompt"),
        ([], "no answer to read"),
        (7, "Answer 0 is no JSON object"),
        ([ECHO, None], "Answer 1 is no JSON object"),
        ({"error": {"message": "too long"}}, "error of the server. Got .*too long"),
        ({"object": "error", "message": "no"}, "error of the server. Got 'no'"),
        ({"choices": {}}, "choices: it must be a list"),
        ({"choices": [None]}, r"choices\[0\]: it must be an object"),
        ({"choices": [{"logprobs": None}]}, r"choices\[0\]\.logprobs: it holds no log-prob"),
        (changed(ECHO, choices__0__logprobs__token_logprobs=[None]), "as long as tokens"),
        (changed(ECHO, choices__0__logprobs__token_logprobs=None), "token_logprobs: .* a list"),
        (
            changed(ECHO, choices__0__logprobs__token_logprobs=[None, "-1", -1.0, -1.0]),
            "Answer 0, .*token 0 of those after the first has no log-probability. Got '-1'",
        ),
        (
            changed(ECHO, choices__0__logprobs__token_logprobs=[None, 0.5, -1.0, -1.0]),
            "logprob of text 0, token 0, must be a natural logarithm",
        ),
        ({"details": {"prefill": [3]}}, r"details\.prefill\[0\]: it must be an object"),
    ],
)
def test_malformed_answers_are_named(payload, message):
    with pytest.raises(DataError, match=message):
        from_prompt_logprobs(payload)


def test_answers_of_two_models_do_not_belong_together():
    with pytest.raises(DataError, match="several models"):
        from_prompt_logprobs([changed(ECHO, model="one"), changed(ECHO, model="two")])
    both = from_prompt_logprobs(
        [changed(ECHO, model="one"), changed(ECHO, model="two")], model="the same"
    )
    assert both.model == "the same"


@pytest.mark.parametrize(
    "payload",
    [
        {"prompt_logprobs": [None, {"5": {"logprob": -1.0}}], "prompt_token_ids": 5},
        {"choices": [{"logprobs": {"content": 5}}]},
        {"choices": [{"message": "x", "logprobs": {"content": [{"token": "a", "logprob": -1}]}}]},
    ],
)
def test_parts_of_another_kind_are_named(payload):
    with pytest.raises(DataError, match="it must be a") as caught:
        from_prompt_logprobs(payload, generated="choices" in payload)
    assert caught.value.hint


def test_a_vocabulary_is_of_whole_numbers():
    with pytest.raises(InvalidParameterError, match="whole numbers"):
        from_prompt_logprobs(ECHO, vocabulary={"The": "x"})


def test_a_module_without_logits_is_no_language_model():
    torch = pytest.importorskip("torch")

    class Tokenizer:
        bos_token_id = 0

        def get_vocab(self):
            return {"a": 0}

        def __call__(self, texts, **options):
            return [[2, 3] for _ in texts]

    with pytest.raises(InvalidParameterError, match="no logits of a row of token numbers"):
        score_texts(torch.nn.Linear(3, 4), Tokenizer(), ["ab"])
    with pytest.raises(DataError, match="names must be a list"):
        score_texts(torch.nn.Linear(3, 4), Tokenizer(), ["ab"], names=5)
