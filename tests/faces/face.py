"""Drives the Python face for the tests: face [OPTION=VALUE ...] -- EID ...; without options the environment counts."""

import json
import sys

import eiot


def outcome(call):
    try:
        reply = call()
    except eiot.EiotError as error:
        return {
            "ok": False,
            "status": error.status,
            "message": str(error),
            "eid": error.eid,
            "code": error.code,
            "platform_message": error.platform_message,
            "http_status": error.http_status or 0,
            "attempts": error.attempts,
            "retry_after_ms": -1 if error.retry_after is None else int(error.retry_after * 1000),
            "delivered": ["no", "yes", "unknown"].index(error.delivered),
        }
    return {"ok": True, "status": 0, "eid": reply.eid, "message": reply.message, "attempts": reply.attempts}


def eid_argument(argument):
    return bytes.fromhex(argument[4:]).decode() if argument.startswith("hex:") else argument


cut = sys.argv.index("--")
options = dict(argument.split("=", 1) for argument in sys.argv[1:cut])
refresh_usage = eiot.refresh_usage
if options:
    for name, value in options.items():
        if name in ("timeout", "connect_timeout", "rate_limit", "eid_cooldown"):
            options[name] = float(value)
        elif name == "max_attempts":
            options[name] = int(value)
        elif name == "rate_share":
            options[name] = tuple(int(part) for part in value.split("/"))
        elif name == "codes":
            options[name] = dict(pair.split("=") for pair in value.split(","))
        elif value in ("on", "off"):
            options[name] = value == "on"
    try:
        refresh_usage = eiot.Client(**{"appkey": "", **options}).refresh_usage
    except eiot.EiotError as error:
        refresh_usage = None
        failure = error

        def fail():
            raise failure

        print(json.dumps(outcome(fail)))
for argument in sys.argv[cut + 1 :] if refresh_usage else ():
    print(json.dumps(outcome(lambda: refresh_usage(eid_argument(argument)))))
