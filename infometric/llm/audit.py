"""Verdicts on a whole corpus, and the check that a benchmark cannot be solved without the model.

References
----------
Welch, B. L. (1947). The generalization of "Student's" problem when several different population
variances are involved. Biometrika 34, 28-35. doi:10.1093/biomet/34.1-2.28
Nadeau, C., Bengio, Y. (2003). Inference for the generalization error. Machine Learning 52, 239-281.
doi:10.1023/A:1024068626366
Das, D., Zhang, J., Tramèr, F. (2025). Blind baselines beat membership inference attacks for
foundation models. IEEE SPW. arXiv:2406.16201
Maini, P. et al. (2024). LLM dataset inference: did you train on my dataset? NeurIPS.
arXiv:2406.06443
"""

from __future__ import annotations

import math
import warnings
import zlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.special import nctdtr, ndtr, ndtri, stdtr, stdtrit
from sklearn.base import clone

from infometric.exceptions import DataError, InvalidParameterError, LeakageWarning, UnsupportedError
from infometric.inference import check_level, generator_of
from infometric.llm.combined import CombinedScore, halves
from infometric.llm.evaluation import evaluate
from infometric.llm.membership import MembershipScore
from infometric.llm.reading import token_scores
from infometric.llm.scores import named_score
from infometric.llm.table import MembershipTable
from infometric.llm.tokens import TokenScores
from infometric.result import DIMENSIONLESS, ConfidenceInterval, Result
from infometric.typing import RNG, Array

EFFECTS = (0.1, 0.2, 0.5)  # standardised differences whose power is told
BLIND = 0.55  # area under the curve without a model, above which it is told
FEW = 100  # texts of a corpus, below which permutations have a say
ORDERS = 9_999
_MOST = 5_000  # scores that are divided; of more, some are drawn
_DRAWN = 4_000_000  # random numbers at a time
_HALVINGS = 60


def dataset_test(
    suspect: Any,
    reference: Any,
    *,
    method: Any = None,
    token_reference: Any = None,
    alpha: float = 0.01,
    level: float = 0.95,
    rng: RNG = 0,
) -> Result:
    """Whether a corpus scores higher than texts that are no members: one verdict for all of it.

    Single texts can rarely be told apart; the mean of a hundred can. Welch's test of one side: if
    the two corpora differ in nothing but membership, a small p-value is evidence of it. What else
    sets them apart (source, date, length) shifts scores too: ask `audit_split` first.

    Parameters
    ----------
    suspect, reference : array-like of scores, table of scores, or token scores
        Corpus in question, and one of the same kind that was not trained on.
    method : str, MembershipScore or list of them, optional
        Score of token scores, fitted anew to both corpora without a label. A list is combined: half
        of either corpus, drawn at random, gives the weights and the other half is tested.
    token_reference : TokenFrequency, optional
        For the scores that compare with token frequencies.
    alpha : float
        Size of the test, for the verdict and the power.
    level : float
        Nominal coverage of the interval of the difference.
    rng : int, Generator or None
        Draws the halves, and the orders of a permutation.

    Returns
    -------
    Result
        Difference of the mean scores with Welch's interval of two sides and p-value of one side;
        with fewer than 100 texts on a side the p-value is no smaller than that of 9,999
        permutations, as Welch's is not near enough for few scores with a ceiling. Diagnostics:
        `verdict`, `effect` (in standard deviations), `power` at effects of 0.1, 0.2 and 0.5 for
        these sizes, and `detectable`, the effect that is found with probability 0.8.

    Raises
    ------
    DataError
        Where a corpus has fewer than two scores, or infinite ones, which have no mean.

    Examples
    --------
    >>> import infometric as im
    >>> rng = np.random.default_rng(0)
    >>> found = im.llm.dataset_test(rng.normal(0.5, 1, 200), rng.normal(0, 1, 200))
    >>> found.diagnostics["verdict"], found.pvalue < 0.01
    ('scores higher', True)
    """
    check_level(level)
    if not (isinstance(alpha, float) and 0 < alpha < 0.5):
        raise InvalidParameterError(
            "alpha must be the size of a test, below one half.", got=alpha, hint="alpha=0.01"
        )
    generator = generator_of(rng)
    a, b, name = _two_samples(suspect, reference, method, token_reference, generator)
    missing = {"suspect": int(np.isnan(a).sum()), "reference": int(np.isnan(b).sum())}
    found = welch(_finite(a, "suspect"), _finite(b, "reference"), alpha, level, name, generator)
    notes = tuple(f"{n} text(s) of the {k} have no score" for k, n in missing.items() if n)
    told = found.diagnostics | {"missing": missing}
    return replace(found, diagnostics=told, warnings=found.warnings + notes)


def _two_samples(
    suspect: Any, reference: Any, method: Any, frequency: Any, rng: np.random.Generator
) -> tuple[Array, Array, str]:
    """Scores of either corpus, and what they are."""
    if method is None:
        return _two_tables(suspect, reference)
    mine, theirs = token_scores(suspect), token_scores(reference)
    if isinstance(method, list | tuple | CombinedScore):
        return _combined(mine, theirs, method, frequency, rng)
    score: MembershipScore = clone(named_score(method, frequency))
    score.fit(mine + theirs)  # a cap of both is fair to both: it knows of no label
    return score.score_samples(mine), score.score_samples(theirs), score._functional().name


def _two_tables(suspect: Any, reference: Any) -> tuple[Array, Array, str]:
    """Scores of two tables of one score, or of two arrays.

    Raises
    ------
    DataError
        Where they are not of one score.
    """
    tables = [isinstance(s, MembershipTable) for s in (suspect, reference)]
    if not any(tables):
        return _scores(suspect), _scores(reference), "score"
    known = [
        (s.facts["measure"], None if s.calibration is None else s.calibration.key)
        if isinstance(s, MembershipTable)
        else type(s).__name__
        for s in (suspect, reference)
    ]
    if known[0] != known[1]:
        raise DataError(
            "The two corpora were not scored by one fitted score.",
            got=known,
            hint="score = MinK().fit(non_members); dataset_test(score.estimate(suspect), "
            "score.estimate(reference))",
        )
    return suspect.columns.value, reference.columns.value, suspect.facts["measure"]


def _combined(
    mine: TokenScores,
    theirs: TokenScores,
    method: Any,
    frequency: Any,
    rng: np.random.Generator,
) -> tuple[Array, Array, str]:
    """Scores of the halves that the weights were not learned from."""
    members = np.concatenate([np.ones(len(mine), bool), np.zeros(len(theirs), bool)])
    learn, test = halves(members, rng)
    if isinstance(method, CombinedScore):
        score = clone(method)
    else:
        score = CombinedScore(list(method), reference=frequency, random_state=rng)
    whole = mine + theirs
    score.fit(whole[learn], members[learn])
    found, kept = score.score_samples(whole[test]), members[test]
    return found[kept], found[~kept], "combined"


def _scores(values: Any) -> Array:
    """Scores of an array.

    Raises
    ------
    UnsupportedError
        Where they are token scores without a method.
    """
    if isinstance(values, TokenScores):
        raise UnsupportedError(
            "Token scores become scores by a method.",
            got=values,
            hint="dataset_test(suspect, reference, method='min_k')",
        )
    try:
        found = np.asarray(values, dtype=float)
    except (TypeError, ValueError) as error:
        raise DataError(
            "Scores are numbers.", got=values, hint="dataset_test(scores_a, scores_b)"
        ) from error
    if found.ndim != 1:
        raise DataError(
            "Scores are one number per text.", got=found.shape, hint="dataset_test(a, b)"
        )
    return found


def _finite(values: Array, which: str) -> Array:
    """Scores that are defined.

    Raises
    ------
    DataError
        Where some are infinite, or fewer than two are left.
    """
    endless = int(np.isinf(values).sum())
    if endless:
        raise DataError(
            f"{endless} score(s) of the {which} corpus are infinite, and have no mean; to leave "
            "them out would speak for one side.",
            got=values[np.isinf(values)][:3].tolist(),
            hint="a score in which one impossible token is not everything: "
            "DCPDD(frequency, cap=0.01), or llm.evaluate, which takes ranks",
        )
    known = values[~np.isnan(values)]
    if len(known) < 2:
        raise DataError(
            f"The {which} corpus has {len(known)} score(s), and a test needs two or more.",
            got=len(values),
            hint="a corpus of a hundred texts or more",
        )
    return known


def welch(
    a: Array, b: Array, alpha: float, level: float, name: str, rng: np.random.Generator
) -> Result:
    """Difference of two means with Welch's interval, test of one side, and power."""
    parts = np.array([a.var(ddof=1) / len(a), b.var(ddof=1) / len(b)])
    se, gap = math.sqrt(parts.sum()), float(a.mean() - b.mean())
    if se == 0:
        raise DataError(
            "Neither corpus varies: all scores of each are the same.",
            got={"suspect": float(a[0]), "reference": float(b[0])},
            hint="a score that varies between texts",
        )
    df = parts.sum() ** 2 / (parts**2 / (np.array([len(a), len(b)]) - 1)).sum()
    pvalue, reach = float(stdtr(df, -gap / se)), float(stdtrit(df, 0.5 + level / 2)) * se
    permuted = min(len(a), len(b)) < FEW
    if permuted:
        pvalue = max(pvalue, permutation(a, b, rng))
    spread = math.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 2)
    unit = se / spread  # error of a standardised difference
    told = {
        "verdict": "scores higher" if pvalue <= alpha else "not shown to score higher",
        "alpha": alpha,
        "df": float(df),
        "effect": gap / spread,
        "power": {f"{e:g}": _power(e / unit, df, alpha) for e in EFFECTS},
        "detectable": detectable(df, alpha) * unit,
        "null_test": "welch, one side" + (", and permutations" if permuted else ""),
        "n_of": "texts",
    }
    return Result(
        f"{name}_difference", gap, se, ConfidenceInterval(gap - reach, gap + reach), level,
        DIMENSIONLESS, (len(a), len(b)), "welch", pvalue, diagnostics=told,
    )  # fmt: skip


def permutation(a: Array, b: Array, rng: np.random.Generator) -> float:
    """p-value of the difference of means over random divisions of all scores.

    Its size holds for any law of the scores, and any numbers of them.

    Examples
    --------
    >>> permutation(np.array([3.0, 4.0]), np.array([0.0, 1.0, 2.0]), np.random.default_rng(0))
    0.1019
    """
    few, many = (a, b) if len(a) <= len(b) else (b, a)
    if len(many) > _MOST:  # a sample of so many stands for all
        many = rng.choice(many, _MOST, replace=False)
    sign = 1.0 if len(a) <= len(b) else -1.0
    pool = np.concatenate([few, many])
    seen = sign * float(few.sum() - len(few) * pool.mean())
    pool = pool - pool.mean()
    at_least = 0
    step = max(1, _DRAWN // len(pool))
    for start in range(0, ORDERS, step):
        count = min(step, ORDERS - start)
        keys = rng.random((count, len(pool)), dtype=np.float32)
        chosen = np.argpartition(keys, len(few) - 1, axis=1)[:, : len(few)]
        sums = sign * pool[chosen].sum(1)
        at_least += int((sums >= seen - 1e-12 * (1 + abs(seen))).sum())
    return (1 + at_least) / (ORDERS + 1)


def _power(shift: float, df: float, alpha: float) -> float:
    """Chance that the test rejects where the standardised mean is so many errors above zero."""
    return float(1 - nctdtr(df, shift, stdtrit(df, 1 - alpha)))


def detectable(df: float, alpha: float, power: float = 0.8) -> float:
    """Difference in standard errors that the test finds with a given chance.

    Examples
    --------
    >>> round(detectable(1e6, 0.05), 3)
    2.486
    """
    low, high = 0.0, 100.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if _power(middle, df, alpha) < power else (low, middle)
    return high


# --- without the model --------------------------------------------------------------------------


def audit_split(
    texts_a: Sequence[Any],
    texts_b: Sequence[Any],
    *,
    folds: int = 5,
    level: float = 0.95,
    rng: RNG = 0,
) -> Result:
    """Whether two sets of texts can be told apart without any model: the blind check.

    A bag-of-words logistic regression, with the length of a text and of its compressed form, is
    fitted to some folds and asked about the rest. Where its area under the curve lies above one
    half, members and non-members differ in their words: a membership score that tells them apart
    may know no more than that.

    Parameters
    ----------
    texts_a, texts_b : sequence of str, or of sequences of token numbers, or TokenScores
        The two sets: members and non-members of a benchmark, a suspect corpus and its reference.
    folds : int
        Parts of the cross-validation.
    level : float
        Nominal coverage of the interval.
    rng : int, Generator or None
        Deals the texts to folds.

    Returns
    -------
    Result
        Area under the curve out of fold. Diagnostics hold `verdict`: "told apart" where the
        interval lies above one half, "undecided" where the area alone is above 0.55, else "not told
        apart".

    Raises
    ------
    DataError
        Where a set has fewer texts than folds.

    Warns
    -----
    LeakageWarning
        Where the area is above 0.55, or its interval lies above one half.

    Examples
    --------
    >>> import infometric as im
    >>> words = np.random.default_rng(0).choice(["red", "green", "blue"], (400, 9))
    >>> texts = [" ".join(row) for row in words]
    >>> im.llm.audit_split(texts[:200], texts[200:]).diagnostics["verdict"]
    'not told apart'
    """
    check_level(level)
    if isinstance(folds, bool) or not isinstance(folds, int) or folds < 2:
        raise InvalidParameterError("folds must be 2 or more.", got=folds, hint="folds=5")
    documents = [_documents(texts, which) for texts, which in ((texts_a, "a"), (texts_b, "b"))]
    for which, texts in zip("ab", documents, strict=True):
        if len(texts) < 2 * folds:
            raise DataError(
                f"Set {which} has {len(texts)} text(s), too few for {folds} folds.",
                got=len(texts),
                hint=f"{2 * folds} texts or more, or folds=2",
            )
    labels = np.repeat([1, 0], [len(documents[0]), len(documents[1])])
    scores = _blind_scores(documents[0] + documents[1], labels, folds, rng)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = evaluate({"blind": scores}, labels, fpr=[], level=level).auc["blind"]
    found = widened(found, folds)
    verdict, text = _blind_verdict(found)
    if text:
        warnings.warn(text, LeakageWarning, stacklevel=2)
    told = {
        "verdict": verdict,
        "limit": BLIND,
        "folds": folds,
        "null_test": "corrected for folds",
    } | {"n_of": "texts"}
    return replace(
        found, measure="blind_auc", diagnostics=found.diagnostics | told,
        warnings=(*found.warnings, *([text] if text else [])),
    )  # fmt: skip


def widened(found: Result, folds: int) -> Result:
    """Area out of fold with the error that it has: folds share most of what they were fitted to.

    Nadeau and Bengio's correction of the variance, ``1 + K / (K - 1)`` for K folds, on the scale of
    the logit. Without it the check raises a false alarm three times as often as it says.
    """
    if not found.se > 0 or found.value in (0.0, 1.0):  # Newcombe's interval stands
        return found
    se = found.se * math.sqrt(1 + folds / (folds - 1))
    gini = 2 * found.value - 1
    scale = 2 * se / (1 - gini**2)
    reach = float(ndtri(0.5 + found.level / 2)) * scale
    low, high = (0.5 + math.tanh(math.atanh(gini) + end) / 2 for end in (-reach, reach))
    pvalue = float(ndtr(-math.atanh(gini) / scale))  # of one side, as the verdict is
    return replace(found, se=se, ci=ConfidenceInterval(low, high), pvalue=pvalue)


def _blind_verdict(found: Result) -> tuple[str, str]:
    """Verdict on an area without a model, and a warning where it needs one."""
    area = f"area under the curve {found.value:.3f}, {found.ci.low:.3f} to {found.ci.high:.3f}"
    if found.ci.low > 0.5:
        return "told apart", (
            f"the two sets are told apart without the model ({area}): a membership score that "
            "separates them may see the split, not membership"
        )
    if found.value > BLIND:
        return "undecided", (
            f"so few texts cannot exclude that the two sets differ without the model ({area})"
        )
    return "not told apart", ""


def _documents(texts: Any, which: str) -> list[str]:
    """Texts, of token numbers as words.

    Raises
    ------
    DataError
        Where they are neither.
    """
    if isinstance(texts, TokenScores):
        ids = texts.need("ids", "audit_split")
        return [" ".join(map(str, ids[a:b])) for a, b in zip(texts.offsets, texts.offsets[1:],
                                                             strict=False)]  # fmt: skip
    if isinstance(texts, str):
        raise DataError("A set holds many texts.", got=texts, hint="audit_split([...], [...])")
    found = []
    for i, text in enumerate(texts):
        if isinstance(text, str):
            found.append(text)
        elif np.ndim(text) == 1:
            found.append(" ".join(map(str, np.asarray(text).tolist())))
        else:
            raise DataError(
                f"Text {i} of set {which} is no text and no list of tokens.",
                got=text,
                hint="audit_split(list_of_texts, list_of_texts)",
            )
    return found


def _blind_scores(texts: Sequence[str], labels: Array, folds: int, rng: RNG) -> Array:
    """Log odds out of fold, of words, length and compressed length."""
    from scipy.sparse import hstack
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold
    from sklearn.preprocessing import MaxAbsScaler

    lengths = np.array([[len(t), len(zlib.compress(t.encode("utf-8", "surrogatepass")))]
                        for t in texts], float)  # fmt: skip
    spread = np.maximum(lengths.std(0), 1e-12)
    lengths = (lengths - lengths.mean(0)) / spread
    words = CountVectorizer(token_pattern=r"\w+|[^\w\s]", min_df=2, binary=False)
    try:
        table = hstack([MaxAbsScaler().fit_transform(words.fit_transform(texts).astype(float)),
                        lengths]).tocsr()  # fmt: skip
    except ValueError:  # no word occurs twice
        from scipy.sparse import csr_matrix

        table = csr_matrix(lengths)
    out = np.empty(len(texts))
    seed = int(generator_of(rng).integers(2**31))
    for train, test in StratifiedKFold(folds, shuffle=True, random_state=seed).split(table, labels):
        model = LogisticRegression(max_iter=1000).fit(table[train], labels[train])
        out[test] = model.decision_function(table[test])
    return out
