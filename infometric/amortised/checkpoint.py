"""Checkpoint of a fit: weights, optimiser and randomness in one file, so that a run can go on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infometric.exceptions import MissingExtraError
from infometric.files import write_bytes

try:
    import torch
    from safetensors import SafetensorError, safe_open
    from safetensors.torch import save
except ImportError as error:
    raise MissingExtraError.of("torch and safetensors", "neural") from error


@dataclass(frozen=True)
class Checkpoint:
    """File of safetensors that a fit writes now and then, and goes on from.

    Parameters
    ----------
    path : Path
        The file.
    key : str
        Fingerprint of the fit; a file of another fit is passed over.
    every : int
        Steps from one writing to the next.

    Examples
    --------
    >>> import tempfile
    >>> weights = {"w": torch.ones(2, requires_grad=True)}
    >>> optimiser, rng = torch.optim.AdamW(weights.values()), torch.Generator().manual_seed(3)
    >>> kept = Checkpoint(Path(tempfile.mkdtemp()) / "fit.safetensors", "a key")
    >>> kept.save(7, weights, optimiser, rng)
    >>> kept.load(weights, optimiser, rng), Checkpoint(kept.path, "another").load(weights,
    ...     optimiser, rng)
    (7, 0)
    """

    path: Path
    key: str
    every: int = 300

    def due(self, step: int) -> bool:
        """Whether to write after so many steps."""
        return step % self.every == 0

    def save(
        self,
        step: int,
        weights: Mapping[str, torch.Tensor],
        optimiser: torch.optim.Optimizer,
        rng: torch.Generator,
    ) -> None:
        """Write what is needed to go on after so many steps.

        Raises
        ------
        OutputError
            Where the file cannot be written.
        """
        held = {f"weights/{name}": value for name, value in weights.items()}
        for place, state in optimiser.state_dict()["state"].items():
            held |= {f"optimiser/{place}/{name}": value for name, value in state.items()}
        held["rng"] = rng.get_state()
        tensors = {k: v.detach().cpu().clone().contiguous() for k, v in held.items()}
        about = {"about": json.dumps({"key": self.key, "step": step})}
        write_bytes(self.path, save(tensors, about))

    def load(
        self,
        weights: Mapping[str, torch.Tensor],
        optimiser: torch.optim.Optimizer,
        rng: torch.Generator,
    ) -> int:
        """Put everything back; returns the steps that are done, 0 where there is no such file."""
        try:
            with safe_open(self.path, framework="pt") as file:
                about = json.loads(file.metadata()["about"])
                held = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (OSError, SafetensorError, KeyError, TypeError, ValueError):
            return 0
        if about.get("key") != self.key:
            return 0
        state: dict[int, dict[str, torch.Tensor]] = {}
        for name, value in held.items():
            part, _, rest = name.partition("/")
            if part == "optimiser":
                place, _, what = rest.partition("/")
                state.setdefault(int(place), {})[what] = value
        optimiser.load_state_dict({**optimiser.state_dict(), "state": state})
        with torch.no_grad():
            for name, value in weights.items():
                value.copy_(held[f"weights/{name}"])
        rng.set_state(held["rng"])
        return int(about["step"])

    def forget(self) -> None:
        """Remove the file, once the fit is done."""
        self.path.unlink(missing_ok=True)
