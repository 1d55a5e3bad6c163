"""What would fail on another device than the CPU, read from the code: it is seldom run on one."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import rowscope.inspector.model

ROOM = Path(rowscope.inspector.model.__file__).parent
MAKERS = {
    "arange", "as_tensor", "empty", "eye", "full", "linspace", "ones", "rand", "randint", "randn", "tensor",
    "zeros",
}  # fmt: skip


def calls(text):
    return (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call))


def made_anywhere(text):
    """Lines that make a tensor without saying where: it is on the CPU, whatever it meets."""
    for call in calls(text):
        function = call.func
        if isinstance(function, ast.Attribute) and ast.unparse(function.value) == "torch":
            places = {keyword.arg for keyword in call.keywords}
            if function.attr in MAKERS and "device" not in places:
                yield call.lineno


def read_anywhere(text):
    """Lines that turn a tensor into an array where it is, not on the CPU."""
    for call in calls(text):
        function = call.func
        if not isinstance(function, ast.Attribute) or function.attr != "numpy":
            continue
        if not ast.unparse(function.value).endswith(".cpu()"):
            yield call.lineno


@pytest.mark.parametrize("file", sorted(ROOM.rglob("*.py")), ids=lambda file: str(file.relative_to(ROOM)))
def test_tensors_are_made_where_they_are_needed_and_read_on_the_cpu(file):
    text = file.read_text("utf-8")
    assert not list(made_anywhere(text))
    assert not list(read_anywhere(text))
    assert "torch.Generator" not in text  # draws are numpy's, which has no device
    assert "manual_seed" not in text


def test_both_are_found():
    assert list(made_anywhere("x = torch.zeros(3)\ny = torch.zeros(3, device=d)\nz = a.zeros(3)")) == [1]
    assert list(read_anywhere("x = a.numpy()\ny = a.cpu().numpy()")) == [1]
