"""Policy-gradient steps on the model's own text, with the mask in rollout, trainer, both or neither."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from rowscope.inspector.model.leak.rollouts import Draws, sample
from rowscope.inspector.model.loading.load import Loaded
from rowscope.inspector.model.loading.prompts import Prompt
from rowscope.inspector.model.policy.advice import advise_policy
from rowscope.inspector.model.policy.gradient import (
    impossible,
    make_optimizer,
    mismatch,
    policy_gradient,
    step_of,
)
from rowscope.inspector.model.policy.head import OutputHead, own_head
from rowscope.inspector.model.policy.measure import Look, look, slope
from rowscope.inspector.model.policy.results import (
    MASKS,
    LogitMove,
    Policy,
    PolicyCell,
    PolicyResult,
    PolicyVariant,
    measured_steps,
)
from rowscope.inspector.model.policy.text import Drawn, drawn_text, prompt_places
from rowscope.inspector.model.results import Progress
from rowscope.inspector.model.suppress import SuppressReserved

TRAINED: Final = "the output matrix alone; the body and the input matrix stay as they are"


def policy_steps(
    loaded: Loaded,
    policy: Policy,
    prompts: Sequence[Prompt],
    rows: Sequence[Draws],
    ids: Sequence[int],
    temperatures: Sequence[float],
    *,
    max_tokens: int,
    new: int,
    temperature: float,
    progress: Progress,
) -> PolicyResult:
    """Take the steps in four variants and measure the mass on `ids` before, between and after them.

    The text is sampled once, from the model as it is, with and without the mask. Every variant starts from
    the same matrix, and takes all its steps on its text. The mass is always that without a mask, at the
    positions of the prompts and of the text that was sampled without one; the hidden states there do not
    change, since only the output matrix does (`TRAINED`), a copy in float32 at least. The stored one is never
    touched.

    Args:
        rows: rollouts without a mask.
        ids: probed ids that have a row in the output matrix.
        new, temperature: of the rollouts.

    Raises:
        RefusedError: as `OutputHead.check`.
        What `sample` raises.
    """
    import torch

    mask = SuppressReserved(ids)
    masked = list(sample(loaded, [r.opening for r in rows], new, temperature, lambda *_: None, mask))
    with own_head(loaded) as head, torch.no_grad():
        texts = {False: drawn_text(loaded, head, rows), True: drawn_text(loaded, head, masked)}
        places = {**prompt_places(loaded, prompts, max_tokens), "rollouts": texts[False].hidden}
        work = _Work(head, policy, mask, texts, places, tuple(temperatures), progress)
        variants = tuple(work.variant(name) for name in MASKS)
        elements = int(head.weight.numel())
    near = min(temperatures, key=lambda t: abs(t - 1.0))
    return PolicyResult(
        steps=policy.steps,
        learning_rate=policy.learning_rate,
        advantage=policy.advantage,
        optimizer=policy.optimizer,
        trained=TRAINED,
        elements=elements,
        temperature=temperature,
        variants=variants,
        advice=advise_policy(policy, variants, near, loaded.subject.noun),
    )


@dataclass
class _Course:
    """What the steps did, whatever the rollout's mask: equal text and trainer give equal courses."""

    losses: list[float] = field(default_factory=list)
    slopes: Mapping[str, Look] = field(default_factory=dict)
    looks: dict[int, Mapping[str, Look]] = field(default_factory=dict)


@dataclass
class _Work:
    """The variants so far; `texts` by whether the rollout has the mask, `courses` by whether the trainer."""

    head: OutputHead
    policy: Policy
    mask: SuppressReserved
    texts: Mapping[bool, Drawn]
    places: Mapping[str, Any]
    temperatures: tuple[float, ...]
    progress: Progress
    courses: dict[bool, _Course] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ids = self.mask.ids.tolist()
        self.start = look(self.head, self.places, self.ids, self.temperatures)
        self.done = 0

    def variant(self, name: str) -> PolicyVariant:
        """The steps with the mask where `name` says."""
        rollout, trainer = MASKS[name]
        text, mask = self.texts[rollout], self.mask if trainer else None
        # Without a probed id among the draws the mask changes none of them, and the steps are the same.
        same = self.texts[False].ids.equal(text.ids)
        course = self.courses.get(trainer) if same else None
        self.done += self.policy.steps if course is not None else 0
        self._tell()
        course = course or self._train(text, mask)
        self.courses.setdefault(trainer, course)
        hits = impossible(text, self.mask)
        found = PolicyVariant(
            mask=name,
            tokens=len(text.ids),
            sampled=hits,
            impossible=impossible(text, mask),
            mismatch=mismatch(self.head, text, self.mask) if rollout != trainer else 0.0,
            losses=tuple(course.losses),
            cells=(),
            logits=(),
        )
        return replace(found, cells=self._cells(course), logits=self._moves(course))

    def _train(self, text: Drawn, mask: SuppressReserved | None) -> _Course:
        course = _Course(looks={0: self.start})
        optimizer = make_optimizer(self.head, self.policy)
        wanted = measured_steps(self.policy.steps)
        for step in range(1, self.policy.steps + 1):
            gradient = policy_gradient(self.head, text, self.policy.advantage, mask)
            course.losses.append(gradient.loss)
            if step == 1:
                along = step_of(gradient.matrix.clone(), self.policy)
                course.slopes = slope(self.head, self.places, self.ids, self.temperatures, along)
                del along
            self.head.weight.grad = gradient.matrix
            optimizer.step()
            self.head.weight.grad = None
            self.done += 1
            self._tell()
            if step in wanted:
                course.looks[step] = look(self.head, self.places, self.ids, self.temperatures)
        self.head.reset()
        return course

    def _tell(self) -> None:
        if self.progress is not None:
            self.progress("policy-gradient steps", self.done, len(MASKS) * self.policy.steps)

    def _cells(self, course: _Course) -> tuple[PolicyCell, ...]:
        found = []
        for step, looks in course.looks.items():
            for scope, now in looks.items():
                for at, temperature in enumerate(self.temperatures):
                    mean = float(now.masses[at].mean())
                    before = float(self.start[scope].masses[at].mean())
                    rate = float(course.slopes[scope].masses[at].mean())
                    found.append(
                        PolicyCell(
                            step=step,
                            scope=scope,
                            temperature=temperature,
                            mean=mean,
                            max=float(now.masses[at].max()),
                            expected_tokens=1.0 / mean if mean > 0 else float("inf"),
                            predicted=before + step * rate,
                        )
                    )
        return tuple(found)

    def _moves(self, course: _Course) -> tuple[LogitMove, ...]:
        return tuple(
            LogitMove(step, scope, now.logit - self.start[scope].logit, step * course.slopes[scope].logit)
            for step, looks in course.looks.items()
            for scope, now in looks.items()
        )
