"""infer: the only place where functional, state and uncertainty meet."""

from __future__ import annotations

import sys
import warnings
from dataclasses import replace
from typing import Any

import numpy as np

from infometric import exceptions
from infometric.exceptions import InvalidParameterError, UnsupportedError
from infometric.functional.base import Caution, Increasing
from infometric.functional.spectra import EffectiveNumber, SpectralFunctional
from infometric.result import DIMENSIONLESS, ConfidenceInterval, Result, check_units, jsonable
from infometric.state.sample import Sample
from infometric.state.spectrum import Spectrum
from infometric.typing import RNG, Uncertainty
from infometric.uncertainty import (
    Bootstrap,
    Chi2Null,
    ClopperPearson,
    DeLong,
    Delta,
    FisherZ,
    GoodTuring,
    Inference,
    Jackknife,
    KolmogorovBand,
    Learned,
    NoInterval,
    NoncentralChi2,
    Partitions,
    Permutation,
    Posterior,
    ScoreInterval,
    Simultaneous,
    StudentInterval,
    Subsampling,
    Wilson,
)

STRATEGIES: dict[str, type[Any]] = {
    strategy.name: strategy
    for strategy in (
        Delta,
        NoncentralChi2,
        Chi2Null,
        Jackknife,
        Bootstrap,
        Permutation,
        Posterior,
        GoodTuring,
        Simultaneous,
        ClopperPearson,
        FisherZ,
        DeLong,
        KolmogorovBand,
        ScoreInterval,
        StudentInterval,
        Wilson,
        Subsampling,
        Partitions,
        Learned,
        NoInterval,
    )
}


FEW_CLUSTERS = 20  # the least with which cluster-robust tests were simulated
LEAST_TAIL = 1e-9  # beyond it quantiles lose their digits
_INTERVALS = (NoncentralChi2.name, Delta.name, Jackknife.name, Bootstrap.name)
_LOCAL = (Delta.name, Jackknife.name, Bootstrap.name)  # blind where a value is at an end
_CUT = (*_LOCAL, Subsampling.name, Partitions.name)  # stand around the value, whatever is possible


def infer(
    functional: Any,
    state: Any,
    uncertainty: str | Uncertainty = "auto",
    *,
    level: float = 0.95,
    units: str = "nats",
    rng: RNG = None,
    measure: str | None = None,
    column: str | None = None,
) -> Result:
    """Value of a functional on a state, with its uncertainty.

    Parameters
    ----------
    functional : Functional
        What to estimate.
    state : State
        What is kept of the data.
    uncertainty : str or Uncertainty, default "auto"
        A strategy or its name. "auto" is the noncentral chi-square interval where the functional
        has a null law, the delta method elsewhere.
    level : float
        Nominal coverage, between 0 and 1.
    units : {"nats", "bits", "bans"}
        Units of the result.
    rng : int, Generator or None
        Source of randomness of resampling.
    measure : str, optional
        Name of the result, where the field has one of its own (PSI is a Jeffreys divergence).
    column : str, optional
        Column the state came from, for warnings.

    Returns
    -------
    Result
        Value, standard error, interval, p-value and diagnostics.

    Raises
    ------
    UnsupportedError
        Where theory or measurement does not support the three together.

    Examples
    --------
    >>> from infometric import Counts, infer
    >>> from infometric.functional.divergence import Jeffreys
    >>> r = infer(Jeffreys(), Counts.from_counts([[30, 50, 20], [25, 50, 25]]))
    >>> r.summary()
    'jeffreys_divergence = 0.02027 nats, 95% CI [0, 0.14], p = 0.602, n = 100 + 100'
    """
    check_level(level)
    check_units(units)
    check_groups(functional, state)
    rng = generator_of(rng)
    functional = functional.resolved(state)
    strategy = resolve(uncertainty, functional, state)
    if getattr(state, "shares", False):
        return of_shares(functional, state, strategy, level, units, measure)
    check_supported(functional, state, strategy)
    # infinite values are values here; what cannot be known of them is NaN
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        plain, theta, found = carried(functional, state, strategy, level, rng)
        outside = beyond(functional, state, plain, theta, found)
        own = (*functional.cautions(state), *few_clusters(state))
        cautions = tuple(dict.fromkeys((*own, *found.cautions, *outside)))  # each once
        told = found.diagnostics | reliability(state, found, cautions)
        told |= facts(functional, state, plain, theta)
    texts = announce(cautions, column)
    result = Result(
        measure=measure or functional.name,
        value=float(theta),
        se=float(found.se),
        ci=ConfidenceInterval(float(found.low), float(found.high)),
        level=float(level),
        units="nats" if functional.units == "information" else DIMENSIONLESS,
        n=tuple(np.atleast_1d(np.asarray(state.n)).tolist()),
        method=found.method,
        pvalue=float(found.pvalue),
        replicates=None if found.replicates is None else tuple(found.replicates.tolist()),
        diagnostics=jsonable(told),
        warnings=texts,
    )
    return result.to(units) if functional.units == "information" else result


def of_shares(
    functional: Any, state: Any, strategy: Any, level: float, units: str, measure: str | None
) -> Result:
    """Value of probabilities: exact, with neither interval nor test, for want of a sample size.

    Raises
    ------
    UnsupportedError
        Where a correction for the sample size is asked for.
    """
    bias = getattr(functional, "bias_correction", "plug_in")
    if bias != "plug_in":
        raise UnsupportedError(
            "Probabilities have no sample size, and so no bias to correct.",
            got={"bias": bias if isinstance(bias, str) else bias.name},
            hint="bias='plug_in', or the counts: Counts.from_counts([20, 30, 50])",
        )
    nan = float("nan")
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        theta = functional.corrected(state, np.asarray(functional.value(state)))
    result = Result(
        measure=measure or functional.name,
        value=float(theta),
        se=nan,
        ci=ConfidenceInterval(nan, nan),
        level=float(level),
        units="nats" if functional.units == "information" else DIMENSIONLESS,
        n=tuple(np.atleast_1d(np.asarray(state.n)).tolist()),
        method="exact",
        pvalue=nan,
        replicates=None,
        diagnostics=jsonable({"key": state.key, "cells_occupied": int(state.occupied.sum())}),
        warnings=(),
    )
    return result.to(units) if functional.units == "information" else result


def resolve(uncertainty: str | Uncertainty, functional: Any, state: Any) -> Any:
    """Strategy of a name; "auto" chooses by whether the functional has a null law."""
    if not isinstance(uncertainty, str):
        if not callable(uncertainty) or not hasattr(uncertainty, "needs"):
            raise InvalidParameterError(
                "uncertainty must be a strategy or its name.",
                got=uncertainty,
                hint=f"uncertainty='auto', or one of {sorted(STRATEGIES)}",
            )
        return uncertainty
    if uncertainty == "auto":
        return STRATEGIES[functional.favoured(state)]()
    if uncertainty not in STRATEGIES:
        raise InvalidParameterError(
            f"uncertainty must be 'auto' or one of {', '.join(map(repr, sorted(STRATEGIES)))}.",
            got=uncertainty,
            hint="uncertainty='auto'",
        )
    return STRATEGIES[uncertainty]()


def check_supported(functional: Any, state: Any, strategy: Any) -> None:
    """Refuse, with advice, what does not hold together."""
    lacking = strategy.needs - state.capabilities
    if lacking:
        reasons = getattr(state, "reasons", {})
        reason = reasons.get(min(lacking), getattr(state, "reason", ""))
        raise UnsupportedError(
            f"{strategy.name} needs a state that can {', '.join(sorted(lacking))}; "
            f"{type(state).__name__} cannot{reason}.",
            hint=f"uncertainty={functional.favoured(state)!r} of an estimator, "
            f"method={functional.favoured(state)!r} of a function",
        )
    base = functional
    while isinstance(base, Increasing):
        base = base.inner
    if base.beyond_rows and "leave_out" in strategy.needs:
        raise UnsupportedError(
            f"{strategy.name} sees the error of the rows alone; {type(base).__name__} has more.",
            hint="uncertainty='delta'",
        )
    without = base.null(base.prepare(state)) is None
    if base.signed and isinstance(strategy, Chi2Null):
        without = False
    if without and isinstance(strategy, NoncentralChi2):
        without = base.ceiling(state) is None
    if without and isinstance(strategy, NoncentralChi2 | Chi2Null):
        raise UnsupportedError(
            f"{functional.name} has no null law for {strategy.name}.",
            hint="uncertainty='auto', or test(method='permutation')"
            if functional.scattered
            else "uncertainty='delta'",
        )


def check_groups(functional: Any, state: Any) -> None:
    """Refuse a state with another number of samples than the functional compares."""
    if functional.scattered != isinstance(state, Sample):
        kept, wanted = ("rows", "counts") if isinstance(state, Sample) else ("counts", "rows")
        kind = type(functional).__name__
        raise UnsupportedError(
            f"{functional.name} by {kind} is of {wanted}; this state keeps {kept}.",
            got=type(state).__name__,
            hint="Sample.of(x, y)" if wanted == "rows" else "Counts.from_counts(table)",
        )
    spectral = isinstance(functional, (SpectralFunctional, EffectiveNumber))
    if spectral != isinstance(state, Spectrum):
        raise UnsupportedError(
            f"{functional.name} is of {'a spectrum' if spectral else 'rows without kernels'}.",
            got=type(state).__name__,
            hint="Spectrum.of(x, kernels=[Kernel(sigma=1.0)])" if spectral else "Sample.of(x)",
        )
    if isinstance(state, Sample) and functional.variables not in (0, len(state.dims)):
        raise UnsupportedError(
            f"{functional.name} is of {functional.variables} variable(s).",
            got={"variables": len(state.dims)},
            hint="Sample.of(x, y) of two variables, Sample.of(np.column_stack([x, y])) of a vector",
        )
    groups = getattr(state, "n_groups", None)
    if groups is not None and functional.groups not in (0, groups):
        raise UnsupportedError(
            f"{functional.name} is defined on {functional.groups} group(s) of counts.",
            got={"groups": groups, "shape": state.shape},
            hint="Counts.from_counts([reference, current]) for two samples, "
            "Counts.from_counts(table, joint=True) for one joint table",
        )


def carried(
    functional: Any, state: Any, strategy: Any, level: float, rng: RNG
) -> tuple[Any, Any, Inference]:
    """Value as it falls out, value to report, and inference.

    Those of an increasing function of a measure are the measure's.
    """
    if isinstance(functional, Increasing):
        plain, theta, found = carried(functional.inner, state, strategy, level, rng)
        forward = functional.forward
        return forward(plain), forward(theta), functional.carry(plain, found)
    plain = np.asarray(functional.value(state))
    found = strategy(functional, state, plain, level=level, rng=rng)
    found = within(functional, state, found)
    theta = np.asarray(functional.corrected(state, plain))
    return plain, theta, with_pvalue(found, functional, state, plain)


def nothing_free(functional: Any, state: Any) -> bool:
    """Whether the null law has no degree of freedom: one cell, or one value of a variable."""
    null = functional.null(functional.prepare(state))
    return null is not None and bool(np.all(null.df <= 0))


def within(functional: Any, state: Any, found: Inference) -> Inference:
    """Inference with a normal or basic interval cut to what is possible; none if nothing is."""
    if found.method not in _CUT:
        return found
    least, most = functional.bounds
    with np.errstate(invalid="ignore"):
        apart = (found.high < least - 1e-9) | (found.low > most + 1e-9)
    apart = apart | nothing_free(functional, state) | np.isnan(found.low + found.high)
    low, high = (np.clip(end, least, most) for end in (found.low, found.high))
    return replace(found, low=np.where(apart, np.nan, low), high=np.where(apart, np.nan, high))


def with_pvalue(found: Inference, functional: Any, state: Any, theta: Any) -> Inference:
    """Add the null law's p-value where the strategy gave none and the functional has a null."""
    if (
        found.method == NoInterval.name
        or not np.isnan(found.pvalue).all()
        or (functional.null(functional.prepare(state)) is None and not functional.signed)
    ):
        return found
    test = Chi2Null()(functional, state, theta)
    return replace(
        found,
        method=f"{found.method}+{test.method}",
        pvalue=test.pvalue,
        diagnostics=found.diagnostics | test.diagnostics,
    )


def facts(functional: Any, state: Any, plain: Any, theta: Any) -> dict[str, Any]:
    """Diagnostics every result carries: bias, effective size, occupied cells, encoder."""
    bias = functional.bias(state) if theta == plain else plain - theta
    out: dict[str, Any] = {"key": state.key} | functional.facts(state)
    if theta != plain:
        out["plug_in"] = plain
    if bias is not None:
        out["bias"] = bias
    if hasattr(state, "occupied"):
        out |= {"cells_occupied": int(state.occupied.sum()), "n_eff": state.n_eff} | state.facts
    return out


def few_clusters(state: Any) -> tuple[Caution, ...]:
    """Say where there are too few clusters to learn from them how alike their records are."""
    least = min(getattr(state, "clusters", ()), default=FEW_CLUSTERS)
    if least >= FEW_CLUSTERS:
        return ()
    text = (
        f"{least} clusters in a sample are few: errors and tests were simulated from "
        f"{FEW_CLUSTERS} on"
    )
    return (Caution("ReliabilityWarning", text),)


def beyond(
    functional: Any, state: Any, plain: Any, theta: Any, found: Inference
) -> tuple[Caution, ...]:
    """Say where a value lies outside its own interval.

    A value below it because its bias was taken off is no news: the truth cannot be negative.
    """
    kind = found.method.split("+")[0]
    if functional.scattered:
        return impossible(functional, theta, found)
    if nothing_free(functional, state):
        return ()
    lost = kind in _INTERVALS and np.isnan(found.low) and not np.isfinite(found.se)
    if lost and np.isfinite(theta):
        many = found.replicates is not None and not np.isfinite(found.replicates).all()
        text = (
            f"some values of the {kind} are infinite, and no interval is known; zeros='half' keeps "
            "them finite"
            if many
            else "the standard error is beyond the range of numbers, and no interval is known; a "
            "smaller order has one"
        )
        return (Caution("DegenerateWarning", text),)
    local = kind in _LOCAL and kind != functional.favoured(state)  # "auto" would be no advice
    cut = local and not functional.signed and np.isnan(found.low)
    if cut and np.isfinite(theta) and np.isfinite(found.se):
        text = (
            f"the interval of {kind} lies outside of what is possible, and is not given; "
            "uncertainty='auto' (method='auto' of a function) has one that allows for the bias"
        )
        return (Caution("BiasWarning", text),)
    if local and found.low == found.high:
        text = (
            f"the interval has no width: {kind} sees no variation where the shares are "
            "even or alike; uncertainty='auto' (method='auto' of a function) does"
        )
        return (Caution("DegenerateWarning", text),)
    if not (theta > found.high or plain < found.low):
        return ()
    side = "above" if theta > found.high else "below"
    text = (
        f"the value lies {side} its interval, which allows for a bias that the value still holds; "
        "read the interval"
    )
    return (Caution("BiasWarning", text),)


def impossible(functional: Any, theta: Any, found: Inference) -> tuple[Caution, ...]:
    """Say where all of an interval around a scattered value is outside of what is possible."""
    lost = np.isnan(found.low) and np.isfinite(found.se) and found.diagnostics.get("reliable", True)
    least, most = functional.bounds
    if not lost or least <= theta <= most:
        return ()
    text = (
        f"the value is so far {'below' if theta < least else 'above'} what {functional.name} can "
        "be that its whole interval is impossible, and is not given; chance does this now and then "
        "where the truth is at the end of the range"
    )
    return (Caution("DegenerateWarning", text),)


def reliability(state: Any, found: Inference, cautions: tuple[Caution, ...]) -> dict[str, Any]:
    """Whether a result can be relied on, and if not, why; None where nobody looked.

    Of counts it can where there is nothing to warn of; of a `Sample` where its strategy looked at
    the bias, and nothing speaks against it.
    """
    sampled = isinstance(state, Sample)
    told = [c.text for c in cautions if not sampled or c.category == "ReliabilityWarning"]
    reasons = list(dict.fromkeys((*found.diagnostics.get("reasons", ()), *told)))
    if reasons:
        return {"reliable": False, "reasons": reasons}
    return {"reliable": found.diagnostics.get("reliable") if sampled else True}


def announce(cautions: tuple[Any, ...], column: str | None = None) -> tuple[str, ...]:
    """Issue the warnings of a functional; return their texts."""
    where = "" if column is None else f"{column}: "
    for caution in cautions:
        category = getattr(exceptions, caution.category)
        warnings.warn(where + caution.text, category, stacklevel=_outside())
    return tuple(caution.text for caution in cautions)


def _outside() -> int:
    """Stack level of the first frame outside the library: the user's line."""
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and _inside(frame.f_globals.get("__name__", "")):
        frame, level = frame.f_back, level + 1
    return level


def _inside(module: str) -> bool:
    return module == "infometric" or module.startswith("infometric.")


def generator_of(rng: RNG) -> np.random.Generator:
    """Generator of a seed.

    Raises
    ------
    InvalidParameterError
        Where the seed is none that numpy takes.
    """
    try:
        return np.random.default_rng(rng)
    except (TypeError, ValueError) as error:
        raise InvalidParameterError(
            "rng must be a whole number that is not negative, a numpy Generator or None.",
            got=rng,
            hint="rng=0",
        ) from error


def check_level(level: Any) -> None:
    """Error unless `level` is a probability strictly between 0 and 1."""
    number = isinstance(level, int | float | np.floating | np.integer)
    if number and not isinstance(level, bool) and 0 < level < 1:
        if LEAST_TAIL <= level <= 1 - LEAST_TAIL:
            return
        raise InvalidParameterError(
            f"level must leave at least {LEAST_TAIL:g} on either side.",
            got=level,
            hint="level=0.999",
        )
    share = level / 100 if number and 50 <= level < 100 else 0.95  # 95 is a percentage; 2 is not
    raise InvalidParameterError(
        "level must be a number strictly between 0 and 1.", got=level, hint=f"level={share:g}"
    )
