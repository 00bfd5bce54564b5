"""Takes the guards of the client out one at a time, in a copy of the sources, and looks whether the nights notice.

    python crates/night/guards.py [NAME…] [--seeds N] [--cards N]

Each guard is a piece of code and what it is replaced by. A guard that is not found within its seeds is a hole in the nights.
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


@dataclass
class Guard:
    """What a guard does, the file it is in, its code and the code without it."""

    name: str
    file: str
    code: str
    without: str


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
        "interval.is_some_and(|interval| system::elapsed(self.at) > MIN_LATE.max(interval / 4))",
        "interval.is_some_and(|_| false)",
    ),
    Guard(
        "limiter: a permit that was held up is not used",
        "core/src/client/execute.rs",
        "if !permit.is_stale() || tries == MAX_HELD_UP {",
        "if tries <= MAX_HELD_UP {",
    ),
    Guard(
        "limiter: a file that was lost leaves a second",
        "core/src/rate_limit/shared_file.rs",
        "        schedule.pause(now.saturating_add(LOST_PAUSE));\n",
        "        let _ = (now, LOST_PAUSE);\n",
    ),
    Guard(
        "delivered: a card that gets no permit keeps its failure",
        "core/src/batch/holding.rs",
        "        if let Some(failure) = card.failure.take() {",
        "        if let Some(failure) = card.failure.take().filter(|_| false) {",
    ),
    Guard(
        "limiter: processes take turns by the lock of the file",
        "core/src/rate_limit/shared_file.rs",
        "if !file.try_lock()? {\n                return Ok(None);\n            }",
        "let _ = file.try_lock()?;",
    ),
    Guard(
        "limiter: the account pauses when the platform asks for it",
        "core/src/rate_limit/schedule.rs",
        "self.next = self.next.max(until);",
        "let _ = until;",
    ),
    Guard(
        "limiter: a Redis that has lost its data starts with a pause",
        "core/src/rate_limit/account.lua",
        "if position > 0 then due = now + 1000000 end",
        "",
    ),
    Guard(
        "limiter: the account in Redis pauses when the platform asks for it",
        "core/src/rate_limit/account.lua",
        "  due = math.max(due, now + length)\n",
        "",
    ),
    Guard(
        "nonces: each call takes the next one",
        "core/src/rate_limit/schedule.rs",
        "unused.map_or_else(|| self.nonces.advance(), |unused| unused - 1)",
        "unused.map_or_else(|| self.nonces.position, |unused| unused - 1)",
    ),
    Guard(
        "nonces: after a loss they continue beyond those of others",
        "core/src/signing/nonce.rs",
        "position => Self { position: position.wrapping_add(MAX_TAKEN_SINCE), ..self },",
        "_ => self,",
    ),
    Guard(
        "cooldown: a card is not refreshed again",
        "core/src/rate_limit/cooldown.rs",
        "        account.cooldowns.start(eid, now, length)?;\n",
        "        let _ = account.cooldowns.start(eid, now, length);\n",
    ),
    Guard(
        "retries: they have a budget",
        "core/src/retry.rs",
        "if !bucket.take(cost(error)) {",
        "if bucket.take(u32::MAX) {",
    ),
    Guard(
        "retries: only what is idempotent is repeated after a loss",
        "core/src/retry.rs",
        "if !error.is_safe_to_repeat(self.idempotent) {",
        "if !error.is_safe_to_repeat(true) {",
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
        "let of_few = self.unanswered < OUTAGE_THRESHOLD;\n        if of_few",
        "let of_few = self.unanswered < OUTAGE_THRESHOLD;\n        if true || of_few",
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
        "            if end <= system::now() {\n                return;\n            }\n",
        "",
    ),
    Guard(
        "call: the timeout ends it",
        "core/src/client/mod.rs",
        "event_loop.block_on(Some(execution.deadline), keep_going, run)",
        "event_loop.block_on(None, keep_going, run)",
    ),
    Guard(
        "delivered: a request counts from when the connection takes it",
        "core/src/transport/tracked_body.rs",
        "self.taken.store(true, Ordering::Relaxed);",
        "self.taken.store(false, Ordering::Relaxed);",
    ),
    Guard(
        "delivered: earlier attempts count",
        "core/src/client/attempt_tracker.rs",
        "        state.earlier = Some(earlier);",
        "        let _ = earlier;",
    ),
    Guard(
        "delivered: the calls before an outage count",
        "core/src/client/attempt_tracker.rs",
        "            state.earlier = history.delivered;",
        "            let _ = history.delivered;",
    ),
]


def copy_sources() -> None:
    """A copy of what cargo needs; unchanged files keep their times, so that only what differs is compiled again."""
    COPY.mkdir(parents=True, exist_ok=True)
    for name in ["Cargo.toml", "Cargo.lock", "rustfmt.toml", "clippy.toml"]:
        shutil.copy2(ROOT / name, COPY / name)
    for folder in ["crates", "fuzz/src", "bindings/python", "include", "tests/vectors"]:
        ignore = shutil.ignore_patterns("target", "build", "__pycache__", "*.so")
        shutil.copytree(ROOT / folder, COPY / folder, dirs_exist_ok=True, ignore=ignore)


def build(cargo: str) -> str:
    """The errors of the compiler, or nothing."""
    environment = {**os.environ, "CARGO_TARGET_DIR": str(COPY / "target")}
    command = [cargo, "build", "--locked", "-q", "--profile", "night", "-p", "eiot-night"]
    done = subprocess.run(command, cwd=COPY, env=environment, capture_output=True, text=True)
    return done.stderr if done.returncode else ""


def nights(seeds: int, cards: int) -> tuple[int | None, str]:
    """The first seed whose night breaks a promise, and which."""
    command = [COPY / "target/night/eiot-night", "--seeds", str(seeds), "--cards", str(cards), "--first"]
    done = subprocess.run(command, capture_output=True, text=True)
    found = re.search(r"^seed (\d+): a promise was broken\. (\w+)", done.stdout, re.MULTILINE)
    if not found and done.returncode:
        return 0, f"the program failed: {done.stderr[-300:]}"
    return (int(found[1]), found[2]) if found else (None, "")


def main() -> int:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("names", nargs="*")
    arguments.add_argument("--seeds", type=int, default=200)
    arguments.add_argument("--cards", type=int, default=400)
    options = arguments.parse_args()
    cargo = os.environ.get("CARGO", "cargo")
    missed = []
    chosen = [guard for guard in GUARDS if not options.names or any(name in guard.name for name in options.names)]
    for guard in chosen:
        copy_sources()
        path = COPY / "crates" / guard.file
        text = path.read_text()
        if text.count(guard.code) != 1:
            print(f"{guard.name}: its code stands {text.count(guard.code)} times in {guard.file}")
            missed.append(guard.name)
            continue
        path.write_text(text.replace(guard.code, guard.without))
        started = time.monotonic()
        if errors := build(cargo):
            print(f"{guard.name}: does not compile\n{errors[-2000:]}")
            missed.append(guard.name)
            continue
        built = time.monotonic()
        seed, broken = nights(options.seeds, options.cards)
        took = f"(build {built - started:.0f} s, nights {time.monotonic() - built:.0f} s)"
        print(f"{guard.name}: {f'seed {seed}, {broken}' if seed is not None else 'NOT FOUND'} {took}", flush=True)
        if seed is None:
            missed.append(guard.name)
    print(f"{len(chosen) - len(missed)} of {len(chosen)} guards are noticed")
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main())
