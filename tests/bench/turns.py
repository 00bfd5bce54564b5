"""What a client's turns came to, and how two of them compare: what counts is the median of the ratio within a round."""

import dataclasses
import statistics


@dataclasses.dataclass
class Turns:
    """One client's turns at one work; one entry a round."""

    seconds: list[float] = dataclasses.field(default_factory=list)
    """Of a call."""
    cpu: list[float] = dataclasses.field(default_factory=list)
    """Seconds of processor time, of a call."""
    status: dict[str, int] = dataclasses.field(default_factory=dict)

    @property
    def calls_per_second(self) -> float:
        return 1 / statistics.median(self.seconds)

    @property
    def cpu_us(self) -> float:
        return statistics.median(self.cpu) * 1e6


def times_as_fast(ours: Turns, theirs: Turns) -> float:
    """How many calls we make in the time of one of theirs."""
    pairs = zip(ours.seconds, theirs.seconds, strict=True)
    return statistics.median(their / our for our, their in pairs)


def cpu_ratio(ours: Turns, theirs: Turns) -> float:
    """Our processor time a call, in theirs."""
    return statistics.median(our / their for our, their in zip(ours.cpu, theirs.cpu, strict=True))
