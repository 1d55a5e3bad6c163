"""Runs work over fixed chunks of rows on several threads, in bounded memory, with results in order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.rows.blocks import RowReader

if TYPE_CHECKING:
    from concurrent.futures import Future

CHUNK_BYTES = 16 << 20
"""Bytes of a chunk: large against the cost of handing it out, small against the memory budget."""

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Chunk:
    """Positions [start, stop) of the rows asked for, and their ids (None: the positions themselves)."""

    start: int
    stop: int
    ids: NDArray[np.int64] | None


def plan(reader: RowReader, ids: NDArray[np.int64] | None, most: int | None = None) -> list[Chunk]:
    """Cut the rows asked for into chunks. The cut depends on the matrix alone, never on the thread count, so
    that sums over chunks are the same on every machine. `most` bytes of rows make one, where it is given."""
    total = reader.rows if ids is None else ids.size
    step = rows_of_a_chunk(reader) if most is None else rows_of(most, reader)
    starts = range(0, total, step)
    return [
        Chunk(start, min(start + step, total), None if ids is None else ids[start : start + step])
        for start in starts
    ]


def rows_of_a_chunk(*readers: RowReader) -> int:
    """Rows that make a chunk of all readers, at least one."""
    return min(rows_of(reader.chunk_bytes, reader) for reader in readers)


def rows_of(most: int | None, reader: RowReader) -> int:
    """Rows of at most so many bytes, and no more than a chunk; at least one."""
    return max(1, min(CHUNK_BYTES, most or CHUNK_BYTES) // max(reader.row_bytes, 1))


def with_rows(reader: RowReader, chunk: Chunk, work: Callable[[NDArray[np.uint8]], Result]) -> Result:
    """Call `work` with the chunk's bytes: mapped where the ids are consecutive, else copied."""
    if chunk.ids is None:
        first, last = chunk.start, chunk.stop
    else:
        reader.check(chunk.ids)
        first, last = int(chunk.ids.min()), int(chunk.ids.max()) + 1
        if not (last - first == chunk.ids.size and bool((np.diff(chunk.ids) == 1).all())):
            return work(reader.gather(chunk.ids))
    result = work(reader.block(first, last))
    reader.release(first, last)
    return result


MOST_THREADS = 8
"""Threads used unless more are asked for: so many keep the memory busy, and each holds a chunk of it."""


_limit: int | None = None


def limit_threads(most: int | None) -> None:
    """Scans of this process use at most so many threads from now on, where nothing else is asked for; None
    for as many as the process may use. For processes that share the machine with others of their kind."""
    global _limit
    _limit = most


def available_threads() -> int:
    """Processors that this process may use, up to `MOST_THREADS` and the limit that was set."""
    return min(processors(), MOST_THREADS, _limit or MOST_THREADS)


def processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_in_order(
    chunks: list[Chunk], work: Callable[[Chunk], Result], threads: int | None
) -> Generator[tuple[Chunk, Result], None, None]:
    """Yield each chunk with its result, in the chunks' order, while others are worked on.

    At most twice as many chunks as threads are under way, so results do not pile up. When the generator is
    interrupted or closed, chunks not yet begun are dropped and those under way (milliseconds) waited for.
    """
    workers = min(threads or available_threads(), len(chunks))
    if workers <= 1:
        for chunk in chunks:
            yield chunk, work(chunk)
        return
    from concurrent.futures import ThreadPoolExecutor  # brings logging: not for a few rows

    waiting: deque[tuple[Chunk, Future[Result]]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="rowscope")
    try:
        for chunk in chunks:
            waiting.append((chunk, pool.submit(work, chunk)))
            if len(waiting) >= 2 * workers:
                done, future = waiting.popleft()
                yield done, future.result()
        for done, future in waiting:
            yield done, future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
