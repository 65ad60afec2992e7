"""Error of a score by blocks of the tokens of a text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy.special import stdtrit

from infometric.exceptions import InvalidParameterError
from infometric.typing import RNG, Array
from infometric.uncertainty.base import Inference


@dataclass(frozen=True)
class TokenBlocks:
    """Circular block bootstrap over the tokens of a text, in closed form.

    Its variance for the influence values of a score needs no resampling (see `state.ragged`). The
    interval is Student's with as many degrees of freedom as there are blocks, less one. It says how
    far the score would move if the model had met other tokens of the same kind of text; it says
    nothing of membership.

    Parameters
    ----------
    block : int
        Tokens in a block; texts of fewer than two blocks take halves.
    """

    name: ClassVar[str] = "block_bootstrap"
    needs: ClassVar[frozenset[str]] = frozenset({"blocks"})
    block: int = 8

    def __post_init__(self) -> None:
        if isinstance(self.block, bool) or not isinstance(self.block, int) or self.block < 1:
            raise InvalidParameterError(
                "A block holds one token or more.", got=self.block, hint="TokenBlocks(block=8)"
            )

    def __call__(
        self, functional: Any, state: Any, theta: Array, *, level: float, rng: RNG = None
    ) -> Inference:
        """Standard error and interval of each text."""
        variance, blocks = functional.spread(state, self.block)
        # tokens that are all alike, or all at a cap, tell nothing of how far they could move
        se = np.sqrt(np.where(variance > 0, variance, np.nan))
        with np.errstate(invalid="ignore"):
            reach = stdtrit(np.maximum(blocks - 1, 1), 0.5 + level / 2) * se
            return Inference(self.name, se, theta - reach, theta + reach)
