"""The measurements of a client's turns, and their comparison: the median of the ratios within each round."""

import dataclasses
import statistics


@dataclasses.dataclass
class Turns:
    """One client's turns with one workload; one entry per round."""

    seconds: list[float] = dataclasses.field(default_factory=list)
    """Seconds per call."""
    cpu: list[float] = dataclasses.field(default_factory=list)
    """Seconds of processor time per call."""
    status: dict[str, int] = dataclasses.field(default_factory=dict)

    @property
    def calls_per_second(self) -> float:
        return 1 / statistics.median(self.seconds)

    @property
    def cpu_us(self) -> float:
        return statistics.median(self.cpu) * 1e6


def times_as_fast(ours: Turns, theirs: Turns) -> float:
    """How many calls ours makes in the time of one call of theirs."""
    pairs = zip(ours.seconds, theirs.seconds, strict=True)
    return statistics.median(their / our for our, their in pairs)


def cpu_ratio(ours: Turns, theirs: Turns) -> float:
    """The ratio of our processor time per call to theirs."""
    return statistics.median(our / their for our, their in zip(ours.cpu, theirs.cpu, strict=True))
