"""Writes examples/audit.ipynb with the outputs of its cells: `python examples/notebook.py`."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

CELLS = (
    "# An audit in a notebook\n\nOnly the checkpoint's files are read; `demo` lies inside the package.",
    'import rowscope\n\nreport = rowscope.audit("demo")\nreport',
    "[(finding.severity, finding.code, finding.name) for finding in report.findings]",
    "Rows and suspects are tables: Arrow, pandas and polars take them as they are (`to_pandas()`).",
    'table = rowscope.row_table("demo", ids=range(4000, 4006), evidence=True)\n'
    '[(row["id"], row["token"], row["verdict"]) for row in table.records()]',
    'rowscope.find_suspects("demo", limit=5)',
    'report.save("audit.html")  # also .md, .sarif, .json, .txt',
)
PLACE = Path(__file__).with_name("audit.ipynb")


def make() -> dict[str, Any]:
    """The notebook (nbformat 4.5), its code run in the working directory."""
    names: dict[str, Any] = {"__name__": "notebook"}
    cells = []
    for at, text in enumerate(CELLS):
        source = text.splitlines(keepends=True)
        if text.startswith(("#", "Rows")):
            cells.append({"cell_type": "markdown", "id": f"cell{at}", "metadata": {}, "source": source})
            continue
        count = sum(cell["cell_type"] == "code" for cell in cells) + 1
        outputs = _outputs(_run(text, names), count)
        own = {"execution_count": count, "metadata": {}, "outputs": outputs, "source": source}
        cells.append({"cell_type": "code", "id": f"cell{at}", **own})
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def _run(text: str, names: dict[str, Any]) -> object:
    """The value of the last expression, as a notebook shows it."""
    *body, last = ast.parse(text).body
    exec(compile(ast.Module(body, []), "cell", "exec"), names)
    if isinstance(last, ast.Expr):
        return eval(compile(ast.Expression(last.value), "cell", "eval"), names)
    exec(compile(ast.Module([last], []), "cell", "exec"), names)
    return None


def _outputs(value: object, count: int) -> list[dict[str, Any]]:
    if value is None:
        return []
    data = {"text/plain": repr(value).splitlines(keepends=True)}
    html = getattr(value, "_repr_html_", None)
    if html is not None:
        data["text/html"] = html().splitlines(keepends=True)
    return [{"output_type": "execute_result", "execution_count": count, "data": data, "metadata": {}}]


if __name__ == "__main__":
    PLACE.write_text(json.dumps(make(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
