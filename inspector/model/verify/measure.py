"""The numbers of each token: its probability in every prompt, and in carriers before and after it is seen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.evidence import sample
from rowscope.inspector.frozen import record
from rowscope.inspector.model.verify.ask import Asker, take
from rowscope.inspector.model.verify.forms import Form, Ids, make_form
from rowscope.inspector.model.verify.questions import CARRIERS, PROMPTS
from rowscope.inspector.model.verify.results import Measured

# Contexts of other untrained tokens that a token's own is compared with, and fewer than which say nothing.
CONTEXTS: Final = 128
FEW: Final = 50


@record
class Setting:
    """What the tokens of a run are measured with.

    Attributes:
        prompts, carriers: forms by name.
        others: int64 ids of untrained tokens, sorted, whose contexts a token's own is compared with.
        ids: int64 ids whose columns `columns` has, sorted.
        columns: by carrier, float32 [others, ids]: log-probability of each id behind each other token.
        first: by carrier, float64 [ids]: log-probability of each id before any token was seen.
    """

    prompts: dict[str, Form]
    carriers: dict[str, Form]
    others: Ids
    ids: Ids
    columns: dict[str, NDArray[np.float32]]
    first: dict[str, NDArray[np.float64]]


def prepare(asker: Asker, ids: Ids, untrained: Ids) -> Setting:
    """Forms, and what behaviour is compared with: the contexts of a fixed sample of `untrained` ids."""
    loaded = asker.loaded
    prompts = {question.name: make_form(loaded, question) for question in PROMPTS}
    carriers = {question.name: make_form(loaded, question) for question in CARRIERS}
    others = sample(untrained, CONTEXTS)
    others = others if others.size >= FEW else others[:0]
    first, columns = {}, {}
    for question in CARRIERS:
        before = asker.before(make_form(loaded, question.without))
        first[question.name] = np.asarray(take(before, ids).cpu().numpy(), dtype=np.float64)
        if others.size:
            columns[question.name] = _columns(asker, question.name, carriers[question.name], others, ids)
    return Setting(prompts, carriers, others, ids, columns, first)


def _columns(asker: Asker, name: str, form: Form, others: Ids, ids: Ids) -> NDArray[np.float32]:
    found = np.empty((others.size, ids.size), dtype=np.float32)
    for start in range(0, others.size, asker.rows):
        part = others[start : start + asker.rows]
        found[start : start + part.size] = asker.ask(name, form, part, ids).float().cpu().numpy()
    return found


def measure(asker: Asker, setting: Setting, ids: Ids) -> list[Measured]:
    """The numbers of one batch of ids, which are among those of the setting."""
    p = {name: _own(asker, name, form, ids) for name, form in setting.prompts.items()}
    second = {name: _own(asker, name, form, ids) for name, form in setting.carriers.items()}
    places = np.searchsorted(setting.ids, ids)
    first = {name: logs[places] for name, logs in setting.first.items()}
    standing = {
        name: _standing(second[name], logs[:, places], setting.others, ids)
        for name, logs in setting.columns.items()
    }
    return [
        Measured(_plain(p, at), _plain(first, at), _plain(second, at), _values(standing, at))
        for at in range(ids.size)
    ]


def _own(asker: Asker, name: str, form: Form, ids: Ids) -> NDArray[np.float64]:
    """Log-probability of each id behind its own sequence, float64 [n]."""
    return np.asarray(asker.ask(name, form, ids, ids).diagonal().cpu().numpy(), dtype=np.float64)


def _standing(
    mine: NDArray[np.float64], elsewhere: NDArray[np.float32], others: Ids, ids: Ids
) -> NDArray[np.float64]:
    """Share of the contexts [c] in which each id [n] is less likely than in its own; its own is left out."""
    same = others[:, None] == ids[None]
    # Compared in float32, in which the others are kept: equal rows are equal.
    rounded = mine.astype(np.float32)[None]
    above = np.where(same, 0.0, (rounded > elsewhere) + 0.5 * (rounded == elsewhere))
    return np.asarray(above.sum(axis=0) / (~same).sum(axis=0), dtype=np.float64)


def _plain(logs: dict[str, NDArray[np.float64]], at: int) -> dict[str, float]:
    return {name: float(np.exp(values[at])) for name, values in logs.items()}


def _values(values: dict[str, NDArray[np.float64]], at: int) -> dict[str, float]:
    return {name: float(own[at]) for name, own in values.items()}


def batches(ids: Ids, size: int) -> Iterator[Ids]:
    """The ids in batches, the same for the same ids: a number hardly depends on who else is in the batch."""
    for start in range(0, ids.size, size):
        yield ids[start : start + size]
