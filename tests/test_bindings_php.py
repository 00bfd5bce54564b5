"""Tests specific to PHP: copies and stack traces, fork, web servers."""

import contextlib
import getpass
import re
import shutil
import socket
import subprocess
import threading
import urllib.parse
import urllib.request

import pytest
from conftest import CLEAN, run
from languages import LANGUAGES

PHP = LANGUAGES["php"]
WRAPPER = PHP.folder / PHP.wrapper

pytestmark = pytest.mark.skipif(PHP.missing() is not None, reason=str(PHP.missing()))


def php(code, *words, environment=None):
    """Runs a program with the wrapper and returns its output."""
    program = f"declare(strict_types=1); require '{WRAPPER}'; {code}"
    done = run(["php", "-d", "zend.exception_ignore_args=0", "-r", program, "--", *words], environment=environment)
    assert done.stderr == "", done.stderr
    return done.stdout


def test_client_cannot_be_cloned_or_serialized():
    said = php("""
        $client = new Eiot\\Client(appkey: 'a', secret: 's');
        foreach ([
            fn () => clone $client,
            fn () => serialize($client),
            fn () => unserialize('O:11:"Eiot\\Client":0:{}'),
            fn () => unserialize('O:11:"Eiot\\Client":1:{s:6:"handle";N;}'),
        ] as $copy) {
            try { $copy(); echo "copied\n"; } catch (Error|LogicException $error) { echo get_class($error), "\n"; }
        }
    """)
    assert said.split() == ["Error", "LogicException", "LogicException", "LogicException"]


def test_stack_traces_do_not_show_the_secret():
    said = php("""
        $client = new Eiot\\Client(appkey: 'a', secret: 's');
        foreach ([
            fn () => new Eiot\\Client(appkey: 'visible', secret: 'hunter2', baseUrl: 'oapi'),
            fn () => new Eiot\\Client(appkey: 'visible', secret: 'hunter2', timeout: 'soon'),
            fn () => new Eiot\\Client(appkey: 'visible', secret: 'hunter2', errorCodes: ['1' => []]),
            fn () => new Eiot\\Client(appkey: 'visible', secret: 'hunter2', proxy: 'socks://user:hunter2@h:1'),
            fn () => new Eiot\\Client(appkey: 'visible', secret: "hunter2\\xff"),
            fn () => Eiot\\sign(['visible' => "\\0"], 'hunter2'),
            fn () => Eiot\\sign(['visible' => 1.5], 'hunter2'),
            fn () => Eiot\\sign(['visible' => 'x'], "hunter2\\xff"),
            fn () => Eiot\\verifyWebhook('visible', 'hunter2'),
        ] as $fail) {
            try { $fail(); echo "went well\n"; } catch (Throwable $error) { echo $error; var_dump($error->getTrace()); }
        }
    """)
    assert said.count("visible") >= 9, "traces do show arguments"
    assert "went well" not in said and "hunter2" not in said


def test_forked_child_uses_its_parents_client(simulator):
    if "pcntl" not in run(["php", "-m"]).stdout.split():
        pytest.skip("this PHP has no pcntl")
    running = simulator("--tls", "--unlimited")
    said = php(
        """
        $client = new Eiot\\Client(fromEnv: true);
        $eid = fn (int $i): string => (string) (89040000 + $i);
        $batch = $client->refreshMany(array_map($eid, range(0, 39)), concurrency: 4);
        $count = (int) ($batch->current()->error === null);
        for ($child = 1; $child <= 4; $child++) {
            if (pcntl_fork() === 0) {
                foreach (range(1, 30) as $i) { $client->refreshUsage($eid(100 * $child + $i)); }
                $child % 2 ? $client->close() : exit(0);
                exit(0);
            }
        }
        for ($failed = 0; pcntl_wait($status) > 0;) { $failed += $status; }
        for ($batch->next(); $batch->valid(); $batch->next()) { $count += (int) ($batch->current()->error === null); }
        echo "failed {$failed}, batch {$count}, then {$client->refreshUsage('1')->message}";
        """,
        environment=running.environment,
    )
    assert said == "failed 0, batch 40, then success"


def test_loop_that_ends_early_leaks_nothing(simulator):
    running = simulator("--tls", "--unlimited")
    grown = php(
        """
        $client = new Eiot\\Client(fromEnv: true);
        $cards = function (): Generator { for ($i = 1;; $i++) { yield (string) $i; } };
        $kib = fn (): int => (int) explode(' ', file_get_contents('/proc/self/statm'))[1] * 4;
        $leave = function (int $times) use ($client, $cards): void {
            while ($times-- > 0) {
                foreach ($client->refreshMany($cards(), concurrency: 4) as $result) { break; }
                try {
                    foreach ($client->refreshMany(['1', '2', '3']) as $result) { throw new DomainException(); }
                } catch (DomainException) {
                }
            }
        };
        $leave(40);
        $before = [$kib(), count(scandir('/proc/self/fd'))];
        $leave(80);
        echo $kib() - $before[0], ' ', count(scandir('/proc/self/fd')) - $before[1];
        """,
        environment=running.environment,
    )
    kib, descriptors = map(int, grown.split())
    assert kib < 2048 and descriptors <= 0, grown


def test_replies_and_errors_are_freed(simulator):
    """A thousand calls do not show 200 bytes each; 20,000 do, as 4 MB."""
    running = simulator("--tls", "--unlimited")
    grown = php(
        """
        $client = new Eiot\\Client(fromEnv: true);
        $cards = function (int $from): Generator { for ($i = $from; $i < $from + 20000; $i++) { yield (string) $i; } };
        $kib = fn (): int => (int) explode(' ', file_get_contents('/proc/self/statm'))[1] * 4;
        $work = function (int $from) use ($client, $cards): void {
            foreach ($client->refreshMany($cards($from)) as $result) { $result->reply ?? throw $result->error; }
            for ($i = 0; $i < 20000; $i++) {
                try { Eiot\\verifyWebhook('{}', 's'); exit(1); } catch (Eiot\\EiotException) {}
            }
        };
        $work(1000000);
        $before = $kib();
        $work(2000000);
        echo $kib() - $before;
        """,
        environment=running.environment,
    )
    assert int(grown) < 2048, grown


def test_log_is_given_each_attempt_and_cannot_harm_a_call(simulator):
    said = php(
        """
        $lines = [];
        $log = function (string $line) use (&$lines): void { $lines[] = $line; gc_collect_cycles(); };
        $client = new Eiot\\Client(fromEnv: true, maxAttempts: 2, log: $log);
        unset($log);
        gc_collect_cycles();
        $client->refreshUsage('8904');
        foreach ($client->refreshMany(['8905', '8906']) as $result) { $result->reply ?? throw $result->error; }
        echo count($lines), ' ', implode("\n", $lines), "\n";
        $throws = new Eiot\\Client(fromEnv: true, log: fn (string $line) => throw new DomainException('no log today'));
        echo $throws->refreshUsage('8907')->message;
        """,
        environment=simulator("--tls", "--unlimited", "--fault", "status=503,0").environment,
    )
    first, *lines, last = said.splitlines()
    # The first attempt fails, and is repeated.
    assert first.startswith("4 ") and "503" in first and len(lines) == 3, said
    assert all("demo-secret" not in line and "nonce" in line for line in [first, *lines])
    assert last == "success"


def test_keys_of_the_card_source_are_kept(simulator):
    said = php(
        """
        $client = new Eiot\\Client(fromEnv: true);
        $cards = ['first' => '8904', 7 => '8905', 'again' => ' 8904', 'malformed' => 'x'];
        foreach ($client->refreshMany($cards) as $key => $result) {
            echo $key, ' ', $result->index, ' ', trim($result->input) === trim($cards[$key]) ? 'same' : 'another', ' ',
                json_encode($result->isDuplicate), "\n";
        }
        $objects = function (): Generator { yield new ArrayObject(['row 1']) => '8906'; yield new ArrayObject(['row 2']) => '8907'; };
        foreach ($client->refreshMany($objects()) as $row => $result) { echo $row[0], ' ', $result->eid, "\n"; }
        """,
        environment=simulator("--tls", "--unlimited").environment,
    )
    assert sorted(said.splitlines()) == sorted(
        ["first 0 same false", "7 1 same false", "again 2 same true", "malformed 3 same false", "row 1 8906", "row 2 8907"]
    )


def test_derived_client_outlives_its_client_and_calls_its_log(simulator):
    said = php(
        """
        $lines = [];
        $events = [];
        $client = new Eiot\\Client(fromEnv: true, log: function (string $line) use (&$lines): void { $lines[] = $line; },
            events: function (array $event) use (&$events): void { $events[] = $event; });
        $derived = $client->withOptions(timeout: 3);
        $client->close();
        unset($client);
        gc_collect_cycles();
        $derived->refreshUsage('8904');
        echo count($lines), ' ', count($events), ' ', $events[0]['outcome'], ' ', $derived->stats()['calls']['started'];
        """,
        environment=simulator("--tls", "--unlimited").environment,
    )
    assert said == "1 1 ok 1"


def test_exception_of_the_card_source_is_propagated(simulator):
    said = php(
        """
        $client = new Eiot\\Client(fromEnv: true);
        $cards = function (): Generator { yield '8904'; throw new DomainException('the source is dry'); };
        try { foreach ($client->refreshMany($cards()) as $result) {} } catch (DomainException $e) { echo $e->getMessage(), "\\n"; }
        try { foreach ($client->refreshMany([8904]) as $result) {} } catch (TypeError $e) { echo "no number\\n"; }
        $batch = $client->refreshMany(['8905']);
        $client->close();
        try { foreach ($batch as $result) {} } catch (Eiot\\EiotException $e) { echo $e->getMessage(), "\\n"; }
        """,
        environment=simulator("--tls").environment,
    )
    assert said.splitlines() == ["the source is dry", "no number", "the client is closed"]


PAGE = """<?php
require_once '{wrapper}';
try {{
    Eiot\\refreshUsage($_GET['eid']);
    echo 'refreshed';
}} catch (Throwable $error) {{
    echo get_class($error), ' ', $error->getMessage();
}}
"""


def test_web_server_preloads_it_and_its_connection_outlives_the_request(tmp_path):
    if "Zend OPcache" not in run(["php", "-m"]).stdout:
        pytest.skip("this PHP has no OPcache")
    (tmp_path / "index.php").write_text(PAGE.format(wrapper=WRAPPER))
    with _platform() as (url, connections):
        environment = CLEAN | {"EIOT_BASE_URL": url, "EIOT_APPKEY": "k", "EIOT_SECRET": "s"}
        preload = ["-d", "opcache.enable=1", "-d", f"opcache.preload={WRAPPER}"]
        preload += ["-d", f"opcache.preload_user={getpass.getuser()}"]
        with _web_server(tmp_path, environment, *preload) as page:
            assert [page(eid) for eid in ("8904", "8905", "8906")] == ["refreshed"] * 3
        assert len(connections) == 1
        with _web_server(tmp_path, environment) as page:
            assert page("8904").startswith("FFI\\Exception"), "where it is not preloaded, PHP says so"


@contextlib.contextmanager
def _web_server(directory, environment, *options):
    """PHP's own; a function that asks its one page to refresh an EID."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [shutil.which("php"), "-d", "ffi.enable=preload", *options, "-S", f"127.0.0.1:{port}", "-t", str(directory)]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert any(re.search("started", line) for line in process.stderr)
            yield lambda eid: _get(f"http://127.0.0.1:{port}/?eid={urllib.parse.quote(eid)}")
        finally:
            process.terminate()


def _get(url):
    with urllib.request.urlopen(url, timeout=10) as reply:
        return reply.read().decode()


@contextlib.contextmanager
def _platform():
    """Accepts every call, on connections that it keeps open and counts."""
    connections = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    connections.append(listener.accept()[0])
                    threading.Thread(target=_answer, args=(connections[-1],), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", connections
        listener.shutdown(socket.SHUT_RDWR)


def _answer(connection):
    body = b'{"code":"200","message":"success"}'
    with connection, connection.makefile("rb") as requests:
        while requests.readline():
            length = 0
            while (line := requests.readline()) not in (b"\r\n", b""):
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            requests.read(length)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
