"""The cost of a call after a million others: an old process against young ones, in turns."""

import pathlib
import statistics
from collections.abc import Callable
from typing import Any

from contenders import contenders
from measure import Player, Server

YOUNG = 1000
"""After this many calls a process is warm, but still young."""


def measure(
    made: dict[str, str],
    cores: list[int],
    calls: int,
    rounds: int,
    work: pathlib.Path,
    say: Callable[[str], None],
) -> dict[str, Any]:
    return {name: _measure(name, made, cores, calls, rounds, work, say) for name in ("single", "batch")}


def _measure(
    name: str,
    made: dict[str, str],
    cores: list[int],
    calls: int,
    rounds: int,
    work: pathlib.Path,
    say: Callable[[str], None],
) -> dict[str, Any]:
    (ours,) = [one for one in contenders(name, made) if one.name == "c"]
    with Server.fast(work, cores[-1]) as server, Player(ours, server, cores[0]) as old:
        old.turn(YOUNG)
        done, step = YOUNG, max(YOUNG, calls // 50)
        cost, memory = [], [(done, old.status()["memory_kib"])]
        while done < calls:
            more = min(step, calls - done)
            _, cpu = old.turn(more)
            done += more
            cost.append((done, cpu * 1e6))
            memory.append((done, old.status()["memory_kib"]))
        pairs = []
        for number in range(rounds):
            # The young one does not get old: with each round comes another.
            with Player(ours, server, cores[0]) as young:
                young.turn(YOUNG)
                players = (old, young) if number % 2 else (young, old)
                cpu = {player: player.turn(YOUNG)[1] for player in players}
                pairs.append((cpu[old], cpu[young]))
        result = {
            "calls": done,
            "ratio": statistics.median(of_old / of_young for of_old, of_young in pairs),
            "old_us": statistics.median(of_old for of_old, _ in pairs) * 1e6,
            "young_us": statistics.median(of_young for _, of_young in pairs) * 1e6,
            "memory_kib": memory,
            "cost_us": cost,
            "threads": old.status()["threads"],
        }
    say(f"growth, {name}: after {done} calls one costs {result['ratio']:.3f} of what it did after {YOUNG}")
    return result
