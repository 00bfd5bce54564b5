"""State that unpickled clients share.

A process pool pickles the client with every task. Without sharing, each task would open new connections and ignore the
rate limit of the others.
"""

import os

from eiot._native import ClientHandle

# Keyed by a digest of the options, since the secret is one. Without a lock, which a forked child could inherit locked.
_handles: dict[bytes, ClientHandle] = {}
_MOST = 16


def shared_handle(options: dict[str, object]) -> ClientHandle:
    """The process's client with these options. The oldest ones are dropped."""
    variables = {name: value for name, value in os.environ.items() if name.startswith("EIOT_")}
    key = _digest((options, variables))
    handle = _handles.get(key)
    if handle is None:
        # Two threads may both create one; both use the first.
        handle = _handles.setdefault(key, ClientHandle(options))
        for old in list(_handles)[:-_MOST]:
            _handles.pop(old, None)
    return handle


def forget(handle: ClientHandle) -> None:
    """Drops the client that shares the connections of `handle`, which was closed."""
    for key, shared in list(_handles.items()):
        if handle.shares_with(shared):
            _handles.pop(key, None)


def _digest(options: object) -> bytes:
    import hashlib  # Imported here, since most programs pickle no client.

    return hashlib.sha256(repr(options).encode()).digest()
