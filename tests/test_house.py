"""The house keeps its shape: imports run one way, without circles, and stay light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "src" / "rowscope"

# Low to high. A module may import its own floor and the floors below it, at any depth of its code; rooms on
# one floor that must not know each other stand in ROOMS.
FLOORS = (
    (
        "inspector.errors",
        "inspector.ranges",
        "inspector.plain",
        "inspector.render.escape",
        "inspector.render.numbers",
        "kernels",
    ),
    ("inspector.header", "inspector.header_json", "inspector.header_rules", "inspector.files"),
    ("inspector.source",),
    ("inspector.layouts", "inspector.matrices"),
    (
        "inspector.checkpoint",
        "inspector.no_matrix",
        "inspector.config",
        "inspector.index",
        "inspector.index_checks",
        "inspector.locate",
        "inspector.weights",
        "inspector.vocabulary",
        "inspector.placeholders",
    ),
    (
        "inspector.census",
        "inspector.capacity",
        "inspector.roles",
        "inspector.structure",
        "inspector.structure_groups",
        "inspector.diagnose",
    ),
    ("inspector.blocks", "inspector.rows", "inspector.statistics"),
    ("inspector.evidence", "inspector.measure", "inspector.facts", "inspector.reachability"),
    (
        "inspector.checks",
        "inspector.summary",
        "inspector.report",
        "inspector.notable",
        "inspector.identity",
        "inspector.rules_of_others",
    ),
    ("inspector.audit", "inspector.compose", "inspector.choose", "inspector.table", "inspector.suspects"),
    (
        "inspector.explain",
        "inspector.selection",
        "inspector.baseline",
        "inspector.settings",
    ),
    ("inspector.claim", "inspector.diff", "inspector.mask", "inspector.model"),
    ("inspector.study",),
    ("inspector.render",),
    ("terminal",),
    ("commands",),
    ("cli",),
    ("__main__",),
)


def modules():
    """Module name below the package -> file."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if name and "__pycache__" not in parts:
            found[name] = path
    # rglob does not follow the links to the rooms in every Python version
    for room in ("inspector", "kernels"):
        for path in (PACKAGE / room).resolve().rglob("*.py"):
            parts = (room, *path.relative_to((PACKAGE / room).resolve()).with_suffix("").parts)
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imports(path):
    """Modules of ours that a file imports, in whatever function; imports for type checkers alone left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    checked_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in checked_only:
            continue
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("rowscope"):
            base = (node.module or "").removeprefix("rowscope").lstrip(".")
            for alias in node.names:
                name = f"{base}.{alias.name}".lstrip(".")
                yield name if name in MODULES else base
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("rowscope."):
                    yield alias.name.removeprefix("rowscope.")


def floor(name):
    """Index of the floor of the longest matching room."""
    rooms = [
        (len(room), at)
        for at, level in enumerate(FLOORS)
        for room in level
        if name == room or name.startswith(room + ".")
    ]
    return max(rooms)[1] if rooms else None


def test_every_module_has_a_floor():
    assert [name for name in MODULES if floor(name) is None and name != "inspector"] == []


@pytest.mark.parametrize("name", sorted(MODULES))
def test_imports_run_downwards(name):
    upwards = [
        used
        for used in imports(MODULES[name])
        if used and floor(used) is not None and floor(name) is not None and floor(used) > floor(name)
    ]
    assert upwards == []


def test_no_circles():
    graph = {
        name: {used for used in imports(path) if used in MODULES} - {name} for name, path in MODULES.items()
    }
    done, path = set(), []

    def visit(name):
        if name in path:
            raise AssertionError(" -> ".join([*path[path.index(name) :], name]))
        if name not in done:
            path.append(name)
            for used in sorted(graph[name]):
                visit(used)
            path.pop()
            done.add(name)

    for name in sorted(graph):
        visit(name)


def test_kernels_import_nothing_of_ours_but_kernels():
    for name, path in MODULES.items():
        if name.startswith("kernels"):
            assert {used.split(".")[0] for used in imports(path)} <= {"kernels"}, name


@pytest.mark.parametrize("room", ["claim", "diff", "mask", "model"])
def test_rooms_that_act_do_not_know_each_other(room):
    others = {"claim", "diff", "mask", "model"} - {room}
    for name, path in MODULES.items():
        if name.startswith(f"inspector.{room}"):
            known = {used.split(".")[1] for used in imports(path) if used.startswith("inspector.")}
            assert not known & others, name


HEAVY = {"numba", "torch", "transformers", "tokenizers", "sentencepiece", "pyarrow", "pandas", "matplotlib"}


@pytest.mark.parametrize(
    ("words", "banned"),
    [
        (["--help"], HEAVY | {"numpy"}),
        (["inspect", "demo"], HEAVY),
        (["rows", "demo", "--ids", "0:5"], HEAVY),
        (["audit", "demo"], HEAVY),
        (["suspects", "demo"], HEAVY),
    ],
)
def test_import_budget(words, banned):
    """Small work starts without numba; nothing but model mode and extras imports the heavy libraries."""
    code = (
        f"import sys; sys.argv = ['rowscope', *{words!r}]\n"
        "from rowscope.cli import main\n"
        "try:\n    main()\nexcept SystemExit as stop:\n    assert not stop.code, stop.code\n"
        f"print('IMPORTED', sorted(set({sorted(banned)!r}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.rstrip().endswith("IMPORTED []"), done.stdout[-300:]
