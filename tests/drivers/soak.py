"""Many calls from Python against a platform with every fault: nothing grows. Argument: calls per thread.

Memory, descriptors and threads are compared with those after the first tenth, when everything has its size. The last
line of output has the client's counters.
"""

import gc
import json
import os
import sys
import threading
import time

import eiot

THREADS = 4
client = eiot.Client()


def work(calls):
    for _ in range(calls):
        try:
            client.refresh_usage("89044011112233441122334411223321")
        except eiot.EiotError:
            pass


def run(calls):
    threads = [threading.Thread(target=work, args=[calls]) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def measured():
    gc.collect()
    with open("/proc/self/statm") as statm:
        kib = int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE") // 1024
    return kib, len(os.listdir("/proc/self/fd")), settled_threads()


def settled_threads():
    """A joined thread stays in the kernel's list for a moment."""
    patience = time.monotonic() + 5
    while (threads := len(os.listdir("/proc/self/task"))) > 1 and time.monotonic() < patience:
        time.sleep(0.01)
    return threads


calls = int(sys.argv[1])
run(calls // 10)
kib, descriptors, threads = measured()
run(calls - calls // 10)
kib_after, descriptors_after, threads_after = measured()
print(f"{THREADS * calls} calls: {kib} KiB, then {kib_after} KiB; {descriptors} descriptors, then {descriptors_after}")
assert descriptors_after <= descriptors + 4 * THREADS
assert threads_after == threads == 1
assert kib_after <= kib + kib // 10 + 1024
print(json.dumps(client.stats()))
