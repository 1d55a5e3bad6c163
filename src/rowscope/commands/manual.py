"""What `--help` says beside the options themselves: groups, examples, exit codes. Read for help alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

COMMAND_GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "Look": ("inspect", "audit", "rows", "suspects", "explain"),
    "Compare": ("diff",),
    "Change and export": ("claim", "undo", "mask"),
    "Model mode (loads the model)": ("probe", "study"),
    "Fleets (many checkpoints)": ("fleet",),
}


@dataclass(frozen=True, slots=True)
class Example:
    """A line to copy, what it is for, and its exit code."""

    line: str
    says: str
    exit_code: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """What the help of one command adds: examples, and the exit codes that it has."""

    examples: tuple[Example, ...]
    exit_codes: tuple[int, ...]


EXIT_CODES: Final[Mapping[int, str]] = {
    0: "done; no finding at or above --fail-on",
    1: "a finding at or above --fail-on",
    2: "a usage error",
    3: "not to be audited (missing, malformed), or only in part",
    4: "an optional dependency is missing; the message names the extra",
    5: "refused, or the output cannot be written: nothing was changed",
    130: "interrupted (143 by SIGTERM, 129 by SIGHUP)",
}
OTHER_WORDS: Final[Mapping[tuple[str, int], str]] = {
    ("inspect", 1): "a finding that is an error: FIL002, FIL005, FIL006 or FIL007",
    ("diff", 1): "a row of --expect-unchanged has changed (DIF501)",
    ("fleet run", 3): "a checkpoint failed, or could be audited only in part",
    ("fleet report", 3): "a checkpoint failed or is partial, or the store is empty",
}
"""Where a code of a command means something more exact."""


def own_name(ctx: Any) -> str:  # noqa: ANN401 - typer's own type
    """The command without the program's name: `probe leak`; nothing for the program itself."""
    names = []
    while ctx.parent is not None:
        names.append(ctx.info_name)
        ctx = ctx.parent
    return " ".join(reversed(names))


def words_of(command: str, code: int) -> str:
    """What an exit code of a command means; where no finding fails it, 0 is just done."""
    gated = 1 in PAGES[command].exit_codes and (command, 1) not in OTHER_WORDS
    if code == 0 and not gated:
        return "done"
    return OTHER_WORDS.get((command, code), EXIT_CODES[code])


PAGES: Final[Mapping[str, Page]] = {
    "": Page(
        (
            Example("rowscope audit demo", "a small checkpoint inside the package"),
            Example("rowscope explain", "every finding by code"),
        ),
        tuple(EXIT_CODES),
    ),
    "inspect": Page(
        (
            Example("rowscope inspect demo", "files, tensors by layer, metadata"),
            Example("rowscope inspect demo --all --filter '*.mlp.*'", "one kind of tensors"),
            Example("rowscope inspect ./model --diagnose", "what is wrong with a file"),
        ),
        (0, 1, 2, 3),
    ),
    "audit": Page(
        (
            Example("rowscope audit demo --brief", "the answer alone"),
            Example("rowscope audit ./model -o audit.html", "a page to look at"),
            Example("rowscope audit ./model --fail-on warning", "a gate: exit 1", 1),
            Example("rowscope audit ./model --report sarif=audit.sarif", "and as SARIF"),
            Example("rowscope audit ./model --write-baseline known.json", "accept what there is"),
            Example("rowscope audit ./model --baseline known.json", "and report what is new"),
        ),
        (0, 1, 2, 3, 4, 5),
    ),
    "rows": Page(
        (
            Example("rowscope rows demo --token '<|im_end|>' --ids 0:3", "these rows"),
            Example("rowscope rows demo --group reserved --sort=-norm", "the longest first"),
            Example("rowscope rows demo --grep '^fim' --verdict collapsed", "by text and verdict"),
            Example("rowscope rows demo --where 'norm<0.6' -o rows.csv", "by number, to a file"),
        ),
        (0, 2, 3, 4, 5),
    ),
    "suspects": Page(
        (
            Example("rowscope suspects demo --limit 10", "the ten surest"),
            Example("rowscope suspects demo --group added", "special and added tokens"),
            Example("rowscope suspects demo --limit 0 -o suspects.csv", "all of them"),
        ),
        (0, 2, 3, 4, 5),
    ),
    "diff": Page(
        (
            Example("rowscope diff ./base ./tuned", "what moved"),
            Example("rowscope diff ./base ./tuned -o diff.html", "the same as a page"),
            Example("rowscope diff ./base ./tuned --expect-unchanged 0:4000", "a gate: exit 1", 1),
        ),
        (0, 1, 2, 3, 4, 5),
    ),
    "claim": Page(
        (
            Example("rowscope claim ./model '<think>' '</think>' --dry-run", "the plan"),
            Example("rowscope claim ./model '<think>' '</think>' --out ./claimed", "a new folder"),
            Example("rowscope claim ./model '<NUM>' --in-place", "`undo` takes it back"),
        ),
        (0, 2, 3, 4, 5),
    ),
    "undo": Page(
        (Example("rowscope undo ./model", "after claim --in-place"),),
        (0, 2, 3, 5),
    ),
    "mask": Page(
        (
            Example("rowscope mask demo --format ranges", "the ids, shortly"),
            Example("rowscope mask demo --format vllm -o suppress_reserved.py", "for vLLM"),
            Example("rowscope mask ./model --apply", "into generation_config.json"),
        ),
        (0, 2, 3, 4, 5),
    ),
    "study": Page(
        (
            Example("rowscope study demo --no-model", "weights alone"),
            Example("rowscope study demo --no-model --lang zh -o study.html", "a page in Chinese"),
        ),
        (0, 2, 3, 4, 5),
    ),
    "explain": Page(
        (
            Example("rowscope explain", "all findings"),
            Example("rowscope explain TOK301", "one of them, by code or name"),
        ),
        (0, 2, 5),
    ),
    "probe": Page(
        (
            Example("rowscope probe verify demo --suspects 20", "are they known?"),
            Example("rowscope probe leak demo --rollout-tokens 8", "can they be sampled?"),
        ),
        (0, 2, 3, 4, 5),
    ),
    "probe forward": Page(
        (Example("rowscope probe forward demo --limit 4", "four ids of each group"),), (0, 2, 3, 4, 5)
    ),
    "probe gradient": Page(
        (Example("rowscope probe gradient demo --target 4008", "which rows a step would move"),),
        (0, 2, 3, 4, 5),
    ),
    "probe leak": Page(
        (
            Example("rowscope probe leak demo --rollout-tokens 8", "by temperature and filter"),
            Example("rowscope probe leak demo --rl-steps 2", "and after steps of RL"),
        ),
        (0, 2, 3, 4, 5),
    ),
    "probe train": Page(
        (Example("rowscope probe train demo --steps 2 --variant token-only", "a quick look"),),
        (0, 2, 3, 4, 5),
    ),
    "probe verify": Page(
        (Example("rowscope probe verify demo --suspects 20", "a quick look"),),
        (0, 2, 3, 4, 5),
    ),
    "fleet": Page(
        (
            Example("rowscope fleet ./base ./tuned --out store", "audit them all"),
            Example("rowscope fleet report store", "a leaderboard, and runs by step"),
        ),
        (0, 1, 2, 3, 4, 5),
    ),
    "fleet run": Page(
        (
            Example("rowscope fleet ./base ./tuned --out store", "into a new store"),
            Example("rowscope fleet './*' --out store", "the rest too"),
        ),
        (0, 1, 2, 3, 4, 5),
    ),
    "fleet status": Page((Example("rowscope fleet status store", "how far it is"),), (0, 2, 3, 4, 5)),
    "fleet report": Page(
        (
            Example("rowscope fleet report store", "a leaderboard, and runs by step"),
            Example("rowscope fleet report store -o fleet.html", "the same as a page"),
        ),
        (0, 1, 2, 3, 4, 5),
    ),
}
