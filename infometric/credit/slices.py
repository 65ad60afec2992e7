"""PSI by slices of time (or of anything): one pass over the current data, groups are slices."""

from __future__ import annotations

from typing import Any

from infometric.credit.cells import BinnedEstimator
from infometric.exceptions import DataError
from infometric.result import ResultTable
from infometric.sources.counting import Split, count_table
from infometric.state.counts import Counts

SEPARATOR = " @ "


def slice_name(column: str, value: Any) -> str:
    """Name of the result of one column in one slice."""
    return f"{column}{SEPARATOR}{value}"


def estimate_by(
    estimator: BinnedEstimator,
    X: Any,
    by: str,
    level: float,
    uncertainty: Any,
    rng: Any,
    sample_weight: Any,
) -> ResultTable:
    """Table of results named ``column @ slice``, slices in order.

    Raises
    ------
    DataError
        Where the slicing column has missing values.
    """
    table = estimator._open(X)
    table.require([by])
    slices = table.column(by).as_levels()
    if (slices.values < 0).any():
        raise DataError(
            f"The slicing column {by!r} has missing values.",
            hint=f"drop those rows first: frame[frame[{by!r}].notna()]",
        )
    order = tuple(sorted(slices.levels or (), key=lambda v: (isinstance(v, str), v)))
    found = count_table(table, estimator.encoders_, Split(by, order, sample_weight))
    pairs = {
        slice_name(name, value): Counts.stack(
            [estimator.state_[name], s.group(g)], ("reference", str(value))
        )
        for g, value in enumerate(order)
        for name, s in found.items()
    }
    strategy = estimator.uncertainty if uncertainty is None else uncertainty
    results = estimator._infer(estimator._treated(pairs), strategy, level, rng)
    if not isinstance(results, ResultTable):
        results = estimator._tabulate({next(iter(pairs)): results})
    return ResultTable(
        dict(results), adjusted=results.adjusted, meta=results.meta | {"by": by, "slices": order}
    )
