"""A vocabulary matrix, and all of them of one checkpoint: what `find_matrices` returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from rowscope.inspector.frozen import record
from rowscope.inspector.header import TensorRef
from rowscope.inspector.matrices.classes import NO_TIE, Tie
from rowscope.inspector.matrices.layouts import VALUES
from rowscope.inspector.text import say

if TYPE_CHECKING:
    from rowscope.inspector.matrices.adapters import Change
    from rowscope.inspector.matrices.packed.model import Packed
    from rowscope.inspector.matrices.scopes import Scope


Role = Literal["input", "output", "both"]

MOST_WIDTH: Final = 1 << 20
"""Elements of one row. The widest published models have 20,000; statistics keep some hundred bytes each."""


@record
class Matrix:
    """A vocabulary matrix: row index = token id.

    Attributes:
        role: "input" (embedding), "output" (lm_head) or "both" (tied).
        ref: the tensor and its file.
        rule: what found it, in words.
        packing: name of the quantisation that packed it or whose side tensors stand beside it, or None.
        size: rows and columns of the table; of a packed one as far as shapes and config tell, else 0.
        packed: how a quantised table is stored and decoded; None for plain values.
        change: what an adapter does to the rows; None where there is none.
    """

    role: Role
    ref: TensorRef
    rule: str
    packing: str | None = None
    size: tuple[int, int] | None = None
    packed: Packed | None = None
    change: Change | None = None

    @property
    def tensor(self) -> str:
        return self.ref.name

    @property
    def dtype(self) -> str:
        return self.ref.dtype

    @property
    def undecodable(self) -> str | None:
        """Why the stored elements are no values of rows, ending in what to do; None where they are.

        The one place that decides it: every reader of rows is opened by `rowscope.inspector.rows.open_rows`,
        which asks here.
        """
        if self.shape[1] > MOST_WIDTH:
            return say(
                "{tensor!r} has rows of {width} elements, and rowscope reads {most} at most, many times the "
                "widest embedding known; is it the right file?",
                tensor=self.tensor,
                width=self.shape[1],
                most=MOST_WIDTH,
            )
        if self.change is not None and self.change.trouble is not None:
            return self.change.trouble
        if self.packed is not None:
            return self.packed.trouble
        if self.dtype in VALUES or (self.packing is None and self.dtype[:1] not in "IU"):
            return None
        if self.packing is None:
            return say(
                "{tensor!r} holds {dtype} elements, and nothing beside it tells which values they stand for; "
                "use the checkpoint it was quantised from",
                tensor=self.tensor,
                dtype=self.dtype,
            )
        return say(
            "{tensor!r} is packed ({packing}): its {dtype} elements are no row values; use the checkpoint it "
            "was quantised from",
            tensor=self.tensor,
            packing=self.packing,
            dtype=self.dtype,
        )

    @property
    def shape(self) -> tuple[int, int]:
        return self.size or (self.ref.shape[0], self.ref.shape[1])

    @property
    def nbytes(self) -> int:
        """Bytes of every tensor that holds it, the scales of a quantised one among them."""
        if self.packed is None or not self.packed.tensors:
            return self.ref.nbytes
        return sum(ref.nbytes for ref in self.packed.tensors)

    @property
    def rows(self) -> int:
        return self.shape[0]

    @property
    def file(self) -> str:
        return self.ref.shard.name


@record
class Table:
    """A vocabulary table beside the judged matrices, or one of them.

    Attributes:
        matrix: where it stands; its role says whether ids are looked up in it or come out of it.
        role: "input", "output", "both"; with a word before it for others: "decoder input", "draft output",
            "audio output", "per-layer input".
        vocabulary: what names its rows: "tokenizer" (the folder's, row = id), "draft" (row i is token
            i + d2t[i] of it), or None where nothing in the folder does.
        note: why it is told apart from the judged matrices, in words; empty for these.
        d2t: the tensor of a draft vocabulary, or None.
    """

    matrix: Matrix
    role: str
    vocabulary: str | None
    note: str = ""
    d2t: TensorRef | None = None


@record
class MatrixLayout:
    """The vocabulary matrices of a checkpoint.

    Attributes:
        matrices: input first; one of role "both" where they are tied.
        output_bias: the bias over the vocabulary, or None.
        tied: whether one matrix has both roles, as far as names and config tell.
        tie_source: "config" (the config says so and one matrix is stored), "missing-head" (the config is
            silent, the architecture's head is not stored, and its class ties by default or is unknown),
            "stored-twice" (tied, yet both are stored: their bytes decide), "decoder" (the output is the
            decoder's table, apart from the input), "untied", "no-head" (no output matrix over these rows).
        config_says_tied: `tie_word_embeddings` at the place that counts, None where it is silent.
        head_expected: whether the architecture computes logits; None where the config does not name one.
        tie: what decides whether transformers ties them.
        vocab: the config that states the size of this vocabulary, None where none does.
        others: vocabulary tables that are not judged with the tokenizer, such as the head of a draft model.
        behind: rows of the same vocabulary that stand in a table of their own, for the ids behind the matrix.
        alone: the one matrix was chosen by its name; sizes and ties are not compared.
        served: ids from this one on are looked up in another table; None where all are looked up here.
    """

    matrices: tuple[Matrix, ...]
    output_bias: TensorRef | None
    tied: bool
    tie_source: str
    config_says_tied: bool | None
    head_expected: bool | None
    tie: Tie = NO_TIE
    vocab: Scope | None = None
    others: tuple[Table, ...] = ()
    served: int | None = None
    alone: bool = False
    behind: int = 0

    @property
    def generates_elsewhere(self) -> bool:
        """Whether the model's logits are over another vocabulary than that of the matrices."""
        return self.tie_source == "no-head" and any(
            table.role.endswith("output") and table.vocabulary is None for table in self.others
        )

    def of_role(self, role: Role) -> Matrix | None:
        """The matrix that plays `role`; a tied matrix plays both."""
        return next((m for m in self.matrices if m.role in (role, "both")), None)
