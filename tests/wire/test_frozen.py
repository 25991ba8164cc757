"""Frozen values: to whoever uses them they are the standard library's, declared at a tenth of its price."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import subprocess
import sys
import threading
from dataclasses import FrozenInstanceError, asdict, astuple, field, fields, replace
from typing import Generic, TypeVar

import pytest

from pod_wire import frozen

T = TypeVar("T")
BOTH = pytest.mark.parametrize(
    "dataclass", [dataclasses.dataclass, frozen.dataclass], ids=["standard", "ours"]
)


def declared(dataclass):
    """A class with all that ours have, and one below it."""

    @dataclass(frozen=True, slots=True)
    class Base:
        """A value."""

        name: str
        count: int = 3
        parts: list[int] = field(default_factory=list)
        seen: float = field(default=0.0, compare=False)
        secret: str = field(default="s", repr=False)

    @dataclass(frozen=True, slots=True)
    class Below(Base):
        more: tuple[str, ...] = ()
        count: int = 4

        def __post_init__(self):
            object.__setattr__(self, "more", tuple(self.more))

        @property
        def double(self):
            return 2 * self.count

    return Base, Below


@BOTH
def test_values_are_made_compared_and_shown_as_the_standard_ones(dataclass):
    """The same assertions hold for both."""
    base, below = declared(dataclass)
    one = base("a")
    assert (one.name, one.count, one.parts, one.seen, one.secret) == ("a", 3, [], 0.0, "s")
    assert base("a", 3, parts=[]) == one
    assert base("a", seen=9.0) == one
    assert base("a", 4) != one
    assert one != ("a", 3, [], 0.0, "s")
    assert base("a").parts is not one.parts
    assert repr(one).endswith("Base(name='a', count=3, parts=[], seen=0.0)")
    two = below("a", more=["x"])
    assert (two.more, two.count, two.double) == (("x",), 4, 8)
    assert two != one
    assert repr(two).endswith("Below(name='a', count=4, parts=[], seen=0.0, more=('x',))")


@BOTH
def test_a_value_that_is_half_said_or_said_twice_is_none(dataclass):
    """With the words that Python has for it, at the first value as at the second."""
    for _ in range(2):
        base, _ = declared(dataclass)
        base("a")
        for again in (base, declared(dataclass)[0]):
            with pytest.raises(
                TypeError, match=r"__init__\(\) missing 1 required positional argument: 'name'"
            ):
                again()
            with pytest.raises(
                TypeError, match=r"Base.__init__\(\) got an unexpected keyword argument 'colour'"
            ):
                again("a", colour=1)
            with pytest.raises(TypeError, match="multiple values"):
                again("a", name="b")


@BOTH
def test_a_value_stays_as_it_was_made(dataclass):
    """Nothing of it is set, deleted or added."""
    base, below = declared(dataclass)
    for one in (base("a"), below("a")):
        with pytest.raises(FrozenInstanceError, match="cannot assign to field 'name'"):
            one.name = "b"
        with pytest.raises(FrozenInstanceError, match="cannot delete field 'count'"):
            del one.count
        with pytest.raises((FrozenInstanceError, AttributeError, TypeError)):
            one.colour = 1
        assert not hasattr(one, "__dict__")
        assert one.name == "a"


@BOTH
def test_values_are_hashed_by_what_they_compare(dataclass):
    """A list in one is an error, as ever; one without fields is like any other of its kind."""

    @dataclass(frozen=True, slots=True)
    class Pair(Generic[T]):
        first: T
        seen: float = field(default=0.0, compare=False)

    @dataclass(frozen=True, slots=True)
    class Nothing:
        """No field."""

    assert len({Pair(1), Pair(1, 2.0), Pair(2)}) == 2
    assert {Nothing(): 1}[Nothing()] == 1
    with pytest.raises(TypeError, match="unhashable"):
        hash(Pair([]))


@BOTH
def test_a_class_keeps_what_it_does_by_itself(dataclass):
    """Its own words, comparison, hash and beginning."""

    @dataclass(frozen=True, slots=True)
    class Own:
        name: str

        def __init__(self, name):
            object.__setattr__(self, "name", name.upper())

        def __repr__(self):
            return "mine"

        def __eq__(self, other):
            return True

        def __hash__(self):
            return 7

    assert (Own("a").name, repr(Own("a")), hash(Own("a"))) == ("A", "mine", 7)
    assert Own("a") == 3


@BOTH
def test_the_standard_librarys_tools_take_them(dataclass):
    """fields, replace, asdict, astuple, is_dataclass, match, copies."""
    base, _ = declared(dataclass)
    one = base("a", 5, [1])
    assert dataclasses.is_dataclass(base)
    assert [each.name for each in fields(one)] == ["name", "count", "parts", "seen", "secret"]
    assert replace(one, count=6) == base("a", 6, [1])
    assert asdict(one) == {"name": "a", "count": 5, "parts": [1], "seen": 0.0, "secret": "s"}
    assert astuple(one) == ("a", 5, [1], 0.0, "s")
    match one:
        case base(name, count):
            assert (name, count) == ("a", 5)
    assert copy.copy(one) == copy.deepcopy(one) == one
    assert copy.deepcopy(one).parts is not one.parts


@frozen.dataclass(frozen=True, slots=True)
class Known:
    """One that pickle can find."""

    name: str
    count: int = 3


def test_a_value_comes_back_from_a_pickle():
    """Into the slots, though nothing may be set."""
    assert pickle.loads(pickle.dumps(Known("a", 5))) == Known("a", 5)  # noqa: S301 - our own


def test_a_value_that_changes_is_the_standard_one():
    """And one that ours does not know how to make is refused where it is declared."""

    @frozen.dataclass(slots=True)
    class Changes:
        name: str

    one = Changes("a")
    one.name = "b"
    assert one == Changes("b")
    with pytest.raises(TypeError, match="Odd: name needs the standard library's dataclass"):

        @frozen.dataclass(frozen=True, slots=True)
        class Odd:
            name: str = field(kw_only=True)


def test_the_first_values_of_many_threads_are_whole():
    """Whoever comes while it is compiled compiles it too."""
    for _ in range(20):
        base, _ = declared(frozen.dataclass)
        begin, made = threading.Barrier(8), []

        def make(kind=base, gate=begin, into=made):
            gate.wait(10.0)
            into.append(kind("a", parts=[1]))

        threads = [threading.Thread(target=make) for _ in range(8)]
        for one in threads:
            one.start()
        for one in threads:
            one.join(10.0)
        assert made == [base("a", parts=[1])] * 8


def test_declaring_compiles_nothing():
    """What costs the standard one its time, a dozen calls: none of them before the first value is made."""
    code = (
        "import sys\n"
        "from pod_wire.frozen import dataclass\n"
        "calls = []\n"
        "sys.addaudithook(lambda event, _: calls.append(event) if event in ('compile', 'exec') else None)\n"
        "@dataclass(frozen=True, slots=True)\n"
        "class One:\n"
        "    name: str\n"
        "    parts: tuple = ()\n"
        "print(len(calls) <= 2); before = len(calls); One('a'); print(len(calls) > before)\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert told.stdout.split() == ["True", "True"]
