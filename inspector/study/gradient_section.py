"""Section 5: the gradient of the original setting, and where each of its figures comes from."""

from __future__ import annotations

from rowscope.inspector.model import Experiment, GradientPart, GradientResult, RowGradients
from rowscope.inspector.study.document import Document
from rowscope.inspector.study.material import Material
from rowscope.inspector.study.rules import gradient_word, input_zero
from rowscope.inspector.text import cosine, count, ratio, real


def gradient_section(doc: Document, material: Material) -> None:
    """The study's gradient figures, and where each of them comes from."""
    doc.heading("gradient")
    result = material.gradient
    if isinstance(result, str):
        doc.unmeasured(result)
        return
    study, carrier = result.find("study"), result.find("carrier")
    assert study is not None
    assert carrier is not None
    _setting(doc, material, result, study)
    doc.figure("gradient", kind=doc.texts.say(f"word.{material.kind}"))
    _apart(doc, material, result)


def _setting(doc: Document, material: Material, result: GradientResult, study: Experiment) -> None:
    kind = doc.texts.say(f"word.{material.kind}")
    positions = sum(target >= 0 for target in study.targets)
    shifted = result.settings.kind == "causal"
    shift = doc.texts.say(
        "gradient.shifted" if shifted else "gradient.unshifted", positions=positions, kind=kind
    )
    doc.subheading("gradient.study")
    doc.paragraph(
        "gradient.setting",
        inputs=", ".join(map(str, study.inputs)),
        labels=", ".join(map(str, (*study.inputs[1:], study.target))),
        target=study.target,
        kind=kind,
        shift=shift,
        loss=real(study.loss),
    )
    shown = [part for part in study.whole if part.path == "both"] or list(study.whole)
    for part in shown:
        doc.paragraph("gradient.whole", role=doc.texts.say(f"word.{part.path}"))
        names = (("used", "used"), (material.kind, material.kind))
        doc.table(
            doc.texts.cells("head.gradient"),
            [_group_cells(doc, word, part.find(name)) for name, word in names if part.find(name)],
        )
    _single_row(doc, material.kind, kind, shown[-1], study)
    agreement = study.agreement
    doc.say(
        "gradient.formula",
        error=real(agreement.max_error),
        target=real(agreement.target_coefficient),
        positions=positions,
        kind=kind,
        other=real(agreement.other_coefficient),
    )
    doc.stop()


def _group_cells(doc: Document, word: str, group: RowGradients | None) -> list[str]:
    assert group is not None
    return [
        doc.texts.say(f"word.{word}"),
        count(group.rows),
        f"{count(group.nonzero)} ({ratio(group.nonzero, group.elements)})",
        real(group.mean),
        real(group.std),
        doc.texts.say("word.yes" if group.all_zero else "word.no"),
        real(group.norm_median),
        real(group.norm_max),
    ]


def _single_row(doc: Document, key: str, kind: str, part: GradientPart, study: Experiment) -> None:
    """Where the standard deviation of the probed rows comes from."""
    group, target, others = part.find(key), part.find("target"), part.find("others")
    if group is None or target is None or others is None or not 0 < group.norm_total < float("inf"):
        if group is not None and group.norm_total != 0:
            doc.say("gradient.not_finite")
        return
    share = min(target.norm_total / group.norm_total, 1.0) ** 2  # one of its rows
    doc.say(
        "gradient.std_target" if share > 0.9 else "gradient.std_spread",
        kind=kind,
        std=real(group.std),
        share=_percent(share),
        target=study.target,
        norm=real(target.norm_total),
        rows=count(others.rows),
        other=real(others.norm_median),
    )


def _percent(share: float) -> str:
    """`97.3%`; what is not quite all of it never reads 100%."""
    return ">99.99%" if 0.9999 < share < 1 else f"{100 * share:.4g}%"


def _apart(doc: Document, material: Material, result: GradientResult) -> None:
    study, carrier = result.find("study"), result.find("carrier")
    assert study is not None
    assert carrier is not None
    kind = doc.texts.say(f"word.{material.kind}")
    studied = set() if material.subject is None else set(material.subject.ids.tolist())
    guest = next((id for id in carrier.inputs if id in studied), carrier.target)
    doc.subheading("gradient.decomposition")
    for experiment, key in ((study, "example"), (carrier, "carrier")):
        doc.paragraph(f"gradient.{key}", kind=kind, guest=guest, target=experiment.target)
        parts = (*experiment.whole, *experiment.parts)
        doc.table(
            doc.texts.cells("head.parts", kind=kind), [_part_cells(doc, part) for part in parts], words=2
        )
    doc.say("gradient.closure", closure=real(max(study.closure, carrier.closure)))
    if input_zero(result):
        doc.say("gradient.input_zero", kind=kind)
        source = carrier.find("all", "input")
        read = source.find("read") if source else None
        if read is not None and read.norm_total > 0:
            doc.say("gradient.input_guest", kind=kind, norm=real(read.norm_total))
    target = study.find("all", "output")
    others = target.find("others") if target else None
    word = gradient_word(result)
    if word is not None and others is not None:
        doc.say(f"gradient.output_{word}", kind=kind, cosine=cosine(others.pairwise_cosine))
    doc.stop()


def _part_cells(doc: Document, part: GradientPart) -> list[str]:
    others = part.find("others")
    norms = (part.find(name) for name in ("used", "target", "read"))
    return [
        doc.texts.say(f"word.{part.part}"),
        doc.texts.say("word.tied" if part.path == "both" else f"word.{part.path}"),
        count(part.positions),
        *("-" if group is None or not group.rows else real(group.norm_total) for group in norms),
        "-" if others is None else real(others.norm_median),
        "-" if others is None else cosine(others.pairwise_cosine),
    ]
