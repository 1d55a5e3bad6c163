"""The text of `generation_config.json` with `suppress_tokens`: merged into the present one, or made anew."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from rowscope.inspector.errors import RefusedError
from rowscope.inspector.frozen import record

KEY: Final = "suppress_tokens"
NAME: Final = "generation_config.json"
DERIVED: Final = "_from_model_config"

# What transformers takes over from config.json where generation_config.json is absent: the attributes of its
# GenerationConfig, those of 4.45 and later together. A test compares them with the library.
GENERATION_KEYS: Final = frozenset(
    """
    assistant_confidence_threshold assistant_early_exit assistant_ensemble_weight assistant_lookbehind
    bad_words_ids begin_suppress_tokens bos_token_id cache_config cache_implementation compile_config
    constraints continuous_batching_config decoder_start_token_id disable_compile diversity_penalty
    do_sample dola_layers early_stopping encoder_no_repeat_ngram_size encoder_repetition_penalty
    eos_token_id epsilon_cutoff eta_cutoff exponential_decay_length_penalty force_words_ids
    forced_bos_token_id forced_decoder_ids forced_eos_token_id generation_kwargs guidance_scale
    is_assistant length_penalty low_memory max_cache_len max_length max_matching_ngram_size max_new_tokens
    max_time min_length min_new_tokens min_p no_repeat_ngram_size num_assistant_tokens
    num_assistant_tokens_schedule num_beam_groups num_beams num_return_sequences output_attentions
    output_hidden_states output_logits output_scores pad_token_id penalty_alpha prefill_chunk_size
    prompt_lookup_num_tokens remove_invalid_values renormalize_logits repetition_penalty
    return_dict_in_generate return_legacy_cache sequence_bias speculation_type stop_strings suppress_tokens
    target_lookbehind temperature token_healing top_h top_k top_p typical_p use_cache use_mtp
    watermarking_config
    """.split()  # noqa: SIM905 - a table of eighty names
)

# Parts of config.json that transformers looks into for what the top level leaves unset, in its order.
_NESTED: Final = ("decoder", "generator", "text_config")
_OUTPUT_FLAGS: Final = ("output_attentions", "output_hidden_states", "output_scores", "output_logits")

_BLANK: Final = re.compile(r"[ \t\r\n]*")


def carried_over(config: Mapping[str, Any] | None) -> dict[str, Any]:
    """What `generate` uses while there is no generation_config.json, as keys of that file.

    Follows `GenerationConfig.from_model_config` of transformers 5: the top level of config.json, then its
    first nested decoder config for what is unset.
    """
    config = config or {}
    nested: Mapping[str, Any] = next(
        (config[key] for key in _NESTED if isinstance(config.get(key), dict) and config[key]), {}
    )
    found = {
        key: value
        for key in sorted(GENERATION_KEYS)
        if (value := config.get(key) if config.get(key) is not None else nested.get(key)) is not None
    }
    if config.get("force_bos_token_to_be_generated") and "bos_token_id" in found:
        found["forced_bos_token_id"] = found["bos_token_id"]
    if any(found.get(flag) for flag in _OUTPUT_FLAGS):
        found["return_dict_in_generate"] = True
    return found


def merged_ids(present: object, ids: Iterable[int]) -> list[int]:
    """The ids that `suppress_tokens` already holds, and `ids`; sorted, each once.

    Raises:
        RefusedError: the present value is no list of integers.
    """
    held = [] if present is None else present
    if not isinstance(held, list) or any(isinstance(id, bool) or not isinstance(id, int) for id in held):
        raise RefusedError(
            f"{NAME}: {KEY} is {ascii(present)[:60]}, not a list of ids; correct the file first",
            location=NAME,
        )
    return sorted({*held, *ids})


def create(config: Mapping[str, Any] | None, ids: Iterable[int]) -> str:
    """The text of a new file: what config.json said, and the mask."""
    content = carried_over(config)
    content[KEY] = merged_ids(content.get(KEY), ids)
    return json.dumps(content, indent=2, sort_keys=True) + "\n"


def merge(text: str, ids: Iterable[int]) -> str:
    """The present file with the mask; every other byte stays, but `_from_model_config` becomes false.

    With that flag transformers 4 may derive the settings from config.json again, and the mask would go.

    Args:
        text: a JSON object.

    Raises:
        RefusedError: `suppress_tokens` is there and no list of ids.
    """
    members = _members(text)
    content = json.loads(text)
    value = _list_text(merged_ids(content.get(KEY), ids), text, members)
    edits = [(m.value, m.stop, value) for m in members if m.key == KEY]
    edits += [(m.value, m.stop, "false") for m in members if m.key == DERIVED and content[DERIVED]]
    if KEY not in content:
        edits.append(_insertion(value, text, members))
    for start, stop, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[stop:]
    return text


@record
class _Member:
    """A member of the outermost object: positions in the text, and what stands between key and value."""

    key: str
    start: int
    colon: str
    value: int
    stop: int


def _members(text: str) -> list[_Member]:
    """The members of the JSON object `text`, which is valid JSON."""
    decoder = json.JSONDecoder()
    found: list[_Member] = []
    at = _skip(text, _skip(text, 0) + 1)
    while text[at] != "}":
        key, after = decoder.raw_decode(text, at)
        value = _skip(text, _skip(text, after) + 1)
        _, stop = decoder.raw_decode(text, value)
        found.append(_Member(key, at, text[after:value], value, stop))
        at = _skip(text, stop)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return found


def _skip(text: str, at: int) -> int:
    match = _BLANK.match(text, at)
    assert match is not None
    return match.end()


def _before(text: str, member: _Member) -> str:
    """The blanks before a member's key."""
    return text[len(text[: member.start].rstrip(" \t\r\n")) : member.start]


def _list_text(ids: list[int], text: str, members: list[_Member]) -> str:
    """The list in the file's style: one id a line where members stand on lines of their own."""
    blank = _before(text, members[0]) if members else "\n  "
    if "\n" not in blank or not ids:
        return json.dumps(ids)
    return "[" + ",".join(f"{blank}{blank.rpartition(chr(10))[2]}{id}" for id in ids) + blank + "]"


def _insertion(value: str, text: str, members: list[_Member]) -> tuple[int, int, str]:
    """Where the new member goes: in its place where the keys are sorted, else last."""
    if not members:
        start = text.index("{") + 1
        return start, text.index("}", start), f'\n  "{KEY}": {value}\n'
    member = f'"{KEY}"{members[0].colon}{value}'
    keys = [item.key for item in members]
    later = next((item for item in members if item.key > KEY), None)
    if later is not None and len(keys) > 1 and keys == sorted(keys):
        return later.start, later.start, f"{member},{_gap(text, members)}"
    stop = members[-1].stop
    return stop, stop, f",{_gap(text, members)}{member}"


def _gap(text: str, members: list[_Member]) -> str:
    """The blanks between two members; after the manner of the first where there is but one."""
    if len(members) > 1:
        return _before(text, members[1])
    blank = _before(text, members[0])
    return blank if "\n" in blank or not members[0].colon.endswith(" ") else " "
