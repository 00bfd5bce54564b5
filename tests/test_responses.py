"""The response that an error carries, from C, C++, Python and the shell."""

import pytest
from conftest import every_driver
from responses import PROMISES


@every_driver
@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
def test_responses(promise, driver, simulator):
    promise(driver, simulator)
