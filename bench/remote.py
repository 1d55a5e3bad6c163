"""Section remote: a checkpoint behind a line with a latency and a bandwidth."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path

import rowscope
from bench.child import rowscope_command, run, script
from bench.qwen import checkpoint_of, qwen_shape
from bench.report import Claim, Options, Section, Table, megabytes, milliseconds
from bench.timing import Timing, interleave, timed
from rowscope.inspector.rows import open_rows, scan_rows

NOTES = """A whole model of the shape of Qwen2.5-0.5B ({size:.2f} GB, tokenizer {tokenizer:.1f} MB) behind a
server of this machine that holds each connection and each answer back for a latency and sends no more than a
bandwidth over all connections together. It takes processor time of the same two cores.

- **line**: the bytes that were fetched / bandwidth, and {trips} round trips.
- **scan**: headers and all rows of the table, read and scanned, in one process: what fetching and computing
  side by side cost beside the line alone.
- **audit**: `rowscope audit URL`, from start to exit; **local** the same of the files on the disk. What an
  audit computes once all rows are there (evidence, findings) comes on top of the line.
- **rows**: `rowscope rows URL --group reserved --no-evidence`: the {reserved} reserved rows."""

ROUND_TRIPS = 6
"""To open a connection, to learn which files are there, their beginnings, what the scan waits for first."""


@dataclass(frozen=True, slots=True)
class Network:
    """Seconds and bytes a second."""

    latency: float
    bandwidth: float

    def line(self, bytes: int) -> float:
        """Seconds for so many bytes and the round trips before."""
        return bytes / self.bandwidth + ROUND_TRIPS * self.latency

    @property
    def words(self) -> str:
        return f"{1000 * self.latency:.0f} ms, {self.bandwidth / 1e6:.0f} MB/s"


NETWORKS = [Network(latency, bandwidth) for latency, bandwidth in product((0.02, 0.1), (5e7, 5e8))]


def remote(options: Options) -> Section:
    """Measure over each network."""
    shape = qwen_shape(options.quick)
    folder = checkpoint_of(options.work, shape, large=True)
    kernels = options.work / "kernels"
    repeat = max(2, options.repeat // 2)
    rows, claims = [], []
    local = interleave({"local": lambda: run(_audit(str(folder)), kernels)[0]}, repeat)["local"]
    for network in NETWORKS[:1] if options.quick else NETWORKS:
        with served(folder, network) as url:
            cost = json.loads(run(_audit(url, "--format", "json"), kernels)[1])["coverage"]
            found = interleave(
                {
                    "scan": timed(partial(_scan, url)),
                    "audit": lambda url=url: run(_audit(url), kernels)[0],
                    "rows": lambda url=url: run(_rows(url), kernels)[0],
                },
                repeat,
                warm_up=0,
            )
        rows.append(_cells(network, cost, found, local))
        table = rowscope.open_checkpoint(folder).matrices[0].nbytes
        text = f"scan over {network.words}, against the line alone"
        claims.append(Claim(text, found["scan"].least / network.line(table), 1.3, unit=" times"))
    needed = table + sum(path.stat().st_size for path in folder.iterdir() if path.suffix == ".json") + 65536
    claims.append(
        Claim("bytes of an audit, against header, tokenizer and table", cost["bytes_fetched"] / needed, 1.02)
    )
    header = ("network", "line", "scan", "audit", "local", "rows", "requests", "fetched", "memory")
    notes = NOTES.format(
        size=shape.large / 1e9,
        tokenizer=(folder / "tokenizer.json").stat().st_size / 1e6,
        trips=ROUND_TRIPS,
        reserved=shape.rows - shape.entries,
    )
    return Section("Remote checkpoints", notes, (Table("", header, rows),), claims)


def _cells(
    network: Network, cost: dict[str, int], found: dict[str, Timing], local: Timing
) -> tuple[str, ...]:
    return (
        network.words,
        milliseconds(network.line(cost["bytes_fetched"])),
        *(milliseconds(timing.median) for timing in (found["scan"], found["audit"], local, found["rows"])),
        str(cost["requests"]),
        megabytes(cost["bytes_fetched"]),
        megabytes(found["audit"].memory),
    )


def _scan(url: str) -> None:
    with open_rows(rowscope.open_checkpoint(url).matrices[0]) as reader:
        scan_rows(reader)


def _audit(path: str, *words: str) -> tuple[str, ...]:
    return tuple(rowscope_command("audit", path, "--fail-on", "never", *words))


def _rows(url: str) -> tuple[str, ...]:
    return tuple(rowscope_command("rows", url, "--group", "reserved", "--no-evidence", "--limit", "0"))


@contextlib.contextmanager
def served(folder: Path, network: Network) -> Iterator[str]:
    """The address of a server of a folder, behind a network."""
    words = (str(folder), str(network.latency), str(network.bandwidth))
    process = subprocess.Popen(script("serve.py", *words), stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}/"
    finally:
        process.terminate()
        process.wait()
