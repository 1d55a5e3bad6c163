"""The house keeps its shape: rooms entered by their doors, imports one way, without circles, and light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "src" / "rowscope"
ROOTS = {room: (PACKAGE / room).resolve() for room in ("inspector", "kernels")}

# Low to high. A room may enter its own floor and the floors below it, without circles.
FLOORS = (
    (
        "inspector",
        "inspector.errors",
        "inspector.arrays",
        "inspector.documents",
        "inspector.frames",
        "inspector.frozen",
        "inspector.ranges",
        "inspector.plain",
        "inspector.text",
        "kernels",
    ),
    ("inspector.storage",),
    ("inspector.header",),
    ("inspector.matrices",),
    ("inspector.checkpoint", "inspector.vocabulary"),
    ("inspector.bounds", "inspector.census", "inspector.rows"),
    ("inspector.evidence",),
    ("inspector.checks",),
    ("inspector.audit", "inspector.listing"),
    ("inspector.gate",),
    ("inspector.claim", "inspector.diff", "inspector.fleet", "inspector.mask", "inspector.model"),
    ("inspector.study",),
    ("inspector.render",),
    ("signals", "streams"),
    ("terminal", "progress"),
    ("commands",),
    ("cli",),
    ("__main__",),
)
LOOSE = {
    "inspector",
    *(
        f"inspector.{name}"
        for name in ("arrays", "documents", "errors", "frames", "frozen", "plain", "ranges")
    ),
}
ACTING = ("claim", "diff", "fleet", "mask", "model")


def modules():
    """Module name below the package -> file; rglob does not follow the links to the rooms."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        if not {"inspector", "kernels", "cli.py"} & set(path.relative_to(PACKAGE).parts):
            found[_name(path.relative_to(PACKAGE))] = path
    for room, root in ROOTS.items():
        found.update({_name(Path(room, path.relative_to(root))): path for path in root.rglob("*.py")})
    found["cli"] = PACKAGE / "cli.py"
    return {name: path for name, path in found.items() if name}


def _name(path):
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = modules()
DOORS = {name for name, path in MODULES.items() if path.name == "__init__.py"}


def room(name):
    """The room that a module stands in: `inspector.rows` for `inspector.rows.scan`."""
    return ".".join(name.split(".")[: 2 if name.startswith("inspector.") else 1])


def used(name, *, checked_only=True):
    """(module, name) pairs that a file imports of ours, in whatever function; without those for type
    checkers alone where `checked_only` is false."""
    tree = ast.parse(MODULES[name].read_text(encoding="utf-8"))
    hidden = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if not checked_only and id(node) in hidden:
            continue
        if isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith("rowscope."):
            base = (node.module or "").removeprefix("rowscope").lstrip(".")
            for alias in node.names:
                full = f"{base}.{alias.name}".lstrip(".")
                # A name that a door offers and a module below it share: the door's one is meant.
                if full in MODULES and not (base in DOORS and alias.name in door_names(base)):
                    yield full, None
                else:
                    yield base, alias.name
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("rowscope."):
                    yield alias.name.removeprefix("rowscope."), None


def door_names(door):
    """`__all__` of a door."""
    for node in ast.parse(MODULES[door].read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and [
            target.id for target in node.targets if isinstance(target, ast.Name)
        ] == ["__all__"]:
            return set(ast.literal_eval(node.value))
    return set()


def floor(name):
    """Index of the floor of a module's room."""
    return next((at for at, level in enumerate(FLOORS) if room(name) in level), None)


def test_every_module_has_a_floor():
    assert [name for name in MODULES if floor(name) is None] == []


def test_only_the_ground_is_loose():
    assert {_name(Path("inspector", path.name)) for path in ROOTS["inspector"].glob("*.py")} == LOOSE


def test_no_file_is_long():
    assert {n: c for n, p in MODULES.items() if (c := len(p.read_text().splitlines())) > 300} == {}


@pytest.mark.parametrize("name", sorted(MODULES))
def test_imports_run_downwards(name):
    assert [
        module for module, _ in used(name, checked_only=False) if module and floor(module) > floor(name)
    ] == []


@pytest.mark.parametrize("name", sorted(MODULES))
def test_rooms_are_entered_by_their_doors(name):
    """Inside a room freely, another room by its door (each command has one in `render`)."""
    windows = []
    for module, wanted in used(name):
        if not module.startswith("inspector.") or module in LOOSE or room(module) == room(name):
            continue
        is_door = module == room(module) or (room(module) == "inspector.render" and module in DOORS)
        if not is_door or (wanted is not None and wanted not in door_names(module)):
            windows.append((module, wanted))
    assert windows == []


@pytest.mark.parametrize(
    "door", sorted(name for name in DOORS if name.count(".") == 1 and name.startswith("inspector."))
)
def test_every_door_says_what_its_room_knows(door):
    tree = ast.parse(MODULES[door].read_text(encoding="utf-8"))
    said = ast.get_docstring(tree) or ""
    assert "nows" in said
    assert "ust not" in said or "nothing of ours" in said
    assert door_names(door)


# Where a PATH becomes a place, and the way out for rooms that write.
PATHS = {
    "inspector.checkpoint.location",
    "inspector.checkpoint.opening",
    "inspector.checkpoint.checkpoint",
    "inspector.checkpoint.downloads",
    "inspector.header.tensors",
}


def test_what_reads_a_checkpoint_takes_the_storage_interface_and_no_path():
    reads = [at for level in FLOORS[2:9] for at in level]
    found = {
        name
        for name, path in MODULES.items()
        if room(name) in reads and {"pathlib", "mmap"} & _foreign(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert found == PATHS


def _foreign(tree):
    """Top-level names of all modules that a file imports."""
    plain = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    return plain | {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}


@pytest.mark.parametrize("door", sorted(name for name in DOORS if "lazily(" in MODULES[name].read_text()))
def test_a_lazy_door_offers_no_name_that_a_module_below_it_has(door):
    """Once such a module is imported it stands in the way of the name."""
    assert {name for name in door_names(door) if f"{door}.{name}" in MODULES} == set()


def test_no_circles_between_modules():
    _no_circles(
        {name: {at for at, _ in used(name, checked_only=False) if at in MODULES} - {name} for name in MODULES}
    )


def test_no_circles_between_rooms():
    graph = {}
    for name in MODULES:
        known = {room(at) for at, _ in used(name) if at in MODULES} - {room(name)}
        graph.setdefault(room(name), set()).update(known - LOOSE)
    _no_circles(graph)


def _no_circles(graph):
    done, path = set(), []

    def visit(name):
        if name in path:
            raise AssertionError(" -> ".join([*path[path.index(name) :], name]))
        if name not in done:
            path.append(name)
            for at in sorted(graph.get(name, ())):
                visit(at)
            path.pop()
            done.add(name)

    for name in sorted(graph):
        visit(name)


def test_kernels_import_nothing_of_ours_but_kernels():
    assert not (ROOTS["kernels"] / "__init__.py").exists()
    for name in MODULES:
        if name.startswith("kernels"):
            assert {module.split(".")[0] for module, _ in used(name)} <= {"kernels"}, name


@pytest.mark.parametrize("acting", ACTING)
def test_rooms_that_act_do_not_know_each_other(acting):
    others = {f"inspector.{other}" for other in ACTING if other != acting}
    for name in MODULES:
        if room(name) == f"inspector.{acting}":
            assert not {room(module) for module, _ in used(name)} & others, name


HEAVY = {"numba", "torch", "transformers", "tokenizers", "sentencepiece", "pyarrow", "pandas", "matplotlib"}

# What a plain table and whole files need nothing of: each costs as much as a small audit's reading.
RARE = {"rowscope.inspector.matrices.packed.model", "rowscope.inspector.checkpoint.adapter"}
if (
    "['numpy.ma']"
    not in subprocess.run(
        [sys.executable, "-c", "import sys, numpy; print([m for m in sys.modules if m == 'numpy.ma'])"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
):  # older releases of numpy import it by themselves
    RARE |= {"numpy.ma"}


@pytest.mark.parametrize(
    ("words", "banned"),
    [
        (["--help"], HEAVY | {"numpy"}),
        (["inspect", "demo"], HEAVY | {"numpy"}),
        (["rows", "demo", "--ids", "0:5"], HEAVY | RARE),
        (["audit", "demo"], HEAVY | RARE),
        (["suspects", "demo"], HEAVY | RARE),
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


# Each module takes 0.2 ms and more to import, a class of results as much again. A command that passes its
# bound takes in what it could leave to those who need it: by a lazy door, or where it is met.
@pytest.mark.parametrize(
    ("words", "most"),
    [
        (["--help"], 40),
        (["inspect", "demo"], 75),
        (["rows", "demo"], 180),
        (["audit", "demo"], 225),
    ],
)
def test_a_command_imports_what_it_needs(words, most):
    code = (
        f"import sys; sys.argv = ['rowscope', *{words!r}]\n"
        "from rowscope.cli import main\n"
        "try:\n    main()\nexcept SystemExit as stop:\n    assert not stop.code, stop.code\n"
        "print('IMPORTED', *sorted(name for name in sys.modules if name.startswith('rowscope')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    imported = done.stdout.splitlines()[-1].split()[1:]
    assert 0 < len(imported) <= most, imported
    rooms = {room(name.removeprefix("rowscope.")) for name in imported}
    acting = {f"inspector.{acting}" for acting in ACTING}
    above = {at for level in FLOORS[5:12] for at in level} if words[0] == "inspect" else acting
    assert not rooms & (above | {"inspector.study"}), rooms
