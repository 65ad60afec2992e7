"""Token scores and frequencies: made, checked, joined, kept and read."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import infometric as im
from infometric.exceptions import (
    ColumnError,
    DataError,
    InvalidParameterError,
    MergeError,
    SourceError,
)

IDS = [[2, 0, 2, 5, 1], [], [1]]
LOGPROB = [np.log([0.5, 0.1, 0.25, 0.9, 0.001]), [], [-1.0]]


@pytest.fixture
def tokens():
    return im.TokenScores.from_lists(
        ids=IDS, logprob=LOGPROB, mu=[[-1, -1.2, -1.5, -0.4, -1.7], [], [-2]],
        var=[[0.5, 0.8, 0.6, 0, 0.9], [], [1]], lower=[[-1.0, -2.0], [], [-3.0]],
        neighbors=[[-2.0, -3.0], [], [-1.5]], text=["Ein Text", "", "z"], names=["a", "b", "c"],
        tokenizer="f00", vocabulary_size=6, model="tiny", context="bos",
    )  # fmt: skip


def same(a, b):
    assert a.logprob.offsets.tolist() == b.logprob.offsets.tolist()
    np.testing.assert_array_equal(a.logprob.values, b.logprob.values)
    np.testing.assert_array_equal(a.ids, b.ids)
    assert set(a.columns) == set(b.columns)
    for name, column in a.columns.items():
        np.testing.assert_array_equal(column.values, b.columns[name].values)
        assert column.offsets.tolist() == b.columns[name].offsets.tolist()
    assert {k: v.tolist() for k, v in a.numbers.items()} == {
        k: v.tolist() for k, v in b.numbers.items()
    }
    for name in ("labels", "tokenizer", "vocabulary_size", "model", "context"):
        assert getattr(a, name) == getattr(b, name), name


# --- made -----------------------------------------------------------------------------------------


def test_lists_flat_arrays_padding_and_pyarrow_give_the_same():
    pa = pytest.importorskip("pyarrow")
    lists = im.TokenScores.from_lists(ids=IDS, logprob=LOGPROB)
    arrow = im.TokenScores.from_lists(
        ids=pa.array(IDS, pa.large_list(pa.int32())),
        logprob=pa.chunked_array([pa.array(LOGPROB[:1]), pa.array(LOGPROB[1:])]),
    )
    mask = np.array([[1, 1, 1, 1, 1], [0, 0, 0, 0, 0], [0, 0, 0, 0, 1]])
    padded_ids, padded = np.full(mask.shape, 9), np.full(mask.shape, np.nan)
    padded_ids[mask == 1], padded[mask == 1] = np.concatenate(IDS), np.concatenate(LOGPROB)
    padding = im.TokenScores.from_padded(ids=padded_ids, logprob=padded, mask=mask)
    flat = im.TokenScores.from_flat(
        ids=np.concatenate(IDS), logprob=np.concatenate(LOGPROB), offsets=[0, 5, 5, 6]
    )
    for other in (arrow, padding, flat):
        same(lists, other)


def test_tensors_of_torch():
    torch = pytest.importorskip("torch")
    found = im.TokenScores.from_padded(
        ids=torch.tensor([[3, 4], [5, 0]]),
        logprob=torch.tensor([[-1.0, -2.0], [-3.0, 0.0]], requires_grad=True),
        mask=torch.tensor([[1, 1], [1, 0]]),
    )
    assert found.ids.tolist() == [3, 4, 5]
    assert found.logprob.values.tolist() == [-1, -2, -3]


def test_lengths_of_the_texts_are_kept_and_the_texts_are_not(tokens):
    assert tokens.numbers["bytes"].tolist() == [8, 0, 1]
    assert tokens.numbers["zlib"].tolist() == [
        len(zlib.compress(t)) for t in (b"Ein Text", b"", b"z")
    ]


def test_frames_of_three_libraries(tokens):
    pd, pl, pa = (pytest.importorskip(n) for n in ("pandas", "polars", "pyarrow"))
    columns = {"name": ["a", "b"], "ids": [[1, 2], [3]], "logprob": [[-1.0, -2.0], [-3.0]]}
    score = im.LossScore()
    for frame in (pd.DataFrame(columns), pl.DataFrame(columns), pa.table(columns)):
        found = score.fit(frame).estimate(frame)
        assert list(found) == ["a", "b"]
        assert found.values_array.tolist() == [-1.5, -3.0]
    with pytest.raises(ColumnError, match="logprob"):
        score.fit(pd.DataFrame({"logprobs": [[-1.0]]}))


def test_half_precision_above_zero_is_rounding_and_is_cut():
    found = im.TokenScores.from_lists(logprob=[[5e-4, -1.0]], var=[[-1e-4, 1.0]])
    assert found.logprob.values.tolist() == [0, -1]
    assert found.columns["var"].values.tolist() == [0, 1]


def test_minus_infinity_is_a_log_probability():
    assert im.TokenScores.from_lists(logprob=[[-np.inf, -1.0]]).n_tokens == 2


@pytest.mark.parametrize(
    ("given_", "text"),
    [
        ({}, "nothing to score"),
        ({"logprob": [-1.0, -2.0]}, "one list of numbers per text"),
        ({"logprob": 3.0}, "one list of numbers per text"),
        ({"logprob": ["abc"]}, "one list of numbers per text"),
        ({"logprob": [["a"]]}, "must be a list of numbers"),
        ({"logprob": [[[-1.0]]]}, "must be a list of numbers"),
        ({"logprob": [[0.5]]}, "text 0, token 0, must be a natural logarithm"),
        ({"logprob": [[-1.0], [-1.0, np.nan]]}, "text 1, token 1"),
        ({"logprob": [[None, -1.0]]}, "of text 0 is missing"),
        ({"logprob": [[-1.0]], "ids": [[1, 2]]}, "number of tokens of text 0: 2 and 1"),
        ({"logprob": [[-1.0]], "ids": [[1], [2]]}, "differ in their texts"),
        ({"logprob": [[-1.0]], "ids": [[1.5]]}, "whole numbers"),
        ({"logprob": [[-1.0]], "ids": [[-1]]}, "between 0 and"),
        ({"logprob": [[-1.0]], "ids": [[7]], "vocabulary_size": 7}, "between 0 and 6"),
        ({"logprob": [[-1.0]], "mu": [[-1.0, -1.0]]}, "mu and logprob differ"),
        ({"logprob": [[-1.0]], "var": [[-1.0]]}, "must be a variance"),
        ({"logprob": [[-1.0]], "text": "abc"}, "list of texts"),
        ({"logprob": [[-1.0]], "text": [3]}, "Text 0 is no text"),
        ({"logprob": [[-1.0]], "text": ["a", "b"]}, "text and logprob differ"),
        ({"logprob": [[-1.0]], "zlib": [-3]}, "length per text"),
        ({"logprob": [[-1.0]], "names": ["a", "b"]}, "names and logprob differ"),
        ({"logprob": [[-1.0]], "neighbors": [[-1.0], [-1.0]]}, "neighbors and logprob differ"),
    ],
)
def test_bad_lists_are_refused_with_what_is_wrong(given_, text):
    with pytest.raises(DataError, match=text) as caught:
        im.TokenScores.from_lists(**given_)
    assert caught.value.hint


def test_arguments_that_there_are_not():
    with pytest.raises(InvalidParameterError, match="no column 'perplexity'"):
        im.TokenScores.from_lists(logprob=[[-1.0]], perplexity=[3.0])
    with pytest.raises(InvalidParameterError, match="what stood before the first token"):
        im.TokenScores.from_lists(logprob=[[-1.0]], context="sometimes")
    with pytest.raises(DataError, match="offsets must rise from 0 to the 2 tokens"):
        im.TokenScores.from_flat(logprob=[-1.0, -2.0], offsets=[0, 3])
    for ids in ([1.5], ["a"], [[1]]):  # a part of a token is no token
        with pytest.raises(DataError, match="ids of all texts must be a list of whole numbers"):
            im.TokenScores.from_flat(ids=ids, logprob=[-1.0], offsets=[0, 1])
    with pytest.raises(DataError, match="A value of logprob is missing"):
        im.TokenScores.from_flat(logprob=[None], offsets=[0, 1])


def test_equal_names_are_told_apart():
    found = im.TokenScores.from_lists(logprob=[[-1.0]] * 3, names=["a", "a", "a #2"])
    assert len(set(found.labels)) == 3


# --- chosen and joined ----------------------------------------------------------------------------


def test_texts_are_chosen_by_slice_number_mask_and_place(tokens):
    assert tokens[1:].labels == ("b", "c")
    assert tokens[-1].labels == ("c",)
    assert tokens[[2, 0]].logprob.values[0] == -1.0
    assert tokens[np.array([True, False, True])].columns["neighbors"].values.tolist() == [
        -2,
        -3,
        -1.5,
    ]
    assert tokens[np.array([0, 2]), ...].labels == ("a", "c")  # as scikit-learn takes rows
    assert tokens[::2].labels == ("a", "c")
    assert len(tokens[3:]) == 0


def test_joined_texts_are_those_of_both(tokens):
    parts = tokens[:1] + tokens[1:]
    same(parts, tokens)
    assert (tokens + tokens).labels == ("a", "b", "c", "a #2", "b #2", "c #2")


@pytest.mark.parametrize("name", ["tokenizer", "model", "context"])
def test_scores_of_another_model_do_not_join(tokens, name):
    other = im.TokenScores.from_lists(logprob=[[-1.0]], **{name: "none"})
    with pytest.raises(MergeError, match=f"different {name}s"):
        tokens + other


def test_scores_with_other_columns_do_not_join(tokens):
    with pytest.raises(MergeError, match="columns that the other has not"):
        tokens + im.TokenScores.from_lists(ids=[[1]], logprob=[[-1.0]], tokenizer="f00")


@given(st.integers(1, 12))
def test_chunks_are_the_whole_in_order(size):
    t = im.TokenScores.from_lists(logprob=[[-float(i)] * (i % 4) for i in range(9)])
    parts = list(t.chunks(size))
    whole = parts[0]
    for part in parts[1:]:
        whole = whole + part
    assert whole.logprob.values.tolist() == t.logprob.values.tolist()
    assert sum(map(len, parts)) == 9


# --- kept -----------------------------------------------------------------------------------------


def test_npz_and_parquet_bring_everything_back(tokens, tmp_path):
    pytest.importorskip("pyarrow")
    tokens.save(tmp_path / "t.npz")
    same(im.TokenScores.load(tmp_path / "t.npz"), tokens)
    tokens.to_parquet(tmp_path / "t.parquet")
    same(im.TokenScores.from_parquet(tmp_path / "t.parquet"), tokens)
    part = im.TokenScores.from_parquet(tmp_path / "t.parquet", rows=(1, 3))
    same(part, tokens[1:])


def test_a_parquet_file_of_another_program(tmp_path):
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame({
        "name": ["x", "y"], "text": ["abc", "defg"], "ids": [[1, 2], []],
        "logprob": [[-1.0, -2.0], []], "neighbors": [[[-1.0, -3.0], [-4.0]], [[-2.0]]],
        "comment": ["", ""],
    })  # fmt: skip
    frame.write_parquet(tmp_path / "t.parquet")
    found = im.TokenScores.from_parquet(tmp_path / "t.parquet")
    assert found.columns["neighbors"].values.tolist() == [-2, -4, -2]
    assert found.numbers["bytes"].tolist() == [3, 4]
    assert found.labels == ("x", "y")


def test_files_that_are_none(tmp_path, tokens):
    (tmp_path / "t.npz").write_bytes(b"no zip")
    im.TokenFrequency.from_counts([1, 2]).save(tmp_path / "f.npz")
    for path, text in (
        ("t.npz", "damaged"),
        ("f.npz", "no file of token-scores"),
        ("x.npz", "No such"),
    ):
        with pytest.raises(SourceError, match=text):
            im.TokenScores.load(tmp_path / path)
    with pytest.raises(SourceError, match="no Parquet file by its name"):
        im.TokenScores.from_parquet(tmp_path / "t.csv")
    with pytest.raises(SourceError, match="There is no file"):
        im.TokenScores.from_parquet(tmp_path / "t.parquet")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(SourceError, match="cannot be read"):
        im.TokenScores.from_parquet(tmp_path / "bad.parquet")


def test_parquet_columns_that_do_not_fit(tmp_path):
    pl = pytest.importorskip("polars")
    cases = {
        "no lists": ({"logprob": [-1.0]}, "not one list of numbers per text"),
        "hole": ({"logprob": [[-1.0, None]]}, "is missing"),
        "null": ({"logprob": [[-1.0], None]}, "row 1"),
        "two": ({"logprob": [[-1.0]] * 2, "tokenizer": ["a", "b"]}, "several tokenizers"),
        "absent": ({"logprobs": [[-1.0]]}, "There is no column 'logprob'"),
    }
    for name, (columns, text) in cases.items():
        pl.DataFrame(columns).write_parquet(tmp_path / f"{name}.parquet")
        with pytest.raises(DataError, match=text):
            im.TokenScores.from_parquet(tmp_path / f"{name}.parquet")


# --- frequencies ----------------------------------------------------------------------------------


def test_frequencies_are_smoothed_counts():
    found = im.TokenFrequency.from_counts([10, 5, 0, 3, 1, 1])
    assert (found.q * 26).round(9).tolist() == [11, 6, 1, 4, 2, 2]
    assert found.q.sum() == pytest.approx(1)


def test_parts_add_up_to_the_whole(rng):
    ids = [rng.integers(0, 50, rng.integers(0, 30)) for _ in range(60)]
    whole = im.TokenFrequency(vocabulary_size=50).fit(ids)
    a, b, c = (
        im.TokenFrequency(vocabulary_size=50).fit(p) for p in (ids[:20], ids[20:50], ids[50:])
    )
    assert (a + b).to_dict() == (b + a).to_dict()
    assert ((a + b) + c).to_dict() == (a + (b + c)).to_dict()
    assert im.TokenFrequency.from_dict(a.to_dict()).to_dict() == a.to_dict()
    added = im.TokenFrequency(vocabulary_size=50).fit(ids[:20]).partial_fit(iter(ids[20:]))
    for found in (a + b + c, a.merge(b).merge(c), added):
        assert found.counts.tolist() == whole.counts.tolist()
        assert found.n_documents == 60


def test_documents_count_once_where_that_is_asked(tokens):
    assert im.TokenFrequency(count="document").fit(IDS).counts.tolist() == [1, 2, 1, 0, 0, 1]
    assert im.TokenFrequency(count="token").fit(tokens).counts.tolist() == [1, 2, 2, 0, 0, 1]


def test_a_repeated_token_counts_every_time():
    """A peer adds one to ``counts[ids]``, which counts a repeated token once."""
    assert im.TokenFrequency().fit([[3, 3, 3]]).counts[3] == 3


def test_long_documents_count_no_more_than_their_start():
    assert im.TokenFrequency(most_tokens=2).fit([[1, 1, 1], [2]]).counts.tolist() == [0, 2, 1]


def test_counts_of_a_group_by(tmp_path, tokens):
    duckdb = pytest.importorskip("duckdb")
    pd = pytest.importorskip("pandas")
    tokens.to_parquet(tmp_path / "t.parquet")
    wanted = [1, 2, 2, 0, 0, 1]
    query = f"SELECT unnest(ids) AS id, count(*) AS count FROM '{tmp_path}/t.parquet' GROUP BY 1"
    connection = duckdb.connect()
    rows = connection.execute(query).fetchall()
    frame = pd.DataFrame(rows, columns=["id", "count"])
    frame[["count", "id"]].to_csv(tmp_path / "c.csv", index=False)
    for given_ in (rows, connection.sql(query), frame, dict(rows), tmp_path / "c.csv", wanted):
        assert im.TokenFrequency.from_counts(given_).counts.tolist() == wanted
    path = tmp_path / "t.parquet"
    assert im.TokenFrequency.from_parquet(path).counts.tolist() == wanted
    assert im.TokenFrequency.from_parquet(path, count="document").counts.tolist() == [
        1,
        2,
        1,
        0,
        0,
        1,
    ]
    assert im.TokenFrequency.from_parquet(path, most_tokens=1).counts.tolist() == [0, 1, 1]
    assert im.TokenFrequency.from_parquet(path, vocabulary_size=9).counts.tolist() == [
        *wanted,
        0,
        0,
        0,
    ]


def test_frequencies_are_kept(tmp_path):
    made = im.TokenFrequency(tokenizer="f00", vocabulary_size=5, smoothing=0.5).fit([[1, 1, 4]])
    made.save(tmp_path / "f.npz")
    for found in (
        im.TokenFrequency.load(tmp_path / "f.npz"),
        im.TokenFrequency.from_dict(made.to_dict()),
    ):
        assert found.counts.tolist() == [0, 2, 0, 0, 1]
        assert (found.tokenizer, found.smoothing, found.n_documents) == ("f00", 0.5, 1)


def test_another_tokenizer_is_refused_clearly(tokens):
    """A peer keys its cache of frequencies by the file: another tokenizer gets wrong ids."""
    other = im.TokenFrequency.uniform(6, tokenizer="bar")
    with pytest.raises(MergeError, match="of another tokenizer") as caught:
        im.DCPDD(other).fit(tokens)
    assert "f00" in str(caught.value)
    assert "bar" in str(caught.value)
    with pytest.raises(MergeError, match="another tokenizer"):
        other + im.TokenFrequency.uniform(6, tokenizer="f00")


def test_a_token_without_frequency_is_refused(tokens):
    with pytest.raises(DataError, match="Token 5 has no frequency"):
        im.DCPDD([1, 2, 3]).fit(tokens)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: im.TokenFrequency.from_counts([1.5, 2]), "must be whole"),
        (lambda: im.TokenFrequency.from_counts([-1, 2]), "numbers of occurrences"),
        (lambda: im.TokenFrequency.from_counts({"the": 4}), "belong to numbers of tokens"),
        (lambda: im.TokenFrequency.from_counts([(1, 2, 3)]), "pairs"),
        (lambda: im.TokenFrequency(vocabulary_size=3).fit([[5]]), "beyond the vocabulary of 3"),
        (lambda: im.TokenFrequency().fit([[-100, 3]]), "not negative"),
        (lambda: im.TokenFrequency(smoothing=0), "smoothing"),
        (lambda: im.TokenFrequency(count="word"), "count"),
        (lambda: im.TokenFrequency.from_dict({"state": "counts"}), "no token frequencies"),
        (lambda: im.TokenFrequency().fit([[1]]).fit([5]), "one list of numbers"),
    ],
)  # fmt: skip
def test_bad_counts_are_refused(call, text):
    with pytest.raises((DataError, InvalidParameterError), match=text):
        call()


def test_a_word_list_stands_in_for_a_corpus():
    pytest.importorskip("wordfreq")
    kinds = {" the": 0, " of": 1, " and": 2}

    class Tokenizer:
        def __call__(self, text):
            return {"input_ids": [kinds.get(text, 3)]}

        def __len__(self):
            return 5

    found = im.TokenFrequency.from_wordfreq(Tokenizer(), words=1000)
    assert found.counts[0] > found.counts[1] > 0
    assert found.counts[4] == 0
    with pytest.raises(DataError, match="no list of words"):
        im.TokenFrequency.from_wordfreq(Tokenizer(), language="tlh")


# --- what looks right and is not ------------------------------------------------------------------


def test_typed_lists_are_checked_as_lists_of_python_are(tmp_path):
    pa, pl = pytest.importorskip("pyarrow"), pytest.importorskip("polars")
    one = [[-1.0]]
    for ids in ([[1.5]], [["12"]], [[True]]):
        with pytest.raises(DataError, match="whole numbers"):
            im.TokenScores.from_lists(ids=pa.array(ids), logprob=one)
        pl.DataFrame({"ids": ids, "logprob": one}).write_parquet(tmp_path / "i.parquet")
        with pytest.raises(DataError, match="whole numbers"):
            im.TokenScores.from_parquet(tmp_path / "i.parquet")
    for logprob in ([["-1"]], [[False]], [[[-1.0], [-3.0]]]):
        with pytest.raises(DataError, match="numbers"):
            im.TokenScores.from_lists(logprob=pa.array(logprob))
        pl.DataFrame({"logprob": logprob}).write_parquet(tmp_path / "l.parquet")
        with pytest.raises(DataError, match="numbers per text"):
            im.TokenScores.from_parquet(tmp_path / "l.parquet")
    holes = pl.DataFrame({"logprob": one, "neighbors": [[[-1.0, None]]]})
    holes.write_parquet(tmp_path / "n.parquet")
    with pytest.raises(DataError, match=r"'neighbors' of .* is missing"):
        im.TokenScores.from_parquet(tmp_path / "n.parquet")
    view = pa.array([[-1.0], [-2.0, -3.0]], pa.list_view(pa.float32()))
    with pytest.raises(DataError, match="one list of numbers per text"):
        im.TokenScores.from_lists(logprob=view)
    sliced = pa.array([[-9.0], [-1.0], [-2.0, -3.0]])[1:]
    assert im.TokenScores.from_lists(logprob=sliced).logprob.values.tolist() == [-1, -2, -3]


@pytest.mark.parametrize("mask", [[[2, 1]], [[np.nan, 1]], [["0", "1"]], [[0.0, -np.inf]], [1, 0]])
def test_a_mask_is_of_zero_and_one(mask):
    with pytest.raises(DataError, match="True or 1 where a token is real"):
        im.TokenScores.from_padded(logprob=[[-1.0, -2.0]], mask=mask)


@pytest.mark.parametrize(
    "given_",
    [
        {"vocabulary_size": 1.5}, {"vocabulary_size": True}, {"var": [[np.inf]]},
        {"zlib": ["long"]}, {"logprob": np.ma.masked_array([[-1.0]], [[True]])},
    ],
)  # fmt: skip
def test_other_values_that_mean_nothing(given_):
    with pytest.raises((DataError, InvalidParameterError)):
        im.TokenScores.from_lists(**({"ids": [[0]], "logprob": [[-1.0]]} | given_))


def test_texts_are_gone_through_and_end(tokens):
    assert [t.labels[0] for t in tokens] == ["a", "b", "c"]
    with pytest.raises(IndexError, match="none at place 3"):
        tokens[3]
    for index in ([True, False], [1.5], [7], ["a"]):
        with pytest.raises(DataError, match="chosen by their places"):
            tokens[index]


def test_what_is_known_of_one_part_holds_for_the_whole():
    unknown, first, second = (
        im.TokenScores.from_lists(logprob=[[-1.0]], model=name) for name in ("", "one", "two")
    )
    joined = unknown + first
    assert joined.model == "one"
    with pytest.raises(MergeError, match="different models"):
        joined + second


def test_a_changed_file_is_not_believed(tmp_path, tokens):
    tokens.save(tmp_path / "t.npz")
    with np.load(tmp_path / "t.npz") as file:
        arrays = dict(file)
    for name, values in (("logprob", arrays["logprob"] + 9), ("offsets", arrays["offsets"] + 1)):
        np.savez(tmp_path / "bad.npz", **(arrays | {name: values}))
        with pytest.raises(SourceError, match="no sound file"):
            im.TokenScores.load(tmp_path / "bad.npz")


def test_counts_are_of_numbers(tmp_path):
    pd, duckdb = pytest.importorskip("pandas"), pytest.importorskip("duckdb")
    words = pd.DataFrame({"token": ["the", "cat"], "count": [5, 3]})
    with pytest.raises(DataError, match="holds texts, and tokens are counted by number"):
        im.TokenFrequency.from_counts(words)
    gap = duckdb.connect().sql("SELECT 1 AS id, NULL::INT AS count")
    for counts in (gap, [(0, 1.5)], pd.DataFrame({"id": [0], "count": [2.5]}), [(-1, 2)]):
        with pytest.raises(DataError, match="whole and not negative"):
            im.TokenFrequency.from_counts(counts)
    with pytest.raises(DataError, match="beyond whole numbers"):
        im.TokenFrequency.from_counts([2**62, 2**62])
    for call in (
        lambda: im.TokenFrequency.from_counts([(10**9, 1)]),
        lambda: im.TokenFrequency.from_counts({10**9: 1}),
        lambda: im.TokenFrequency().fit([[10**12]]),
    ):
        with pytest.raises(DataError, match=r"vocabulary|numbers of tokens"):
            call()
    with pytest.raises(DataError, match="one list of numbers"):
        im.TokenFrequency().fit(None)
    with pytest.raises(MergeError, match="joined with frequencies"):
        im.TokenFrequency().merge(5)
    assert im.TokenFrequency.from_counts({}).n_tokens == 0
