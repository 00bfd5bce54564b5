"""Measuring: a server, clients that take turns, and what their turns come to.

Everything is pinned: left to the scheduler, one client shares its core with the server and the next does not, which
alone makes a factor of three. Turns are short and go round, so that what the machine does meanwhile meets all alike.
"""

import contextlib
import os
import pathlib
import subprocess
import time
from collections.abc import Iterator

from contenders import BENCH, IN_FLIGHT, PREFIX, Contender
from turns import Turns

# As the other clients: no rate limit, and nothing shared with other processes.
ACCOUNT = {
    "EIOT_APPKEY": "demo-appkey",
    "EIOT_SECRET": "demo-secret",
    "EIOT_RATE_LIMIT": "off",
    "EIOT_RATE_SCOPE": "process",
}
CALIBRATION = 40
MAX_CALLS = 4000
LONGER_TURN = 5
# Where code and data come to lie in memory differs from start to start, and with it the speed, by 2 to 3 %.
ROUNDS_PER_START = 10


def environment(url: str, ca_file: pathlib.Path) -> dict[str, str]:
    """The whole environment of every client, without the developer's variables."""
    found = {"PATH": os.environ["PATH"], "LD_LIBRARY_PATH": str(PREFIX / "lib")}
    return found | ACCOUNT | {"EIOT_BASE_URL": url, "EIOT_CA_FILE": str(ca_file)}


@contextlib.contextmanager
def pinned(core: int | None) -> Iterator[None]:
    """Processes that are started inside run on this core."""
    before = os.sched_getaffinity(0)
    if core is not None:
        os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Server:
    """A server that prints its URL, and stops when its standard input closes."""

    def __init__(self, command: list[str], ca_file: pathlib.Path, core: int | None) -> None:
        with pinned(core):
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
            )
        self.environment = environment(self._line(), ca_file)

    @classmethod
    def fast(cls, work: pathlib.Path, core: int | None) -> "Server":
        return cls([str(BENCH), "server", str(work / "ca.pem")], work / "ca.pem", core)

    @classmethod
    def strict(cls, work: pathlib.Path) -> "Server":
        """The simulator, which checks every field and the signature."""
        arguments = [
            "--port",
            "0",
            "--tls",
            "--unlimited",
            "--stop-with-stdin",
            "--ca-out",
            str(work / "sim.pem"),
        ]
        return cls([os.environ["EIOT_SIM"], *arguments], work / "sim.pem", None)

    def count(self) -> int:
        """The number of calls it has answered. Only for the fast server."""
        self.process.stdin.write("count\n")
        return int(self._line())

    def _line(self) -> str:
        line = self.process.stdout.readline().strip()
        if not line:
            raise SystemExit(f"{self.process.args[0]} did not start")
        return line

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.stdin.close()
        self.process.wait(timeout=10)


class Player:
    """A client that takes its turns in one process."""

    def __init__(self, contender: Contender, server: Server, core: int | None) -> None:
        self.contender, self.server, self.core = contender, server, core
        self.start()

    def start(self) -> None:
        with pinned(self.core):
            self.process = subprocess.Popen(
                self.contender.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                bufsize=1,
                env=self.server.environment,
            )
        self._line("ready")

    def restart(self) -> None:
        self.stop()
        self.start()

    def turn(self, calls: int) -> tuple[float, float]:
        """Seconds, and seconds of processor time, a call."""
        self.process.stdin.write(f"{calls}\n")
        seconds, cpu = self._line("").split()
        return float(seconds) / calls, float(cpu) / calls

    def status(self) -> dict[str, int]:
        """Its resident memory in KiB, and its threads."""
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        fields = dict(line.split(":", 1) for line in text.splitlines())
        return {"memory_kib": int(fields["VmRSS"].split()[0]), "threads": int(fields["Threads"])}

    def _line(self, expected: str) -> str:
        line = self.process.stdout.readline().strip()
        if not line.startswith(expected) or not line:
            raise SystemExit(f"{self.process.args} failed (what it says is above)")
        return line

    def __enter__(self) -> "Player":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self.process.stdin.close()
        try:
            code = self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        if code != 0:
            raise SystemExit(f"{self.process.args} ended with {code}")


class Runs:
    """A command that is restarted for each turn, with a file of cards."""

    def __init__(self, contender: Contender, server: Server, core: int | None, work: pathlib.Path) -> None:
        self.contender, self.server, self.core, self.work = contender, server, core, work

    def turn(self, calls: int) -> tuple[float, float]:
        """Like a player's, but includes the start of the program, divided by the calls."""
        cards = self.work / f"cards-{calls}"
        if not cards.exists():
            cards.write_text("".join(f"89044011{number:024}\n" for number in range(calls)))
        with pinned(self.core):
            seconds, cpu = run_once([*self.contender.command, str(cards)], self.server.environment)
        return seconds / calls, cpu / calls

    def status(self) -> dict[str, int]:
        return {}

    def restart(self) -> None:
        pass

    def stop(self) -> None:
        pass


def run_once(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Seconds, and seconds of processor time, of a whole program from its start to its end."""
    began = time.perf_counter()
    # Its output is discarded; the exit code reports failures.
    silent = [(os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0)]
    pid = os.posix_spawn(command[0], command, environment, file_actions=silent)
    _, status, usage = os.wait4(pid, 0)
    seconds = time.perf_counter() - began
    if status != 0:
        raise SystemExit(f"{command} failed")
    return seconds, usage.ru_utime + usage.ru_stime


def take_turns(
    contenders: list[Contender],
    cores: tuple[int, int],
    rounds: int,
    turn_seconds: float,
    work: pathlib.Path,
) -> dict[str, Turns]:
    """Lets the clients (on the first core) take turns at one server (on the second)."""
    with Server.fast(work, cores[1]) as server, contextlib.ExitStack() as stack:
        players = {}
        for contender in contenders:
            if contender.turns:
                player = Player(contender, server, cores[0])
            else:
                player = Runs(contender, server, cores[0], work)
            stack.callback(player.stop)
            players[contender.name] = player
        answered, made, calls = server.count(), 0, {}
        for contender in contenders:
            # A program that is restarted for each turn needs longer ones.
            trial, length = (CALIBRATION, 1) if contender.turns else (LONGER_TURN * CALIBRATION, LONGER_TURN)
            seconds, _ = players[contender.name].turn(trial)
            # A multiple of eight threads, and more than the calls in flight.
            fitting = round(length * turn_seconds / seconds / 8) * 8
            calls[contender.name] = max(2 * IN_FLIGHT, min(length * MAX_CALLS, fitting))
            made += trial
        turns = {name: Turns() for name in players}
        for number in range(rounds):
            if number % ROUNDS_PER_START == ROUNDS_PER_START - 1:
                for player in players.values():
                    player.restart()
            order = list(players)
            # No client always follows the same one.
            order = order[number % len(order) :] + order[: number % len(order)]
            for name in order:
                seconds, cpu = players[name].turn(calls[name])
                turns[name].seconds.append(seconds)
                turns[name].cpu.append(cpu)
                made += calls[name]
        for name, player in players.items():
            turns[name].status = player.status()
        # Up to that many of a batch were answered before its first turn.
        if server.count() - answered < made - IN_FLIGHT * len(players):
            raise SystemExit(f"{made} calls were claimed, and the server has answered fewer")
        return turns


def prove(contenders: list[Contender], work: pathlib.Path) -> int:
    """Each client makes calls to the simulator, which checks fields and signature. Returns how many clients did."""
    with Server.strict(work) as server:
        for contender in contenders:
            player = (
                Player(contender, server, None) if contender.turns else Runs(contender, server, None, work)
            )
            player.turn(2 * IN_FLIGHT)
            player.stop()
    return len(contenders)
