"""Device and dtype for a probe, and whether it fits there."""

from __future__ import annotations

from typing import Any, Final

from rowscope.inspector.checkpoint import Checkpoint
from rowscope.inspector.errors import RefusedError, unknown_value
from rowscope.inspector.frozen import record
from rowscope.inspector.model.loading.memory import BYTES, Need, available, estimate, require_fit

DEVICES: Final = ("auto", "cpu", "cuda", "mps")
DTYPES: Final = ("auto", *sorted(BYTES))

# How often all parameters, and how often the vocabulary matrices, are held beside the model.
# gradient: what is left of the whole, one part, and room to compare it with p - y.
# train: gradients, two states of AdamW and the weights to go back to, and AdamW's temporaries for a matrix.
# token-only: the same for the matrices alone.
# policy: a copy of the output matrix, its gradient and first step, two states of AdamW and a temporary.
_HELD: Final = {
    "forward": (0, 0),
    "leak": (0, 0),
    "verify": (0, 0),
    "policy": (0, 6),
    "distil": (0, 0),
    "gradient": (0, 3),
    "train": (4, 2),
    "token-only": (0, 6),
}
# Probes that hold matrices in float32 at least, beside a model in whatever dtype.
_WIDE: Final = frozenset({"policy"})
_NAMES: Final = {"token-only": "train", "policy": "leak --rl-steps"}
# Probes that bfloat16 changes no answer of: they ask which side of a threshold a probability lies on, far
# from it. What it changes in the others was measured; docs/model-mode.md has the table.
_ROUNDED: Final = frozenset({"verify"})
_STORED: Final = {"F64": "float64", "F32": "float32", "BF16": "bfloat16", "F16": "float16"}


def choose_device(torch: Any, device: str) -> str:  # noqa: ANN401 - the module
    """The device to run on: what was asked for, or the fastest one that is there.

    Raises:
        UsageError: an unknown name.
        RefusedError: (NO_DEVICE) the device asked for is not there.
    """
    if device not in DEVICES:
        raise unknown_value("--device", device, DEVICES)
    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if device == "auto":
        return next(name for name, there in present.items() if there)
    if not present[device]:
        others = " or ".join(name for name, there in present.items() if there)
        raise RefusedError(
            f"--device {device!r}: torch {torch.__version__} finds no such device; use --device {others}",
            location="--device",
            code="NO_DEVICE",
        )
    return device


@record
class Precision:
    """The dtype that a model is loaded in.

    Attributes:
        why: in a few words.
        note: a sentence, where the numbers are less exact than they could be; None elsewhere.
    """

    dtype: str
    why: str
    note: str | None = None


def choose_dtype(
    torch: Any,  # noqa: ANN401 - the module
    checkpoint: Checkpoint,
    device: str,
    dtype: str,
    probe: str,
) -> Precision:
    """The dtype to load in, and why.

    "auto" is float32, for exact measurements, or what is stored where only that fits; float64 weights stay.
    For a probe that bfloat16 changes no answer of (`_ROUNDED`) it is that, where it is stored and the device
    computes in it.

    Raises:
        UsageError: an unknown name.
        RefusedError: (NO_DTYPE) float64 on MPS; (NO_MEMORY) it does not fit.
    """
    if dtype not in DTYPES:
        raise unknown_value("--dtype", dtype, DTYPES)
    if dtype == "float64" and device == "mps":
        raise RefusedError(
            "--dtype 'float64': MPS has no float64; use --device cpu", location="--dtype", code="NO_DTYPE"
        )
    stored = _STORED.get(checkpoint.matrices[0].dtype, "float32") if checkpoint.matrices else "float32"
    free = available(torch, device)
    chosen = Precision(dtype, "as asked")
    if dtype == "auto":
        chosen = _by_itself(torch, checkpoint, device, probe, stored, free)
    need = _need(checkpoint, chosen.dtype, probe)
    _require(checkpoint, need, free, device, chosen.dtype, probe)
    return chosen


def _by_itself(
    torch: Any,  # noqa: ANN401 - the module
    checkpoint: Checkpoint,
    device: str,
    probe: str,
    stored: str,
    free: int,
) -> Precision:
    """What "auto" means for weights that are stored in the dtype `stored`."""
    if probe in _ROUNDED and stored == "bfloat16" and computes_bfloat16(torch, device):
        note = f"Loaded in bfloat16, as stored, in which {device} computes; --dtype float32 is exact."
        return Precision(stored, f"as stored, and {device} computes in it", note)
    wide = "float64" if stored == "float64" and device != "mps" else "float32"
    if stored == wide:
        return Precision(wide, "as stored")
    if _need(checkpoint, wide, probe).total <= free or BYTES[stored] >= BYTES[wide]:
        return Precision(wide, f"for exact numbers; stored in {stored}")
    note = f"Loaded in {stored}, as stored: {wide} does not fit into the memory of {device}."
    return Precision(stored, f"as stored; {wide} does not fit", note)


def computes_bfloat16(torch: Any, device: str) -> bool:  # noqa: ANN401 - the module
    """Whether a device has instructions for bfloat16; elsewhere it is emulated, slower than float32."""
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device != "cpu" or not hasattr(torch.cpu, "get_capabilities"):
        return False
    found = torch.cpu.get_capabilities()
    return any(found.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))


def require_room(torch: Any, checkpoint: Checkpoint, device: str, dtype: str, probe: str) -> None:  # noqa: ANN401
    """The same check for a model that is already in memory.

    Raises:
        RefusedError: (NO_MEMORY) what the probe holds beside the model does not fit.
    """
    need = _need(checkpoint, dtype, probe)
    rest = Need(0, need.copies, need.matrices)
    _require(checkpoint, rest, available(torch, device), device, dtype, probe)


def _need(checkpoint: Checkpoint, dtype: str, probe: str) -> Need:
    copies, matrices = _HELD[probe]
    elements = sum(matrix.rows * matrix.shape[1] for matrix in checkpoint.matrices)
    if probe in _WIDE:
        matrices *= max(1, BYTES["float32"] // BYTES[dtype])
    return estimate(checkpoint.parameters, elements, dtype, copies=copies, matrices=matrices)


def _require(checkpoint: Checkpoint, need: Need, free: int, device: str, dtype: str, probe: str) -> None:
    name = _NAMES.get(probe, probe)
    require_fit(need, free, dtype=dtype, device=device, path=checkpoint.path, probe=name)
