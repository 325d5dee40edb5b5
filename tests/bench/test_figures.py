import orjson
import pytest

from bench.catalogue import BENCHES
from bench.figures import Figures, Options, Reach, in_turn


async def test_ours_and_the_limit_are_measured_in_turn_and_the_medians_compared() -> None:
    order: list[str] = []
    mine, limits = iter([90.0, 10.0, 80.0]), iter([100.0, 400.0, 50.0])

    async def ours() -> float:
        order.append("ours")
        return next(mine)

    async def limit() -> float:
        order.append("limit")
        return next(limits)

    told: list[str] = []
    turns = await in_turn(ours, limit, Options(report=told.append))
    figures = turns.figures("campaign", "messages/s", recipients=7)

    assert order == ["limit", "ours"] * 3
    assert len(told) == 3
    assert (figures.ours, figures.limit, figures.ratio) == (80.0, 100.0, 0.8)
    assert figures.details["rounds"] == [[90.0, 100.0], [10.0, 400.0], [80.0, 50.0]]


def test_a_line_has_the_five_fields_and_then_its_own_and_is_json() -> None:
    line = Figures(name="growth", ours=2 / 3, limit=2, unit="messages/s", details={"memory_ratio": 1.1}).line()
    assert line == {
        "name": "growth",
        "ours": 0.67,
        "limit": 2,
        "unit": "messages/s",
        "ratio": 0.333,
        "memory_ratio": 1.1,
    }
    assert orjson.loads(orjson.dumps(line)) == line


@pytest.mark.parametrize(
    ("reach", "ratio", "reached"),
    [
        (Reach(0.8), 0.8, True),
        (Reach(0.8), 0.79, False),
        (Reach(1.2, at_most=True), 1.2, True),
        (Reach(1.2, at_most=True), 1.21, False),
    ],
)
def test_a_ratio_is_reached_from_its_own_side(reach: Reach, ratio: float, reached: bool) -> None:
    assert reach.reached(ratio) is reached


def test_growth_is_reached_only_with_flat_memory() -> None:
    growth = BENCHES["growth"]
    assert growth.reached({"ratio": 0.99, "memory_ratio": 1.1})
    assert not growth.reached({"ratio": 0.99, "memory_ratio": 1.3})
    assert not growth.reached({"ratio": 0.90, "memory_ratio": 1.1})
