"""The pytest plugin: the fixture `eiot_simulator`."""

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from eiot.testing import Simulator

_OPTION = "eiot_skip_without_simulator"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the option that skips tests instead of failing them."""
    parser.addini(_OPTION, "skip tests that use eiot_simulator if the command eiot-sim is missing", "bool", False)


@pytest.fixture
def eiot_simulator(pytestconfig: pytest.Config) -> "Iterator[Callable[..., Simulator]]":
    """A function that starts simulators, as `eiot.testing.Simulator` does. They stop after the test."""
    # Imported here, since most tests of most programs do not use it.
    from eiot.testing import Simulator

    with contextlib.ExitStack() as running:

        def start(*arguments: str) -> Simulator:
            try:
                return running.enter_context(Simulator(*arguments))
            except FileNotFoundError as missing:
                if pytestconfig.getini(_OPTION):
                    pytest.skip(str(missing))
                raise

        yield start
