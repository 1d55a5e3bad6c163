"""Model mode: what reserved tokens do inside the model. The only room that loads torch and transformers.

Importing it loads neither; each probe does, and raises MissingExtraError where they are not installed.
"""

from rowscope.inspector.model.forward import forward
from rowscope.inspector.model.forward_results import ForwardResult
from rowscope.inspector.model.gradient import gradient
from rowscope.inspector.model.gradient_results import GradientResult
from rowscope.inspector.model.leak import leak
from rowscope.inspector.model.leak_results import LeakResult
from rowscope.inspector.model.load import Loaded, load
from rowscope.inspector.model.prompts import Prompt, read_prompts
from rowscope.inspector.model.suppress import SuppressReserved
from rowscope.inspector.model.train import train
from rowscope.inspector.model.train_results import TrainResult

__all__ = [
    "ForwardResult",
    "GradientResult",
    "LeakResult",
    "Loaded",
    "Prompt",
    "SuppressReserved",
    "TrainResult",
    "forward",
    "gradient",
    "leak",
    "load",
    "read_prompts",
    "train",
]
