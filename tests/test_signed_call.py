"""Other calls and webhooks, from C, C++, Python and the shell."""

import pytest
from signed_call import PROMISES
from conftest import every_driver


@every_driver
@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
def test_other_calls_and_webhooks(promise, driver, simulator):
    promise(driver, simulator)
