"""The container images of `make images`, built by buildah of what `make dist` has made for musl, and run in a root of their own."""

import json
import os
import platform
import shutil
import subprocess
import urllib.request

import pytest
from conftest import TESTS
from test_abi import version_of_cargo
from test_consumers import DIST
from test_refusals import EID

TREE = DIST / f"eiot-{version_of_cargo()}-linux-{platform.machine()}-musl"


def buildah(*words, **options):
    done = subprocess.run(["buildah", *words], capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def images():
    """Builds both images."""
    if not TREE.exists():
        pytest.skip("no archive for musl was asked for")
    if shutil.which("buildah") is None or os.geteuid() != 0:
        pytest.skip("this needs buildah (on Debian: apt-get install buildah) and root")
    environment = os.environ | {"VERSION": version_of_cargo()}
    subprocess.run(["sh", TESTS.parent / "packaging" / "images.sh", DIST], env=environment, check=True, capture_output=True)


@pytest.fixture
def container(images):
    """Makes containers of an image."""
    made = []

    def make(image):
        made.append(buildah("from", f"localhost/{image}:{version_of_cargo()}"))
        return made[-1]

    yield make
    for name in made:
        buildah("rm", name)


def command(container, *words):
    return ["buildah", "run", "--isolation", "chroot", container, "--", *words]


def configuration(image):
    return json.loads(buildah("inspect", "--type", "image", f"localhost/{image}:{version_of_cargo()}"))["Docker"]["config"]


def test_images_hold_one_program_that_is_not_run_as_root(container):
    for image in ("eiot", "eiot-sim"):
        name = container(image)
        assert buildah("run", "--isolation", "chroot", name, "--", f"/{image}", "--version") == f"{image} {version_of_cargo()}"
        settings = configuration(image)
        assert settings["User"] == "65534:65534" and settings["Entrypoint"][0] == f"/{image}"
        mounted = buildah("mount", name)
        files = [os.path.join(folder, file) for folder, _, files in os.walk(mounted) for file in files]
        assert {os.path.basename(file) for file in files} >= {image, "LICENSE", "LICENSES-THIRD-PARTY"}


def test_simulator_in_its_image_answers_the_health_check_and_a_call(container, tmp_path):
    shared = tmp_path / "rate"
    shared.mkdir()
    shared.chmod(0o777)
    simulator, caller = container("eiot-sim"), container("eiot")
    settings = configuration("eiot-sim")
    start = [*settings["Entrypoint"][:-1], "0", "--stop-with-stdin", "--unlimited"]
    with subprocess.Popen(command(simulator, *start), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        url = running.stdout.readline().strip()
        port = url.rpartition(":")[2]
        health = [word.replace("8080", port) for word in settings["Healthcheck"]["Test"][1:]]
        buildah(*command(simulator, *health)[1:])
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/sim/counters", timeout=10) as reply:
            assert json.load(reply)["accepted"] == 0
        told = {"BASE_URL": f"http://127.0.0.1:{port}", "APPKEY": "demo-appkey", "SECRET": "demo-secret"}
        flags = [word for name, value in told.items() for word in ("--env", f"EIOT_{name}={value}")]
        run = ["buildah", "run", "--isolation", "chroot", "--volume", f"{shared}:/rate", *flags, caller, "--", "/eiot", "refresh", EID]
        done = subprocess.run(run, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        running.stdin.close()
    wrong = subprocess.run(command(simulator, *health), capture_output=True)
    assert wrong.returncode != 0
