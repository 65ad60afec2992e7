"""Bundled real data, each with its attribution (see ``data/ATTRIBUTION.md``)."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

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


def _read(name: str) -> pd.DataFrame:
    import pandas as pd

    with (files("infometric.datasets") / "data" / name).open("rb") as file:
        return pd.read_csv(file, compression="gzip")
