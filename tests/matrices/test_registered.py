"""The tables found are the ones that transformers' own accessors return, for every class that it registers.

A sample in the normal run; all of them, and `docs/coverage.md` written anew, with ROWSCOPE_ALL_CLASSES=1.
"""

import json
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("torch", reason="extra model")
transformers = pytest.importorskip("transformers", minversion="5.0", reason="classes of transformers 5")

from rowscope.inspector.matrices import find_matrices, find_tables  # noqa: E402
from rowscope.inspector.matrices.classes import classes  # noqa: E402
from rowscope.inspector.matrices.layouts import CLASS_INPUTS  # noqa: E402

from . import registered  # noqa: E402

ALL = os.environ.get("ROWSCOPE_ALL_CLASSES") == "1"
DOCUMENT = Path(__file__).parents[2] / "docs" / "coverage.md"
EVERY = list(registered.registered())
_EXCEPTIONS = {
    *CLASS_INPUTS,
    *(name for key in ("nested", "either", "always", "head", "headless") for name in getattr(classes(), key)),
}
CHOSEN = EVERY if ALL else [pair for at, pair in enumerate(EVERY) if at % 20 == 0 or pair[1] in _EXCEPTIONS]

# Where rowscope answers otherwise on purpose.
REASONS = {
    "CsmForConditionalGeneration": "the accessor returns the table of audio codes; rowscope judges "
    "`embed_text_tokens`, whose rows the tokenizer names, and lists the others",
    "FSMTForConditionalGeneration": "the accessor returns the decoder's embedding; the logits come out of "
    "`decoder.output_projection`, which is stored apart where nothing is tied",
    "MusicgenForCausalLM": "every table is of audio codes, so none is judged",
    "MusicgenMelodyForCausalLM": "every table is of audio codes, so none is judged",
    "VibeVoiceForConditionalGeneration": "its config overwrites the outer flag by the nested one when read",
}


def layout_of(answer):
    """rowscope's answer from names, shapes and config alone."""
    tensors = {
        name: SimpleNamespace(
            name=name, dtype=dtype, shape=shape, nbytes=0, shard=SimpleNamespace(name="model.safetensors")
        )
        for name, (dtype, shape) in answer.tensors.items()
    }
    layout = find_matrices(tensors, answer.config)
    return layout, find_tables(tensors, answer.config, layout)


def differences(answer):
    """In what rowscope's answer and the class's differ; empty where they agree."""
    layout, tables = layout_of(answer)
    source = layout.of_role("input")
    if answer.input_names and (source is None or source.tensor not in answer.input_names):
        yield f"input {source and source.tensor}, not {sorted(answer.input_names)}"
    if answer.output_module is None:
        return  # the accessor knows attributes of one name alone; a head may stand under another
    if layout.tied != answer.tied:
        yield f"tied {layout.tied}"
    if answer.tied:
        return
    heads = {table.matrix.tensor for table in tables if table.role.endswith(("output", "both"))}
    if answer.output_names and not answer.output_names <= heads:
        yield f"output {sorted(heads)}, not {sorted(answer.output_names)}"


@pytest.fixture(scope="module")
def verdicts():
    """(class, type, tie flag) -> differences; None where it does not say, text where it is not built."""
    found = {}
    for kind, name in CHOSEN:
        for flag in (True, False):
            try:
                answer = registered.answer(kind, name, top=flag)
            except registered.FAULTS as error:  # any class may fail in its own way
                found[name, kind, flag] = f"not built: {str(error).splitlines()[0][:90]}"
                continue
            found[name, kind, flag] = list(differences(answer)) if answer.input_names else None
    return found


def test_the_tables_are_those_of_the_class(verdicts):
    wrong = {key: value for key, value in verdicts.items() if isinstance(value, list) and value}
    unexplained = {key: value for key, value in wrong.items() if key[0] not in REASONS}
    assert unexplained == {}
    compared = sum(isinstance(value, list) for value in verdicts.values())
    assert compared > 0.85 * len(verdicts)
    if ALL:
        assert len(wrong) <= 0.01 * compared


def test_the_coverage_is_written_down(verdicts):
    if ALL:
        DOCUMENT.write_text(_document(verdicts), encoding="utf-8")
    text = DOCUMENT.read_text(encoding="utf-8") if DOCUMENT.exists() else ""
    if f"transformers {transformers.__version__}" not in text:
        pytest.skip("docs/coverage.md is not of this transformers; ROWSCOPE_ALL_CLASSES=1 writes it")
    for name, reason in REASONS.items():
        assert f"`{name}`" in text, name
        assert reason in text


def _document(verdicts):
    compared = {key: value for key, value in verdicts.items() if isinstance(value, list)}
    wrong = sorted({key[0] for key, value in compared.items() if value})
    silent = sorted({key[0] for key, value in verdicts.items() if value is None})
    unbuilt = {key[0]: value for key, value in sorted(verdicts.items()) if isinstance(value, str)}
    agree = sum(not value for value in compared.values())
    return "\n".join(
        [
            "# Which architectures are known",
            "",
            "Written by `tests/matrices/test_registered.py`, which builds every class that transformers",
            "registers for text on torch's meta device, asks `get_input_embeddings` and",
            "`get_output_embeddings`, and compares with what rowscope finds from names, shapes and config:",
            "",
            "```console",
            "ROWSCOPE_ALL_CLASSES=1 python -m pytest tests/matrices/test_registered.py",
            "```",
            "",
            f"Of transformers {transformers.__version__}: {len(EVERY)} classes of "
            f"{len({kind for kind, _ in EVERY})} model types, each with tie_word_embeddings true and false:",
            f"{agree} of {len(compared)} agree ({agree / len(compared):.4f}).",
            "",
            "## Answered otherwise",
            "",
            *(f"- `{name}`: {REASONS.get(name, 'not explained yet')}." for name in wrong),
            "",
            "## Where transformers does not say",
            "",
            "`get_input_embeddings` returns no table; rowscope goes by names:",
            "",
            *(f"- `{name}`" for name in silent),
            "",
            "## Not built",
            "",
            "Their default config alone builds no model, so nothing was compared:",
            "",
            *(f"- `{name}`: {why.removeprefix('not built: ')}" for name, why in unbuilt.items()),
            "",
        ]
    )


def test_the_data_is_of_a_transformers_that_exists():
    held = json.loads((Path(classes.__wrapped__.__code__.co_filename).parent / "classes.json").read_text())
    assert held["transformers"].split(".")[0] == "5"
    assert not set(held["tied"]) & set(held["untied"])


@pytest.mark.parametrize("kind", ["llama", "t5", "gemma3", "qwen3_vl", "mistral3", "bert", "gpt2", "llava"])
def test_defaults_of_ties(kind):
    default = bool(getattr(transformers.AutoConfig.for_model(kind), "tie_word_embeddings", False))
    assert (kind in classes().tied, kind in classes().untied) == (default, not default)
