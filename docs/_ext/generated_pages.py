"""Pages that are made from the code when the documentation is built: the error gallery."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def write_error_gallery(app: Any) -> None:
    """Run every case of the table of bad input and write what it says."""
    sys.path.insert(0, str(ROOT / "tests"))
    from bad_input import gallery_markdown

    page = Path(app.srcdir) / "_data" / "errors.inc"
    text = gallery_markdown()
    if not page.exists() or page.read_text() != text:
        page.write_text(text)


def setup(app: Any) -> dict[str, bool]:
    """Register the step before the sources are read."""
    app.connect("builder-inited", write_error_gallery)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
