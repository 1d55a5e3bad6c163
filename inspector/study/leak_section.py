"""Sections 6 and 7: probabilities and the mask."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rowscope.inspector.model import LeakCell, LeakResult, PromptLeak
from rowscope.inspector.study.document import Document, plain
from rowscope.inspector.study.material import Material
from rowscope.inspector.study.policy_section import policy_section
from rowscope.inspector.study.rules import near_one, places, prompt_mean
from rowscope.inspector.text import count, real

_SPREAD: Final = 100.0
_HOT: Final = 10.0


def leak_section(doc: Document, material: Material) -> None:
    """Mass on the studied ids by temperature, filter and prompt, and in the model's own text."""
    doc.heading("leak")
    result = material.leak
    if isinstance(result, str):
        doc.unmeasured(result)
        return
    kind = doc.texts.say(f"word.{material.kind}")
    if result.settings.kind == "seq2seq":
        doc.say("leak.encoder_decoder")
    for place, cells in places(result).items():
        near = near_one(cells)
        assert near is not None
        doc.paragraph(f"leak.{place}", kind=kind, **_own(doc, result))
        doc.table(doc.texts.cells("head.leak", **result.filters), _temperatures(doc, cells))
        if near.max == 0:
            doc.paragraph("leak.zero", temperature=f"{near.temperature:g}")
        else:
            _even(doc, cells, near, kind)
            _filters(doc, cells, near)
    _first(doc, result)
    doc.figure("leak", kind=kind)
    temperature = f"{at_one(result).temperature:g}"
    doc.paragraph("leak.by_prompt", temperature=temperature)
    doc.table(doc.texts.cells("head.prompts"), _prompts(doc, result))
    _spread(doc, result)
    doc.stop()


def at_one(result: LeakResult) -> LeakCell:
    """The cell without filter whose temperature is nearest 1, at positions with context."""
    near = near_one(next(iter(places(result).values())))
    assert near is not None
    return near


def _own(doc: Document, result: LeakResult) -> dict[str, object]:
    """What there is to say of the model's own text."""
    own = result.rollouts
    if own is None:
        return {"positions": count(result.positions)}
    how = doc.texts.say("leak.chat" if own.chat_template else "leak.continued")
    return {"positions": count(own.positions), "how": how, "sampled": count(own.sampled)}


def prompt_name(doc: Document, prompt: PromptLeak) -> str:
    """The name of a built-in prompt in the document's language."""
    return doc.texts.maybe(f"prompt.{prompt.name}") or plain(prompt.name)


def tokens_text(doc: Document, cell: LeakCell) -> str:
    """How many tokens until one is expected, in figures."""
    expected = cell.expected_tokens
    if expected == float("inf"):
        return doc.texts.say("word.never")
    return count(round(expected)) if expected < 1e9 else f"{expected:.1e}"


def _temperatures(doc: Document, cells: Sequence[LeakCell]) -> list[list[str]]:
    rows = []
    for temperature in dict.fromkeys(cell.temperature for cell in cells):
        own = {cell.filter: cell for cell in cells if cell.temperature == temperature}
        masses = [real(own[name].mean) for name in ("none", "top_k", "top_p", "min_p", "mask")]
        rows.append([f"{temperature:g}", *masses, tokens_text(doc, own["none"])])
    return rows


def _prompts(doc: Document, result: LeakResult) -> list[list[str]]:
    own = {} if result.rollouts is None else {item.name: item.mean for item in result.rollouts.prompts}
    rows = []
    for prompt in result.prompts:
        numbers = (prompt.first, prompt.in_context, prompt.max, own.get(prompt.name, float("nan")))
        shown = (real(number) if number == number else "-" for number in numbers)
        rows.append([prompt_name(doc, prompt), count(prompt.tokens), *shown])
    return rows


def _even(doc: Document, cells: Sequence[LeakCell], near: LeakCell, kind: str) -> None:
    doc.say(
        "leak.even",
        temperature=f"{near.temperature:g}",
        mean=real(near.mean),
        max=real(near.max),
        kind=kind,
        tokens=tokens_text(doc, near),
    )
    plain_cells = [cell for cell in cells if cell.filter == "none"]
    low, high = plain_cells[0], plain_cells[-1]
    if high.mean > _HOT * low.mean:
        doc.say(
            "leak.hot",
            cold=real(low.mean),
            low=f"{low.temperature:g}",
            warm=real(high.mean),
            high=f"{high.temperature:g}",
        )


def _filters(doc: Document, cells: Sequence[LeakCell], near: LeakCell) -> None:
    names = ("top_k", "top_p", "min_p")
    left = {
        cell.filter: cell.mean
        for cell in cells
        if cell.temperature == near.temperature and cell.filter in names
    }
    temperature = f"{near.temperature:g}"
    if not any(left.values()):
        doc.say("leak.filters_do", temperature=temperature)
    else:
        doc.say("leak.filters", temperature=temperature, **{name: real(left[name]) for name in names})


def _first(doc: Document, result: LeakResult) -> None:
    """Position 0, which is left out above."""
    first = near_one(result.first)
    if first is None or not result.in_context:
        return
    key = "leak.first_share" if result.first_share == result.first_share else "leak.first"
    doc.paragraph(
        key,
        temperature=f"{first.temperature:g}",
        mean=real(first.mean),
        tokens=tokens_text(doc, first),
        share=f"{100 * result.first_share:.3g}%",
    )


def _spread(doc: Document, result: LeakResult) -> None:
    order = sorted(range(len(result.prompts)), key=lambda number: prompt_mean(result, number))
    least, most = (prompt_mean(result, number) for number in (order[0], order[-1]))
    near = at_one(result)
    if most > _SPREAD * least:
        doc.say(
            "leak.spread",
            mean=real(near.mean),
            temperature=f"{near.temperature:g}",
            best=prompt_name(doc, result.prompts[order[0]]),
            least=real(least),
            worst=prompt_name(doc, result.prompts[order[-1]]),
            most=real(most),
        )


def mask_section(doc: Document, material: Material) -> None:
    """What the mask does, and how to use it."""
    doc.heading("mask")
    result = material.leak
    if isinstance(result, str):
        doc.unmeasured(result)
        return
    kind = doc.texts.say(f"word.{material.kind}")
    advice = result.advice
    hottest = max(cell.temperature for cell in result.cells)
    doc.paragraph(
        f"action.{advice.code}",
        kind=kind,
        temperature=f"{advice.from_temperature or hottest:g}",
        where=doc.texts.say(f"where.{advice.basis}"),
    )
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
    policy_section(doc, material)


def result_ids(material: Material, most: int = 8) -> list[object]:
    """The first few studied ids, and an ellipsis where there are more."""
    ids: list[object] = [] if material.subject is None else list(material.subject.ids[:most].tolist())
    return [*ids, "..."] if material.subject is not None and material.subject.ids.size > most else ids
