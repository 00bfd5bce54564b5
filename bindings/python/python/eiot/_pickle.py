"""What clients that come out of pickles share.

A process pool pickles the client with every task. Were each of them a client by itself, each task would connect anew
and know nothing of the rate that the others use up.
"""

import os

from eiot._native import ClientHandle

# By a digest of their options, since the secret is one. No lock guards it: a forked child could inherit that locked.
_handles: dict[bytes, ClientHandle] = {}
_MOST = 16


def shared_handle(from_environment: bool, options: dict[str, object]) -> ClientHandle:
    """The process's client of these options for all that unpickle it; the oldest of many is forgotten."""
    variables = {name: value for name, value in os.environ.items() if name.startswith("EIOT_")}
    key = _digest((options, variables if from_environment else None))
    handle = _handles.get(key)
    if handle is None:
        # Two threads may both make one; both use the one that was there first.
        handle = _handles.setdefault(key, ClientHandle(from_environment, options))
        for old in list(_handles)[:-_MOST]:
            _handles.pop(old, None)
    return handle


def _digest(options: object) -> bytes:
    import hashlib  # Here, since most programs pickle no client.

    return hashlib.sha256(repr(options).encode()).digest()
