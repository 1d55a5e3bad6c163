"""The words of the pages: both languages say the same things."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from rowscope.inspector.render.html import wording

FOLDER = Path(wording.__file__).parent
EN, ZH = (tomllib.loads((FOLDER / f"{language}.toml").read_text("utf-8")) for language in ("en", "zh"))


def test_both_languages_have_every_key_and_fill_in_the_same_names():
    for section, words in EN.items():
        assert set(words) <= set(ZH[section]), section
        for key, text in words.items():
            # English counts with a noun where Chinese has the number alone.
            names = {name.removesuffix("s") for name in re.findall(r"\{(\w+)", text)}
            said = {name.removesuffix("s") for name in re.findall(r"\{(\w+)", ZH[section][key])}
            assert names == said, f"{section}.{key}"
