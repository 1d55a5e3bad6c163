"""A callback for transformers' Trainer: each saved step goes into a store, by a process of its own."""

from __future__ import annotations

import shutil
import subprocess
import sys
import warnings
from collections import deque
from pathlib import Path
from typing import Any

from rowscope.inspector.errors import MissingExtraError

try:
    from transformers import TrainerCallback
except ImportError as error:
    raise MissingExtraError("transformers", "model", "rowscope.FleetCallback") from error

_LAST_LINES = 300


class FleetCallback(TrainerCallback):
    """Audits every step that the Trainer saves into a store, beside the training: in one process at a time,
    at low priority. The last ones are waited for at the end of the training.

    A step that fails the audit, or cannot be audited, does not stop the run: it stands in the store, and in
    `failures` with the reason where no audit could be made at all.

    Args:
        store: folder of the store; it is made where it is missing.
        options: more options of `rowscope fleet`, such as `("--base", "org/name")`.
    """

    def __init__(self, store: str | Path, options: tuple[str, ...] = ()) -> None:
        self.store = Path(store).absolute()
        self.options = options
        self.failures: list[str] = []
        self._waiting: deque[Path] = deque()
        self._now: tuple[Path, subprocess.Popen[str]] | None = None

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ANN401 - the Trainer's own
        """A step was saved."""
        if state.is_world_process_zero:
            self._waiting.append(Path(args.output_dir, f"checkpoint-{state.global_step}").absolute())
            self._go_on()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ANN401
        """Start the next audit where one has ended."""
        self._go_on()

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ANN401
        """Wait for what is left."""
        while self._now is not None or self._waiting:
            if self._now is not None:
                self._end(*self._now)
            self._go_on()

    def _go_on(self) -> None:
        if self._now is not None and self._now[1].poll() is not None:
            self._end(*self._now)
        if self._now is None and self._waiting:
            step = self._waiting.popleft()
            self._now = (step, self._start(step))

    def _start(self, step: Path) -> subprocess.Popen[str]:
        polite = ["nice", "-n", "10"] if shutil.which("nice") else []
        words = ["fleet", str(step), "--out", str(self.store), "--workers", "1", *self.options]
        return subprocess.Popen(
            [*polite, sys.executable, "-m", "rowscope", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="backslashreplace",
        )

    def _end(self, step: Path, process: subprocess.Popen[str]) -> None:
        """Take the result of a process: 0 to 3 are outcomes of an audit, which the store holds."""
        _, said = process.communicate()
        self._now = None
        if process.returncode not in (0, 1, 3):
            reason = said.strip()[-_LAST_LINES:] or f"exit code {process.returncode}"
            self.failures.append(f"{step}: {reason}")
            warnings.warn(f"rowscope could not audit {step}: {reason}", stacklevel=2)
