"""From the weights alone: which rows were never trained, and the numbers that say so."""

from rowscope.inspector.evidence.candidates import Candidates, find_candidates
from rowscope.inspector.evidence.judge import judge
from rowscope.inspector.evidence.model import CONFIDENCES, VERDICTS, MatrixEvidence, Reference

__all__ = ["CONFIDENCES", "VERDICTS", "Candidates", "MatrixEvidence", "Reference", "find_candidates", "judge"]
