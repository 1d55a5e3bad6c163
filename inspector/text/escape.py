"""Names from files, made safe to print: what a terminal would obey or hide becomes a visible escape."""

from __future__ import annotations

import re

# Letters and marks that Unicode calls default-ignorable, and blanks that are no spaces: they print as
# nothing, so that two different names look the same. str.isprintable() lets them pass.
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def visible(text: str) -> str:
    """`text` with every character that does not show as itself written as an escape.

    Escaped are control characters (ESC among them), format characters (bidirectional overrides, zero
    width), lone surrogates, line and paragraph separators, spaces other than U+0020, private and
    unassigned code points, and invisible letters and marks. Letters of all scripts stay, and so does the
    backslash; a second pass changes nothing.
    """
    if text.isprintable() and not _INVISIBLE.search(text):
        return text
    return "".join(_escape(character) for character in text)


def _escape(character: str) -> str:
    if character.isprintable() and not _INVISIBLE.match(character):
        return character
    if character in _SHORT:
        return _SHORT[character]
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
