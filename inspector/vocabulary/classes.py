"""What transformers' tokenizer classes assume where the files are silent: roles, and layouts of pieces.

A class of the first table builds its tokenizer anew from the vocabulary, so that of the added tokens it
takes those of tokenizer_config.json alone where that file lists any. A class in no table takes tokenizer.json
as it is and assumes nothing. The tests hold these tables against transformers' own signatures.
"""

from __future__ import annotations

from rowscope.inspector.frozen import record
from rowscope.inspector.vocabulary.alphabet import Alphabet, Step

_BERT = "unk=[UNK] sep=[SEP] pad=[PAD] cls=[CLS] mask=[MASK]"
_ROBERTA = "bos=<s> eos=</s> unk=<unk> sep=</s> pad=<pad> cls=<s> mask=<mask>"
_ALBERT = "bos=[CLS] eos=[SEP] unk=<unk> sep=[SEP] pad=<pad> cls=[CLS] mask=[MASK]"
_DEBERTA = "bos=[CLS] eos=[SEP] unk=[UNK] sep=[SEP] pad=[PAD] cls=[CLS] mask=[MASK]"
_T5 = "eos=</s> unk=<unk> pad=<pad>"
_GPT2 = "bos=<|endoftext|> eos=<|endoftext|> unk=<|endoftext|>"
_QWEN = "eos=<|endoftext|> unk=<|endoftext|> pad=<|endoftext|>"
_CODE_LLAMA = "bos=<s> eos=</s> unk=<unk> prefix=▁<PRE> middle=▁<MID> suffix=▁<SUF> eot=▁<EOT> fill=<FILL_ME>"

_CLASSES = {
    _BERT: "Bert ConvBert DistilBert DPRContextEncoder DPRQuestionEncoder DPRReader Electra LayoutLM "
    "LayoutLMv2 Lxmert MobileBert RoFormer SqueezeBert",
    _ROBERTA: "Bart Barthez Blenderbot Camembert LED LayoutLMv3 LayoutXLM Longformer MBart MarkupLM Mvp Nllb "
    "Roberta XLMRoberta",
    _ALBERT: "Albert FNet RemBert",
    _DEBERTA: "Deberta DebertaV2",
    _T5: "T5 Lasr VideoPrism",
    _GPT2: "CodeGen GPT2 Whisper",
    _QWEN: "Qwen2 Qwen3_5",
    "bos=<bos> eos=<eos> unk=<unk> pad=<pad> mask=<mask>": "Gemma Siglip2",
    "bos=<s> eos=</s> unk=<unk>": "Llama Phi3",
    _CODE_LLAMA: "CodeLlama",
    "bos=<|endoftext|> eos=<|endoftext|> unk=<|endoftext|> pad=<|padding|>": "GPTNeoX",
    "bos=<|startoftext|> eos=<|endoftext|> unk=<|endoftext|> pad=<|endoftext|>": "CLIP",
    "bos=<BOS_TOKEN> eos=<|END_OF_TURN_TOKEN|> unk=<UNK> sep=<SEP> pad=<PAD> cls=<CLS> mask=<MASK_TOKEN>": (
        "Cohere"
    ),
    "bos=<s> eos=</s> unk=[UNK] sep=</s> pad=<pad> cls=<s> mask=<mask>": "MPNet",
    "bos=<s> eos=</s> unk=<unk> sep=<sep> pad=<pad> cls=<cls> mask=<mask>": "XLNet Funnel",
    "bos=<s> eos=</s> unk=<unk> sep=[SEP] pad=<pad> cls=[CLS] mask=[MASK]": "BigBird",
    "eos=</s> unk=<unk> pad=<pad> mask=<mask_2>": "Pegasus",
    "bos=<s> eos=</s> unk=<unk> sep=</s> pad=<pad> cls=<s>": "XGLM SeamlessM4T",
    "eos=</s> unk=<unk> sep=</s> pad=<pad> cls=<s> mask=<mask>": "MBart50",
    "unk=<unk> sep=</s> pad=<pad> cls=<s> mask=<mask>": "Herbert",
    "bos=<s> eos=</s> unk=<unk> pad=<pad>": "Nougat",
    "unk=[UNK] sep=[SEP] pad=[PAD] cls=[CLS] mask=[MASK] question=[QUESTION]": "Splinter",
    "unk=<unk>": "OpenAIGPT",
    "eos=</s> unk=<unk>": "Reformer",
    "eos=</s> unk=<unk> sep=</s> pad=<pad>": "Udop",
}

# Tokenizers in Python, which read vocab.json, vocab.txt or a sentencepiece model themselves.
_PYTHON_CLASSES = {
    _BERT: "RoCBert BertJapanese",
    _ROBERTA: "Bartpho Bertweet Phobert PLBart",
    "bos=<s> eos=</s> unk=<unk> sep=</s> pad=<pad>": "BioGpt M2M100",
    "bos=<s> eos=</s> unk=<unk> pad=<pad>": "Speech2Text SpeechT5",
    "bos=<s> eos=</s> unk=<unk> pad=<pad> word_delimiter=|": "Wav2Vec2CTC",
    "eos=<eos> unk=<unk> pad=<pad> cls=<cls> mask=<mask>": "Esm",
    "eos=</s> unk=<unk> pad=<pad>": "Marian",
    "unk=<unk>": "CTRL",
}


def _roles_of(table: dict[str, str]) -> dict[str, dict[str, str]]:
    return {
        f"{name}Tokenizer": {
            role: token for role, _, token in (pair.partition("=") for pair in roles.split())
        }
        for roles, names in table.items()
        for name in names.split()
    }


REBUILDING = frozenset(_roles_of(_CLASSES))
"""Classes that build their tokenizer anew; all others take tokenizer.json as it is."""

ASSUMED_ROLES = _roles_of(_CLASSES) | _roles_of(_PYTHON_CLASSES)
"""Class -> role -> the token that it takes where no file names one; an explicit null in a file counts."""


WITHOUT_CLASS = ("llama", "phi3")
"""Model types whose tokenizer.json is taken as it is, unless a file names the class that bears their name."""


def class_of_model(model_type: object) -> str | None:
    """The class that bears the model type's own name: `xlm-roberta` -> `XLMRobertaTokenizer`; else None."""
    if not isinstance(model_type, str) or model_type in WITHOUT_CLASS:
        return None
    wanted = model_type.replace("-", "").replace("_", "").lower() + "tokenizer"
    return next((name for name in ASSUMED_ROLES if name.replace("_", "").lower() == wanted), None)


_SPELLINGS = {
    Step("suffix", "</w>", " "): "CLIP OpenAIGPT Herbert BioGpt",
    Step("suffix", "@@"): "CTRL Phobert Bertweet",
}


def spelling_of(tokenizer_class: str | None) -> Alphabet | None:
    """How a class spells the ends of words in a vocabulary file that does not say it; None for most."""
    name = (tokenizer_class or "").removesuffix("Fast").removesuffix("Tokenizer")
    steps = tuple(step for step, names in _SPELLINGS.items() if name in names.split())
    return Alphabet(steps) if steps else None


@record
class Layout:
    """How a class arranges the pieces of a sentencepiece model: `head`, then pieces[skip:], then `tail`."""

    head: tuple[str, ...] = ()
    skip: int = 0
    tail: tuple[str, ...] = ()


_FAIRSEQ = ("<s>", "<pad>", "</s>", "<unk>")
_MBART = (
    "ar_AR cs_CZ de_DE en_XX es_XX et_EE fi_FI fr_XX gu_IN hi_IN it_IT ja_XX kk_KZ ko_KR lt_LT lv_LV my_MM "
    "ne_NP nl_XX ro_RO ru_RU si_LK tr_TR vi_VN zh_CN"
)
_MBART50 = (
    "af_ZA az_AZ bn_IN fa_IR he_IL hr_HR id_ID ka_GE km_KH mk_MK ml_IN mn_MN mr_IN pl_PL ps_AF pt_XX sv_SE "
    "sw_KE ta_IN te_IN th_TH tl_XX uk_UA ur_PK xh_ZA gl_ES sl_SI"
)

_LAYOUTS = {
    "XLMRobertaTokenizer": Layout(_FAIRSEQ, 3, ("<mask>",)),
    "NllbTokenizer": Layout(_FAIRSEQ, 3),
    "MBartTokenizer": Layout(_FAIRSEQ, 3, (*_MBART.split(), "<mask>")),
    "MBart50Tokenizer": Layout(_FAIRSEQ, 3, (*_MBART.split(), *_MBART50.split(), "<mask>")),
    "CamembertTokenizer": Layout(
        ("<s>NOTUSED", "<pad>", "</s>NOTUSED", "<unk>", "<unk>NOTUSED"), 1, ("<mask>",)
    ),
    "PegasusTokenizer": Layout(
        ("<pad>", "</s>", "<mask_1>", "<mask_2>", *(f"<unk_{place}>" for place in range(2, 103))), 2
    ),
}
# The fairseq families put four tokens first.
_SENTINELS, _MOST_SENTINELS = 100, 10_000


def layout_of(tokenizer_class: str | None, config: dict[str, object]) -> Layout | None:
    """The class's layout; None where its ids are the model's own. T5 puts its sentinels last, downwards."""
    sentinels = assumed_additional(tokenizer_class, config)
    return Layout(tail=tuple(reversed(sentinels))) if sentinels else _LAYOUTS.get(tokenizer_class or "")


def assumed_additional(tokenizer_class: str | None, config: dict[str, object]) -> list[str]:
    """Further special tokens of a class where no file lists any: T5's `extra_ids` sentinels, 100 of them."""
    if tokenizer_class != "T5Tokenizer":
        return []
    count = config.get("extra_ids")
    count = count if type(count) is int and 0 <= count <= _MOST_SENTINELS else _SENTINELS
    return [f"<extra_id_{place}>" for place in range(count)]
