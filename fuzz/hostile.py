"""Write hostile folders one after the other, audit each in a process of its own, and print what it cost.

    python fuzz/hostile.py [NAME ...]

Each is a small sound checkpoint in which one thing is out of all proportion. None may take more than 10 s of
processor time or 500 MB of memory, nor end in a traceback; the script exits 1 where one does.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

SECONDS, MEGABYTES = 10, 500
CAP = 60
"""Seconds of processor time after which an audit is killed."""

WORDS = {f"w{id}": id for id in range(32)}
MODEL = {"type": "WordLevel", "vocab": WORDS, "unk_token": "w0"}


def sound(folder: Path) -> None:
    """64 rows, half of them without a token."""
    rows = np.random.default_rng(0).normal(size=(64, 8)).astype("f4")
    rows[32:] = rows[32]
    save_file({"model.embed_tokens.weight": rows}, folder / "model.safetensors")
    config = {
        "vocab_size": 64,
        "hidden_size": 8,
        "model_type": "llama",
        "architectures": ["LlamaForCausalLM"],
    }
    (folder / "config.json").write_text(json.dumps({**config, "eos_token_id": 3}))
    serialized(folder)


def serialized(folder: Path, added: int = 0, **changes: object) -> None:
    """tokenizer.json with so many added tokens."""
    flags = {"special": True, "normalized": False, "lstrip": False, "rstrip": False, "single_word": False}
    tokens = [{"id": 32 + n, "content": f"<|t{n}|>", **flags} for n in range(added)]
    document = {"version": "1.0", "added_tokens": tokens, "model": MODEL, **changes}
    (folder / "tokenizer.json").write_text(json.dumps(document))


def template(text: str, added: int = 0) -> Callable[[Path], None]:
    """A chat template, and so many added tokens."""

    def write(folder: Path) -> None:
        serialized(folder, added)
        (folder / "chat_template.jinja").write_text(text)

    return write


def instead(name: str, data: bytes) -> Callable[[Path], None]:
    """Another tokenizer file in the place of tokenizer.json."""

    def write(folder: Path) -> None:
        (folder / "tokenizer.json").unlink()
        (folder / name).write_bytes(data)

    return write


def beside(name: str, value: object) -> Callable[[Path], None]:
    """A JSON file beside it, or in its place."""
    return lambda folder: (folder / name).write_text(json.dumps(value)) and None


def config(**values: object) -> Callable[[Path], None]:
    """Further keys of config.json."""

    def write(folder: Path) -> None:
        path = folder / "config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **values}))

    return write


def entries(count: int, gap: str = "", before: str = "") -> str:
    """Entries of a vocabulary, in one line or in many."""
    return f",{gap}".join(f'{before}"w{n}": {n}' for n in range(count))


def whole(vocabulary: str, gap: str = "") -> str:
    """A tokenizer.json around them."""
    model = f'"type":"WordLevel","unk_token":"w0","vocab": {{{vocabulary}{gap}}}'
    return f'{{"added_tokens":[],"model":{{{model}}}}}'


def many_templates(folder: Path) -> None:
    """3,000 templates and 20,000 added tokens."""
    serialized(folder, 20_000)
    below = folder / "additional_chat_templates"
    below.mkdir()
    for n in range(3_000):
        (below / f"t{n}.jinja").write_text(f"{{{{ '<|a{n}|>' }}}}")


def pieces(count: int) -> bytes:
    """A sentencepiece model of so many pieces."""
    texts = (b"p%d" % n for n in range(count))
    return b"".join(b"\x0a" + bytes([len(text) + 2, 10, len(text)]) + text for text in texts)


def names(count: int, start: str = "<a") -> list[str]:
    return [f"{start}{n}>" for n in range(count)]


FOLDERS: dict[str, Callable[[], Callable[[Path], None]]] = {
    "20,000 roles, 20,000 added tokens": lambda: template(
        "".join(f"<|{{{{ role }}}}|{n}>" for n in range(20_000)), 20_000
    ),
    "20,000 literals, 20,000 added tokens": lambda: template(
        "".join(f"<|t{n}|>" for n in range(20_000)), 20_000
    ),
    "unclosed string, 2 MB": lambda: template("{{ '" + "\\' " * 660_000),
    "unclosed string, 1 MB": lambda: template("{{ '" + "\\' " * 340_000),
    "unclosed strings of two kinds, 1 MB": lambda: template("{{ " + '"\\' * 500_000),
    "open tags, 1 MB": lambda: template("{%" * 500_000),
    "nested brackets, 1 MB": lambda: template("{{ " + "(" * 1_000_000),
    "nested blocks, 1 MB": lambda: template("{% if a %}" * 100_000),
    "a loop in a loop, eight times": lambda: template(
        "{% for x in range(9999) %}" * 8 + "x" + "{% endfor %}" * 8
    ),
    "text that doubles": lambda: template("{% set x = 'a' %}" + "{% set x = x + x %}" * 60 + "{{ x }}"),
    "template of 100 MB": lambda: template("a" * 100_000_000),
    "3,000 templates": lambda: many_templates,
    "one token of 100 MB": lambda: (
        lambda folder: (
            (folder / "tokenizer.json").write_text(whole('"a": 0, "' + "x" * 100_000_000 + '": 1')) and None
        )
    ),
    "one token of 45 MB, one emoji": lambda: (
        lambda folder: (
            (folder / "tokenizer.json").write_text(whole('"😀": 0, "' + "x" * 45_000_000 + '": 1')) and None
        )
    ),
    "vocab.txt, 10,000,000 lines": lambda: instead(
        "vocab.txt", b"".join(b"t%d\n" % n for n in range(10_000_000))
    ),
    "vocab.txt, 1,000,000 lines": lambda: instead(
        "vocab.txt", b"".join(b"t%d\n" % n for n in range(1_000_000))
    ),
    "vocab.txt, one line of 100 MB": lambda: instead("vocab.txt", b"a" * 100_000_000),
    "vocab.json, 5,000,000 entries": lambda: instead("vocab.json", ("{" + entries(5_000_000) + "}").encode()),
    "vocab.json, 1,000,000 entries": lambda: instead("vocab.json", ("{" + entries(1_000_000) + "}").encode()),
    "tokenizer.json, 5,000,000 lines": lambda: (
        lambda folder: (
            (folder / "tokenizer.json").write_text(whole("\n" + entries(5_000_000, "\n", "      "), "\n    "))
            and None
        )
    ),
    "tokenizer.json, 1,000,000 lines": lambda: (
        lambda folder: (
            (folder / "tokenizer.json").write_text(whole("\n" + entries(1_000_000, "\n", "      "), "\n    "))
            and None
        )
    ),
    "10,000,000 merges": lambda: (
        lambda folder: (
            (folder / "tokenizer.json").write_text(
                '{"model":{"type":"BPE","vocab":{"a":0},"merges":[' + '"a b",' * 10_000_000 + '"a b"]}}'
            )
            and None
        )
    ),
    "10,000,000 merges before the vocabulary": lambda: (
        lambda folder: (
            (folder / "tokenizer.json").write_text(
                '{"model":{"type":"BPE","merges":[' + '"a b",' * 10_000_000 + '"a b"],"vocab":{"a":0}}}'
            )
            and None
        )
    ),
    "Unigram, 900,000 pieces": lambda: (
        lambda folder: serialized(
            folder, model={"type": "Unigram", "unk_id": 0, "vocab": [[f"w{n}", -1.0] for n in range(900_000)]}
        )
    ),
    "sentencepiece, 10,000,000 pieces": lambda: instead("tokenizer.model", pieces(10_000_000)),
    "sentencepiece, 1,000,000 pieces": lambda: instead("tokenizer.model", pieces(1_000_000)),
    "sentencepiece, 20,000,000 fields": lambda: instead(
        "tokenizer.model", b"\x0a\x00" + b"\x18\x01" * 20_000_000
    ),
    "tiktoken, 40,000,000 empty lines": lambda: instead("x.tiktoken", b"YQ== 0\n" + b"\n" * 40_000_000),
    "200,000 added tokens": lambda: lambda folder: serialized(folder, 200_000),
    "1,000,000 additional_special_tokens": lambda: beside(
        "tokenizer_config.json", {"additional_special_tokens": names(1_000_000)}
    ),
    "200,000 additional_special_tokens": lambda: beside(
        "tokenizer_config.json", {"additional_special_tokens": names(200_000)}
    ),
    "1,000,000 entries of added_tokens_decoder": lambda: beside(
        "tokenizer_config.json",
        {"added_tokens_decoder": {str(n + 32): {"content": f"<a{n}>"} for n in range(1_000_000)}},
    ),
    "1,000,000 entries of added_tokens.json": lambda: beside(
        "added_tokens.json", {name: n + 32 for n, name in enumerate(names(1_000_000))}
    ),
    "1,000,000 roles": lambda: beside(
        "tokenizer_config.json", {f"r{n}_token": "w1" for n in range(1_000_000)}
    ),
    "5,000,000 brackets": lambda: (
        beside("tokenizer.json", 0)
        and (lambda folder: (folder / "tokenizer.json").write_text("[" * 5_000_000) and None)
    ),
    "1,000,000 end tokens": lambda: config(eos_token_id=list(range(1_000_000))),
    "config of 1,900,000 numbers": lambda: config(x=list(range(1_900_000))),
    "generation_config of 1,000,000 end tokens": lambda: beside(
        "generation_config.json", {"eos_token_id": list(range(1_000_000))}
    ),
    "index of 1,000,000 tensors": lambda: beside(
        "model.safetensors.index.json",
        {"weight_map": {f"t{n}": "model.safetensors" for n in range(1_000_000)}},
    ),
    "index of 300,000 files": lambda: beside(
        "model.safetensors.index.json", {"weight_map": {f"t{n}": f"m{n}.safetensors" for n in range(300_000)}}
    ),
}


def cost(folder: Path) -> tuple[float, float, int, str]:
    """Seconds of processor time, megabytes at the most, exit code and output of an audit."""
    import resource

    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "rowscope", "audit", str(folder)],
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (CAP, CAP)),
        )
        _, status, used = os.wait4(process.pid, 0)
        output.seek(0)
        text = output.read()
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, os.waitstatus_to_exitcode(status), text


def main(wanted: list[str]) -> int:
    """Print a line for each folder; 1 where one costs too much."""
    failures = 0
    for name in wanted or list(FOLDERS):
        with tempfile.TemporaryDirectory(prefix="hostile-") as root:
            folder = Path(root) / "checkpoint"
            folder.mkdir()
            sound(folder)
            FOLDERS[name]()(folder)
            seconds, megabytes, code, text = cost(folder)
            shutil.rmtree(folder)
        bad = seconds > SECONDS or megabytes > MEGABYTES or "Traceback" in text or code not in (0, 1, 3)
        failures += bad
        print(
            f"{'BAD' if bad else 'ok ':3} {seconds:5.1f} s {megabytes:5.0f} MB  exit {code}  {name}",
            flush=True,
        )
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
