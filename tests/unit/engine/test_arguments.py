"""What callers pass in wrong is refused with the argument's name and what is allowed, never cut, guessed or passed on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ketasim.core import UsageError
from ketasim.engine import Jump, Model, Options, Schedule, compile_model, steady_state, stream

TEXT = "A = 1; B = 0; k = 0.3; rate = 0; A' = rate - k*A; B' = k*A;"
PLAN = Schedule(np.array([0.0, 4.0, 10.0]), np.zeros((2, 1)))


def made() -> Model:
    return compile_model(TEXT, ("k",), ("A", "B"), ("rate",))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"options": Options(dtype="float16")}, "dtype is 'float16'"),
        ({"options": Options(width=3)}, "width is 3"),  # type: ignore[arg-type]
        ({"options": Options(width=True)}, "width is True"),
        ({"options": Options(width=4.0)}, "width is 4.0"),  # type: ignore[arg-type]
        ({"options": Options(method="foo")}, "method is 'foo'"),
        ({"options": {"width": 4}}, "options is {'width': 4}"),  # type: ignore[arg-type]
        ({"outputs": "AB"}, "outputs is one text, 'AB'"),
        ({"parameters": "k"}, "parameters is one text"),
        ({"inputs": "rate"}, "inputs is one text"),
        ({"outputs": ("A", 1)}, "outputs holds 1"),
        ({"outputs": 7}, "outputs is 7"),
        ({"text": Path("x.ant")}, "must be given as text"),
        ({"parameters": ["k", "k"]}, "twice"),
        ({"outputs": None}, "outputs is None"),
    ],
)
def test_compiling(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        compile_model(**({"text": TEXT} | wrong))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"max_steps": 1e30}, "max_steps is 1e+30"),
        ({"max_steps": float("nan")}, "max_steps is nan"),
        ({"max_steps": None}, "max_steps is None"),
        ({"max_steps": "a"}, "max_steps is 'a'"),
        ({"max_steps": 0}, "max_steps is 0"),
        ({"max_steps": 10.5}, "max_steps is 10.5"),
        ({"max_step": 0.0}, "max_step is 0"),
        ({"max_step": -1.0}, "max_step is -1"),
        ({"max_step": float("nan")}, "max_step is nan"),
        ({"rtol": "a"}, "rtol is 'a'"),
        ({"rtol": None}, "rtol is None"),
        ({"rtol": 0.0}, "rtol is 0"),
        ({"rtol": 1.0}, "rtol is 1"),
        ({"rtol": float("nan")}, "rtol is nan"),
        ({"rtol": 1e-6j}, "rtol is 1e-06j"),
        ({"rtol": True}, "rtol is True"),
        ({"threads": "x"}, "threads is 'x'"),
        ({"threads": 0}, "threads is 0"),
        ({"threads": -2}, "threads is -2"),
        ({"threads": 1.5}, "threads is 1.5"),
        ({"atol": [1e-9, 1e-9, 1e-9]}, "atol has shape (3,)"),
        ({"atol": "tight"}, "atol holds text"),
        ({"atol": float("nan")}, "atol must be positive"),
        ({"atol": 0.0}, "atol must be positive"),
        ({"atol": {"A": "x"}}, "atol of 'A' is 'x'"),
        ({"atol": {"A": -1.0}}, "atol of 'A' is -1"),
        ({"atol": {"C": 1e-9}}, "'C', which is not a state"),
        ({"parameters": [["0.1"]]}, "parameters holds text"),
        ({"parameters": [[0.1 + 0.2j]]}, "parameters holds complex numbers"),
        ({"parameters": [[0.1], [0.2, 0.3]]}, "parameters has rows of different lengths"),
        ({"parameters": [[{}]]}, "parameters holds values of type object"),
        ({"parameters": 0.1}, "parameters has shape ()"),
        ({"parameters": [[0.1, 0.2]]}, "parameters has shape (1, 2)"),
        ({"schedule_of": [0.5]}, "schedule_of holds 0.5"),
        ({"schedule_of": ["a"]}, "schedule_of holds text"),
        ({"schedule_of": [float("nan")]}, "schedule_of holds nan"),
        ({"schedule_of": [1]}, "schedule_of points outside"),
        ({"schedule_of": [-1]}, "schedule_of points outside"),
        ({"times": ["now"]}, "times holds text"),
        ({"times": [1.0j]}, "times holds complex"),
        ({"times": [float("nan")]}, "finite"),
        ({"initial": {"A": "x"}}, "the start of 'A' holds text"),
        ({"initial": {"A": [1.0, 2.0]}}, "the start of 'A' has shape (2,)"),
        ({"initial": {"C": 1.0}}, "unknown state 'C'"),
        ({"initial": [1.0]}, "initial is list"),
        ({"initial": {"A": 1j}}, "complex"),
        ({"schedules": PLAN}, "schedules is 'Schedule'"),
        ({"schedules": [None]}, "schedules holds None"),
        ({"schedules": 3}, "schedules is 'int'"),
        ({"relative_to": "size"}, "relative_to is 'size'"),
        (
            {"schedules": [Schedule(np.array([0.0, 4.0]), np.zeros((1, 1)), (Jump(0.5, "A"),))]},
            "the boundary of a jump of A holds 0.5",
        ),  # type: ignore[arg-type]
        (
            {"schedules": [Schedule(np.array([0.0, 4.0]), np.zeros((1, 1)), (Jump(0, "A", add="a lot"),))]},
            "`add` of the jump of A holds text",
        ),  # type: ignore[arg-type]
        (
            {"schedules": [Schedule(np.array([0.0, 4.0]), np.zeros((1, 1)), (Jump(0, "A", scale=2j),))]},
            "`scale` of the jump of A holds complex",
        ),  # type: ignore[arg-type]
        ({"schedules": [Schedule(np.array([0.0, 4.0]), np.zeros((1, 1)), ((0, "A"),))]}, "jumps holds (0, 'A')"),  # type: ignore[arg-type]
        ({"schedules": [Schedule(np.array([0.0, 4.0]), np.zeros((1, 1)), (Jump(0, 1),))]}, "jumps holds Jump"),  # type: ignore[arg-type]
        ({"schedules": [Schedule(["0", "4"], np.zeros((1, 1)))]}, "boundaries holds text"),
        ({"schedules": [Schedule([0.0, 4.0], [[1j]])]}, "inputs holds complex"),  # type: ignore[arg-type,list-item]
    ],
)
def test_simulating(wrong: dict[str, Any], message: str) -> None:
    good: dict[str, Any] = {"parameters": [[0.1]], "schedules": [PLAN], "schedule_of": [0], "times": [1.0, 2.0]}
    with pytest.raises(UsageError) as caught:
        made().simulate(**(good | wrong))
    assert message in str(caught.value)


def test_what_is_a_number_in_other_clothes_is_taken() -> None:
    model = made()
    plain = model.simulate([[0.25]], [PLAN], [0], [1.0, 2.0], atol=1e-8).values
    other = model.simulate(
        np.array([[0.25]], dtype=np.float32),
        (PLAN,),
        np.array([0.0]),
        (1, 2),
        rtol=np.float64(1e-5),
        threads=np.int64(1),
        max_steps=np.int32(1000),
        atol=[1e-8, 1e-8],
        initial={"A": np.int8(1)},
    ).values
    assert np.array_equal(plain, other)


def test_the_other_doors_check_too(tmp_path: Path) -> None:
    model = made()
    for wrong, message in (
        ({"parameters": "x"}, "parameters holds text"),
        ({"parameters": 0.1}, "parameters has shape"),
        ({"longest": float("nan")}, "longest is nan"),
        ({"rtol": "a"}, "rtol is 'a'"),
        ({"atol": [1e-9]}, "atol is"),
    ):
        with pytest.raises(UsageError, match=message):
            steady_state(model, **({"parameters": [[0.1]]} | wrong))
    for wrong, message in (
        ({"schedule_of": [0.5]}, "schedule_of holds"),
        ({"people_per_block": 0}, "people_per_block is 0"),
        ({"parameters": 1.0}, "shape"),
    ):
        with pytest.raises(UsageError, match=message):
            stream(
                model,
                **(
                    {
                        "folder": tmp_path / "new",
                        "parameters": [[0.1]],
                        "schedules": [PLAN],
                        "schedule_of": [0],
                        "times": [1.0],
                    }
                    | wrong
                ),
            )
    assert not (tmp_path / "new").exists()  # nothing is left behind by a call that was refused


def test_nothing_to_simulate() -> None:
    for text in ("// only a comment", "k = 1;", "model m\nend"):
        with pytest.raises(UsageError, match="nothing to simulate"):
            compile_model(text, (), ("*",))
