"""Weights of the meta-estimator: read from the package, checked by hash, never made up.

One npz file holds the network, its calibration and a probe of how samples are read, and a card
beside it, JSON, says what they are and which bytes they have.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Self

import numpy as np

from infometric._version import __version__
from infometric.amortised.probe import probe, refuse, require_same
from infometric.exceptions import DataError, SourceError
from infometric.files import read_json, write_bytes, write_text
from infometric.typing import Array

KIND = "infometric-mist"
SCHEMA_VERSION = 1
ARRAYS, CARD = "mist.npz", "mist.json"
SHIPPED = Path(__file__).parent / "pretrained"
PARTS = ("network", "calibration")
PROBE = "probe"
AGAIN = "pip install --force-reinstall infometric"
WRITTEN = "MIST.train(...).save(folder)"


@dataclass(frozen=True, eq=False)
class Weights:
    """Arrays of a trained network and of its calibration.

    Parameters
    ----------
    network : mapping of str to ndarray
        As `infometric.amortised.fitting.fit` returns them.
    calibration : mapping of str to ndarray
        As `infometric.amortised.calibration` returns them.
    card : mapping
        JSON-ready facts: data, seed, metrics.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.mkdtemp()
    >>> made = Weights({"w0": np.zeros((2, 3))}, {}, {"seed": 0})
    >>> Weights.load(made.save(folder)).network["w0"].shape
    (2, 3)
    """

    network: Mapping[str, Array]
    calibration: Mapping[str, Array] = field(default_factory=dict)
    card: Mapping[str, Any] = field(default_factory=dict)

    def __deepcopy__(self, memo: Any) -> Self:
        """Itself: nothing in it changes."""
        return self

    def content(self) -> bytes:
        """The npz file; the same arrays give the same bytes."""
        target = io.BytesIO()
        arrays = {
            f"{part}/{name}": np.asarray(value)
            for part in PARTS
            for name, value in sorted(getattr(self, part).items())
        } | {PROBE: probe()}
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, value in arrays.items():
                one = io.BytesIO()
                np.lib.format.write_array(one, value, allow_pickle=False)
                entry = zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0))
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, one.getvalue())
        return target.getvalue()

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write arrays and card to a folder, which is made; its parent must exist.

        The card is written last and names the bytes of the arrays, so that a broken pair is seen.

        Raises
        ------
        OutputError
            Where the folder cannot be written.
        """
        from infometric.files import unwritable

        target = Path(folder)
        try:
            target.mkdir(exist_ok=True)
        except OSError as error:
            raise unwritable(target, error) from error
        arrays = self.content()
        card = dict(self.card) | {
            "kind": KIND,
            "schema_version": SCHEMA_VERSION,
            "infometric": __version__,
            "sha256": hashlib.sha256(arrays).hexdigest(),
            "bytes": len(arrays),
        }
        write_bytes(target / ARRAYS, arrays)
        write_text(target / CARD, json.dumps(card, indent=1, allow_nan=False) + "\n")
        return target

    @classmethod
    def load(cls, folder: str | os.PathLike[str], hint: str = WRITTEN) -> Self:
        """Read what `save` wrote.

        Raises
        ------
        SourceError
            Where a file is missing or cannot be read.
        DataError
            Where a file was changed after it was written, or is of another version, which read
            samples in another way.
        """
        target = Path(folder)
        card = read_json(target / CARD, hint)
        seen = card.get("kind"), card.get("schema_version")
        if seen != (KIND, SCHEMA_VERSION):
            raise DataError(
                f"{target / CARD} is no card of weights of schema version {SCHEMA_VERSION}.",
                got=seen,
                hint=hint,
            )
        try:
            content = (target / ARRAYS).read_bytes()
        except OSError as error:
            raise SourceError(
                f"The weights {target / ARRAYS} cannot be read: {error.strerror or error}.",
                hint=hint,
            ) from error
        digest = hashlib.sha256(content).hexdigest()
        if digest != card.get("sha256"):
            raise DataError(
                "The weights do not match their checksum: they were changed after they were "
                "written.",
                got={"stored": str(card.get("sha256"))[:16], "computed": digest[:16]},
                hint=hint,
            )
        parts: dict[str, dict[str, Array]] = {part: {} for part in PARTS}
        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        _check_probe(arrays.pop(PROBE, None), card, hint)
        for name, found in arrays.items():
            part, _, key = name.partition("/")
            half = found.dtype == np.float16  # as they are shipped
            parts[part][key] = found.astype(np.float32) if half else found
        return cls(parts["network"], parts["calibration"], card)


def _check_probe(stored: Array | None, card: Mapping[str, Any], hint: str) -> None:
    """Error where samples are read in another way than in training.

    Weights without a probe are of a time before there was one: of this version only are they
    taken.
    """
    if stored is not None:
        require_same(stored, hint)
    elif card.get("infometric") != __version__:
        refuse({"infometric": card.get("infometric"), "running": __version__}, hint)


@cache
def shipped() -> Weights:
    """Weights that the package holds, read once.

    Raises
    ------
    SourceError, DataError
        Where they are absent or were changed.
    """
    return Weights.load(SHIPPED, AGAIN)


def weights_of(given: Any) -> Weights:
    """Weights of a parameter: None, a folder, or weights."""
    if given is None:
        return shipped()
    return given if isinstance(given, Weights) else Weights.load(given)
