"""The words of the pages: both languages say the same things, and every finding has Chinese words."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from rowscope.inspector.checks import RULES
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


def test_every_finding_is_explained_in_chinese_and_every_grave_one_has_a_next_step():
    assert set(ZH["means"]) == set(RULES)
    assert set(ZH["do"]) == {rule.code for rule in RULES.values() if rule.severity != "note"}
