"""Families of joint distributions whose mutual information is known, drawn as batches of tasks.

``FAMILIES`` holds all of them by name. A family is a small class: `Pairs` asks for pairs of columns
with known information only.

>>> import torch
>>> family = FAMILIES["gaussian_wishart"]
>>> drawn = family.draw(4, 100, 3, 2, torch.Generator().manual_seed(0))
>>> drawn.x.shape, drawn.y.shape, drawn.mi.shape
(torch.Size([4, 100, 3]), torch.Size([4, 100, 2]), torch.Size([4]))
"""

from __future__ import annotations

from infometric.amortised.families.base import Draw, Family, Pairs
from infometric.amortised.families.clusters import Clusters, Mixture
from infometric.amortised.families.copulas import (
    Clayton,
    Frank,
    GridCopula,
    GridRotated,
    Gumbel,
    Joe,
    JoeFrank,
)
from infometric.amortised.families.counted import Absent, BinaryVectors, Counts, Hurdle
from infometric.amortised.families.discrete import (
    DiscreteTable,
    Label,
    LatentClasses,
    OverlappingIntervals,
    Rounded,
    Spiked,
    ZeroInflated,
)
from infometric.amortised.families.elliptical import (
    BoundedElliptical,
    GradedPairs,
    GradedScale,
    ScaleMixture,
    ScalePairs,
    Shell,
    Student,
    StudentPairs,
)
from infometric.amortised.families.gaussian import (
    GaussianAutoregressive,
    GaussianEquicorrelated,
    GaussianFactor,
    GaussianIndicators,
    GaussianPrincipal,
    GaussianRotated,
    GaussianSparse,
    GaussianWishart,
)
from infometric.amortised.families.interactions import (
    Bearing,
    BoundedInteraction,
    Checkerboard,
    Interaction,
    PlaneSwell,
    PlaneWave,
    PlaneZigzag,
    VectorVolatility,
    Winding,
)
from infometric.amortised.families.joint import (
    GammaExponential,
    Independent,
    ModularSum,
    Overcomplete,
    Parity,
    Redundant,
    SharedFrailty,
    Sparse,
    Stacked,
)
from infometric.amortised.families.maps import (
    BentCopula,
    CopulaFlow,
    Embedding,
    GaussianFlow,
    NoisyFlow,
    ScaleFlow,
    ShearedCopula,
    Spiral,
    StretchedWaves,
    Surface,
    Swirl,
    SwirledWaves,
    Twisted,
    WarpedCopula,
    WaveFlow,
)
from infometric.amortised.families.noisy import AdditiveNoise, Curve, Product, Ring, Volatility
from infometric.amortised.families.sums import (
    BoundedNoise,
    Circular,
    LeaningWave,
    Oscillation,
    SkewedNoise,
    SmoothNoise,
    Torus,
)

_PARTS: tuple[Family, ...] = (
    *(GaussianWishart(), GaussianRotated(), GaussianSparse(), GaussianEquicorrelated()),
    *(GaussianIndicators(), GaussianFactor(), GaussianAutoregressive(), GaussianPrincipal()),
    *(Student(), StudentPairs(), ScaleMixture(), ScalePairs(), GradedScale()),
    *(GradedPairs(), BoundedElliptical(), Shell()),
    *(GridCopula(), GridRotated()),
    *(Clayton(), Gumbel(), Frank(), Joe(), JoeFrank(), SharedFrailty()),
    *(
        AdditiveNoise(),
        BoundedNoise(),
        SkewedNoise(),
        SmoothNoise(),
        Volatility(),
        VectorVolatility(),
    ),
    *(Curve(), Ring(), GammaExponential(), Oscillation(), LeaningWave()),
    *(Spiral(), Swirl(), Twisted(), GaussianFlow(), Embedding(), Surface()),
    *(Mixture(), Clusters()),
    *(DiscreteTable(), LatentClasses(), BinaryVectors(), Label(), OverlappingIntervals()),
    *(ZeroInflated(), Hurdle(), Rounded(), Counts()),
    *(Parity(), Checkerboard(), ModularSum(), Circular(), Torus(), Product(), Interaction()),
    *(PlaneWave(), PlaneZigzag(), PlaneSwell(), Winding(), Bearing(), BoundedInteraction()),
)


_FLOWN = ("student", "student_pairs", "clayton", "frank", "grid_rotated")  # behind flows
_NOISY = ("additive_noise", "skewed_noise", "curve", "circular", "grid_copula", "gumbel", "joe")
_SCALES = ("scale_mixture", "scale_pairs", "graded_scale", "graded_pairs")
_WAVES = ("oscillation", "ring", "bounded_noise", "smooth_noise", "volatility")
_HIDDEN = ("curve", "circular")  # as well as waves
_BEHIND_SPIKES = ("additive_noise", "skewed_noise", "curve", "clayton", "student_pairs")


def without(group: str | None = None) -> dict[str, Family]:
    """All families but those of a group, which leave the combined families too.

    Examples
    --------
    >>> "student" in without("elliptical"), "stacked" in without("elliptical")
    (False, True)
    """
    parts = tuple(family for family in _PARTS if family.group != group)
    uncommon, noisy, scales, waves = (
        tuple(family for family in parts if family.name in chosen)
        for chosen in (_FLOWN, _NOISY, _SCALES, _WAVES)
    )
    behind = (*uncommon, *noisy, *scales, *waves)
    hidden = (*waves, *(family for family in noisy if family.name in _HIDDEN))
    flows = (
        *(CopulaFlow(uncommon), NoisyFlow(noisy), ScaleFlow(scales), WaveFlow(waves)),
        *(StretchedWaves(hidden), SwirledWaves(hidden)),
        *(BentCopula(behind), WarpedCopula(behind), ShearedCopula(behind)),
    )
    absent = Absent(tuple(family for family in parts if family.group != "discrete"))
    spiked = Spiked(tuple(f for f in parts if isinstance(f, Pairs) and f.name in _BEHIND_SPIKES))
    # a task names two parts at most: no two families side by side that have a part of their own
    side_by_side = (Stacked(parts), Independent(parts))
    inner = parts if spiked.group == group else (*parts, spiked)
    widened = (Redundant(inner), Overcomplete(inner), Sparse(inner))
    combined = (*flows, spiked, absent, *side_by_side, *widened)
    return {f.name: f for f in (*parts, *combined) if f.group != group}


FAMILIES: dict[str, Family] = without()

__all__ = ["FAMILIES", "Draw", "Family", "Pairs", "without"]
