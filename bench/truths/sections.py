"""Each part of the report: verdicts on real checkpoints, made ones, padded ones and resized ones."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np

import rowscope
from bench.report import Table
from bench.truths import judged, made, resizes
from bench.truths.ground import Ids, Truth
from bench.truths.judged import Judged, Score
from bench.truths.subjects import Subject, roles_of

Line = tuple[str, ...]


def scores(subject: Subject, folders: dict[str, Path]) -> tuple[list[Line], list[str]]:
    """Lines of the table of recall and false rates, and the wrong rows of each as Markdown.

    `folders` holds the checkpoint and its twins by what they are called.
    """
    lines, details = [], []
    for name, folder in folders.items():
        for role in roles_of(folder):
            found = judged.judge(folder, role)
            truths = {"": subject.truth, **{f", by {file}": truth for file, truth in subject.further.items()}}
            for words, truth in truths.items():
                score = judged.score(f"{name}{words}", role, found, truth)
                lines.append(_score_line(score))
                details += _details(score, found, truth)
    return lines, details


SCORES = (
    "checkpoint",
    "matrix",
    "surely untrained",
    "found",
    "recall",
    "surely trained",
    "flagged",
    "false rate",
)


def _score_line(score: Score) -> Line:
    return (
        score.name,
        score.matrix,
        f"{score.untrained:,}",
        f"{score.untrained - score.missed.size:,}",
        f"{score.recall:.4f}",
        f"{score.trained:,}",
        f"{score.false.size:,}",
        f"{score.false_rate:.6f}",
    )


def _details(score: Score, found: Judged, truth: Truth) -> Iterator[str]:
    yield f"#### {score.name}, {score.matrix} matrix"
    yield f"Verdicts: {_counted(found.verdict)}. {found.note[:1].upper()}{found.note[1:]}."
    parts = [(words, ids) for words, ids in {**truth.sources, **truth.bands}.items() if ids.size]
    if parts:
        cells = [(words, f"{ids.size:,}", f"{int(found.flagged[ids].sum()):,}") for words, ids in parts]
        yield Table("", ("rows", "number", "called untrained"), cells).render()
    for words, ids in (("Missed", score.missed), ("Falsely flagged", score.false)):
        if ids.size:
            yield Table(f"{words}:", judged.header(found), judged.lines(found, ids)).render()


def made_cases(subject: Subject, folder: Path, work: Path) -> Iterator[Line]:
    """Each kind of made rows and every pair of kinds, in the checkpoint's own trained rows."""
    for words, kinds in made.cases():
        target = work / "made"
        truth = made.make(folder, target, subject.truth, kinds)
        found = judged.judge(target)
        score = judged.score(subject.name, "input", found, truth)
        shutil.rmtree(target)
        missed = Counter(found.verdict[score.missed].tolist())
        false = ", ".join(repr(found.token[id]) for id in score.false[:3]).replace("|", "\\|")
        yield (
            subject.name,
            words,
            f"{score.recall:.4f} of {score.untrained:,}",
            f"{score.false_rate:.5f} of {score.trained:,}",
            _counted(found.verdict[subject.truth.rows :]) or "-",
            ", ".join(filter(None, (_sure(found, score.missed) if missed else "", false))) or "-",
        )


MADE = ("checkpoint", "kinds", "recall", "false rate", "verdicts of the rows added", "wrong")


def _sure(found: Judged, missed: Ids) -> str:
    sure = int((found.confidence[missed] == "high").sum())
    return f"{missed.size} missed, {sure} of them with confidence high"


GROWN = ("checkpoint", "matrix", "rows added", "their verdicts", "rows flagged anew", "flags lost")
PADDED = (*GROWN, "mask gains beside")
RESIZED = (*GROWN, "tokens in TOK304")


def padded(subject: Subject, name: str, folder: Path, work: Path) -> Iterator[Line]:
    """What rows of random padding do to verdicts, and to `mask --include untrained`."""
    before = set(rowscope.mask(folder, include="untrained").ids.tolist())

    def gained(target: Path, start: int, stop: int) -> int:
        masked = set(rowscope.mask(target, include="untrained").ids.tolist())
        return len(masked - before - set(range(start, stop)))

    yield from _grown(subject, name, folder, resizes.paddings(), work, gained)


def resized(subject: Subject, name: str, folder: Path, tokens: tuple[int, ...], work: Path) -> Iterator[Line]:
    """What transformers' resizes do to verdicts, and what TOK304 says of the new tokens."""

    def named(target: Path, start: int, stop: int) -> int:
        findings = rowscope.audit(target).findings
        return sum(f.evidence["count"] for f in findings if f.code == "TOK304")

    yield from _grown(subject, name, folder, resizes.resizes(tokens), work, named)


def _grown(
    subject: Subject,
    name: str,
    folder: Path,
    kinds: Iterable[resizes.Resize],
    work: Path,
    last: Callable[[Path, int, int], int],
) -> Iterator[Line]:
    """A line for each way of adding rows; `last` is given the checkpoint and the range of the new rows."""
    before = {role: judged.judge(folder, role) for role in roles_of(folder)}
    for kind in kinds:
        target = work / "grown"
        start, stop = resizes.apply(kind, folder, target)
        number = last(target, start, stop)
        for role, old in before.items():
            new = judged.judge(target, role)
            both = min(start, old.verdict.size)
            worse = np.flatnonzero(new.flagged[:both] & ~old.flagged[:both])
            sure = np.intersect1d(worse, subject.truth.trained).size
            named = ", ".join(repr(new.token[id]) for id in worse[:4]).replace("|", "\\|")
            lost = int((old.flagged[:both] & ~new.flagged[:both]).sum())
            yield (
                name,
                role,
                kind.name,
                _with_confidence(new, start, stop),
                f"{worse.size}, {sure} surely trained: {named}" if worse.size else "0",
                str(lost),
                str(number),
            )
        shutil.rmtree(target)


def _with_confidence(found: Judged, start: int, stop: int) -> str:
    pairs = zip(found.verdict[start:stop], found.confidence[start:stop], strict=True)
    return "; ".join(f"{n} {verdict}, {sure}" for (verdict, sure), n in Counter(pairs).most_common())


def _counted(verdicts: np.ndarray) -> str:
    return ", ".join(f"{count:,} {verdict}" for verdict, count in Counter(verdicts.tolist()).most_common())
