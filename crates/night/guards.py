"""Takes the guards of the client out one at a time, in a copy of the sources, and looks whether the nights notice.

    python crates/night/guards.py [NAME…] [--seeds N] [--cards N]

Each guard is a piece of code and what it is replaced by. The copy is compiled once, and has a switch for each of them. A guard
that is not found within its seeds is a hole in the nights.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass

ROOT = pathlib.Path(__file__).resolve().parents[2]
COPY = ROOT / "build" / "night-guards"
# Not where `make night` builds: Cargo cannot tell the copy from the sources, and would take what was compiled from one for the other's.
TARGET = ROOT / "build" / "night-guards-target"
# All nights of one guard take less; a client that waits in a loop in which no time passes takes forever.
MAX_SECONDS = 600
# The number of the guard that is taken out.
VARIABLE = "EIOT_GUARD_OUT"

SWITCH = f"""
/// Whether this guard is taken out. Only in the copy that looks for guards that are not missed.
#[doc(hidden)]
pub fn is_out(guard: u32) -> bool {{
    static OUT: std::sync::OnceLock<Option<u32>> = std::sync::OnceLock::new();
    *OUT.get_or_init(|| std::env::var("{VARIABLE}").ok()?.parse().ok()) == Some(guard)
}}
"""


@dataclass
class Guard:
    """What a guard does, the file it is in, its code and the code without it."""

    name: str
    file: str
    # Rust: statements, which end with ; or }, or else an expression. Lua: statements.
    code: str
    without: str = ""
    # What stands around the code, if it occurs more than once.
    around: str = "{}"
    # What kind of nights notice it: those in which every process runs the command, or in which more happens to the network.
    kind: str = ""

    @property
    def whole(self) -> str:
        """What stands in the file, once."""
        return self.around.replace("{}", self.code, 1)

    def put_switch(self, number: int) -> str:
        """Replaces the code in the copy by one that can be switched. Returns what is wrong, or nothing."""
        path = COPY / "crates" / self.file
        text = path.read_text()
        if text.count(self.whole) != 1:
            return f"its code stands {text.count(self.whole)} times in {self.file}"
        if path.suffix == ".lua":
            switched = f"if not is_out({number}) then {self.code} end"
        else:
            # Core is what everything else uses.
            name = "crate::is_out" if self.file.startswith("core/") else "eiot::is_out"
            switched = f"if {name}({number}) {{ {self.without} }} else {{ {self.code} }}"
            switched = switched if self.code.rstrip().endswith((";", "}")) and not self.is_expression else f"({switched})"
        path.write_text(text.replace(self.whole, self.around.replace("{}", switched, 1)))
        return ""

    @property
    def is_expression(self) -> bool:
        return not self.without.rstrip().endswith((";", "}")) and self.without != ""


# Two guards of the limiter are not among them, since no night notices either: the pause after a call whose permits were all late, and
# the call that uses two late permits at once.
GUARDS = [
    Guard(
        "limiter: permits are spaced",
        "core/src/rate_limit/schedule.rs",
        "self.next = spacing.after(at);",
        "self.next = at;",
    ),
    Guard(
        "limiter: a permit that is used too late is not used",
        "core/src/rate_limit/permit.rs",
        "self.latest().is_some_and(|latest| system::now() > latest)",
        "false",
        kind="--network",
    ),
    Guard(
        "limiter: a permit is not used when its connection is ready too late",
        "core/src/client/execute.rs",
        "permit.latest().filter(|_| !is_last)",
        "None",
    ),
    Guard(
        "limiter: a request that was handed over in time is not sent late",
        "core/src/transport/tracked_body.rs",
        "self.latest.is_some_and(|latest| system::now() > latest) && self.bytes.is_some()",
        "false",
    ),
    Guard(
        "limiter: a reply of the Redis that is read late is not fresh",
        "core/src/rate_limit/redis_clock.rs",
        "(best, least) = (at, uncertainty);",
    ),
    Guard(
        "limiter: a file that was lost leaves a second",
        "core/src/rate_limit/shared_file.rs",
        "schedule.pause(now.saturating_add(LOST_PAUSE));",
    ),
    Guard(
        "delivered: a card that gets no permit keeps its failure",
        "core/src/batch/holding.rs",
        "card.failure.take()",
        "card.failure.take().filter(|_| false)",
        around="        if let Some(failure) = {} {",
        kind="--network",
    ),
    Guard(
        "limiter: processes take turns by the lock of the file",
        "core/src/rate_limit/shared_file.rs",
        "!file.try_lock()?",
        "file.try_lock().is_err()",
    ),
    Guard(
        "limiter: the account pauses when the platform asks for it",
        "core/src/rate_limit/schedule.rs",
        "self.next = self.next.max(until);",
    ),
    Guard(
        "limiter: a Redis that has lost its data starts with a pause",
        "core/src/rate_limit/account.lua",
        "if position > 0 then due = now + 1000000 end",
    ),
    Guard(
        "limiter: the account in Redis pauses when the platform asks for it",
        "core/src/rate_limit/account.lua",
        "due = math.max(due, now + length)",
    ),
    Guard(
        "nonces: each call takes the next one",
        "core/src/rate_limit/schedule.rs",
        "self.nonces.advance()",
        "self.nonces.position",
    ),
    Guard(
        "nonces: after a loss they continue beyond those of others",
        "core/src/signing/nonce.rs",
        "Self { position: position.wrapping_add(MAX_TAKEN_SINCE), ..self }",
        "self",
    ),
    Guard(
        "cooldown: a card is not refreshed again",
        "core/src/rate_limit/cooldown.rs",
        "account.cooldowns.start(eid, now, length)?;",
        "let _ = account.cooldowns.start(eid, now, length);",
    ),
    Guard(
        "retries: they have a budget",
        "core/src/retry.rs",
        "!bucket.take(cost(error))",
        "bucket.take(u32::MAX)",
    ),
    Guard(
        "retries: only what is idempotent is repeated after a loss",
        "core/src/retry.rs",
        "error.is_safe_to_repeat(self.idempotent)",
        "error.is_safe_to_repeat(true)",
        around="if !{} {",
    ),
    Guard(
        "batch: only what is idempotent is called again after an outage",
        "core/src/batch/holding.rs",
        "self.job.request().is_idempotent() || error.delivered() == Delivered::No",
        "self.job.request().is_idempotent() || error.delivered() != Delivered::Yes",
    ),
    Guard(
        "batch: an outage is probed",
        "core/src/batch/circuit_breaker.rs",
        "self.unanswered < OUTAGE_THRESHOLD",
        "true",
        around="let of_few = {};",
    ),
    Guard(
        "batch: a card comes back once",
        "core/src/batch/cards.rs",
        "self.ended.push_back(Outcome { tag, given, eid, is_duplicate: false, result, unsent });",
        "if !unsent { self.ended.push_back(Outcome { tag, given, eid, is_duplicate: false, result, unsent }); }",
    ),
    Guard(
        "batch: a card's timeout ends its call",
        "core/src/batch/active_timeout.rs",
        "if end <= system::now() {\n                return;\n            }",
    ),
    Guard(
        "call: the timeout ends it",
        "core/src/client/mod.rs",
        "Some(execution.deadline)",
        "None",
        around="event_loop.block_on({}, keep_going, run)",
    ),
    Guard(
        "delivered: a request counts from when the connection takes it",
        "core/src/transport/tracked_body.rs",
        "true",
        "false",
        around="self.taken.store({}, Ordering::Relaxed);",
    ),
    Guard(
        "delivered: earlier attempts count",
        "core/src/client/attempt_tracker.rs",
        "state.earlier = Some(earlier);",
        kind="--network",
    ),
    Guard(
        "delivered: the calls before an outage count",
        "core/src/client/attempt_tracker.rs",
        "state.earlier = history.delivered;",
        kind="--network",
    ),
    Guard(
        "command: a result is recorded in the journal",
        "cli/src/batch/run.rs",
        "journal.record(&record).inspect_err(|_| self.statistics.unrecorded += 1)?;",
        kind="--commands",
    ),
    Guard(
        "command: a torn last line of the journal is removed",
        "cli/src/batch/journal/mod.rs",
        "file.set_len(read.end).map_err(|why| unusable(&why))?;",
        kind="--commands",
    ),
    Guard(
        "command: nothing follows a line that was not written whole",
        "cli/src/output/line_file.rs",
        "self.has_failed = true;\n                self.roll_back(bytes.len() as u64);",
        kind="--commands",
    ),
    Guard(
        "command: results that were recorded and not written are added",
        "cli/src/batch/outcomes.rs",
        "lines",
        "u64::MAX.max(lines)",
        around="let added = unwritten.each({}, |record| outcomes.write(record))?;",
        kind="--commands",
    ),
    Guard(
        "command: the output is synced before the journal says how long it is",
        "cli/src/batch/outcomes.rs",
        "outcomes.sync()?;",
        kind="--commands",
    ),
    Guard(
        "command: the journal's line about a run is synced",
        "cli/src/batch/journal/mod.rs",
        "self.sync()?;",
        kind="--commands",
    ),
    Guard(
        "command: a refreshed card is not called again",
        "cli/src/batch/run.rs",
        "return self.statistics.count_previous(previous);",
        "self.statistics.count_previous(previous);",
        kind="--commands",
    ),
    Guard(
        "command: a call that is not idempotent is recorded before it is made",
        "cli/src/batch/run_calls.rs",
        "!row.is_idempotent",
        "false",
        around="fn begin_call(&mut self, RowCall { call, row, .. }: RowCall, batch: &mut Batch) {\n"
        "        if let Some(journal) = self.journal.as_mut().filter(|_| {})",
        kind="--commands",
    ),
    Guard(
        "command: a failed card decides the exit code",
        "cli/src/batch/run.rs",
        "failed.max(stopped).max(self.statistics.exit_code())",
        "failed.max(stopped)",
        kind="--commands",
    ),
    Guard(
        "command: a full disk is not wrong usage",
        "cli/src/output/streams.rs",
        "matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)",
        "matches!(error.kind(), ErrorKind::QuotaExceeded)",
        kind="--commands",
    ),
]


def copy_sources() -> None:
    """A copy of what cargo needs; unchanged files keep their times, so that only what differs is compiled again."""
    COPY.mkdir(parents=True, exist_ok=True)
    for name in ["Cargo.toml", "Cargo.lock", "rustfmt.toml", "clippy.toml"]:
        shutil.copy2(ROOT / name, COPY / name)
    for folder in ["crates", "docs", "fuzz/src", "bindings/python", "include", "tests/vectors"]:
        ignore = shutil.ignore_patterns("target", "build", "__pycache__", "*.so")
        shutil.copytree(ROOT / folder, COPY / folder, dirs_exist_ok=True, ignore=ignore)


def put_switches() -> list[str]:
    """Makes every guard of the copy one that can be taken out. Returns what is wrong with the list above."""
    library = COPY / "crates/core/src/lib.rs"
    library.write_text(library.read_text() + SWITCH)
    redis = COPY / "crates/night/src/redis.rs"
    has_call = 'lua.globals().set("redis", redis)'
    is_out = 'lua.globals().set("is_out", lua.create_function(|_, guard: u32| Ok(eiot::is_out(guard)))?)?;'
    redis.write_text(redis.read_text().replace(has_call, f"{is_out}\n            {has_call}"))
    wrong = [f"{guard.name}: {why}" for number, guard in enumerate(GUARDS) if (why := guard.put_switch(number))]
    return wrong


def build(cargo: str) -> str:
    """The errors of the compiler, or nothing."""
    environment = {**os.environ, "CARGO_TARGET_DIR": str(TARGET)}
    command = [cargo, "build", "--locked", "-q", "--profile", "night", "-p", "eiot-night"]
    done = subprocess.run(command, cwd=COPY, env=environment, capture_output=True, text=True)
    if done.returncode == 0:
        shutil.copy2(TARGET / "night" / "eiot-night", COPY / "eiot-night")
    return done.stderr if done.returncode else ""


def nights(guard: int | None, seeds: str, cards: int, kind: str) -> tuple[int | None, str]:
    """The first seed whose night breaks a promise, and which."""
    command = [COPY / "eiot-night", "--seeds", seeds, "--cards", str(cards), "--first"]
    command += [kind] if kind else []
    environment = {**os.environ, VARIABLE: "" if guard is None else str(guard)}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=MAX_SECONDS, env=environment)
    except subprocess.TimeoutExpired:
        return 0, f"a night that does not end within {MAX_SECONDS} s"
    found = re.search(r"^seed (\d+): a promise was broken\. (\w+)", done.stdout, re.MULTILINE)
    if not found and done.returncode:
        return 0, f"the program failed: {done.stderr[-300:]}"
    return (int(found[1]), found[2]) if found else (None, "")


def main() -> int:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("names", nargs="*")
    arguments.add_argument("--seeds", default="200", help="so many, or FROM..TO")
    arguments.add_argument("--cards", type=int, default=400)
    options = arguments.parse_args()
    copy_sources()
    if wrong := put_switches():
        print("\n".join(wrong))
        return 1
    if errors := build(os.environ.get("CARGO", "cargo")):
        print(errors[-4000:])
        return 1
    missed = 0
    chosen = [guard for guard in GUARDS if not options.names or any(name in guard.name for name in options.names)]
    for guard in chosen:
        started = time.monotonic()
        seed, broken = nights(GUARDS.index(guard), options.seeds, options.cards, guard.kind)
        told = f"seed {seed}, {broken}" if seed is not None else "NOT FOUND"
        print(f"{guard.name}: {told} ({time.monotonic() - started:.0f} s)", flush=True)
        missed += seed is None
    print(f"{len(chosen) - missed} of {len(chosen)} guards are noticed")
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main())
