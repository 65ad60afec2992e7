"""Which estimator of mutual information: decided by types, dimensions and sample size alone.

====================================================  =========================================
variables                                             estimator
====================================================  =========================================
a class (text, or whole numbers that come often) and  `Ross`: neighbours within the class
continuous numbers
numbers, at most four columns in all                  `KSG1` on normal scores
numbers, more columns, or fewer than fifty rows       `GaussianCopula`: neighbours would miss
                                                      most of the information there
two classes, asked for by name                        `KSG1` with unlike classes far apart
====================================================  =========================================

Tails need no rule: normal scores of the ranks do not know of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from infometric.functional.gaussian import GaussianCopula
from infometric.functional.neighbor_information import KSG1, NeighborInformation, Ross
from infometric.functional.sample import SampleFunctional, has_atoms
from infometric.state.sample import Sample
from infometric.typing import Array

MOST_COLUMNS = 4
LEAST_ROWS = 50


@dataclass(frozen=True)
class AutoInformation(NeighborInformation):
    """The estimator that the data ask for; see the table of this module.

    Parameters
    ----------
    n_neighbors, scale, ties, n_jobs
        As in `KSG1`.
    """

    slug: ClassVar[str] = "auto"

    def decided(self, s: Sample) -> SampleFunctional:
        """The estimator chosen."""
        ties = "jitter" if self.ties == "auto" and not has_atoms(s) else self.ties
        options: dict[str, Any] = {
            "n_neighbors": self.n_neighbors, "scale": self.scale, "ties": ties,
            "n_jobs": self.n_jobs,
        }  # fmt: skip
        if sorted(s.kinds) == ["continuous", "discrete"]:
            return Ross(**options)
        crowded = sum(s.dims) > MOST_COLUMNS or int(s.n[0]) < LEAST_ROWS
        if crowded and "discrete" not in s.kinds:
            return GaussianCopula()
        return KSG1(**options)

    def local(self, s: Sample) -> Array:
        """Terms of the rows."""
        return self.decided(s).local(s)
