"""Tensor names that no loader matches: a wrapper, or the place in something larger, is in them (FIL006)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from rowscope.inspector.checkpoint.problem import Problem
from rowscope.inspector.matrices import foreign_prefix
from rowscope.inspector.text import Said, say

_MOST_NAMES = 10_000

# Modules that a library puts around others while it trains, and what saves without them. Anywhere in a name.
_PEFT: Final = ("PEFT", say("save model.merge_and_unload(), or the adapter alone"))
_WRAPPED: Final = say("save the module that it wraps")
WRAPPERS: Final[dict[str, tuple[str, Said]]] = {
    "_orig_mod": ("torch.compile", say("save model._orig_mod")),
    "_fsdp_wrapped_module": ("FSDP", say("save with accelerator.get_state_dict(model)")),
    "_checkpoint_wrapped_module": (say("activation checkpointing"), _WRAPPED),
    "_forward_module": ("Lightning Fabric", _WRAPPED),
    "base_layer": _PEFT,
    "modules_to_save": _PEFT,
    "original_module": _PEFT,
}
# Only where every name begins with it: as a module of a model these words mean something.
PREFIXES: Final[dict[str, tuple[str, Said]]] = {
    "module.": (say("DataParallel or DistributedDataParallel"), say("save model.module")),
    "base_model.model.": _PEFT,
}


def check_names(
    names: Iterable[str], root: str, config: Mapping[str, Any] | None = None
) -> Iterator[Problem]:
    """FIL006: names with a training library's wrapper in them, or with more in front than their class reads.

    transformers matches none of them: it starts what it does not find at random, with a warning.
    """
    every = list(names)
    for prefix, origin in PREFIXES.items():
        if every and all(name.startswith(prefix) for name in every):
            yield _problem(every, prefix, origin, root)
            return
    for segment, origin in WRAPPERS.items():
        wrapped = [name for name in every if segment in name and segment in name.split(".")]
        if wrapped:
            yield _problem(wrapped, segment + ".", origin, root)
            return
    foreign = foreign_prefix(every, config)
    if foreign is not None:
        hit = [name for name in every if name.startswith(foreign[0])]
        yield _misplaced(hit, *foreign, root, whole=len(hit) == len(every))


def _problem(names: list[str], wrapper: str, origin: tuple[str, Said], root: str) -> Problem:
    library, save = origin
    return Problem(
        "FIL006",
        say(
            "{count:# tensor name holds|# tensor names hold} {wrapper!r}, which {library} puts there, first "
            "{first!r}: no loader matches them, and transformers starts what it does not find at random",
            count=len(names),
            wrapper=wrapper,
            library=library,
            first=names[0],
        ),
        root,
        {"kind": "wrapped_names", "wrapper": wrapper, "count": len(names), "tensors": names[:_MOST_NAMES]},
        say("{save}, or write the file again with {part!r} taken out of the names", save=save, part=wrapper),
        severity="error",
    )


def _misplaced(names: list[str], prefix: str, wanted: str, root: str, *, whole: bool) -> Problem:
    """What is stored as a part of something larger: one of a trainer's two models, a policy, a bundle.

    Where the file holds more than that part, a library of its own may know how to read it: a warning.
    """
    return Problem(
        "FIL006",
        say(
            "{count:# tensor name begins|# tensor names begin} with {prefix!r}, first {first!r}: the class "
            "that config.json names reads {wanted!r} and matches none of them, and transformers starts what "
            "it does not find at random",
            count=len(names),
            prefix=prefix,
            first=names[0],
            wanted=wanted,
        ),
        root,
        {"kind": "wrapped_names", "wrapper": prefix, "count": len(names), "tensors": names[:_MOST_NAMES]},
        say(
            "{save}, or write the file again with {part!r} taken out of the names",
            save=say("save the module below {prefix!r} alone", prefix=prefix),
            part=prefix,
        ),
        severity="error" if whole else "warning",
    )
