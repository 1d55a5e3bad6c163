"""Whether anything is sampled from a model: what decides if an id can come out of it by itself."""

from __future__ import annotations

from typing import Final

from rowscope.inspector.checkpoint import Checkpoint
from rowscope.inspector.vocabulary import Vocabulary

GENERATING: Final = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration", "ForSeq2SeqLM")
"""Ends of the names of classes that generate."""

# Ends of the names of classes that predict something else, or fill gaps: transformers' generate refuses them.
_OTHERWISE: Final = (
    "Classification",
    "EncoderModel",
    "ForMaskedLM",
    "ForMultipleChoice",
    "ForNextSentencePrediction",
    "ForPreTraining",
    "ForQuestionAnswering",
    "ForRetrieval",
)


def samples(checkpoint: Checkpoint, vocabulary: Vocabulary | None) -> bool:
    """Whether ids are sampled from this model, as far as its files tell.

    A chat template and a generation_config.json say so, and so does the name of the class; where neither the
    files nor the name tells, an output matrix does, without which there are no logits.
    """
    if checkpoint.generation_config is not None or (vocabulary is not None and vocabulary.chat_templates):
        return True
    names = checkpoint.architectures
    if any(name.endswith(GENERATING) for name in names):
        return True
    if names and all(name.endswith(_OTHERWISE) for name in names):
        return False
    return checkpoint.layout.of_role("output") is not None
