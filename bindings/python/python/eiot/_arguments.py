"""Checks of arguments, whose errors name the argument."""


def require(name: str, value: object, types: type | tuple[type, ...], takes: str) -> None:
    """Raises `TypeError` if an argument has another type. The error omits the value, which may be a secret."""
    if not isinstance(value, types):
        raise TypeError(f"{name}: must be {takes}, not {type(value).__name__}")
