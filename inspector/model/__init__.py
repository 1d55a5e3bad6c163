"""Model mode: what reserved tokens do inside the model. The only room that loads torch and transformers.

Importing it loads neither; each probe does, and raises MissingExtraError where they are not installed.
Knows the loaded model and what its rows do. Must not know the other rooms that act (claim, diff, mask).
"""

from rowscope.inspector.model.distil.distil import distil
from rowscope.inspector.model.distil.results import DistilledRow, DistilResult
from rowscope.inspector.model.forward.forward import forward
from rowscope.inspector.model.forward.results import ForwardResult, GroupForward
from rowscope.inspector.model.gradient.gradient import gradient
from rowscope.inspector.model.gradient.results import Experiment, GradientPart, GradientResult, RowGradients
from rowscope.inspector.model.leak.leak import leak
from rowscope.inspector.model.leak.results import (
    LeakCell,
    LeakResult,
    PositionLeak,
    PromptLeak,
    RolloutLeak,
    Rollouts,
)
from rowscope.inspector.model.loading.load import Loaded, load
from rowscope.inspector.model.loading.prompts import Prompt, read_prompts
from rowscope.inspector.model.loading.subject import Subject, find_subject
from rowscope.inspector.model.policy.results import (
    OPTIMIZERS,
    LogitMove,
    Policy,
    PolicyAdvice,
    PolicyCell,
    PolicyResult,
    PolicyVariant,
)
from rowscope.inspector.model.results import ProbeResult, Progress
from rowscope.inspector.model.suppress import SuppressReserved
from rowscope.inspector.model.train.initial import InitialRow
from rowscope.inspector.model.train.results import Drift, Measured, Started, TrainResult, Tried, Variant
from rowscope.inspector.model.train.train import VARIANTS, train
from rowscope.inspector.model.verify.results import TokenCheck, VerifyResult
from rowscope.inspector.model.verify.verify import verify

__all__ = [
    "OPTIMIZERS",
    "VARIANTS",
    "DistilResult",
    "DistilledRow",
    "Drift",
    "Experiment",
    "ForwardResult",
    "GradientPart",
    "GradientResult",
    "GroupForward",
    "InitialRow",
    "LeakCell",
    "LeakResult",
    "Loaded",
    "LogitMove",
    "Measured",
    "Policy",
    "PolicyAdvice",
    "PolicyCell",
    "PolicyResult",
    "PolicyVariant",
    "PositionLeak",
    "ProbeResult",
    "Progress",
    "Prompt",
    "PromptLeak",
    "RolloutLeak",
    "Rollouts",
    "RowGradients",
    "Started",
    "Subject",
    "SuppressReserved",
    "TokenCheck",
    "TrainResult",
    "Tried",
    "Variant",
    "VerifyResult",
    "distil",
    "find_subject",
    "forward",
    "gradient",
    "leak",
    "load",
    "read_prompts",
    "train",
    "verify",
]
