"""The version of the Python half; importing `eiot` compares it with the native half's."""

__version__ = "0.1.0"
