"""Markdown of ours (pages of `explain`, studies) as markup; markup in it shows as text."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

_LEAST_HEADING: Final = 6
_WIDE: Final = '<div class="wide" tabindex="0" role="group">'


def markdown_html(source: str, *, deeper: int = 0, link: Callable[[str], str | None] = lambda _: None) -> str:
    """Markup of CommonMark with tables; pictures and markup in the source come out as text.

    Args:
        deeper: how many levels to push headings down: under an `h3` of the page, 3.
        link: what a link's target becomes, None to keep its words alone.
    """
    parser = _parser()
    tokens = parser.parse(source)
    for token in tokens:
        aligned = token.attrs.pop("style", "")  # the policy lets no element bring its own style
        if aligned == "text-align:right":
            token.attrSet("class", "number")
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1]) + deeper, _LEAST_HEADING)}"
        for child in token.children or ():
            if child.type == "link_open":
                target = link(str(child.attrGet("href") or ""))
                child.tag, child.attrs = ("a", {"href": target}) if target else ("span", {})
                level = child.level
            elif child.type == "link_close" and child.level == level:
                child.tag = "a" if target else "span"
    return str(parser.renderer.render(tokens, parser.options, {}))


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt  # rich brings it; only HTML needs it

    parser = MarkdownIt("commonmark", {"html": False}).enable("table").disable(["image", "autolink"])
    # As `html_table` has them: a table wider than the screen is scrolled, from the keyboard too.
    parser.add_render_rule("table_open", lambda *_: f"{_WIDE}<table>\n")
    parser.add_render_rule("table_close", lambda *_: "</table></div>\n")
    return parser
