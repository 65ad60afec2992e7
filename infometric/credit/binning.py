r"""Supervised binning: cells chosen with the target, from counts of fine cells alone.

Columns are counted once over fine cells that know nothing of the target (quantiles, categories);
bins are a coarsening of that table. So a fit reads the data once, whatever the source, folds cost
no further pass, and the counts of many machines can be joined before the bins are chosen.

Bins that were chosen with a target make the rows they were chosen on look more telling than they
are: `InformationValue(bins=OptimalBinning())` is cross-fitted for that reason.

References
----------
Navas-Palencia, G. (2020). Optimal binning: mathematical programming formulation. arXiv:2001.08025
Sudjianto, A., Burakov, D. (2025). arXiv:2509.09855
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from infometric._version import __version__
from infometric.base import BINS
from infometric.credit.cells import (
    COMPARED,
    EmptyPolicy,
    cell_table,
    log_share_ratio,
    special_codes,
)
from infometric.credit.evidence import WeightOfEvidence, woe_error
from infometric.credit.leakage import leak_caution, leaks_of
from infometric.credit.selection import marked
from infometric.exceptions import (
    ColumnError,
    DataError,
    InvalidParameterError,
    UnsupportedError,
)
from infometric.files import read_json, sealed, unsealed, write_text
from infometric.functional.partition import (
    Partition,
    Rules,
    monotone_bound,
    optimal_partition,
    stump_cuts,
)
from infometric.inference import announce
from infometric.result import jsonable
from infometric.sources.counting import Bins, Split, fit_columns
from infometric.state.counts import LARGEST_TOTAL, Counts
from infometric.state.encoders import (
    CategoryEncoder,
    Column,
    Encoder,
    GroupEncoder,
    IntervalEncoder,
    encoder_from_dict,
    refuse_infinite,
)
from infometric.typing import Array
from infometric.uncertainty.base import normal_interval
from infometric.validation import PROBABILITY, Having, OneOf, Span, Table, class_rows

if TYPE_CHECKING:
    import pandas as pd

SCHEMA_VERSION = 1
_AGAIN = "write them again: binning.to_json('bins.json')"
TRENDS = ("auto", "ascending", "descending", "peak", "valley", None)
TRANSFORMS = ("woe", "index", "label", "event_rate")

_COUNT = Span(Real, 0, LARGEST_TOTAL)
_BINNING = {
    "prebins": BINS,
    "max_bins": (Span(Integral, 1),),
    "monotonic": (OneOf(TRENDS), Having(Mapping, "a mapping of column to trend")),
    "min_bin_size": (_COUNT,),
    "min_events": (_COUNT,),
    "min_nonevents": (_COUNT,),
    "max_pvalue": (OneOf((None,)), PROBABILITY),
    "rare": (_COUNT,),
    "empty": (OneOf(("half", "raise")),),
}
_INHERITED = ("special", "categorical", "columns", "exclude", "constant", "units", "uncertainty")


class Coarse(NamedTuple):
    """Bins of one column: their encoder, and the bin of each fine cell."""

    encoder: Encoder
    onto: Array

    def counts(self, fine: Counts) -> Counts:
        """Counts of the bins from those of the fine cells."""
        merged = fine.merge_cells(np.append(self.onto, self.encoder.n_cells - 1))
        return replace(merged, key=self.encoder.key, cells=self.encoder.labels)


class SupervisedBinning(WeightOfEvidence):
    """Base of the binnings that look at the target; a subclass defines `_cuts`."""

    leaks_: dict[str, str]
    prebins: Bins
    max_bins: int
    monotonic: Any
    min_bin_size: float
    min_events: float
    min_nonevents: float
    max_pvalue: float | None
    rare: float
    # what the fine cells are not asked
    binning = "quantile"
    out_of_range = "open"

    @property
    def bins(self) -> Bins:  # type: ignore[override]
        """The fine cells that `fit` counts over."""
        return self.prebins

    def _celled(self, table: Table, names: list[str], split: Split) -> dict[str, Any]:
        self._check_trends(names)
        fine = self._fine_cells(table, names, split)
        learned = self._chosen(*fit_columns(table, names, fine, self._spec(), split))
        for name, what in learned["leaks_"].items():
            announce((leak_caution(what),), name)
        return learned

    def _fine_cells(self, table: Table, names: list[str], split: Split) -> Bins:
        """Fine cells to count over."""
        return self.prebins

    def _chosen(
        self, encoders: Mapping[str, Encoder], fine: Mapping[str, Counts]
    ) -> dict[str, Any]:
        """Encoders and counts of the bins of all columns, and fine cells with one class."""
        found = {name: self.coarsened(name, e, fine[name]) for name, e in encoders.items()}
        state = {name: coarse.counts(fine[name]) for name, coarse in found.items()}
        frozen = {name: marked(found[name].encoder, state[name]) for name in found}
        return {"encoders_": frozen, "state_": state, "leaks_": leaks_of(encoders, fine)}

    def fit_counts(
        self, counts: Mapping[str, Counts], encoders: Mapping[str, Encoder], classes: Sequence[Any]
    ) -> Self:
        """Choose bins from counts of fine cells alone: a warehouse's, or those of many machines.

        Parameters
        ----------
        counts : mapping of str to Counts
            Non-events and events of each column over fine cells.
        encoders : mapping of str to Encoder
            The fine cells.
        classes : sequence of two
            Values of the target: non-event and event.

        Raises
        ------
        DataError
            Where counts and encoders do not belong together.

        Examples
        --------
        >>> import numpy as np
        >>> from infometric import OptimalBinning, WeightOfEvidence
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(2000, 2)); y = rng.random(2000) < 1 / (1 + np.exp(2 - X[:, 0]))
        >>> fine = WeightOfEvidence(bins=50).fit(X, y)
        >>> binning = OptimalBinning().fit_counts(fine.state_, fine.encoders_, fine.classes_)
        >>> list(binning.encoders_)
        ['x0', 'x1']
        """
        self._check()
        self._check_trends(list(encoders))
        if len(tuple(classes)) != 2:
            raise DataError(
                "A target has two classes.",
                got=list(classes),
                hint="classes=(0, 1), the event last",
            )
        for name, encoder in encoders.items():
            if name not in counts or counts[name].key != encoder.key or counts[name].n_groups != 2:
                raise DataError(
                    f"The counts of column {name!r} are not those of its encoder, by two classes.",
                    got=None if name not in counts else counts[name].key,
                    hint="count with encoder.count, or pass fitted.state_ with fitted.encoders_",
                )
        learned = self._chosen(encoders, counts)
        for name, value in learned.items():
            setattr(self, name, value)
        self.classes_ = tuple(classes)
        self.single_ = False
        self.n_features_in_ = len(encoders)
        self.feature_names_in_ = np.array(list(encoders), dtype=object)
        return self

    def coarsened(self, name: str, encoder: Encoder, fine: Counts) -> Coarse:
        """Bins of one column from its fine cells.

        Parameters
        ----------
        name : str
            Column.
        encoder : Encoder
            The fine cells.
        fine : Counts
            Non-events and events of each.
        """
        records = _effective(fine)
        if isinstance(encoder, CategoryEncoder):
            self._refuse_order(name)
            return self._grouped(encoder, records)
        if isinstance(encoder, IntervalEncoder):
            return self._merged(name, encoder, records)
        raise DataError(
            f"Column {name!r} has cells that cannot be merged.",
            got=type(encoder).__name__,
            hint="prebins=50",
        )

    def _refuse_order(self, name: str) -> None:
        """Error for a trend that was asked of categories."""
        trends = self.monotonic if isinstance(self.monotonic, Mapping) else {}
        if trends.get(name) not in (None, "auto"):
            raise InvalidParameterError(
                f"Column {name!r} holds categories, whose event rates have no order.",
                got=trends[name],
                hint=f"leave {name!r} out of monotonic",
            )

    def _rules(self, table: Array) -> Rules:
        whole = float(table.sum())
        size = self.min_bin_size * whole if self.min_bin_size < 1 else self.min_bin_size
        if 2 * size > whole and self.max_bins > 1:
            raise InvalidParameterError(
                f"No two bins of at least {size:.6g} records fit into {whole:.6g}.",
                got=self.min_bin_size,
                hint="min_bin_size=0.05, a share below one; or a smaller number of records",
            )
        return Rules(self.max_bins, size, self.min_events, self.min_nonevents, self.max_pvalue)

    def _check_trends(self, names: Sequence[str]) -> None:
        """Error for a trend of a column that is not binned: a rule must not vanish in a typo."""
        for name in self.monotonic if isinstance(self.monotonic, Mapping) else ():
            if name not in names:
                raise ColumnError.missing(name, names, where="the columns to bin")
            self._trend(name)

    def _trend(self, name: str) -> Any:
        if not isinstance(self.monotonic, Mapping):
            return self.monotonic
        trend = self.monotonic.get(name, "auto")
        if trend not in TRENDS:
            raise InvalidParameterError(
                f"The trend of column {name!r} must be one of {', '.join(map(repr, TRENDS))}.",
                got=trend,
                hint=f"monotonic={{{name!r}: 'ascending'}}",
            )
        return trend

    def _merged(self, name: str, encoder: IntervalEncoder, table: Array) -> Coarse:
        """Adjacent intervals joined; special and missing cells stay as they are."""
        size = len(encoder.edges) + 1
        goods, bads = table[:, :size]
        totals = (float(table[0].sum()), float(table[1].sum()))
        here = np.flatnonzero(goods + bads > 0)
        if here.size:
            found = self._cuts(name, goods[here], bads[here], totals, self._rules(table))
        else:
            found = Partition((0,), 0.0, None)
        starts = here[list(found.starts[1:])].tolist() if here.size else []
        edges = tuple(encoder.edges[s - 1] for s in starts)
        learned = self._account(found, goods[here], bads[here], totals) | {"prebins": size}
        coarse = IntervalEncoder(edges, encoder.lower, encoder.upper, encoder.special, learned)
        marks = np.zeros(size, dtype=np.int64)
        marks[starts] = 1
        onto = np.cumsum(marks)
        beyond = np.arange(encoder.n_cells - size) + len(edges) + 1
        return Coarse(coarse, np.concatenate([onto, beyond])[:-1])

    def _grouped(self, encoder: CategoryEncoder, table: Array) -> Coarse:
        """Categories ordered by event rate, and adjacent ones joined."""
        known = encoder.n_known
        goods, bads = table[:, :known]
        records = goods + bads
        totals = (float(table[0].sum()), float(table[1].sum()))
        cells = ordered_cells(goods, bads, self.rare, _fine_size(self.prebins))
        g = np.array([goods[c].sum() for c in cells])
        b = np.array([bads[c].sum() for c in cells])
        found = Partition((0,), 0.0, None)
        if len(cells):
            found = optimal_partition(g, b, self._rules(table), None, totals=totals)
        onto = np.full(known, -1, dtype=np.int64)
        for group, part in enumerate(np.split(np.arange(len(cells)), found.starts[1:])):
            for c in part:
                onto[cells[c]] = group
        groups = len(found.starts) if len(cells) else 0
        categories = [c for c in encoder.position if onto[encoder.position[c]] >= 0]
        members = tuple(int(onto[encoder.position[c]]) for c in categories)
        learned = self._account(found, g, b, totals) | {"prebins": int((records > 0).sum())}
        coarse = GroupEncoder(tuple(categories), learned, members)
        # a category without records here is one not seen: it goes with "other"
        return Coarse(coarse, np.append(np.where(onto < 0, groups, onto), groups))

    def _cuts(
        self, name: str, goods: Array, bads: Array, totals: tuple[float, float], rules: Rules
    ) -> Partition:
        """Partition of the occupied cells of a numeric column."""
        raise NotImplementedError

    def _account(
        self, found: Partition, goods: Array, bads: Array, totals: tuple[float, float]
    ) -> dict[str, Any]:
        """How the bins were found, and how near they are to the best of any monotone partition."""
        out: dict[str, Any] = {"binning": type(self).__name__, "trend": found.trend}
        if found.trend in ("ascending", "descending") and found.value > 0:
            bound = monotone_bound(goods, bads, totals)
            out["value"] = found.value
            if np.isfinite(bound):  # a pooled interval with one class has no finite value
                out["share_of_bound"] = found.value / bound
        return out

    # -- what was found -----------------------------------------------------------------------

    def transform(self, X: Any, kind: str = "woe") -> Any:
        """Bin of each value.

        Parameters
        ----------
        X : array-like, frame or path
            Data with the columns of `fit`.
        kind : {"woe", "index", "label", "event_rate"}
            Weight of evidence in nats, number of the bin, its label, or its share of events (NaN
            where `fit` saw no record).

        Returns
        -------
        ndarray of shape (n_rows, n_columns)
            Floats, integers or texts.
        """
        check_is_fitted(self, "state_")
        if kind not in TRANSFORMS:
            raise InvalidParameterError(
                f"kind must be one of {', '.join(map(repr, TRANSFORMS))}.",
                got=kind,
                hint="transform(X, 'woe')",
            )
        return self._mapped(X, {name: self._values(name, kind) for name in self.encoders_})

    def _values(self, name: str, kind: str) -> Array:
        encoder, s = self.encoders_[name], self.state_[name]
        if kind == "woe":
            return log_share_ratio(s.with_half())
        if kind == "index":
            return np.arange(encoder.n_cells)
        if kind == "label":
            return np.array(encoder.labels, dtype=object)
        records = s.table.sum(0)
        return np.divide(s.table[1], records, out=np.full(len(records), np.nan), where=records > 0)

    def table(
        self, name: str, X: Any = None, y: Any = None, *, level: float = 0.95
    ) -> pd.DataFrame:
        """Binning table of one column, of what `fit` saw or of new data.

        Errors and intervals take the bins as given: of the rows that chose them the evidence of the
        outer bins is optimistic, and their intervals do not know it; those of new data are honest.

        Parameters
        ----------
        name : str
            Column.
        X, y : array-like, frame or path, optional
            New data, counted with the bins of `fit`.
        level : float
            Nominal coverage of the interval of each WoE.

        Returns
        -------
        pandas.DataFrame
            One row per occupied bin: count, share, non-events, events, event rate, WoE with
            standard error and interval in nats, contribution to IV.

        Raises
        ------
        ColumnError
            Where `fit` saw no such column.
        """
        import pandas as pd

        check_is_fitted(self, "state_")
        if name not in self.state_:
            raise ColumnError.missing(name, self.state_, where="what fit saw")
        s = self.state_[name] if X is None else self._count(X, y, None)[name]
        se = woe_error(s)[s.occupied]
        rows = cell_table(s)
        frame = pd.DataFrame(
            {
                "bin": [r["cell"] for r in rows],
                "nonevents": [r["count_a"] for r in rows],
                "events": [r["count_b"] for r in rows],
                "woe": [r["log_ratio"] for r in rows],
                "iv": [r["contribution"] for r in rows],
            }
        )
        frame.insert(1, "count", frame["nonevents"] + frame["events"])
        frame.insert(2, "share", frame["count"] / frame["count"].sum())
        frame.insert(5, "event_rate", frame["events"] / frame["count"])
        low, high = normal_interval(frame["woe"].to_numpy(), se, level)
        for at, (column, values) in enumerate({"se": se, "ci_low": low, "ci_high": high}.items()):
            frame.insert(7 + at, column, values)
        return frame

    @property
    def hash_(self) -> str:
        """Fingerprint of the bins of all columns, 16 hexadecimal digits."""
        check_is_fitted(self, "state_")
        text = json.dumps({name: e.key for name, e in sorted(self.encoders_.items())})
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def to_dict(self) -> dict[str, Any]:
        """The frozen bins, JSON-ready, with counts, parameters, version, hash and a checksum."""
        check_is_fitted(self, "state_")
        parameters = {k: _plain_parameter(v) for k, v in self.get_params(deep=False).items()}
        content = {
            "schema_version": SCHEMA_VERSION,
            "kind": "infometric-binning",
            "binning": type(self).__name__,
            "version": __version__,
            "hash": self.hash_,
            "classes": jsonable(list(self.classes_)),
            "leaks": dict(self.leaks_),
            "single": bool(self.single_),
            "parameters": jsonable(parameters),
            "columns": {
                name: {"encoder": jsonable(e.to_dict()), "counts": self.state_[name].to_dict()}
                for name, e in self.encoders_.items()
            },
        }
        return sealed(content)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Inverse of `to_dict`: a fitted binning that transforms alike.

        Raises
        ------
        DataError
            Where these are no bins of this schema version, or their content was changed.
        """
        data = data if isinstance(data, Mapping) else {}
        kind = BINNINGS.get(str(data.get("binning")))
        version = data.get("schema_version")
        if data.get("kind") != "infometric-binning" or version != SCHEMA_VERSION or kind is None:
            raise DataError(
                f"These are no bins of schema version {SCHEMA_VERSION}.",
                got={k: data.get(k) for k in ("kind", "binning", "schema_version")},
                hint=_AGAIN,
            )
        if not issubclass(kind, cls):
            raise DataError(
                f"These bins are of another kind than {cls.__name__}.",
                got=kind.__name__,
                hint=f"{kind.__name__}.from_json(path)",
            )
        data = unsealed(data, _AGAIN)
        given = {k: v for k, v in data["parameters"].items() if k in kind._get_param_names()}
        made: Any = kind
        found: Self = made(**{k: tuple(v) if isinstance(v, list) else v for k, v in given.items()})
        columns = data["columns"]
        found.encoders_ = {n: encoder_from_dict(c["encoder"]) for n, c in columns.items()}
        found.state_ = {n: Counts.from_dict(c["counts"]) for n, c in columns.items()}
        found.classes_ = tuple(data["classes"])
        found.leaks_ = dict(data["leaks"])
        found.single_ = data["single"]
        found.n_features_in_ = len(columns)
        found.feature_names_in_ = np.array(list(columns), dtype=object)
        return found

    def to_json(self, path: str | os.PathLike[str]) -> Path:
        """Write the frozen bins."""
        text = json.dumps(self.to_dict(), allow_nan=False, ensure_ascii=False, indent=1)
        return write_text(path, text)

    @classmethod
    def from_json(cls, path: str | os.PathLike[str]) -> Self:
        """Read frozen bins.

        Raises
        ------
        SourceError
            Where the file is absent or is not JSON.
        DataError
            Where it is JSON, but no binning.
        """
        return cls.from_dict(read_json(path, "binning.to_json('bins.json')"))


class OptimalBinning(SupervisedBinning):
    """Bins with the largest information value that keep order, sizes and numbers: the optimum.

    Dynamic programming over fine cells finds it; nothing is heuristic. Categories are ordered by
    event rate. Missing values and special codes keep bins of their own.

    Parameters
    ----------
    prebins : int, list of float, Encoder or mapping, default 50
        Fine cells: a number of quantiles, inner edges, an encoder, or one of these per column.
    max_bins : int, default 8
        Greatest number of bins, beside those of missing values and special codes.
    monotonic : {"auto", "ascending", "descending", "peak", "valley"}, None or mapping
        Order of the event rates, or one per column; "auto" is the better of ascending and
        descending, None asks for no order. Categories have none.
    min_bin_size : float, default 0.05
        Least number of records of a bin; below one, their share of all.
    min_events, min_nonevents : float, default 1
        Least count of each class in a bin.
    max_pvalue : float, optional
        Greatest p-value of the test of equal event rates between neighbours.
    rare : float, default 20
        Categories with fewer records are taken as one before the target is looked at.
    special : list of float
        Codes with a bin of their own.
    categorical : list of str or bool
        Columns whose numbers are categories; True for all.
    columns : list of str, optional
        Columns to bin; all but the target by default.
    exclude : list of str
        Columns to leave out.
    constant : {"raise", "keep"}
        What becomes of a column with one value.
    empty : {"half", "raise"}
        What becomes of a bin (missing, special) that one class left empty.
    event : optional
        Class of the target that counts as the event. By default the one of two texts that names
        it ("bad", "default", "yes"), else the greater one.
    units : {"nats", "bits", "bans"}
        Units of `estimate`.
    uncertainty : str or Uncertainty
        As in `WeightOfEvidence`.

    Attributes
    ----------
    encoders_ : dict of str to Encoder
        Bins of each column, frozen; ``bins=binning.encoders_`` of any other estimator takes them.
    state_ : dict of str to Counts
        Non-events and events of each bin.
    woe_, se_ : dict of str to ndarray
        Weight of evidence of each bin and its standard error, in nats.
    leaks_ : dict of str to str
        Columns with a large fine cell of one class, where the target may be known.
    hash_ : str
        Fingerprint of all bins.

    Examples
    --------
    >>> import numpy as np
    >>> from infometric import OptimalBinning
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=5000); y = rng.random(5000) < 1 / (1 + np.exp(2 - x))
    >>> binning = OptimalBinning(max_bins=3).fit(x, y)
    >>> binning.table("x")[["count", "event_rate"]].round(2).to_numpy().tolist()
    [[2000.0, 0.05], [2000.0, 0.16], [1000.0, 0.38]]
    """

    _constraints = {k: v for k, v in COMPARED.items() if k in _INHERITED} | _BINNING

    def __init__(
        self,
        *,
        prebins: Bins = 50,
        max_bins: int = 8,
        monotonic: Any = "auto",
        min_bin_size: float = 0.05,
        min_events: float = 1,
        min_nonevents: float = 1,
        max_pvalue: float | None = None,
        rare: float = 20,
        special: Sequence[float] = (),
        categorical: Sequence[str] | bool = (),
        columns: Sequence[str] | None = None,
        exclude: Sequence[str] = (),
        constant: str = "raise",
        empty: EmptyPolicy = "half",
        event: Any = None,
        units: str = "nats",
        uncertainty: Any = "auto",
    ) -> None:
        self.prebins = prebins
        self.max_bins = max_bins
        self.monotonic = monotonic
        self.min_bin_size = min_bin_size
        self.min_events = min_events
        self.min_nonevents = min_nonevents
        self.max_pvalue = max_pvalue
        self.rare = rare
        self.special = special
        self.categorical = categorical
        self.columns = columns
        self.exclude = exclude
        self.constant = constant
        self.empty = empty
        self.event = event
        self.units = units
        self.uncertainty = uncertainty

    def _cuts(
        self, name: str, goods: Array, bads: Array, totals: tuple[float, float], rules: Rules
    ) -> Partition:
        return optimal_partition(goods, bads, rules, self._trend(name), totals=totals)


class StumpBinning(SupervisedBinning):
    """Bins at the cuts of boosted stumps: depth-one trees, one column at a time or all jointly.

    Alone, a column's trees are grown from the counts of its fine cells, with the same cuts as
    boosting of its rows gives and without a further pass over them. Jointly
    (`joint=True`), scikit-learn's `HistGradientBoostingClassifier` with two leaves grows trees over
    all numeric columns together, and the cuts are read from them: columns that say nothing beyond
    the others get few. Cuts that would leave a bin too small, with one class, or out of order are
    dropped, such that the most information stays. Categories are grouped as in `OptimalBinning`.

    Parameters
    ----------
    rounds : int, default 50
        Number of trees (jointly: in all).
    learning_rate : float, default 0.3
        Shrinkage of each tree.
    regularization : float, default 0
        L2 penalty of leaf values.
    joint : bool
        Whether trees are grown over all numeric columns together; needs the rows in memory.
    monotonic : {"auto", "ascending", "descending"}, None or mapping
        Sign that the effect on the event rate must have; "auto" is the better one of a column.
    prebins, max_bins, min_bin_size, min_events, min_nonevents, max_pvalue, rare, special, \
    categorical, columns, exclude, constant, empty, event, units, uncertainty
        As in `OptimalBinning`; `prebins` is 255 by default, as many as scikit-learn has.

    Attributes
    ----------
    encoders_, state_, woe_, se_, hash_
        As in `OptimalBinning`.

    References
    ----------
    Friedman, J. H. (2001). Greedy function approximation: a gradient boosting machine. Ann.
    Statist. 29, 1189-1232. doi:10.1214/aos/1013203451
    Sudjianto, A., Burakov, D. (2025). arXiv:2509.09855

    Examples
    --------
    >>> import numpy as np
    >>> from infometric import StumpBinning
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=5000); y = rng.random(5000) < 1 / (1 + np.exp(2 - x))
    >>> StumpBinning(rounds=5).fit(x, y).encoders_["x"].n_cells  # six intervals, and missing
    7
    """

    _constraints = (
        {k: v for k, v in COMPARED.items() if k in _INHERITED}
        | _BINNING
        | {
            "monotonic": (
                OneOf(("auto", "ascending", "descending", None)),
                Having(Mapping, "a mapping of column to trend"),
            ),
            "rounds": (Span(Integral, 1),),
            "learning_rate": (Span(Real, 0, 10, closed="right"),),
            "regularization": (_COUNT,),
            "joint": (OneOf((True, False)),),
        }
    )

    def __init__(
        self,
        *,
        rounds: int = 50,
        learning_rate: float = 0.3,
        regularization: float = 0.0,
        joint: bool = False,
        prebins: Bins = 255,
        max_bins: int = 20,
        monotonic: Any = "auto",
        min_bin_size: float = 0.01,
        min_events: float = 1,
        min_nonevents: float = 1,
        max_pvalue: float | None = None,
        rare: float = 20,
        special: Sequence[float] = (),
        categorical: Sequence[str] | bool = (),
        columns: Sequence[str] | None = None,
        exclude: Sequence[str] = (),
        constant: str = "raise",
        empty: EmptyPolicy = "half",
        event: Any = None,
        units: str = "nats",
        uncertainty: Any = "auto",
    ) -> None:
        self.rounds = rounds
        self.learning_rate = learning_rate
        self.regularization = regularization
        self.joint = joint
        self.prebins = prebins
        self.max_bins = max_bins
        self.monotonic = monotonic
        self.min_bin_size = min_bin_size
        self.min_events = min_events
        self.min_nonevents = min_nonevents
        self.max_pvalue = max_pvalue
        self.rare = rare
        self.special = special
        self.categorical = categorical
        self.columns = columns
        self.exclude = exclude
        self.constant = constant
        self.empty = empty
        self.event = event
        self.units = units
        self.uncertainty = uncertainty

    def _cuts(
        self, name: str, goods: Array, bads: Array, totals: tuple[float, float], rules: Rules
    ) -> Partition:
        trend = self._trend(name)
        if self.joint:  # every fine cell lies between two cuts of the trees
            return optimal_partition(goods, bads, rules, trend, totals=totals)
        trends = ("ascending", "descending") if trend == "auto" else (trend,)
        found = [self._stumps(goods, bads, totals, rules, one) for one in trends]
        return max(found, key=lambda partition: partition.value)

    def _fine_cells(self, table: Table, names: list[str], split: Split) -> Bins:
        if not self.joint:
            return self.prebins
        if not table.ordered:
            raise UnsupportedError(
                f"Trees over all columns jointly need rows, and those of {table.where} have no "
                "order.",
                hint="StumpBinning(joint=False), which needs counts alone",
            )
        numeric = {n: c for n in names if (c := table.column(n)).numeric}
        if isinstance(self.categorical, bool) or not numeric:
            return self.prebins
        rows = {n: _floats(c, self.special) for n, c in numeric.items()}
        column = table.column(split.target) if isinstance(split.target, str) else split.target
        event = np.zeros(len(column.values), dtype=np.int64)
        event[class_rows(column, split.classes or ())[1]] = 1
        weight = split.checked(table).weight
        weight = table.column(weight).values if isinstance(weight, str) else weight
        cuts = self._joint_cuts(rows, event, weight)
        spec = self._spec()
        fine: dict[str, Any] = {n: IntervalEncoder(cuts[n], special=spec.special) for n in rows}
        return fine

    def _joint_cuts(
        self, rows: Mapping[str, Array], event: Array, weight: Any
    ) -> dict[str, tuple[float, ...]]:
        """Cuts of each column, read from the trees that scikit-learn grows over all of them."""
        from sklearn.ensemble import HistGradientBoostingClassifier

        model = HistGradientBoostingClassifier(
            max_leaf_nodes=2,
            learning_rate=self.learning_rate,
            max_iter=self.rounds,
            l2_regularization=self.regularization,
            monotonic_cst=[self._sign(name, x, event) for name, x in rows.items()],
            early_stopping=False,
        ).fit(np.column_stack(list(rows.values())), event, sample_weight=weight)
        cuts: dict[str, set[float]] = {name: set() for name in rows}
        names = list(rows)
        for nodes in _tree_nodes(model):
            root = nodes[0]
            if not root["is_leaf"] and np.isfinite(root["num_threshold"]):
                # left is x <= threshold: the least number above it is the edge of [edge, ...)
                edge = float(np.nextafter(root["num_threshold"], np.inf))
                cuts[names[root["feature_idx"]]].add(edge)
        return {name: tuple(sorted(found)) for name, found in cuts.items()}

    def _sign(self, name: str, x: Array, event: Array) -> int:
        """Sign of the effect of a column; "auto" is that of its covariance with the event."""
        trend = self._trend(name)
        if trend != "auto":
            return {None: 0, "ascending": 1, "descending": -1}[trend]
        known = np.isfinite(x)
        rank = np.argsort(np.argsort(x[known], kind="stable"), kind="stable")
        return 1 if float(np.dot(rank - rank.mean(), event[known])) >= 0 else -1

    def _stumps(
        self, goods: Array, bads: Array, totals: tuple[float, float], rules: Rules, trend: Any
    ) -> Partition:
        """Cuts of the trees of one sign, less those that break a rule."""
        cuts = stump_cuts(
            goods,
            bads,
            rounds=self.rounds,
            learning_rate=self.learning_rate,
            regularization=self.regularization,
            direction={None: 0, "ascending": 1, "descending": -1}[trend],
            max_cuts=None,
        )
        starts = (0, *cuts)
        g, b = (np.add.reduceat(x, starts) for x in (goods, bads))
        kept = optimal_partition(g, b, rules, trend, totals=totals)
        return kept._replace(starts=tuple(starts[s] for s in kept.starts))


BINNINGS: dict[str, type[SupervisedBinning]] = {
    kind.__name__: kind for kind in (OptimalBinning, StumpBinning)
}


def _floats(column: Column, special: Sequence[float]) -> Array:
    """Numbers of a column with NaN where they are missing or a special code."""
    x = column.values.astype(float)
    if column.missing is not None:
        x[column.missing] = np.nan
    x[np.isin(x, special_codes(special))] = np.nan
    refuse_infinite(column.name, int(np.isinf(x).sum()), x)
    return x


def _tree_nodes(model: Any) -> list[Array]:
    """Nodes of the trees of a fitted boosting, which scikit-learn keeps to itself.

    Raises
    ------
    UnsupportedError
        Where the installed version keeps them elsewhere.
    """
    try:
        nodes = [trees[0].nodes for trees in model._predictors]
        fields = set(nodes[0].dtype.names) if nodes else set()
    except (AttributeError, IndexError, TypeError):
        fields = set()
    if not {"is_leaf", "num_threshold", "feature_idx"} <= fields:
        import sklearn

        raise UnsupportedError(
            "The trees of this version of scikit-learn cannot be read.",
            got=sklearn.__version__,
            hint="StumpBinning(joint=False), which needs no trees of others",
        )
    return nodes


def _effective(s: Counts) -> Array:
    """Table in effective records, so that sizes and tests also serve weights."""
    if s.squares is None:
        return s.table
    return s.table * (s.table.sum() / s.squares.sum())


def _fine_size(prebins: Any) -> int:
    return int(prebins) if isinstance(prebins, Integral) else 50


def ordered_cells(goods: Array, bads: Array, rare: float, size: int) -> list[Array]:
    """Categories with records in order of their event rate, rare ones and, of many, equals joined.

    Each element holds the positions of the categories of one cell.
    """
    records = goods + bads
    scarce = np.flatnonzero((records > 0) & (records < rare))
    cells = [np.array([k]) for k in np.flatnonzero((records > 0) & (records >= rare))]
    cells += [scarce] if scarce.size else []
    rate = [bads[c].sum() / records[c].sum() for c in cells]
    cells = [cells[k] for k in np.argsort(rate, kind="stable")]
    if len(cells) <= size:
        return cells
    below = np.cumsum([records[c].sum() for c in cells])
    part = np.minimum((below - 1e-9) * size // below[-1], size - 1).astype(int)
    return [np.concatenate([cells[k] for k in np.flatnonzero(part == p)]) for p in np.unique(part)]


def _plain_parameter(value: Any) -> Any:
    """A parameter as JSON keeps it; encoders by their content."""
    if isinstance(value, Encoder):
        return value.to_dict()
    if isinstance(value, Mapping):
        return {k: _plain_parameter(v) for k, v in value.items()}
    return list(value) if isinstance(value, tuple | np.ndarray) else value
