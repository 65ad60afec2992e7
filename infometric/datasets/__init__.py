"""Bundled real data, each with its attribution (see ``data/ATTRIBUTION.md``)."""

from __future__ import annotations

from importlib.resources import files
from numbers import Integral
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.special import expit

from infometric.exceptions import InvalidParameterError
from infometric.typing import RNG

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from infometric.llm.frequency import TokenFrequency
    from infometric.llm.tokens import TokenScores

# part of the log odds of default, and the value above which it counts
APPLICANT_STEPS = {
    "mortgage": (-0.4, 0),
    "balance": (-1.2, 4000),
    "amount_past_due": (1.6, 900),
    "utilization": (1.4, 0.85),
    "delinquencies": (1.0, 0),
    "inquiries": (0.8, 0),
    "trades": (-0.8, 4),
}
MONTHS = ("2005-04", "2005-05", "2005-06", "2005-07", "2005-08", "2005-09")


def load_german_credit() -> pd.DataFrame:
    """1,000 loan applicants with 20 characteristics and the target ``creditability``.

    Returns
    -------
    pandas.DataFrame of shape (1000, 21)
        13 categorical and 7 numeric characteristics; the target is "good" or "bad".

    References
    ----------
    Hofmann, H. (1994). Statlog (German Credit Data). UCI Machine Learning Repository.
    doi:10.24432/C5NC77. CC BY 4.0.

    Examples
    --------
    >>> from infometric.datasets import load_german_credit
    >>> load_german_credit()["creditability"].value_counts().to_dict()
    {'good': 700, 'bad': 300}
    """
    return _read("german_credit.csv.gz")


def load_credit_card() -> pd.DataFrame:
    """30,000 card clients of 2005, 23 characteristics and the target of default.

    Returns
    -------
    pandas.DataFrame of shape (30000, 25)
        Repayment status, bill and payment are columns per month, ``PAY_0``, ``BILL_AMT1`` and
        ``PAY_AMT1`` the last (September).

    References
    ----------
    Yeh, I.-C. (2009). Default of Credit Card Clients. UCI Machine Learning Repository.
    doi:10.24432/C55S3H. CC BY 4.0.

    Examples
    --------
    >>> from infometric.datasets import load_credit_card
    >>> load_credit_card().shape
    (30000, 25)
    """
    return _read("credit_card_default.csv.gz")


def load_credit_card_months() -> pd.DataFrame:
    """The monthly characteristics of the card clients, one row per client and month.

    Returns
    -------
    pandas.DataFrame of shape (180000, 4)
        Columns ``month`` ("2005-04" to "2005-09"), ``PAY``, ``BILL_AMT``, ``PAY_AMT``.

    Examples
    --------
    >>> from infometric.datasets import load_credit_card_months
    >>> load_credit_card_months().groupby("month").size().unique().tolist()
    [30000]
    """
    import pandas as pd

    cards = load_credit_card()
    parts = []
    for back, month in zip(range(6, 0, -1), MONTHS, strict=True):
        status = "PAY_0" if back == 1 else f"PAY_{back}"
        part: dict[str, Any] = {
            "month": month,
            "PAY": cards[status],
            "BILL_AMT": cards[f"BILL_AMT{back}"],
            "PAY_AMT": cards[f"PAY_AMT{back}"],
        }
        parts.append(pd.DataFrame(part))
    return pd.concat(parts, ignore_index=True)


def make_credit_applicants(n: int = 20_000, *, rng: RNG = None) -> pd.DataFrame:
    """Applicants of a known truth: seven characteristics, a protected attribute, and default.

    The log odds of default rise or fall with each characteristic, others fixed, at one step:

    ===================  ==============================
    characteristic       part of the log odds
    ===================  ==============================
    ``mortgage``         -0.4 for any
    ``balance``          -1.2 above 4,000
    ``amount_past_due``  +1.6 above 900
    ``utilization``      +1.4 above 0.85
    ``delinquencies``    +1.0 for any
    ``inquiries``        +0.8 for any
    ``trades``           -0.8 above 4
    ===================  ==============================

    All of them go with one hidden distress, each takes its step at another height of it. So the
    event rate along any one of them climbs the whole staircase, while its own part is one step:
    weight of evidence has the wrong shape, dummies of the same bins and boosted stumps find the
    right one. The protected attribute ``group`` (30 % are 1) goes with distress and has no part of
    its own. About 15 % default.

    Parameters
    ----------
    n : int
        Number of applicants.
    rng : int, Generator or None
        Source of randomness.

    Returns
    -------
    pandas.DataFrame of shape (n, 9)
        The characteristics, ``group`` and ``default`` (0 or 1).

    Raises
    ------
    InvalidParameterError
        Where `n` is no positive whole number.

    References
    ----------
    Sudjianto, A., Burakov, D. (2025). arXiv:2509.09855: the kind of data, not its generator, which
    is not published.

    Examples
    --------
    >>> from infometric.datasets import make_credit_applicants
    >>> frame = make_credit_applicants(20_000, rng=0)
    >>> round(float(frame["group"].mean()), 2), round(float(frame["default"].mean()), 2)
    (0.29, 0.15)
    """
    import pandas as pd

    if not isinstance(n, Integral) or isinstance(n, bool) or n < 1:
        raise InvalidParameterError(
            "The number of applicants must be a positive integer.", got=n, hint="n=20_000"
        )
    draw = np.random.default_rng(rng)
    group = (draw.random(n) < 0.3).astype(int)
    distress = draw.normal(size=n) + 0.35 * (group - 0.3)
    history = draw.normal(size=n) - 0.3 * distress

    def noise(scale: float) -> NDArray[np.float64]:
        return scale * draw.normal(size=n)

    late = draw.poisson(np.exp(0.2 + 1.1 * distress))
    owed = np.where(late > 0, np.exp(5.3 + 1.2 * distress + noise(0.4)), 0.0)
    owner = draw.random(n) < expit(history - 0.8 * distress - 0.4)
    frame = pd.DataFrame(
        {
            "mortgage": np.where(owner, np.exp(11.5 - 0.4 * distress + noise(0.4)), 0.0).round(),
            "balance": np.exp(7.2 + 0.4 * history - distress + noise(0.4)).round(),
            "amount_past_due": owed.round(),
            "utilization": expit(1.5 * distress - 0.3 + noise(0.5)).round(3),
            "delinquencies": late,
            "inquiries": draw.poisson(np.exp(0.8 + 0.8 * distress)),
            "trades": draw.poisson(np.exp(2.2 + 0.3 * history - 0.4 * distress)),
            "group": group,
        }
    )
    frame["default"] = (draw.random(n) < expit(applicant_log_odds(frame))).astype(int)
    return frame


def applicant_log_odds(frame: pd.DataFrame) -> NDArray[np.float64]:
    """True log odds of default of the applicants of `make_credit_applicants`.

    Parameters
    ----------
    frame : pandas.DataFrame
        Its characteristics.

    Returns
    -------
    ndarray of shape (n,)

    Examples
    --------
    >>> frame = make_credit_applicants(1000, rng=0)
    >>> applicant_log_odds(frame).shape
    (1000,)
    """
    found = np.full(len(frame), -3.05)
    for name, (size, above) in APPLICANT_STEPS.items():
        found += size * (frame[name].to_numpy() > above)
    return found


class MembershipTexts(NamedTuple):
    """Token scores of texts whose membership is known, and what is needed to calibrate."""

    texts: TokenScores
    labels: NDArray[np.int64]
    calibration: TokenScores
    frequency: TokenFrequency


def load_membership() -> MembershipTexts:
    """Token scores by a small language model of texts that it was trained on, and of others.

    A model of 1.1 million parameters read 64 tokens each of docstrings of scientific Python
    packages; members twice, among background documents, non-members never. The split is random.
    Made by ``benchmarks/membership.py --bundle`` (the texts themselves are not kept; numbers are
    rounded to half precision).

    Returns
    -------
    MembershipTexts
        `texts`, 300 members and 300 non-members with their `labels` (1 for a member); 400 further
        non-members for `calibration`; the token `frequency` of 3,000 further documents.

    Examples
    --------
    >>> from infometric.datasets import load_membership
    >>> known = load_membership()
    >>> len(known.texts), int(known.labels.sum()), len(known.calibration)
    (600, 300, 400)
    """
    from infometric.llm.frequency import TokenFrequency
    from infometric.llm.tokens import TokenScores

    with (
        (files("infometric.datasets") / "data" / "membership.npz").open("rb") as file,
        np.load(file, allow_pickle=False) as stored,
    ):
        arrays = {name: stored[name] for name in stored.files}
    made = {"tokenizer": "bpe-4096", "vocabulary_size": len(arrays["counts"])}
    tokens = TokenScores.from_padded(
        ids=arrays["ids"], mask=np.ones(arrays["ids"].shape, bool), zlib=arrays["zlib"],
        bytes=arrays["bytes"], model="gpt-1m", context="bos", **made,
        **{name: arrays[name].astype(np.float32) for name in ("logprob", "mu", "var")},
    )  # fmt: skip
    label = arrays["label"].astype(np.int64)
    frequency = TokenFrequency.from_counts(
        arrays["counts"], n_documents=3000, source="docstrings", **made
    )
    return MembershipTexts(tokens[label >= 0], label[label >= 0], tokens[label < 0], frequency)


def _read(name: str) -> pd.DataFrame:
    import pandas as pd

    with (files("infometric.datasets") / "data" / name).open("rb") as file:
        return pd.read_csv(file, compression="gzip")
