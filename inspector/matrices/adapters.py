"""What a PEFT adapter does to vocabulary tables: replaced tables, replaced rows, low-rank changes.

Formulas from peft 0.21 (`tuners/lora/layer.py`, `dora.py`, `tuners/trainable_tokens/layer.py`): the rows of a
linear layer become W + scale * B A, those of an embedding W + scale * (B A)^T, with scale = alpha / r, or
alpha / sqrt(r) with rslora; DoRA scales each row of a linear layer to its magnitude. `trainable_tokens_delta`
holds whole rows that take the place of the base's, whatever its name says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from rowscope.inspector.frozen import record
from rowscope.inspector.header import TensorRef
from rowscope.inspector.matrices.stored import role_of_name
from rowscope.inspector.text import say

PREFIX: Final = "base_model.model."

# Behind the table's name; a state that PEFT did not save itself still has the adapter's name in it.
_PARTS: Final[tuple[tuple[str, re.Pattern[str]], ...]] = (
    ("a", re.compile(r"\.lora_A\.(?:[^.]+\.)?weight$")),
    ("b", re.compile(r"\.lora_B\.(?:[^.]+\.)?weight$")),
    ("embedding_a", re.compile(r"\.lora_embedding_A(?:\.[^.]+)?$")),
    ("embedding_b", re.compile(r"\.lora_embedding_B(?:\.[^.]+)?$")),
    ("magnitude", re.compile(r"\.lora_magnitude_vector(?:\.[^.]+)?(?:\.weight)?$")),
    ("tokens", re.compile(r"(?:\.token_adapter)?\.trainable_tokens_delta(?:\.[^.]+)?$")),
    ("bias", re.compile(r"(?:\.lora_B)?\.bias$")),
)
# Ways to start a LoRA that leave the base as it is; others take from the base what they put into A and B.
_PLAIN_STARTS: Final = (True, False, None, "gaussian", "eva", "orthogonal")
# Settings that change what the formula gives.
_OTHER_FORMULAS: Final = (
    "alora_invocation_tokens",
    "arrow_config",
    "kasa_config",
    "monteclora_config",
    "use_bdlora",
    "use_qalora",
    "velora_config",
)


@record
class Change:
    """What an adapter does to one table.

    Attributes:
        stem: the table's name without `.weight`, as the base model has it.
        a, b: factors of a low-rank change, float [r, d] and [V, r]; of an embedding [r, V] and [d, r].
        embedding: whether they are an embedding's.
        scale: by which their product is multiplied.
        magnitude: norm of each row after it (DoRA), float [V].
        tokens: rows that take the place of the base's, float [n, d], for `ids` in this order.
        trouble: why the rows cannot be computed, ending in what to do; None where they can.
    """

    stem: str
    a: TensorRef | None = None
    b: TensorRef | None = None
    embedding: bool = False
    scale: float = 0.0
    magnitude: TensorRef | None = None
    tokens: TensorRef | None = None
    ids: tuple[int, ...] = ()
    trouble: str | None = None

    @property
    def words(self) -> str:
        """For people: `LoRA of rank 4, scale 2`, `3 rows replaced: 7, 8, 9`."""
        if self.a is not None:
            kind = "DoRA" if self.magnitude is not None else "LoRA"
            return say(
                "{kind} of rank {rank}, scale {scale}",
                kind=kind,
                rank=self.a.shape[0],
                scale=f"{self.scale:g}",
            )
        if self.tokens is None:
            return say("a change that is not read")
        shown = ", ".join(str(id) for id in self.ids[:6]) + (", …" if len(self.ids) > 6 else "")
        return say("{count:# row|# rows} replaced: {ids}", count=len(self.ids), ids=shown)


def find_changes(
    tensors: Mapping[str, TensorRef], settings: Mapping[str, Any], *, own_base: bool = False
) -> tuple[Change, ...]:
    """The changes that an adapter's tensors make to vocabulary tables.

    Args:
        settings: adapter_config.json.
        own_base: whether the adapter brings the tables that it changes.
    """
    found: dict[str, dict[str, TensorRef]] = {}
    for name, ref in tensors.items():
        plain = name.removeprefix(PREFIX)
        for part, pattern in _PARTS:
            match = pattern.search(plain)
            if match is not None:
                found.setdefault(plain[: match.start()], {})[part] = ref
                break
        else:
            stem, _, leaf = plain.rpartition(".")
            if leaf != "weight":
                found.setdefault(stem, {})["unknown"] = ref
    changes = (_change(stem, parts, settings, own_base) for stem, parts in found.items())
    return tuple(change for change in changes if change is not None)


def _change(
    stem: str, parts: Mapping[str, TensorRef], settings: Mapping[str, Any], own_base: bool
) -> Change | None:
    if role_of_name(stem + ".weight") is None or not set(parts) - {"bias"}:
        return None
    method = str(settings.get("peft_type"))
    if "unknown" in parts:
        how = f"{parts['unknown'].name!r} belongs to {method}, which rowscope does not compute"
        return Change(stem, trouble=f"{how}; merge the adapter with PEFT and audit that")
    change = Change(stem)
    if "tokens" in parts:
        change = _tokens(change, parts["tokens"], settings)
    a, b = parts.get("embedding_a") or parts.get("a"), parts.get("embedding_b") or parts.get("b")
    if a is None and b is None:
        return change
    if "tokens" in parts or a is None or b is None or len(a.shape) != 2 or len(b.shape) != 2:
        return replace(
            change, trouble=f"the adapter's tensors of {stem!r} do not fit together; save it again"
        )
    return _lora(
        replace(change, a=a, b=b, magnitude=parts.get("magnitude")),
        "embedding_a" in parts,
        settings,
        own_base,
    )


def _tokens(change: Change, values: TensorRef, settings: Mapping[str, Any]) -> Change:
    listed = settings.get("token_indices") or settings.get("trainable_token_indices")
    if isinstance(listed, Mapping):
        named = [ids for key, ids in listed.items() if f".{change.stem}".endswith(f".{key}")]
        listed = named[0] if named else next(iter(listed.values()), None)
    whole = isinstance(listed, list) and all(type(id) is int and id >= 0 for id in listed)
    if not whole or len(values.shape) != 2 or not isinstance(listed, list) or len(listed) != values.shape[0]:
        trouble = (
            f"{values.name!r} holds {values.shape[0] if values.shape else 0} rows, and adapter_config.json "
            "does "
            "not list as many token ids; put both back together as they were saved"
        )
        return replace(change, tokens=values, trouble=trouble)
    return replace(change, tokens=values, ids=tuple(listed))


def _lora(change: Change, embedding: bool, settings: Mapping[str, Any], own_base: bool) -> Change:
    assert change.a is not None
    rank = change.a.shape[0]
    change = replace(change, embedding=embedding)
    trouble = _lora_trouble(change, settings, own_base)
    patterns = settings.get("alpha_pattern")
    alpha = settings.get("lora_alpha")
    for key, value in patterns.items() if isinstance(patterns, Mapping) else ():
        if not re.fullmatch(r"[\w.]+", key):
            trouble = (
                trouble or f"alpha_pattern holds the expression {key!r}, which rowscope does not evaluate"
            )
        elif f".{change.stem}".endswith(f".{key}"):
            alpha = value
    if not isinstance(alpha, int | float) or isinstance(alpha, bool) or rank == 0:
        return replace(change, trouble=trouble or "adapter_config.json has no number lora_alpha")
    scale = alpha / (rank**0.5 if settings.get("use_rslora") else rank)
    merge = "; merge the adapter with PEFT and audit that"
    return replace(change, scale=scale, trouble=None if trouble is None else trouble + merge)


def _lora_trouble(change: Change, settings: Mapping[str, Any], own_base: bool) -> str | None:
    method = settings.get("peft_type")
    if method != "LORA":
        return f"the adapter is of type {method!r}, whose formula rowscope does not compute"
    other = next((key for key in _OTHER_FORMULAS if settings.get(key)), None)
    if other is not None:
        return f"adapter_config.json sets {other}, whose formula rowscope does not compute"
    start = settings.get("init_lora_weights")
    if not own_base and not any(start is known or start == known for known in _PLAIN_STARTS):
        return f"init_lora_weights is {start!r}, which changes the base model as well"
    if change.embedding and change.magnitude is not None:
        return "DoRA on an embedding scales columns by norms over all rows, which rowscope does not compute"
    return None
