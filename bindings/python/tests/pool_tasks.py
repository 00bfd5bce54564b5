"""The tasks of the processes of a pool, which import this module and not the tests."""

import os

import eiot
from eiot._exceptions import from_native


def refresh(client: eiot.Client, eid: str) -> tuple[int, eiot.Reply, eiot.Client]:
    """Returns the process ID, the platform's message and the client."""
    return os.getpid(), client.refresh_usage(eid), client


def fail(kind: str, eid: str) -> None:
    """Raises an exception as the native half does."""
    fields = {
        "code": "45109",
        "platform_message": "套餐不存在",
        "http_status": 200,
        "attempts": 2,
        "retry_after": 1.5,
        "delivered": "unknown",
        "eid": eid,
        "final": True,
        "body": b"<html>",
        "headers": {"server": "nginx"},
    }
    raise from_native(kind, f"EID {eid}: no", fields)
