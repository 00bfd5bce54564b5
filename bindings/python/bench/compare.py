"""How long one call after another takes, with eiot, requests and httpx: the same signed call over TLS and one kept
connection, against one eiot-sim without limits.

In turns, because machines are noisy: each round gives every client its turn, and what counts is the median over the
rounds of the ratio within a round. `make bench-python` runs it; ROUNDS and CALLS may be given in the environment.
"""

import hashlib
import json
import os
import random
import ssl
import statistics
import sys
import time
from collections.abc import Callable

import eiot
import httpx
import requests
from eiot.testing import Simulator

EID = "89044011112233441122334411223321"
Call = Callable[[], object]


def request_body(platform: Simulator) -> dict[str, str | int]:
    """The body as a careful program would make it by hand: time, nonce and signature fresh in each call."""
    body: dict[str, str | int] = {
        "appkey": platform.options["appkey"],
        "eid": EID,
        "nonce": random.randint(10000, 99999),
        "timestamp": int(time.time()),
    }
    text = "&".join(f"{name}={value}" for name, value in sorted(body.items()))
    signed = f"{text}&secret={platform.options['secret']}".encode()
    return body | {"sign": hashlib.sha1(signed).hexdigest().upper()}


def accepted(status: int, text: str) -> None:
    """A benchmark of refusals would be none."""
    if status != 200 or json.loads(text)["code"] != "200":
        raise SystemExit(f"the simulator refused: {status} {text}")


def clients(platform: Simulator) -> dict[str, Call]:
    """One call of each client; each keeps its connection, and like eiot none looks into the environment."""
    url, ca_file = f"{platform.url}/api/v3/cloudesim/refreshUsage", platform.options["ca_file"]
    ours = eiot.Client(**platform.options, rate_limit=0)
    session = requests.Session()
    session.trust_env, session.verify = False, ca_file
    client = httpx.Client(trust_env=False, verify=ssl.create_default_context(cafile=ca_file))

    def with_requests() -> None:
        reply = session.post(url, json=request_body(platform), timeout=30)
        accepted(reply.status_code, reply.text)

    def with_httpx() -> None:
        reply = client.post(url, json=request_body(platform), timeout=30)
        accepted(reply.status_code, reply.text)

    return {"eiot": lambda: ours.refresh_usage(EID), "requests": with_requests, "httpx": with_httpx}


def turn(call: Call, calls: int) -> tuple[float, float]:
    """Seconds, and seconds of CPU, a call."""
    began, cpu = time.perf_counter(), time.process_time()
    for _ in range(calls):
        call()
    return (time.perf_counter() - began) / calls, (time.process_time() - cpu) / calls


def compare(server_core: int, client_core: int, rounds: int, calls: int) -> None:
    """Pinned: left to the scheduler, one client shares its core with the server and the other does not."""
    os.sched_setaffinity(0, {server_core})
    with Simulator("--tls", "--unlimited") as platform:
        os.sched_setaffinity(0, {client_core})
        turns: dict[str, list[tuple[float, float]]] = {}
        contenders = clients(platform)
        for call in contenders.values():
            turn(call, calls)
        for _ in range(rounds):
            for name, call in contenders.items():
                turns.setdefault(name, []).append(turn(call, calls))
    for name, theirs in turns.items():
        ratio = statistics.median(their[0] / our[0] for our, their in zip(turns["eiot"], theirs, strict=True))
        seconds, cpu = (statistics.median(one) * 1e6 for one in zip(*theirs, strict=True))
        print(
            f"{name:9} {seconds:6.0f} us a call, {cpu:6.0f} us of CPU; eiot makes {ratio:.2f} calls in its time"
        )


def main() -> None:
    """Both ways of sharing a small machine."""
    rounds, calls = int(os.environ.get("ROUNDS", "15")), int(os.environ.get("CALLS", "300"))
    cores = sorted(os.sched_getaffinity(0))
    print(f"Python {sys.version.split()[0]}, requests {requests.__version__}, httpx {httpx.__version__}")
    print("client and server on one core")
    compare(cores[0], cores[0], rounds, calls)
    if len(cores) > 1:
        print("client and server on a core each")
        compare(cores[1], cores[0], rounds, calls)


if __name__ == "__main__":
    main()
