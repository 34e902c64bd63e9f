"""One tree of every error raised on purpose; a class's docstring is its default message."""

from __future__ import annotations


class PeriodicError(Exception):
    """Something went wrong in periodic."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message if message is not None else self.__doc__)


class ScheduleError(PeriodicError, ValueError):
    """The schedule is not valid."""


class EntryError(PeriodicError, ValueError):
    """The entry is not valid."""


class ConfigError(PeriodicError, ValueError):
    """The configuration is not valid."""


class BrokerError(PeriodicError):
    """The broker could not do what it was asked."""


class BrokerUnreachable(BrokerError):  # noqa: N818  # a state that passes, named as people say it
    """The broker cannot be reached; the dispatch is tried again.

    Args:
        message: what the broker, or the way to it, said.
        state: one word for why: "unreachable", or what the adapter knows better, such as
            "read-only", "loading", "out-of-memory", "refused", "wrong-type". The log speaks when
            it changes, and `health` shows it.
    """

    def __init__(self, message: str | None = None, *, state: str = "unreachable") -> None:
        super().__init__(message)
        self.state: str = state


class NotLeading(BrokerUnreachable):
    """Another beat's connection leads, and only who leads may claim; nothing was changed."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message if message is not None else self.__doc__, state="not-leading")


class NotSupported(BrokerError):  # noqa: N818  # what it says, not what went wrong
    """This adapter does not declare the capability that was asked for."""


class LeaseLost(PeriodicError):  # noqa: N818  # what happened, named as people say it
    """The lease ended before its holder released it; somebody else may hold the key by now."""


class StoreError(PeriodicError):
    """The store could not do what it was asked."""


class StoreUnreachable(StoreError):  # noqa: N818  # a state that passes, named as people say it
    """The store cannot be read or written now; nothing was changed."""


class StaleVersion(StoreError):  # noqa: N818  # what happened, named as people say it
    """The entry was changed by somebody else since it was read; nothing was changed."""


class UnknownEntry(StoreError, LookupError):  # noqa: N818  # what it says, not what went wrong
    """No entry has this name."""


class DuplicateEntry(StoreError):  # noqa: N818  # what it says, not what went wrong
    """There is an entry of this name already."""
