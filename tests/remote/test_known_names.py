"""Plain HTTP, where no folder can be listed: what is asked for, and that nothing is missed that decides."""

from __future__ import annotations

import base64
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save

import rowscope
from rowscope.inspector.checkpoint import open_checkpoint
from rowscope.inspector.checkpoint.remote import KNOWN
from rowscope.inspector.errors import CheckpointError, RemoteError, RowscopeError
from rowscope.inspector.mask import mask
from rowscope.inspector.storage import Patience, RemoteOptions

from ..remote_bucket import Bucket
from ..remote_hub import NAME, Hub, files_of
from ..remote_server import Server
from ..writing import document

QUICK: Final = RemoteOptions(patience=Patience(timeout=10, attempts=2, pause=0.01))
BRIEF: Final = replace(QUICK, needed_only=True)
ROWS: Final = 24
SHARD: Final = "model-00001-of-00001.safetensors"
Run = Callable[..., tuple[int, str, str]]


def _table(seed: int) -> bytes:
    table = np.random.default_rng(seed).normal(size=(ROWS, 64)).astype("f4")
    return save({"model.embed_tokens.weight": table, "model.norm.weight": table[0]})


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def _ranks(count: int) -> bytes:
    return b"".join(base64.b64encode(bytes([97 + at])) + b" %d\n" % at for at in range(count))


def _tokens(count: int) -> dict[str, int]:
    return {f"t{at}": at for at in range(count)}


ADAPTER: Final = save(
    {
        f"base_model.model.model.embed_tokens.lora_embedding_{side}": np.ones(shape, "f4")
        for side, shape in (("A", (2, ROWS)), ("B", (64, 2)))
    }
)
INDEX: Final = {"metadata": {}, "weight_map": {"model.embed_tokens.weight": "W", "model.norm.weight": "W"}}
TEKKEN: Final = {
    "config": {"default_vocab_size": 12, "default_num_special_tokens": 2, "num_vocab_tokens": 10},
    "vocab": [{"rank": at, "token_bytes": "YQ==", "token_str": "a"} for at in range(10)],
}
SOUND: Final[dict[str, bytes]] = {
    "model.safetensors": _table(1),
    "model.safetensors.index.json": _json(INDEX).replace(b'"W"', b'"%s"' % SHARD.encode()),
    "adapter_model.safetensors": ADAPTER,
    "consolidated.safetensors": _table(2),
    "consolidated.safetensors.index.json": _json(INDEX).replace(b'"W"', b'"consolidated.safetensors"'),
    "config.json": _json({"model_type": "llama", "vocab_size": ROWS, "tie_word_embeddings": True}),
    "generation_config.json": _json({"eos_token_id": [3, 90]}),
    "adapter_config.json": _json({"peft_type": "LORA", "r": 2, "lora_alpha": 2}),
    "params.json": _json({"dim": 64, "vocab_size": ROWS}),
    "modules.json": _json([{"path": "", "type": "sentence_transformers.models.StaticEmbedding"}]),
    "model_index.json": _json({"_class_name": "APipeline"}),
    "rowscope-claim.json": _json({"rowscope_claim": 1, "rows": []}),
    "tokenizer_config.json": _json({"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "t1"}),
    "special_tokens_map.json": _json({"eos_token": "t2", "bos_token": "t3"}),
    "added_tokens.json": _json({"<added>": 21}),
    "chat_template.jinja": b"{{ '<added>' }}{{ messages[0]['content'] }}",
    "chat_template.json": _json({"chat_template": "{{ 't4' }}"}),
    "tokenizer.json": _json(document(vocab=_tokens(20), merges=[], added_tokens=[])),
    "tekken.json": _json(TEKKEN),
    "vocab.json": _json(_tokens(19)),
    "vocab.txt": "\n".join(_tokens(18)).encode(),
    **{name: _ranks(9 + at) for at, name in enumerate(KNOWN) if name.endswith((".model", ".tiktoken"))},
}
STATES: Final = ["sound"] * 5 + ["broken"]
CASES: Final = st.builds(
    lambda weights, others: {**others, **dict.fromkeys(weights, "sound")},
    st.sampled_from([(), ("model.safetensors",), ("model.safetensors.index.json",), ("config.json",)]),
    st.dictionaries(st.sampled_from(list(KNOWN)), st.sampled_from(STATES), min_size=1),
)


def _outcome(path: str, what: Callable[[], Any]) -> str:
    """What comes of a call, spelled without the place; of a refusal, how it ends and its kind."""
    try:
        return json.dumps(what(), default=str).replace(path, "PLACE")
    except RowscopeError as error:
        return f"exit {error.exit_code}, {error.code}"


def _audit(path: str) -> Any:
    report = rowscope.audit(open_checkpoint(path, remote=QUICK)).to_dict()
    del report["timings"], report["coverage"]["requests"], report["coverage"]["bytes_fetched"]
    return report


def _rows(path: str) -> Any:
    checkpoint = open_checkpoint(path, remote=BRIEF)
    table = rowscope.row_table(checkpoint, evidence=True)
    few = rowscope.row_table(checkpoint, ids=[1, 20, 23], evidence=True)
    return [list(table.records()), table.note, list(few.records()), few.note]


def _mask(path: str) -> Any:
    return mask(open_checkpoint(path, remote=BRIEF), "unmapped,reserved,untrained").to_dict()


def test_every_name_has_a_file_here() -> None:
    assert SOUND.keys() == KNOWN.keys()


@settings(max_examples=int(os.environ.get("ROWSCOPE_EXAMPLES", "40")), deadline=None)
@given(chosen=CASES)
def test_any_of_the_known_files_give_the_report_of_the_local_copy(chosen: dict[str, str]) -> None:
    """The weights lie in a shard of their own where the index alone leads to them."""
    files = {name: SOUND[name] if state == "sound" else b"{" for name, state in chosen.items()}
    if "model.safetensors" not in files and "model.safetensors.index.json" in files:
        files = {**files, SHARD: SOUND["model.safetensors"]}
    with tempfile.TemporaryDirectory() as folder, Server({f"/m/{n}": d for n, d in files.items()}) as server:
        for name, data in files.items():
            Path(folder, name).write_bytes(data)
        for answer in (_audit, _rows, _mask):
            found = [_outcome(path, partial(answer, path)) for path in (f"{server.url}/m", folder)]
            assert found[0] == found[1]


@pytest.fixture(scope="module")
def wide(write_checkpoint: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The width and the counts of a table of 272 MB, but for its rows: what is fetched does not depend on
    them. The last 271 rows are unmapped."""
    random, rows = np.random.default_rng(0), 20_000
    table = (random.normal(size=(rows, 896)) + random.normal(size=896)).astype("f2")
    table[-271:] = random.normal(size=896) + 0.01 * random.normal(size=(271, 896))
    return write_checkpoint(
        tmp_path_factory.mktemp("wide"),
        {"model.embed_tokens.weight": table},
        {"vocab_size": rows, "hidden_size": 896, "tie_word_embeddings": True},
        {f"token{number}": number for number in range(rows - 271)},
    )


def _reserved_rows(url: str) -> tuple[Any, int, int]:
    """Their verdicts, requests sent, bytes fetched."""
    checkpoint = open_checkpoint(url, remote=BRIEF)
    table = rowscope.row_table(checkpoint, ids=rowscope.reserved_ids(checkpoint), evidence=True)
    traffic = checkpoint.folder.traffic
    assert traffic is not None
    return list(table.records()), traffic.requests, traffic.fetched


@pytest.fixture(params=["plain HTTP", "hub", "object store"])
def place(
    request: pytest.FixtureRequest, wide: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[tuple[str, Callable[[], int] | None]]:
    """A URL, and what its servers counted, where they count."""
    files = files_of(wide)
    if request.param == "plain HTTP":
        with Server({f"/m/{name}": data for name, data in files.items()}) as server:
            yield f"{server.url}/m/", lambda: len(server.seen)
    elif request.param == "hub":
        with Hub(files) as hub:
            for variable, value in {**hub.environment, "HF_HUB_CACHE": str(tmp_path / "hub")}.items():
                monkeypatch.setenv(variable, value)
            yield f"hf://{NAME}", lambda: hub.requests
    else:
        with Bucket(files) as bucket:
            yield bucket.url, None


def test_judged_rows_take_few_requests(place: tuple[str, Callable[[], int] | None], wide: Path) -> None:
    """All of them counted: probes, lists of files, redirects, small files, the header, the rows."""
    url, counted = place
    local = rowscope.row_table(wide, ids=rowscope.reserved_ids(wide), evidence=True)
    found, requests, fetched = _reserved_rows(url)
    assert found == list(local.records())
    assert [row["verdict"] for row in found] == ["collapsed"] * 271
    assert requests < 30
    assert counted is None or counted() == requests
    small = sum(path.stat().st_size for path in wide.iterdir() if path.suffix != ".safetensors")
    assert fetched < small + 2_500_000


def test_the_command_asks_for_no_more(run: Run, wide: Path) -> None:
    with Server({f"/m/{name}": data for name, data in files_of(wide).items()}) as server:
        words = ("--group", "reserved", "--format", "csv")
        assert run("rows", f"{server.url}/m/", *words) == run("rows", wide, *words)
        assert len(server.seen) < 30
        assert {path for path, _ in server.seen} < {f"/m/{name}" for name in KNOWN}


def test_small_files_come_with_the_request_that_asks_for_them() -> None:
    """An audit asks for all known names, and again for what is large alone."""
    files = {
        name: SOUND[name] for name in KNOWN if name.endswith((".json", ".jinja")) and "index" not in name
    }
    with Server({f"/m/{n}": d for n, d in {**files, "model.safetensors": _table(1)}.items()}) as server:
        rowscope.audit(open_checkpoint(f"{server.url}/m/", remote=QUICK))
        asked = [path.removeprefix("/m/") for path, _ in server.seen]
    assert set(asked) == set(KNOWN)
    assert [name for name in KNOWN if asked.count(name) > 1] == ["tokenizer.json"]


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("tokenizer.json", "give the address of its folder, http://127.0.0.1:9/m/"),
        ("a.gguf", "convert it once"),
    ],
)
def test_the_address_of_another_file_is_refused_unasked(name: str, step: str) -> None:
    for secret in ("", "me:word@"):
        with pytest.raises(CheckpointError, match=f"{name}' is no safetensors file; {step}") as caught:
            open_checkpoint(f"http://{secret}127.0.0.1:9/m/{name}?signature=word", remote=QUICK)
        assert "word" not in caught.value.message


def test_a_host_that_is_away_is_told_by_its_weights() -> None:
    with pytest.raises(RemoteError, match=r"m/model\.safetensors': Connection refused"):
        open_checkpoint("http://127.0.0.1:9/m/", remote=QUICK)
