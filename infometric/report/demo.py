"""The demonstration: the main job on the bundled data."""

from __future__ import annotations

from infometric import datasets
from infometric.functions import information_value, psi, weight_of_evidence
from infometric.report.document import Report, Section
from infometric.result import ResultTable


def demo_report() -> Report:
    """IV and WoE of the German credit data; PSI of the card data, April against September 2005."""
    applicants = datasets.load_german_credit()
    evidence = information_value(applicants, "creditability", event="bad")
    strongest = next(iter(evidence.sort()))  # type: ignore[union-attr]
    woe = weight_of_evidence(applicants[strongest], applicants["creditability"], event="bad")
    months = datasets.load_credit_card_months()
    april = months[months["month"] == datasets.MONTHS[0]].drop(columns="month")
    september = months[months["month"] == datasets.MONTHS[-1]].drop(columns="month")
    later = months[months["month"] != datasets.MONTHS[0]]
    drift, course = psi(april, september), psi(april, later, by="month")
    sections = (
        Section(
            "Information value: German credit",
            _table(evidence).sort(),
            "What each of 20 characteristics of 1,000 applicants says about good or bad credit.",
        ),
        Section(
            f"Weight of evidence: {strongest}",
            woe,
            "The strongest characteristic, bin by bin: positive speaks for a good customer.",
        ),
        Section(
            "Population stability: cards, April to September 2005",
            _table(drift),
            "30,000 card clients: repayment status, bill and payment, September against April. "
            "The same clients in both months, so intervals for independent samples are cautious.",
        ),
        Section(
            "Population stability by month",
            _table(course),
            "The same characteristics month by month, always against April.",
        ),
    )
    sources = {
        "German credit": "Hofmann 1994, doi:10.24432/C5NC77",
        "card clients": "Yeh 2009, doi:10.24432/C55S3H",
    }
    return Report("Drift and predictive power", sections, sources)


def _table(found: object) -> ResultTable:
    """The table; a frame with several columns always gives one."""
    if isinstance(found, ResultTable):
        return found
    raise TypeError(f"expected a table of results, got {type(found).__name__}")
