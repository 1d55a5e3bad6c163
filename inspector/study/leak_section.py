"""Sections 6 and 7: probabilities and the mask."""

from __future__ import annotations

from typing import Final

from rowscope.inspector.model import LeakCell, LeakResult, PromptLeak
from rowscope.inspector.study.document import Document, plain
from rowscope.inspector.study.material import Material
from rowscope.inspector.text import count, real

_SPREAD: Final = 100.0
_HOT: Final = 10.0


def leak_section(doc: Document, material: Material) -> None:
    """Mass on the studied ids by temperature, filter and prompt."""
    doc.heading("leak")
    result = material.leak
    if isinstance(result, str):
        doc.paragraph("method.not_measured", why=plain(result))
        return
    kind = doc.texts.say(f"word.{material.kind}")
    if result.settings.kind == "seq2seq":
        doc.say("leak.encoder_decoder")
    doc.paragraph("leak.intro", kind=kind)
    doc.table(doc.texts.cells("head.leak", **result.filters), _temperatures(doc, result))
    near = at_one(result)
    if near.max == 0:
        doc.paragraph("leak.zero", temperature=f"{near.temperature:g}")
    else:
        _even(doc, result, near, kind)
    doc.paragraph("leak.prompts", kind=kind, temperature=f"{near.temperature:g}")
    doc.table(
        doc.texts.cells("head.prompts"),
        [(prompt_name(doc, p), count(p.tokens), real(p.mean), real(p.max)) for p in result.prompts],
    )
    _spread(doc, result, near)
    _filters(doc, result, near)
    doc.stop()


def at_one(result: LeakResult) -> LeakCell:
    """The cell without filter whose temperature is nearest 1."""
    return min((c for c in result.cells if c.filter == "none"), key=lambda c: abs(c.temperature - 1.0))


def prompt_name(doc: Document, prompt: PromptLeak) -> str:
    """The name of a built-in prompt in the document's language."""
    return doc.texts.maybe(f"prompt.{prompt.name}") or plain(prompt.name)


def tokens_text(doc: Document, cell: LeakCell) -> str:
    """How many tokens until one is expected, in figures."""
    expected = cell.expected_tokens
    if expected == float("inf"):
        return doc.texts.say("word.never")
    return count(round(expected)) if expected < 1e9 else f"{expected:.1e}"


def _temperatures(doc: Document, result: LeakResult) -> list[list[str]]:
    rows = []
    for temperature in dict.fromkeys(cell.temperature for cell in result.cells):
        cells = [result.find(temperature, name) for name in ("none", "top_k", "top_p", "min_p", "mask")]
        assert cells[0] is not None
        masses = ["-" if cell is None else real(cell.mean) for cell in cells]
        rows.append([f"{temperature:g}", *masses, tokens_text(doc, cells[0])])
    return rows


def _even(doc: Document, result: LeakResult, near: LeakCell, kind: str) -> None:
    temperature = f"{near.temperature:g}"
    doc.say(
        "leak.even",
        temperature=temperature,
        mean=real(near.mean),
        max=real(near.max),
        kind=kind,
        tokens=tokens_text(doc, near),
    )
    plain_cells = [cell for cell in result.cells if cell.filter == "none"]
    low, high = plain_cells[0], plain_cells[-1]
    if high.mean > _HOT * low.mean:
        doc.say(
            "leak.hot",
            cold=real(low.mean),
            low=f"{low.temperature:g}",
            warm=real(high.mean),
            high=f"{high.temperature:g}",
        )
    doc.stop()


def _spread(doc: Document, result: LeakResult, near: LeakCell) -> None:
    ordered = sorted(result.prompts, key=lambda prompt: prompt.mean)
    least, most = ordered[0], ordered[-1]
    if most.mean > _SPREAD * least.mean:
        doc.say(
            "leak.spread",
            mean=real(near.mean),
            temperature=f"{near.temperature:g}",
            best=prompt_name(doc, least),
            least=real(least.mean),
            worst=prompt_name(doc, most),
            most=real(most.mean),
        )


def _filters(doc: Document, result: LeakResult, near: LeakCell) -> None:
    names = ("top_k", "top_p", "min_p")
    left = {name: cell.mean for name in names if (cell := result.find(near.temperature, name))}
    temperature = f"{near.temperature:g}"
    if not any(left.values()):
        if near.mean > 0:
            doc.say("leak.filters_do", temperature=temperature)
        return
    doc.say("leak.filters", temperature=temperature, **{name: real(mean) for name, mean in left.items()})


def mask_section(doc: Document, material: Material) -> None:
    """What the mask does, and how to use it."""
    doc.heading("mask")
    result = material.leak
    if isinstance(result, str):
        doc.paragraph("method.not_measured", why=plain(result))
        return
    kind = doc.texts.say(f"word.{material.kind}")
    advice = result.advice
    hottest = max(cell.temperature for cell in result.cells)
    temperature = f"{advice.from_temperature or hottest:g}"
    doc.paragraph(f"action.{advice.code}", kind=kind, temperature=temperature)
    number = count(result.settings.subject.count)
    doc.say("mask.exact", count=number, kind=kind, error=real(result.mask_ratio_error))
    doc.paragraph("mask.code")
    made = "SuppressReserved.from_checkpoint(path)"
    if material.kind != "reserved":
        made = f"SuppressReserved([{', '.join(map(str, result_ids(material)))}])"
    doc.code(
        "python",
        "from rowscope.inspector.model import SuppressReserved\n\n"
        f"model.generate(**inputs, do_sample=True, logits_processor=[{made}])",
    )


def result_ids(material: Material, most: int = 8) -> list[object]:
    """The first few studied ids, and an ellipsis where there are more."""
    ids: list[object] = [] if material.subject is None else list(material.subject.ids[:most].tolist())
    return [*ids, "..."] if material.subject is not None and material.subject.ids.size > most else ids
