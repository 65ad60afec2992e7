"""Every output that the README and the guides show is real."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

import infometric

ROOT = Path(__file__).parents[1]
PAGES = [
    "README.md",
    "docs/start.md",
    "docs/credit.md",
    "docs/fairness.md",
    "docs/entropy.md",
    "docs/dependence.md",
    "docs/continuous.md",
    "docs/binning.md",
    "docs/scorecard.md",
    "docs/monitoring.md",
    "docs/scale.md",
    "docs/spectral_pitfalls.md",
    "docs/representation.md",
    "docs/neural.md",
    "docs/mist.md",
    "docs/mist_evidence.md",
    "docs/membership.md",
]


@pytest.mark.parametrize("page", PAGES)
def test_examples_of_page(page: str) -> None:
    text = re.sub(r"^```.*$", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.MULTILINE)
    test = doctest.DocTestParser().get_doctest(text, {}, page, page, 0)
    assert test.examples, f"{page} has no example to run"
    found: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    runner.run(test, out=found.append)
    assert runner.failures == 0, "".join(found)


def test_every_public_name_has_one_place_in_the_reference() -> None:
    text = (ROOT / "docs/api.rst").read_text(encoding="utf-8")
    named = re.findall(r"^   ([\w.]+)$", text, flags=re.MULTILINE)
    assert len(named) == len(set(named))
    # the functions of these modules stand there
    wanted = set(infometric.__all__) - {"__version__", "datasets", "llm"}
    within = {n if n in infometric.__all__ else f"llm.{n}" for n in infometric.llm.__all__}
    assert wanted | within <= set(named)


def test_added_measure_of_the_guide() -> None:
    """The ten-line measure of the page on adding one gives the numbers the page shows."""
    text = (ROOT / "docs/add_measure.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```\{code-block\} (python|pycon)\n(.*?)```", text, flags=re.DOTALL)
    source = "".join(block for kind, block in blocks if kind == "python")
    namespace: dict[str, object] = {}
    definition, check = source.split("from infometric.testing", 1)
    exec(definition, namespace)
    session = "".join(block for kind, block in blocks if kind == "pycon")
    test = doctest.DocTestParser().get_doctest(session, namespace, "add_measure", None, 0)
    found: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    runner.run(test, out=found.append, clear_globs=False)
    assert runner.failures == 0, "".join(found)
    exec("from infometric.testing" + check, test.globs)
