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
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Self

import numpy as np

from infometric._version import __version__
from infometric.amortised.calibration import KINDS
from infometric.amortised.network import HEADS, LEVELS
from infometric.amortised.packing import unpacked
from infometric.amortised.probe import probe, refuse, require_same
from infometric.exceptions import DataError, InvalidParameterError, SourceError
from infometric.files import read_json, sealed, unsealed, write_bytes, write_text
from infometric.typing import Array

KIND = "infometric-mist"
SCHEMA_VERSION = 1
ARRAYS, CARD = "mist.npz", "mist.json"
SHIPPED = Path(__file__).parent / "pretrained"
PARTS = ("network", "calibration")
PROBE = "probe"
# what numpy and zipfile raise for a file that is no npz, or holds objects
NO_ARRAYS = (
    OSError,
    ValueError,
    EOFError,
    KeyError,
    AttributeError,
    zipfile.BadZipFile,
    zlib.error,
)
AGAIN = "pip install --force-reinstall infometric"
WRITTEN = "MIST.train(...).save(folder)"


@dataclass(frozen=True, eq=False, repr=False)
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

    def __repr__(self) -> str:
        """Its checksum, where it was saved, and its size; the arrays would fill pages."""
        stored, size = self.card.get("sha256"), sum(np.size(v) for _, v in self._arrays())
        said = [f"sha256={str(stored)[:16]!r}"] if stored else []
        return f"Weights({', '.join([*said, f'numbers={size}'])})"

    def __deepcopy__(self, memo: Any) -> Self:
        """Itself: nothing in it changes."""
        return self

    def _arrays(self) -> Iterator[tuple[str, Array]]:
        """Arrays of both parts by their names in the file, in order."""
        for part in PARTS:
            for name, value in sorted(getattr(self, part).items()):
                yield f"{part}/{name}", np.asarray(value)

    @property
    def most(self) -> float:
        """Most information of any task of the training, nats; infinity where the card is silent."""
        return float(self.card.get("data", {}).get("truth", {}).get("most", np.inf))

    def same(self, other: Weights) -> bool:
        """Whether all arrays are equal to those of others, to the last bit."""
        if self is other:
            return True
        mine, theirs = dict(self._arrays()), dict(other._arrays())
        return mine.keys() == theirs.keys() and all(
            np.array_equal(v, theirs[name]) for name, v in mine.items()
        )

    def whole(self) -> Self:
        """Itself, where it is a network that can be run.

        Raises
        ------
        DataError
            Where arrays are missing or have other shapes.
        """
        layers = 0
        while f"w{layers}" in self.network:
            layers += 1
        wanted = ["mean", "scale", *(f"{k}{i}" for i in range(max(layers, 1)) for k in "wb")]
        if lacking := [name for name in wanted if name not in self.network]:
            raise DataError("The weights lack arrays of their network.", got=lacking, hint=WRITTEN)
        found = {name: np.shape(value) for name, value in self.network.items()}
        members, width = (*found["w0"], 0, 0)[:2]
        sizes = [width, *((0, *found[f"w{i}"])[-1] for i in range(layers))]
        shapes: dict[str, tuple[int, ...]] = {"scale": (width,)}
        if found["mean"] == probe().shape:  # else of another portrait, which `Reader` says
            shapes["mean"] = (width,)
        for i in range(layers):
            shapes[f"w{i}"] = (members, sizes[i], sizes[i + 1])
            shapes[f"b{i}"] = (members, 1, sizes[i + 1])
        odd = {k: found[k] for k, v in shapes.items() if found[k] != v}
        if odd or sizes[-1] != HEADS:
            raise DataError(
                "The arrays of the network do not fit together.",
                got=odd or {"outputs": sizes[-1]},
                hint=WRITTEN,
            )
        rows = np.shape(self.calibration.get("margins", np.zeros(len(LEVELS))))
        if rows not in ((len(LEVELS),), (KINDS, len(LEVELS))):
            raise DataError(
                "The margins of the calibration are neither of all samples nor of each kind.",
                got={"shape": rows, "wanted": (KINDS, len(LEVELS))},
                hint=WRITTEN,
            )
        return self

    def content(self) -> bytes:
        """The npz file; the same arrays give the same bytes."""
        target = io.BytesIO()
        arrays = dict(self._arrays()) | {PROBE: probe()}
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

        The card is written last, names the bytes of the arrays, so that a broken pair is seen, and
        has a checksum of its own facts.

        Raises
        ------
        OutputError
            Where the folder cannot be written.
        """
        from infometric.files import unwritable

        target = Path(folder).expanduser()
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
        write_text(target / CARD, card_text(card))
        return target

    @classmethod
    def load(cls, folder: str | os.PathLike[str], hint: str = WRITTEN) -> Self:
        """Read what `save` wrote.

        Raises
        ------
        SourceError
            Where the folder or a file is missing or cannot be read.
        DataError
            Where a file was changed after it was written, holds something else, or is of another
            version, which read samples in another way.
        """
        target = _folder(folder, hint)
        card = read_json(target / CARD, hint)
        seen = card.get("kind"), card.get("schema_version")
        if seen != (KIND, SCHEMA_VERSION):
            raise DataError(
                f"{target / CARD} is no card of weights of schema version {SCHEMA_VERSION}.",
                got=seen,
                hint=hint,
            )
        card = unsealed(card, hint)
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
        arrays = _unpacked(content, target / ARRAYS, hint)
        _check_probe(arrays.pop(PROBE, None), card, hint)
        parts: dict[str, dict[str, Array]] = {part: {} for part in PARTS}
        for name, found in arrays.items():
            part, _, key = name.partition("/")
            parts[part][key] = found
        return cls(unpacked(parts["network"]), parts["calibration"], card)


def card_text(card: Mapping[str, Any]) -> str:
    """JSON of a card, with a checksum of its facts.

    Examples
    --------
    >>> unsealed(json.loads(card_text({"rows": (10, 20)})), "save it again")
    {'rows': [10, 20]}
    """
    plain = json.loads(json.dumps(card, allow_nan=False))  # tuples as they will be read
    return json.dumps(sealed(plain), indent=1) + "\n"


def _folder(given: str | os.PathLike[str], hint: str) -> Path:
    """Folder of weights, as it was given.

    Raises
    ------
    SourceError
        Where there is none.
    """
    if not isinstance(given, str | os.PathLike):
        raise InvalidParameterError(
            "Weights are a folder that save wrote.", got=given, hint="MIST.load('folder')"
        )
    target = Path(given).expanduser()
    if target.is_file():
        raise SourceError(
            f"{target} is a file; weights are the folder that holds {ARRAYS} and {CARD}.",
            hint=f"weights={str(target.parent)!r}",
        )
    if not target.exists():
        raise SourceError(f"There is no such folder: {target}.", hint=hint)
    return target


def _unpacked(content: bytes, path: Path, hint: str) -> dict[str, Array]:
    """Arrays of an npz file by name.

    Raises
    ------
    DataError
        Where it is none, or its arrays are no finite numbers of weights.
    """
    try:
        stored = np.load(io.BytesIO(content), allow_pickle=False)
        arrays = {name: stored[name] for name in stored.files}
    except NO_ARRAYS as error:
        raise DataError(f"{path} holds no arrays of weights.", hint=hint) from error
    strange = [k for k in arrays if k != PROBE and k.partition("/")[0] not in PARTS]
    if strange or not arrays:
        raise DataError(f"{path} holds arrays of something else.", got=strange, hint=hint)
    for name, values in arrays.items():
        if values.dtype.kind not in "iuf":
            raise DataError(
                f"The array {name!r} of {path} holds no numbers.", got=values.dtype, hint=hint
            )
        if name != PROBE and not np.isfinite(values).all():
            raise DataError(
                f"The array {name!r} of {path} holds NaN or infinity.",
                got={"values": int((~np.isfinite(values)).sum())},
                hint=hint,
            )
    return arrays


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
    """Weights of a parameter: None, a folder, or weights; those that a network can be run with."""
    if given is None:
        return shipped()
    return (given if isinstance(given, Weights) else Weights.load(given)).whole()
