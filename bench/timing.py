"""Several ways to do the same thing, timed in turns, so that a busy minute costs all of them alike."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

Way = TypeVar("Way")

PAUSE = 0.02
"""Seconds between two contenders: threads of the one before, which spin for a while, have stopped by then."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One run: wall time in seconds, the peak resident memory in bytes where a process was measured, and
    the processor time of all threads in seconds where a function was."""

    seconds: float
    memory: int = 0
    processor: float = 0.0


@dataclass(frozen=True, slots=True)
class Timing:
    """The runs of one contender, in order."""

    samples: tuple[Sample, ...]

    @property
    def median(self) -> float:
        """Median wall time in seconds."""
        return statistics.median(sample.seconds for sample in self.samples)

    @property
    def least(self) -> float:
        """Shortest wall time in seconds."""
        return min(sample.seconds for sample in self.samples)

    @property
    def spread(self) -> float:
        """Longest less shortest wall time, as a share of the median."""
        return (max(sample.seconds for sample in self.samples) - self.least) / self.median

    @property
    def memory(self) -> float:
        """Median peak resident memory in bytes."""
        return statistics.median(sample.memory for sample in self.samples)


def of_processors(timing: Timing) -> Timing:
    """The same runs by the processor time that they took: other processes disturb it less than wall time."""
    return Timing(tuple(Sample(sample.processor) for sample in timing.samples))


def at_least(one: Timing, other: Timing) -> float:
    """How many times as long `one` takes, by medians or by shortest runs, whichever is less.

    On a busy machine medians of threads that wait for each other grow more than others: a claim to be faster
    rests on the smaller ratio, a claim to be not much slower on the greater one.
    """
    return min(one.median / other.median, one.least / other.least)


def at_most(one: Timing, other: Timing) -> float:
    """How many times as long `one` takes, by medians or by shortest runs, whichever is more."""
    return max(one.median / other.median, one.least / other.least)


def timed(work: Callable[[], object]) -> Callable[[], Sample]:
    """Make a contender of a function: each call runs and times it."""

    def run() -> Sample:
        start, used = time.perf_counter(), time.process_time()
        work()
        return Sample(time.perf_counter() - start, processor=time.process_time() - used)

    return run


def interleave(
    contenders: Mapping[str, Callable[[], Sample]], repeat: int, warm_up: int = 1
) -> dict[str, Timing]:
    """Run all contenders in turns: `warm_up` rounds that do not count, then `repeat` rounds that do."""
    found: dict[str, list[Sample]] = {name: [] for name in contenders}
    collecting = gc.isenabled()
    gc.disable()
    try:
        for round_ in range(-warm_up, repeat):
            for name, run in contenders.items():
                time.sleep(PAUSE)
                sample = run()
                if round_ >= 0:
                    found[name].append(sample)
            gc.collect()
    finally:
        if collecting:
            gc.enable()
    return {name: Timing(tuple(samples)) for name, samples in found.items()}


def fastest(ways: Sequence[Way], work: Callable[[Way], object], rounds: int = 2) -> Way:
    """The way in which `work` takes the shortest time, best of `rounds` after one that does not count."""
    timings = interleave({str(way): timed(partial(work, way)) for way in ways}, rounds)
    return min(ways, key=lambda way: timings[str(way)].least)
