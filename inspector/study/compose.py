"""The original study of reserved tokens, for any checkpoint, from numbers measured now."""

from __future__ import annotations

import os
from pathlib import PurePath
from typing import TYPE_CHECKING

import rowscope
from rowscope.inspector.checkpoint import Checkpoint
from rowscope.inspector.errors import UsageError
from rowscope.inspector.study.claim_section import claim_section
from rowscope.inspector.study.claims import claims_section
from rowscope.inspector.study.conclusions import conclusions
from rowscope.inspector.study.document import Document, plain
from rowscope.inspector.study.files import background, method, weights
from rowscope.inspector.study.forward_section import forward_section
from rowscope.inspector.study.gradient_section import gradient_section
from rowscope.inspector.study.leak_section import leak_section, mask_section
from rowscope.inspector.study.material import Material, gather
from rowscope.inspector.study.texts import LANGUAGES, Texts

if TYPE_CHECKING:
    from rowscope.inspector.model import Progress

__all__ = ["LANGUAGES", "study"]


def study(
    path: Checkpoint | str | os.PathLike[str],
    lang: str = "en",
    *,
    with_model: bool | str = "auto",
    device: str = "auto",
    dtype: str = "auto",
    seed: int = 0,
    steps: int = 60,
    trust_remote_code: bool = False,
    progress: Progress = None,
) -> str:
    """The study as a Markdown document; the same checkpoint and seed give the same document.

    A checkpoint without reserved rows gets a study of its untrained rows; one without these either is told
    that there is nothing to study.

    Args:
        lang: one of `LANGUAGES`.
        with_model: True to insist on the model, False to leave it out, "auto" to say in the document why
            it is missing where it cannot be loaded. Probes that this kind of model cannot run are
            explained in their place in any case.
        device, dtype, seed, trust_remote_code: as in `rowscope.inspector.model`.
        steps: of the training experiment.

    Raises:
        UsageError: an unknown language, device, dtype or value of `with_model`.
        CheckpointError: the path cannot be opened or has no vocabulary matrix, or one that cannot be decoded.
        MissingExtraError, RefusedError: with `with_model=True`, the model cannot be loaded.
    """
    if with_model not in (True, False, "auto"):
        raise UsageError(f"with_model is {with_model!r}; use True, False or 'auto'", location="with_model")
    texts = Texts(lang)
    options = {"device": device, "dtype": dtype, "seed": seed, "trust_remote_code": trust_remote_code}
    material = gather(
        path,
        with_model=with_model,
        not_asked=texts.say("why.not_asked"),
        options=options,
        steps=steps,
        progress=progress,
    )
    return write(Document(texts), material)


def write(doc: Document, material: Material) -> str:
    """All sections, or for a checkpoint with nothing to study those that apply."""
    shown = material.checkpoint.path
    name = plain(PurePath(shown).name or shown)
    key = "nothing" if material.subject is None else material.kind
    doc.title(f"title.{key}", name=name)
    doc.paragraph("title.intro", version=rowscope.__version__)
    background(doc, material)
    if material.subject is not None:
        method(doc, material)
    weights(doc, material)
    if material.subject is not None:
        forward_section(doc, material)
        gradient_section(doc, material)
        leak_section(doc, material)
        mask_section(doc, material)
        claim_section(doc, material)
        claims_section(doc, material)
    conclusions(doc, material)
    return doc.render()
