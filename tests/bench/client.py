"""The signed call from Python: `client.py LIBRARY single`, or `batch IN_FLIGHT`, configured by the environment.

Takes part in the benchmark as crates/bench/src/turns.rs says: "ready", and for each number read, that many calls and
what they cost. Everybody signs afresh for each call, keeps connections, and looks at the code of each reply.
"""

import asyncio
import atexit
import hashlib
import io
import itertools
import json
import os
import ssl
import sys
import time

EID = "89044011112233441122334411223321"
BASE_URL, CA_FILE = os.environ["EIOT_BASE_URL"], os.environ["EIOT_CA_FILE"]
APPKEY, SECRET = os.environ["EIOT_APPKEY"], os.environ["EIOT_SECRET"]
URL = f"{BASE_URL}/api/v3/cloudesim/refreshUsage"
NONCES = itertools.cycle(range(10000, 100000))


def request_body(eid):
    """The body as a hand-written program would create it, with a fresh timestamp, nonce and signature per call."""
    body = {"appkey": APPKEY, "eid": eid, "nonce": next(NONCES), "timestamp": int(time.time())}
    text = "&".join(f"{name}={value}" for name, value in sorted(body.items()))
    sign = hashlib.sha1(f"{text}&secret={SECRET}".encode()).hexdigest().upper()
    return body | {"sign": sign}


def accepted(status, text):
    if status != 200 or json.loads(text)["code"] != "200":
        raise SystemExit(f"the platform refused: {status} {text}")


def cards():
    """A separate card for each call of a batch."""
    for number in itertools.count():
        yield f"89044011{number:024}"


def with_eiot(in_flight):
    import eiot

    client = eiot.Client()
    if not in_flight:
        return lambda calls: [client.refresh_usage(EID) for _ in range(calls)]
    # One batch over all turns, so that it keeps its connections.
    results = client.refresh_many(cards(), concurrency=in_flight, errors="raise")
    return lambda calls: [next(results) for _ in range(calls)]


def with_requests(in_flight):
    import requests

    session = requests.Session()
    # Without reading the environment, which is faster.
    session.trust_env, session.verify = False, CA_FILE

    def work(calls):
        for _ in range(calls):
            reply = session.post(URL, json=request_body(EID), timeout=30)
            accepted(reply.status_code, reply.text)

    return None if in_flight else work


def with_httpx(in_flight):
    import httpx

    client = httpx.Client(trust_env=False, verify=ssl.create_default_context(cafile=CA_FILE), timeout=30)

    def work(calls):
        for _ in range(calls):
            reply = client.post(URL, json=request_body(EID))
            accepted(reply.status_code, reply.text)

    return None if in_flight else work


def with_aiohttp(in_flight):
    import aiohttp

    loop = asyncio.new_event_loop()
    context = ssl.create_default_context(cafile=CA_FILE)

    async def opened():
        # Both want a running loop.
        return aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context, limit=in_flight or 1))

    session = loop.run_until_complete(opened())
    atexit.register(lambda: loop.run_until_complete(session.close()))
    eids = cards() if in_flight else itertools.repeat(EID)

    async def some(calls):
        for _ in calls:
            async with session.post(URL, json=request_body(next(eids))) as reply:
                accepted(reply.status, await reply.text())

    async def turn(calls):
        # All take from the same calls, until there are none left.
        shared = iter(range(calls))
        await asyncio.gather(*(some(shared) for _ in range(in_flight or 1)))

    return lambda calls: loop.run_until_complete(turn(calls))


def with_pycurl(in_flight):
    import pycurl

    curl = pycurl.Curl()
    curl.setopt(pycurl.URL, URL)
    curl.setopt(pycurl.CAINFO, CA_FILE)
    curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
    curl.setopt(
        pycurl.HTTPHEADER, ["Content-Type: application/json;charset=utf-8", "Accept: application/json"]
    )
    curl.setopt(pycurl.TIMEOUT_MS, 30000)
    curl.setopt(pycurl.NOSIGNAL, 1)

    def work(calls):
        for _ in range(calls):
            reply = io.BytesIO()
            curl.setopt(pycurl.POSTFIELDS, json.dumps(request_body(EID)))
            curl.setopt(pycurl.WRITEDATA, reply)
            curl.perform()
            accepted(curl.getinfo(pycurl.RESPONSE_CODE), reply.getvalue())

    return None if in_flight else work


def main():
    library, how, *more = sys.argv[1:]
    in_flight = int(more[0]) if how == "batch" else 0
    work = globals()[f"with_{library}"](in_flight)
    if work is None:
        raise SystemExit(f"no batch is measured with {library}")
    work(in_flight or 1)
    print("ready", flush=True)
    for line in sys.stdin:
        began, cpu = time.perf_counter(), time.process_time()
        work(int(line))
        print(f"{time.perf_counter() - began:.9f} {time.process_time() - cpu:.9f}", flush=True)


if __name__ == "__main__":
    main()
