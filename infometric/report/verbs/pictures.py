"""Pictures that commands write: refused before the work where they could not be drawn."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infometric.exceptions import InvalidParameterError, MissingExtraError, Shown
from infometric.files import check_writable, write_bytes

PICTURES = (".png", ".svg", ".pdf")


def before_drawing(plot: Path | None, outputs: list[Path], taken: list[Path]) -> None:
    """Refuse, before the work, a picture that could not be drawn or would replace a file."""
    if plot is None:
        return
    if plot.suffix.lower() not in PICTURES:
        raise InvalidParameterError(
            f"--plot draws {', '.join(PICTURES)}.", got=plot.name, hint=f"--plot {plot.stem}.png"
        )
    if plot.resolve() in {p.resolve() for p in (*outputs, *taken)}:
        raise InvalidParameterError(
            "The picture needs a file of its own.", got=Shown(plot), hint="--plot picture.png"
        )
    check_writable(plot)
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise MissingExtraError.of("matplotlib", "plot") from error


def drawn_to(drawn: Any, path: Path, options: Mapping[str, str]) -> Path:
    """Write a picture of what can draw itself."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.6), layout="constrained")
    drawn.plot(figure.subplots(), **options)
    content = io.BytesIO()
    figure.savefig(content, format=path.suffix[1:].lower(), dpi=150)
    return write_bytes(path, content.getvalue())
