"""What a finding code means: its page, which the package carries in `findings` and `findings/zh`."""

from __future__ import annotations

from rowscope.inspector.checks.registry import RULES
from rowscope.inspector.errors import UsageError, guess


def explain(code: str, language: str = "en") -> str:
    """The documentation page of a finding code, in Markdown.

    Args:
        code: `ROW201` in either case, or the finding's name, `non-finite-rows`.
        language: one of `LANGUAGES`.

    Raises:
        UsageError: no such code; the message suggests the nearest and lists all. Or no such language.
    """
    by_name = {rule.name: rule.code for rule in RULES.values()}
    wanted = by_name.get(code.lower(), code.upper())
    if wanted not in RULES:
        near = guess(wanted, (*RULES, *by_name))
        raise UsageError(
            f"{code!r} is no finding code; {near}the codes are {', '.join(RULES)}", location="CODE"
        )
    from importlib.resources import files  # 3 ms that an audit need not wait for

    folder = files("rowscope").joinpath("findings")
    if language == "en":
        return folder.joinpath(f"{wanted}.md").read_text(encoding="utf-8")
    from rowscope.inspector.text import check_language, unbroken

    check_language(language)
    return unbroken(folder.joinpath(language, f"{wanted}.md").read_text(encoding="utf-8"))
