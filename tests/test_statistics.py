"""The recipes of docs/statistics.md, verbatim, with the clients of Prometheus and OpenTelemetry: they count what happens."""

import json
import re
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
import yaml
from conftest import CLEAN, TESTS, run
from test_refusals import EID

DOCUMENT = (TESTS.parent / "docs" / "statistics.md").read_text(encoding="utf-8")
RECIPES = re.findall(r"```python\n(.*?)```", DOCUMENT, re.S)
prometheus = pytest.importorskip("prometheus_client.parser")
pytest.importorskip("opentelemetry.sdk")


def recipe(word, path):
    """Writes the only recipe that contains this word."""
    (program,) = [program for program in RECIPES if word in program]
    path.write_text(program)
    return path


def samples(text):
    """The metrics of a scrape that are not zero, and their types."""
    families = list(prometheus.text_string_to_metric_families(text))
    values = {
        sample.name + "".join(f" {value}" for value in sample.labels.values()): sample.value
        for family in families
        if family.name.startswith("eiot_")
        for sample in family.samples
        if sample.value and not sample.name.endswith("_created")
    }
    return values, {family.name: family.type for family in families}


def expect_counts_of_one_failure_each(text, running):
    """One call was answered, one failed with HTTP 503, and one had a malformed EID."""
    values, types = samples(text)
    values = {name: value for name, value in values.items() if name.startswith(("eiot_calls", "eiot_attempts_"))}
    assert values == {
        "eiot_calls_started_total": 3, "eiot_calls_ok_total": 1,
        "eiot_calls_failed_total http": 1, "eiot_calls_failed_total invalid_eid": 1,
        "eiot_attempts_started_total": 2, "eiot_attempts_ok_total": 1, "eiot_attempts_failed_total http": 1,
    }  # fmt: skip
    assert (types["eiot_calls_failed"], types["eiot_calls_in_flight"]) == ("counter", "gauge")
    assert running.counters()["calls"] == 2 and running.counters()["accepted"] == 1
    return types


def test_prometheus_recipe_serves_the_counters_of_a_daemon(simulator, tmp_path):
    running = simulator("--unlimited", "--fault", "none", "--fault", "status=503")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, str(recipe("EiotCollector", tmp_path / "daemon.py")), str(port)]
    environment = CLEAN | running.environment
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as daemon:
        daemon.stdin.write(f"{EID}\n{EID}\n8.9E+31\n")
        daemon.stdin.flush()
        errors = [daemon.stderr.readline() for _ in range(2)]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as reply:
            text = reply.read().decode()
        daemon.stdin.close()
        assert daemon.wait(timeout=10) == 0
    assert "HTTP 503" in errors[0] and "spreadsheet" in errors[1]
    types = expect_counts_of_one_failure_each(text, running)

    # The alerts name metrics that exist.
    (rules,) = re.findall(r"```yaml\n(.*?)```", DOCUMENT, re.S)
    expressions = [rule["expr"] for group in yaml.safe_load(rules)["groups"] for rule in group["rules"]]
    named = {name for expression in expressions for name in re.findall(r"(eiot_\w+?)_total", expression)}
    assert len(expressions) == 2 and named <= types.keys()


def test_c_example_prints_the_counters_for_prometheus(build, simulator):
    running = simulator("--unlimited", "--fault", "none", "--fault", "status=503")
    program = build("../examples/c/metrics.c", "-Wconversion", "-Wshadow")
    done = run([program, EID, EID, "8.9E+31"], environment=running.environment)
    assert len(done.stderr.splitlines()) == 2
    expect_counts_of_one_failure_each(done.stdout, running)


OPENTELEMETRY = """
import json, sys
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

spans, reader = InMemorySpanExporter(), InMemoryMetricReader()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(spans))
trace.set_tracer_provider(provider)
metrics.set_meter_provider(MeterProvider([reader]))

import eiot
from eiot_telemetry import instrumented_client

client = instrumented_client()
with trace.get_tracer("job").start_as_current_span("job"):
    for eid in sys.argv[1:]:
        try:
            client.refresh_usage(eid)
        except eiot.EiotError:
            pass
print(json.dumps({
    "spans": [json.loads(span.to_json()) for span in spans.get_finished_spans()],
    "metrics": json.loads(reader.get_metrics_data().to_json()),
}))
"""


def test_opentelemetry_recipe_makes_a_span_of_each_attempt_and_measures_it(simulator, tmp_path):
    # Real time: the platform takes 50 ms to answer.
    running = simulator("--unlimited", "--latency-ms", "50", "--fault", "status=503")
    recipe("opentelemetry", tmp_path / "eiot_telemetry.py")
    program = tmp_path / "job.py"
    program.write_text(OPENTELEMETRY)
    environment = running.environment | {"EIOT_MAX_ATTEMPTS": "2"}
    started = time.time()
    told = json.loads(run([sys.executable, program, EID, "8.9E+31"], environment=environment).stdout)

    failed, succeeded, job = told["spans"]
    assert job["name"] == "job" and {span["parent_id"] for span in (failed, succeeded)} == {job["context"]["span_id"]}
    assert failed["name"] == "eiot /api/v3/cloudesim/refreshUsage" and failed["kind"] == "SpanKind.CLIENT"
    assert (failed["status"]["status_code"], succeeded["status"]["status_code"]) == ("ERROR", "UNSET")
    assert "HTTP 503" in failed["status"]["description"]
    assert failed["attributes"] == {
        "http.request.resend_count": 0, "eiot.delivered": "yes", "eiot.eid": EID,
        "http.response.status_code": 503, "error.type": "http",
    }  # fmt: skip
    assert succeeded["attributes"]["http.request.resend_count"] == 1
    assert time.strftime("%Y-%m-%d", time.gmtime(started)) <= failed["start_time"] < failed["end_time"]

    (scope,) = told["metrics"]["resource_metrics"][0]["scope_metrics"]
    points = {metric["name"]: metric["data"]["data_points"] for metric in scope["metrics"]}
    assert [(point["value"], point["attributes"]["error.type"]) for point in points["eiot.refusals"]] == [(1, "invalid_eid")]
    measured = {point["attributes"].get("error.type", "ok"): point for point in points["eiot.attempt.duration"]}
    assert measured.keys() == {"ok", "http"}
    assert all(point["count"] == 1 and point["sum"] >= 0.05 for point in measured.values())
    assert running.counters()["calls"] == 2
