"""The mask as Python source: a module of constants, and logits processors for serving stacks."""

from __future__ import annotations

from typing import Final

import rowscope
from rowscope.inspector.mask.result import Mask

_LINE: Final = 88

_HEAD: Final = '''"""{title}

{count} of {rows} ids ({include}). Written by rowscope {version}; write it anew when tokens are added.
"""
'''

_CONSTANTS: Final = """
ROWS = {rows}
RANGES = (  # half-open
{ranges})
IDS = frozenset(id for start, stop in RANGES for id in range(start, stop))
"""

_PYTHON: Final = '''

def suppress(logits):
    """Set the logits [..., ROWS] (numpy array or torch tensor) of all IDS to -inf, in place."""
    for start, stop in RANGES:
        logits[..., start:stop] = float("-inf")
    return logits
'''

# vLLM 0.33: Model Runner V2 calls __init__(vllm_config, req_states) and apply(logits, ctx), the V1 runner
# __init__(vllm_config, device, is_pin_memory) and apply(logits). One class with both interfaces serves both.
_VLLM: Final = '''
_BASES = []
try:  # Model Runner V2
    from vllm.v1.worker.gpu.sample.logits_processor import LogitsProcessor as _V2

    _BASES.append(_V2)
except ImportError:
    pass
try:  # Model Runner V1
    from vllm.v1.sample.logits_processor import LogitsProcessor as _V1

    _BASES.append(_V1)
except ImportError:
    pass
if not _BASES:
    raise ImportError("this vLLM has neither of the two interfaces for logits processors")


class SuppressReserved(*_BASES):
    """Sets the logits of all IDS to -inf, for every request."""

    def __init__(self, vllm_config, *state):
        self._ids, self._fits = None, None

    @classmethod
    def validate_params(cls, sampling_params):
        return None

    def is_argmax_invariant(self):
        return False

    def update_state(self, batch_update):
        return None

    def add_request(self, req_idx, sampling_params):
        return True

    def apply(self, logits, ctx=None):
        if self._fits != (logits.device, logits.shape[-1]):
            import torch

            known = [id for id in sorted(IDS) if id < logits.shape[-1]]
            self._ids = torch.tensor(known, dtype=torch.long, device=logits.device)
            self._fits = (logits.device, logits.shape[-1])
        return logits.index_fill_(-1, self._ids, float("-inf"))
'''


_MLX: Final = '''

def suppress(tokens, logits):
    """A logits processor of mlx-lm: the logits [batch, vocabulary] with all IDS at -inf; a new array."""
    import mlx.core as mx

    known = mx.array([id for id in sorted(IDS) if id < logits.shape[-1]], dtype=mx.uint32)
    masked = mx.array(logits)
    if known.size:
        masked[..., known] = float("-inf")
    return masked
'''

# The interface is that of `tensorrt_llm.sampling_params.LogitsProcessor`; both back ends call it.
_TENSORRT: Final = '''
from tensorrt_llm.sampling_params import LogitsProcessor


class SuppressReserved(LogitsProcessor):
    """Sets the logits of all IDS to -inf: SamplingParams(logits_processor=SuppressReserved())."""

    def __call__(self, req_id, logits, token_ids, stream_ptr, client_id):
        import torch

        stream = None if stream_ptr is None else torch.cuda.ExternalStream(stream_ptr)
        with torch.cuda.stream(stream):
            known = [id for id in sorted(IDS) if id < logits.shape[-1]]
            index = torch.tensor(known, dtype=torch.long, device=logits.device)
            logits.index_fill_(-1, index, float("-inf"))
'''


def tensorrt_llm_module(mask: Mask) -> str:
    """A module with the logits processor `SuppressReserved` for TensorRT-LLM."""
    title = "TensorRT-LLM logits processor: some token ids are never sampled."
    return _head(mask, title) + _constants(mask) + _TENSORRT


def mlx_module(mask: Mask) -> str:
    """A module with `suppress`, a logits processor for mlx-lm."""
    return _head(mask, "mlx-lm logits processor: some token ids are never sampled.") + _constants(mask) + _MLX


def python_module(mask: Mask) -> str:
    """A module with ROWS, RANGES, IDS and `suppress`."""
    return _head(mask, "Token ids that must never be sampled.") + _constants(mask) + _PYTHON


def vllm_module(mask: Mask) -> str:
    """A module with the logits processor `SuppressReserved`, for both of vLLM's model runners."""
    title = "vLLM logits processor: some token ids are never sampled."
    return _head(mask, title) + _constants(mask) + _VLLM


def _head(mask: Mask, title: str) -> str:
    include = ", ".join(mask.include)
    return _HEAD.format(
        title=title, count=len(mask), rows=mask.rows, include=include, version=rowscope.__version__
    )


def _constants(mask: Mask) -> str:
    lines, line = [], ""
    for start, stop in mask.ranges:
        item = f" ({start}, {stop}),"
        if len(line) + len(item) > _LINE - 3:
            lines.append(f"   {line}\n")
            line = ""
        line += item
    if line:
        lines.append(f"   {line}\n")
    return _CONSTANTS.format(rows=mask.rows, ranges="".join(lines))
