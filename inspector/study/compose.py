"""The original study of reserved tokens, for any checkpoint, from numbers measured now."""

from __future__ import annotations

import os
import re
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final

import rowscope
from rowscope.inspector.checkpoint import Checkpoint
from rowscope.inspector.errors import UsageError
from rowscope.inspector.frozen import record
from rowscope.inspector.study.claim_section import claim_section
from rowscope.inspector.study.claims import claims_section
from rowscope.inspector.study.conclusions import conclusions
from rowscope.inspector.study.document import Document, Figure, plain
from rowscope.inspector.study.files import background, method, weights
from rowscope.inspector.study.forward_section import forward_section
from rowscope.inspector.study.gradient_section import gradient_section
from rowscope.inspector.study.leak_section import leak_section, mask_section
from rowscope.inspector.study.material import ASKED, RL_STEPS, Material, Starts, gather
from rowscope.inspector.study.texts import LANGUAGES, Texts
from rowscope.inspector.study.verify_section import verify_section

if TYPE_CHECKING:
    from rowscope.inspector.model import Progress

__all__ = ["LANGUAGES", "Study", "compose", "study"]

_PICTURE: Final = re.compile(r"^!\[[^\n]*\]\([\w-]+\.svg\)\n\n", re.M)


@record
class Study:
    """A study, and what its figures are drawn from.

    Attributes:
        text: Markdown that names each figure as a picture, `![title](NAME.svg)`, in a paragraph of its own.
    """

    text: str
    figures: tuple[Figure, ...]
    texts: Texts
    material: Material

    def said_in(self, lang: str) -> Study:
        """The same study in another of `LANGUAGES`; nothing is measured again.

        Raises:
            UsageError: an unknown language.
        """
        doc = Document(Texts(lang))
        return Study(write(doc, self.material), tuple(doc.figures), doc.texts, self.material)

    @property
    def without_figures(self) -> str:
        """The text for a place that has no pictures."""
        return _PICTURE.sub("", self.text)


def compose(
    path: Checkpoint | str | os.PathLike[str],
    lang: str = "en",
    *,
    with_model: bool | str = "auto",
    device: str = "auto",
    dtype: str = "auto",
    seed: int = 0,
    steps: int = 60,
    ask: int = ASKED,
    rl_steps: int = RL_STEPS,
    starts: Starts = None,
    trust_remote_code: bool = False,
    progress: Progress = None,
) -> Study:
    """The study with what it was written from; the same checkpoint and seed give the same document.

    A checkpoint without reserved rows gets a study of its untrained rows; one without these either is told
    that there is nothing to study.

    Args:
        lang: one of `LANGUAGES`.
        with_model: True to insist on the model, False to leave it out, "auto" to say in the document why
            it is missing where it cannot be loaded. Probes that this kind of model cannot run are
            explained in their place in any case.
        device, dtype, seed, trust_remote_code: as in `rowscope.inspector.model`.
        steps: of the training experiment.
        ask: how many rows the model is asked about, and as many trained controls; 0 for none.
        rl_steps: policy-gradient steps on the model's own text; 0 for none.
        starts: makes the initial rows to compare from the loaded model; they are trained by the new row
            alone.

    Raises:
        UsageError: an unknown language, device, dtype or value of `with_model`; `ask` or
            `rl_steps` below 0.
        CheckpointError: the path cannot be opened or has no vocabulary matrix, or one that cannot be decoded.
        MissingExtraError, RefusedError: with `with_model=True`, the model cannot be loaded.
    """
    if with_model not in (True, False, "auto"):
        raise UsageError(f"with_model is {with_model!r}; use True, False or 'auto'", location="with_model")
    for name, number in (("--verify", ask), ("--rl-steps", rl_steps)):
        if number < 0:
            raise UsageError(f"{name} {number}: give 0 or more", location=name)
    texts = Texts(lang)
    options = {"device": device, "dtype": dtype, "seed": seed, "trust_remote_code": trust_remote_code}
    material = gather(
        path,
        with_model=with_model,
        options=options,
        steps=steps,
        ask=ask,
        rl_steps=rl_steps,
        starts=starts,
        progress=progress,
    )
    doc = Document(texts)
    return Study(write(doc, material), tuple(doc.figures), texts, material)


def study(path: Checkpoint | str | os.PathLike[str], lang: str = "en", **options: Any) -> str:  # noqa: ANN401
    """The study as a Markdown document without figures; arguments and errors as of `compose`."""
    return compose(path, lang, **options).without_figures


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
        verify_section(doc, material)
        gradient_section(doc, material)
        leak_section(doc, material)
        mask_section(doc, material)
        claim_section(doc, material)
        claims_section(doc, material)
    conclusions(doc, material)
    return doc.render()
