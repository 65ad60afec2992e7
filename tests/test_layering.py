"""Who knows whom: read from the imports, and held at import time."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import infometric

ROOT = Path(infometric.__file__).parent
# a module may import modules of its own layer and of those before it
LAYERS = [
    ("exceptions", "typing", "_version", "files"),
    ("state", "functional"),
    ("uncertainty",),
    (
        *("result", "pairwise", "timeline", "comparison", "pareto", "history", "curves"),
        *("detection", "extrapolation", "inference", "oracles"),
    ),
    ("validation", "hooks"),
    ("sources",),
    ("base",),
    ("testing",),
    ("estimators", "credit", "neural", "amortised", "datasets", "llm"),
    ("functions", "probe"),
    ("report", "__main__"),
]
RANK = {name: i for i, names in enumerate(LAYERS) for name in names}
MATHEMATICS = {"numpy", "scipy.special", "scipy.spatial", "scipy.linalg"}
# a result draws itself by asking the report for the picture, progress for the bar; nothing else
# looks upward
_DRAWN = (
    *("result", "pairwise", "timeline", "comparison", "pareto", "history", "curves", "sources"),
    *("extrapolation", "detection"),
)
UPWARD = {(part, "report") for part in _DRAWN}


def modules() -> list[Path]:
    return sorted(p for p in ROOT.rglob("*.py") if p.name != "__init__.py" or p.parent != ROOT)


def part(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {node.module or ""} | {
                f"{node.module}.{a.name}" for a in node.names if node.module == "infometric"
            }
    return found


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_modules_look_downward_only(path):
    mine = part(path)
    for name in imports(path):
        if not name.startswith("infometric."):
            continue
        theirs = name.split(".")[1]
        allowed = RANK[theirs] <= RANK[mine] or (mine, theirs) in UPWARD
        assert allowed, f"{path.relative_to(ROOT)} imports {name}"


@pytest.mark.parametrize("layer", ["state", "functional"])
def test_mathematics_imports_numpy_and_special_functions_only(layer):
    standard = sys.stdlib_module_names
    for path in (ROOT / layer).rglob("*.py"):
        for name in imports(path):
            top = name.split(".")[0]
            fine = top in standard or top == "infometric" or name in MATHEMATICS
            compiled = path.name.endswith("_numba.py")  # imported on use
            fine |= compiled and top in ("numba", "llvmlite")
            assert fine, f"{path.name} imports {name}"


def test_the_report_sees_results_only():
    for path in (ROOT / "report").rglob("*.py"):
        seen = {n.split(".")[1] for n in imports(path) if n.startswith("infometric.")}
        if path.name in ("commands.py", "cli.py", "demo.py") or path.parent.name == "verbs":
            continue  # doors: they call the facade
        allowed = {"report", "result", "pairwise", "timeline", "comparison", "pareto"}
        allowed |= {"exceptions", "_version", "state", "history"}
        allowed |= {"files", "curves", "extrapolation", "detection"}
        assert seen <= allowed, (path.name, seen)


def loaded_by(code: str) -> set[str]:
    script = f"{code}\nimport sys; print(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_importing_loads_no_heavy_library():
    heavy = {"scipy.stats", "sklearn", "pandas", "torch", "matplotlib", "duckdb", "statsmodels"}
    heavy |= {"pyarrow", "polars", "typer", "rich", "narwhals", "numba"}
    assert not heavy & loaded_by("import infometric")


def test_every_public_name_resolves():
    for name in infometric.__all__:
        assert getattr(infometric, name) is not None
    assert set(dir(infometric)) == set(infometric.__all__)
    with pytest.raises(AttributeError, match="no attribute 'psy'"):
        infometric.psy


def test_no_print_no_bare_assert_no_plain_exception():
    for path in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            where = f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
            assert not isinstance(node, ast.Assert), where
            called = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            assert not (called and node.func.id in ("print", "input", "Exception")), where
