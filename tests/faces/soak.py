"""Many calls from Python against a platform that fails in all its ways: nothing grows. Argument: calls a thread.

Memory, descriptors and threads are compared with those after the first tenth, when everything has its size.
"""

import gc
import os
import sys
import threading

import eiot

THREADS = 4
client = eiot.Client.from_env()


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
    return kib, len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))


calls = int(sys.argv[1])
run(calls // 10)
kib, descriptors, threads = measured()
run(calls - calls // 10)
kib_after, descriptors_after, threads_after = measured()
print(f"{THREADS * calls} calls: {kib} KiB, then {kib_after} KiB; {descriptors} descriptors, then {descriptors_after}")
assert descriptors_after <= descriptors + 4 * THREADS
assert threads_after == threads == 1
assert kib_after <= kib + kib // 10 + 1024
