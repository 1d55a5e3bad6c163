"""`record` against `dataclass(frozen=True, slots=True)`, which it stands for."""

import copy
import dataclasses
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rowscope.inspector.frozen import Comparable, record


class Fields:
    """What both classes are made of."""

    first: int
    second: str
    hidden: float = dataclasses.field(default=0.5, repr=False)
    ignored: tuple[int, ...] = dataclasses.field(default=(), compare=False)
    made: dict[str, int] = dataclasses.field(default_factory=dict)


def _body(name):
    """The body of `Fields` for a class of this module, so that its instances can be pickled."""
    kept = ("__annotations__", "__module__", "hidden", "ignored", "made")
    return {key: Fields.__dict__[key] for key in kept} | {"__doc__": "One.", "__qualname__": name}


Ours = record(type("Ours", (), _body("Ours")))
Theirs = dataclasses.dataclass(frozen=True, slots=True)(type("Theirs", (), _body("Theirs")))
values = st.fixed_dictionaries(
    {"first": st.integers(0, 2), "second": st.sampled_from("ab")},
    optional={
        "hidden": st.sampled_from((0.5, float("nan"))),
        "ignored": st.tuples(st.integers(0, 1)),
        "made": st.dictionaries(st.just("a"), st.integers(0, 1)),
    },
)


@given(values, values)
def test_a_record_is_what_dataclasses_would_make(one, other):
    ours, theirs = (Ours(**one), Ours(**other)), (Theirs(**one), Theirs(**other))
    assert (ours[0] == ours[1]) == (theirs[0] == theirs[1])
    assert repr(ours[0]) == repr(theirs[0]).replace("Theirs", "Ours")
    assert dataclasses.asdict(ours[0]) == dataclasses.asdict(theirs[0])
    again = dataclasses.replace(ours[0], **other)
    assert dataclasses.astuple(again) == dataclasses.astuple(dataclasses.replace(theirs[0], **other))
    assert ours[0] != theirs[0]
    for copied in (copy.copy(ours[0]), copy.deepcopy(ours[0]), pickle.loads(pickle.dumps(ours[0]))):
        assert repr(copied) == repr(ours[0])
        assert dataclasses.astuple(copied)[0] == ours[0].first


def test_the_class_looks_like_theirs():
    assert Ours.__match_args__ == Theirs.__match_args__
    assert Ours.__slots__ == Theirs.__slots__
    assert [field.name for field in dataclasses.fields(Ours)] == [f.name for f in dataclasses.fields(Theirs)]
    with pytest.raises(TypeError, match="'second'"):
        Ours(1)


@pytest.mark.parametrize("name", ["first", "hidden", "made"])
def test_no_field_can_be_set_or_deleted(name):
    one = Ours(1, "a")
    with pytest.raises(dataclasses.FrozenInstanceError, match=name):
        setattr(one, name, 2)
    with pytest.raises(dataclasses.FrozenInstanceError, match=name):
        delattr(one, name)
    with pytest.raises(AttributeError):
        one.unknown = 1


@record
class Hashed:
    """Compared and hashed by value."""

    one: int
    other: int = dataclasses.field(default=0, compare=False)


@record(eq=False)
class Compared(Comparable):
    """Compared as its base does."""

    one: float


@record
class Told:
    """Its own words."""

    one: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "one", self.one + 1)

    def __repr__(self) -> str:
        return f"<{self.one}>"


def test_hashes_are_by_value_unless_a_base_says_otherwise():
    assert {Hashed(1, 2), Hashed(1, 3)} == {Hashed(1)}
    assert len({Hashed(1), Hashed(2)}) == 2
    assert Compared(float("nan")) == Compared(float("nan"))
    with pytest.raises(TypeError, match="unhashable"):
        hash(Compared(1.0))


def test_what_a_class_says_itself_stands():
    assert repr(Told(1)) == "<2>"


def test_a_record_that_holds_itself_is_shown():
    one = Hashed([])
    one.one.append(one)
    assert repr(one) == "Hashed(one=[...], other=0)"
