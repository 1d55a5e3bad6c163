"""What is installed, and that it leaves everybody else's names alone."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from rowscope.inspector.checks.registry import RULES

ROOT = Path(__file__).resolve().parents[2]

pytest.importorskip("hatchling", reason="hatchling builds the wheel")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built without a network."""
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (path,) = out.glob("*.whl")
    return path


def tracked_modules():
    """Every Python file of the rooms, as it should stand inside the package."""
    rooms = [*(ROOT / "inspector").rglob("*.py"), *(ROOT / "kernels").rglob("*.py"), ROOT / "cli.py"]
    inside = {f"rowscope/{path.relative_to(ROOT).as_posix()}" for path in rooms}
    package = ROOT / "src" / "rowscope"
    own = [*package.glob("*.py"), *(package / "commands").glob("*.py")]
    return inside | {
        f"rowscope/{path.relative_to(package).as_posix()}" for path in own if path.name != "cli.py"
    }


def test_the_wheel_holds_the_package_and_nothing_else(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    modules = {name for name in names if name.endswith(".py")}
    assert modules == tracked_modules()
    assert {"rowscope/py.typed", "rowscope/demo/model.safetensors", "rowscope/demo/tokenizer.json"} <= names
    assert {f"rowscope/findings/{code}.md" for code in RULES} <= names
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"rowscope"}


def test_a_checkout_without_links_gives_the_same_wheel(wheel, tmp_path):
    """Git writes links as text files where the system has none."""
    tree = tmp_path / "tree"
    for name in (
        "inspector",
        "kernels",
        "docs/findings",
        "examples/tiny_qwen2/model",
        "src/rowscope/commands",
    ):
        shutil.copytree(ROOT / name, tree / name)
    for path in [*(ROOT / "src" / "rowscope").iterdir(), *ROOT.iterdir()]:
        target = tree / path.relative_to(ROOT)
        if path.is_symlink():
            target.write_text(os.readlink(path))
        elif path.is_file():
            shutil.copyfile(path, target)
    words = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "out")]
    subprocess.run(words, cwd=tree, check=True, capture_output=True)
    (made,) = (tmp_path / "out").glob("*.whl")
    assert set(zipfile.ZipFile(made).namelist()) == set(zipfile.ZipFile(wheel).namelist())


def test_no_kernels_init_that_could_shadow_another_distribution():
    assert not (ROOT / "kernels" / "__init__.py").exists()


def test_the_wheel_runs_on_its_own(wheel, tmp_path):
    """Unpacked somewhere else, without the repository on the path, the demo audits."""
    zipfile.ZipFile(wheel).extractall(tmp_path)
    code = "import rowscope, sys; print(rowscope.__file__); sys.exit(rowscope.audit('demo').exit_code())"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(tmp_path))


def test_transformers_imports_from_the_repository_root():
    """Our kernels folder must not answer for Hugging Face's distribution of that name."""
    pytest.importorskip("transformers", reason="extra model")
    code = (
        "from transformers import AutoModelForCausalLM, AutoTokenizer;"
        "from transformers.utils.import_utils import is_kernels_available;"
        "print(AutoModelForCausalLM.__name__, is_kernels_available())"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.startswith("AutoModelForCausalLM"), done.stderr


def test_an_installed_kernels_distribution_wins_over_our_folder(tmp_path):
    """From the repository root `import kernels` must find a regular package elsewhere on the path first."""
    (tmp_path / "kernels").mkdir()
    (tmp_path / "kernels" / "__init__.py").write_text("OWNER = 'somebody else'\n")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", "import kernels; print(kernels.OWNER)"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "somebody else", done.stderr


def test_importing_rowscope_imports_nothing_heavy():
    code = (
        "import sys, rowscope;"
        "heavy = {'numba', 'torch', 'transformers', 'rich', 'typer', 'pydantic', 'numpy'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
