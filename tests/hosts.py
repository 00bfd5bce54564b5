"""Hosts of a fleet, on one machine: processes whose network is a namespace of their own, and whose clock is off."""

import contextlib
import ctypes
import fcntl
import os
import socket
import struct
import subprocess
import threading

from conftest import TESTS

CLONE_NEWNET = 0x40000000
SIOCSIFFLAGS, IFF_UP = 0x8914, 1


def clock_shift(directory):
    """The environment that shifts the wall clock of a program, as a function of how far."""
    library = directory / "shifted_clock.so"
    compiler = os.environ["EIOT_TEST_CC"].split()
    subprocess.run([*compiler, "-shared", "-fPIC", "-o", library, TESTS / "c" / "shifted_clock.c"], check=True)
    return lambda milliseconds: {"LD_PRELOAD": str(library), "EIOT_TEST_CLOCK_OFFSET_MS": str(milliseconds)}


def in_a_thread(work):
    """What `work` gives, on a thread that ends with it: a namespace is entered by a thread, and left by ending it."""
    outcome = []

    def run():
        try:
            outcome.append((work(), None))
        except BaseException as why:
            outcome.append((None, why))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    ((result, error),) = outcome
    if error:
        raise error
    return result


def enter_new_network():
    """Moves the calling thread and its children to a network with only a loopback device."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "no network namespace can be made")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))


def why_no_namespaces():
    """Why this process cannot make network namespaces; None where it can."""
    try:
        in_a_thread(enter_new_network)
    except OSError as why:
        return f"network namespaces take root and CAP_SYS_ADMIN ({why})"
    return None


class Host:
    """A process in a network of its own, from which these ports of this machine can be reached, and nothing else."""

    def __init__(self, command, ports, **options):
        def start():
            enter_new_network()
            listeners = [socket.create_server(("127.0.0.1", port)) for port in ports]
            return listeners, subprocess.Popen([str(word) for word in command], **options)

        # A socket stays in the network namespace in which it was created.
        self.listeners, self.process = in_a_thread(start)
        for listener, port in zip(self.listeners, ports, strict=True):
            threading.Thread(target=relay, args=(listener, port), daemon=True).start()

    def close(self):
        for listener in self.listeners:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self.process.kill()
        self.process.wait()


def relay(listener, port):
    """Passes connections on to this port of this machine, until the listener is shut down."""
    while True:
        try:
            near = listener.accept()[0]
        except OSError:
            return
        try:
            far = socket.create_connection(("127.0.0.1", port))
        except OSError:
            near.close()
            continue
        for source, sink in [(near, far), (far, near)]:
            source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=pump, args=(source, sink), daemon=True).start()


def pump(source, sink):
    with contextlib.suppress(OSError):
        while part := source.recv(65536):
            sink.sendall(part)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
