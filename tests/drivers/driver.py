"""Runs the Python package for the tests; same arguments as driver.c."""

import json
import logging
import sys

import eiot
from eiot import _native

# Warnings, which Python would write to standard error, where the tests expect nothing.
logging.getLogger("eiot").addHandler(logging.NullHandler())


# Python has classes instead.
STATUSES = _native.kinds()


def outcome(call):
    """The result or exception of a call, with the names of the C library."""
    try:
        reply = call()
    except eiot.EiotError as error:
        return {
            "ok": False,
            "status": STATUSES[error.kind],
            "kind": error.kind,
            "message": str(error),
            "eid": error.eid,
            "code": error.code,
            "platform_message": error.platform_message,
            "http_status": error.http_status or 0,
            "attempts": error.attempts,
            "retry_after_ms": -1 if error.retry_after is None else int(error.retry_after * 1000),
            "delivered": ["no", "yes", "unknown"].index(error.delivered),
            "final": error.final,
            "retryable": error.retryable,
            "body": None if error.body is None else error.body.decode(errors="replace"),
            "headers": error.headers,
        }
    if reply is None:
        return {"ok": True, "status": 0}
    fields = {name: getattr(reply, name) for name in ("eid", "code", "message", "attempts")}
    return {"ok": True, "status": 0, "data_json": json.dumps(reply.data), **fields}


def eid_argument(argument):
    return bytes.fromhex(argument[4:]).decode() if argument.startswith("hex:") else argument


def answer(result):
    """The reply of a batch's result, or its error raised."""
    if result.error is not None:
        raise result.error
    return result.reply


verb = sys.argv.pop(1) if sys.argv[1] in ("batch", "call", "verify") else "refresh"
cut = sys.argv.index("--")
if verb == "verify":
    payload, secret, method, max_age_ms = sys.argv[cut + 1 :]
    max_age = float(max_age_ms) / 1000 or None
    check = lambda: eiot.verify_webhook(payload, secret, max_age=max_age, sign_method=method) and None  # noqa: E731
    print(json.dumps(outcome(check)))
    sys.exit()
options = dict(argument.split("=", 1) for argument in sys.argv[1:cut])
refresh_usage = eiot.refresh_usage
if options:
    for name, value in options.items():
        if name in ("timeout", "connect_timeout", "rate_limit", "eid_cooldown", "outage_timeout"):
            options[name] = float(value)
        elif name in ("max_attempts", "max_auth_failures"):
            options[name] = int(value)
        elif name == "rate_share":
            options[name] = tuple(int(part) for part in value.split("/"))
        elif name == "error_codes":
            options[name] = dict(pair.split("=") for pair in value.split(","))
        elif value in ("on", "off"):
            options[name] = value == "on"
    try:
        client = eiot.Client(**{"appkey": "", **options})
        refresh_usage = client.refresh_usage
        if verb == "call":
            path, parameters, *idempotent = sys.argv[cut + 1 :]
            call = lambda: client.call(path, json.loads(parameters), idempotent=bool(idempotent))  # noqa: E731
            print(json.dumps(outcome(call)))
            sys.exit()
        if verb == "batch":
            for result in client.refresh_many(sys.argv[cut + 1 :]):
                place = {"index": result.index, "input": result.input, "duplicate": result.is_duplicate}
                print(json.dumps(place | outcome(lambda result=result: answer(result))))
            sys.exit()
    except eiot.EiotError as error:
        refresh_usage = None
        failure = error

        def fail():
            raise failure

        print(json.dumps(outcome(fail)))
for argument in sys.argv[cut + 1 :] if refresh_usage else ():
    print(json.dumps(outcome(lambda: refresh_usage(eid_argument(argument)))))
