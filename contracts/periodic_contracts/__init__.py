"""The promises of `periodic` as contract tests that an adapter's author runs against an adapter.

Subclass the contracts, name the adapter and hand over a connection:

    class TestMemory(DedupContract):
        adapter = MemoryBroker

        @pytest.fixture
        def connection(self):
            with kombu.Connection("memory://") as connection:
                yield connection
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .beat import BeatContract as BeatContract
    from .clocks import DrivenClock as DrivenClock
    from .clocks import FrozenClock as FrozenClock
    from .clocks import ManualClockDriver as ManualClockDriver
    from .clocks import TravelClock as TravelClock
    from .clocks import WallClock as WallClock
    from .contract import Contract as Contract
    from .contract import needs as needs
    from .crontab import CrontabContract as CrontabContract
    from .dedup import DedupContract as DedupContract
    from .dispatch import DispatchContract as DispatchContract
    from .guard import GuardContract as GuardContract
    from .leadership import LeadershipContract as LeadershipContract
    from .leases import LeaseContract as LeaseContract
    from .machine import ModelContract as ModelContract
    from .registry import RegistryContract as RegistryContract
    from .store import StoreContract as StoreContract
    from .timezones import TimezoneContract as TimezoneContract
    from .wrong_clocks import ClockContract as ClockContract

# Imported when asked for: the plugin lives in this package and is loaded by every pytest run, and
# the contract modules must wait until pytest rewrites their asserts.
_HOMES = {
    "BeatContract": "beat",
    "ClockContract": "wrong_clocks",
    "Contract": "contract",
    "CrontabContract": "crontab",
    "DedupContract": "dedup",
    "DispatchContract": "dispatch",
    "DrivenClock": "clocks",
    "FrozenClock": "clocks",
    "GuardContract": "guard",
    "LeadershipContract": "leadership",
    "LeaseContract": "leases",
    "ManualClockDriver": "clocks",
    "ModelContract": "machine",
    "RegistryContract": "registry",
    "StoreContract": "store",
    "TimezoneContract": "timezones",
    "TravelClock": "clocks",
    "WallClock": "clocks",
    "needs": "contract",
}

__all__ = [  # noqa: PLE0604, RUF100  # each is found by __getattr__
    "BeatContract",
    "ClockContract",
    "Contract",
    "CrontabContract",
    "DedupContract",
    "DispatchContract",
    "DrivenClock",
    "FrozenClock",
    "GuardContract",
    "LeadershipContract",
    "LeaseContract",
    "ManualClockDriver",
    "ModelContract",
    "RegistryContract",
    "StoreContract",
    "TimezoneContract",
    "TravelClock",
    "WallClock",
    "needs",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its module."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{home}", __name__), name)
