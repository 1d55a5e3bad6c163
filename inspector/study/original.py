"""Section 9, first part: the figures of the original study beside those of a checkpoint of its kind."""

from __future__ import annotations

from typing import Final

from rowscope.inspector.frozen import record
from rowscope.inspector.model import RowGradients
from rowscope.inspector.study.document import Document
from rowscope.inspector.study.material import Material
from rowscope.inspector.text import count, real


@record
class Original:
    """What the original study looked at and reported.

    Attributes:
        architecture, hidden, rows: what the files of a checkpoint of its kind say; one matrix for both roles.
        entries: of the tokenizer. unmapped: rows without one.
        mean, std: over all elements of those rows, and `nonzero` how many are not zero;
            `used_std` over those of all other rows.
        gradient_std: over the gradient of those rows in its setting.
    """

    architecture: str
    hidden: int
    rows: int
    entries: int
    unmapped: int
    mean: float
    std: float
    nonzero: int
    used_std: float
    gradient_std: float


ORIGINAL: Final = Original(
    architecture="Qwen2ForCausalLM",
    hidden=896,
    rows=151_936,
    entries=151_665,
    unmapped=271,
    mean=0.000025,
    std=0.010054,
    nonzero=242_816,
    used_std=0.015621,
    gradient_std=0.286,
)


def of_its_kind(material: Material) -> bool:
    """Whether the files describe the original's model: architecture, width, rows, one matrix."""
    census = material.report.census
    found = (census.hidden_size, census.rows, census.tied)
    return found == (ORIGINAL.hidden, ORIGINAL.rows, True) and (
        ORIGINAL.architecture in material.checkpoint.architectures
    )


def original_section(doc: Document, material: Material) -> None:
    """A table, and why the figures agree or differ; nothing for a checkpoint of another kind."""
    matrix = material.matrix("input")
    group = None if matrix is None else matrix.groups.get("unmapped")
    if not of_its_kind(material) or matrix is None or group is None:
        return
    census, stats, used = material.report.census, group.stats, matrix.groups.get("used")
    gradient = _gradient(material)
    entries = None if census.tokenizer is None else census.tokenizer.entries
    rows = [
        ("size.entries", count(ORIGINAL.entries), count(entries)),
        ("size.input_rows", count(ORIGINAL.rows), count(census.rows)),
        ("size.unmapped", count(ORIGINAL.unmapped), count(stats.rows)),
        ("original.mean", f"{ORIGINAL.mean:.6f}", f"{stats.mean:.6f}"),
        ("original.std", f"{ORIGINAL.std:.6f}", f"{stats.std:.6f}"),
        ("original.nonzero", _of(ORIGINAL.nonzero, ORIGINAL.nonzero), _of(stats.nonzero, stats.elements)),
        ("original.used_std", f"{ORIGINAL.used_std:.6f}", f"{used.stats.std:.6f}" if used else "-"),
        ("original.gradient_std", f"{ORIGINAL.gradient_std:.3f}", f"{gradient.std:.3f}" if gradient else "-"),
    ]
    doc.subheading("original.heading")
    doc.paragraph("original.kind", architecture=ORIGINAL.architecture, hidden=ORIGINAL.hidden)
    doc.table(doc.texts.cells("head.original"), [(doc.texts.say(key), *cells) for key, *cells in rows])
    same = all(cells[0] == cells[1] for key, *cells in rows if key not in _APART)
    doc.say(
        "original.same" if same else "original.differs",
        std=f"{stats.std:.6f}",
        original=f"{ORIGINAL.std:.6f}",
        times=f"{stats.std / ORIGINAL.std:.2f}",
    )
    if gradient is not None:
        theirs = ORIGINAL.gradient_std * (ORIGINAL.unmapped * ORIGINAL.hidden) ** 0.5
        doc.say("original.gradient", norm=real(gradient.norm_total), theirs=real(theirs))
        _hidden(doc, material, theirs)
    doc.stop()


def _hidden(doc: Document, material: Material, theirs: float) -> None:
    """What the two norms say of the final hidden state, and what other readings would give."""
    assert not isinstance(material.gradient, str)
    study = material.gradient.find("study")
    part = study.find("all", "both") if study else None
    target, used = (part.find("target"), part.find("used")) if part else (None, None)
    if study is None or target is None or used is None:
        return
    factor = abs(study.agreement.target_coefficient)
    if not 0 < target.norm_total < float("inf") or not factor > 0:
        return
    positions = sum(id >= 0 for id in study.targets)
    doc.say(
        "original.hidden",
        factor=real(factor),
        hidden=real(target.norm_total / factor),
        positions=positions,
        hidden_theirs=real(theirs * positions),
        alone=real(theirs),
        row=real(target.std),
        used=real(used.std),
    )


_APART: Final = ("original.gradient_std",)  # it depends on every layer of the model


def _of(some: int, all: int) -> str:
    return f"{count(some)} / {count(all)}"


def _gradient(material: Material) -> RowGradients | None:
    """The gradient of the studied rows in the original's setting, of the tied matrix as a whole."""
    study = None if isinstance(material.gradient, str) else material.gradient.find("study")
    part = study.find("all", "both") if study else None
    return part.find(material.kind) if part else None
