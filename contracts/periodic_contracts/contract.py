"""What all contracts share: the class to subclass, its fixtures, capabilities and deviations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, cast

import pytest

from .clocks import CLOCKS, DRIVEN, DrivenClock
from .messages import Received, drain
from .turns import Turns

if TYPE_CHECKING:
    import periodic

    from .core import Core

#: The namespace that contracts work in unless they compare two.
NAMESPACE = "contracts"


class MakeBroker(Protocol):
    """Makes a broker on the state that all brokers of the test share."""

    def __call__(
        self, clock: periodic.Clock | None = None, *, namespace: str = NAMESPACE
    ) -> periodic.Broker:
        """Make a new adapter object, as another beat or a restarted one has."""
        ...


def needs(capability: str, *, absent: bool = False) -> pytest.MarkDecorator:
    """Mark a contract test that asks for a declared capability.

    Args:
        capability: the name of a member of the core's `Capability`.
        absent: the test is the negative contract: it runs only where the capability is lacking.
    """
    return pytest.mark.periodic_needs(capability, absent=absent)


class Contract:
    """A promise to prove: subclass it, name the adapter, and give the fixture `connection`.

    A subclass that redefines a contract's test, or names an unknown test in `deviations`, raises
    `TypeError` where it is defined, which is at collection.
    """

    #: The adapter's class.
    adapter: ClassVar[type[periodic.Broker]]
    #: How the adapter is called in the report, where the name of its class is not enough.
    label: ClassVar[str] = ""
    #: The clocks to run under, by name; see `periodic_contracts.clocks.CLOCKS`.
    clocks: ClassVar[Sequence[str]] = DRIVEN
    #: Tests that are known to fail, each with its reason: they must fail, or the run is red.
    deviations: ClassVar[Mapping[str, str]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Refuse what would hide a broken promise."""
        super().__init_subclass__(**kwargs)
        muted = [
            f"{name} of {contract}"
            for name in contract_tests(cls)
            for home in _homes(cls, name)[1:]
            if (contract := _contract_with(cls, home))
        ]
        if muted:
            raise TypeError(
                f"{cls.__name__} overrides {', '.join(muted)}; "
                "list a test that cannot pass in `deviations` with a reason instead"
            )
        unknown = sorted(set(cls.deviations) - set(contract_tests(cls)))
        if unknown:
            raise TypeError(
                f"{cls.__name__}.deviations names {', '.join(unknown)}, which is no test of "
                f"{', '.join(base.__name__ for base in cls.__bases__)}"
            )
        silent = sorted(name for name, reason in cls.deviations.items() if not reason.strip())
        if silent:
            raise TypeError(f"{cls.__name__}.deviations gives no reason for {', '.join(silent)}")

    # -- what the adapter's author gives ---------------------------------------------------------

    @pytest.fixture
    def connection(self) -> Any:
        """A `kombu.Connection` to a clean broker; every adapter's author writes this one."""
        raise NotImplementedError(
            f"{type(self).__name__} needs a fixture `connection`: a kombu.Connection to a clean "
            "broker of its own"
        )

    @pytest.fixture
    def cursors(self, core: Core) -> Callable[[], periodic.CursorStore]:
        """Make a cursor store on the shared state; for adapters whose broker keeps no cursors."""
        store = core.MemoryCursors()
        return lambda: store

    # -- what the contracts use ------------------------------------------------------------------

    @pytest.fixture
    def core(self, periodic_core: Core) -> Core:
        """The core under test; its classes are the ones that count."""
        if not issubclass(self.adapter, periodic_core.Broker):
            name = cast("Any", periodic_core).__name__
            raise TypeError(
                f"{self.adapter.__name__} is no Broker of the core {name!r}; name the core that "
                "it was written for: `periodic_core` in pytest's configuration"
            )
        return periodic_core

    @pytest.fixture
    def clock(self, request: pytest.FixtureRequest, core: Core) -> Iterator[DrivenClock]:
        """Time, in the hands of the contract, under each of `clocks`."""
        with CLOCKS[request.param](core) as clock:
            yield clock

    @pytest.fixture
    def open_broker(
        self, core: Core, connection: Any, cursors: Callable[[], periodic.CursorStore]
    ) -> Iterator[MakeBroker]:
        """Make brokers on one state, as many as the test has beats, and close them after it."""
        made: list[periodic.Broker] = []

        def make(
            clock: periodic.Clock | None = None, *, namespace: str = NAMESPACE
        ) -> periodic.Broker:
            broker = self.adapter.open(
                connection,
                namespace=namespace,
                clock=clock if clock is not None else core.SystemClock(),
                cursors=cursors,
            )
            made.append(broker)
            return broker

        yield make
        for broker in made:
            broker.close()

    @pytest.fixture
    def make_broker(self, core: Core, open_broker: MakeBroker) -> MakeBroker:
        """Make brokers that can claim whenever they are asked to, one after the other."""
        if "LEADERSHIP" not in capability_names(self.adapter):
            return open_broker
        turns = Turns(core)

        def make(
            clock: periodic.Clock | None = None, *, namespace: str = NAMESPACE
        ) -> periodic.Broker:
            return turns.of(open_broker(clock, namespace=namespace), namespace)

        return make

    @pytest.fixture
    def enqueued(self, connection: Any) -> Callable[[], list[Received]]:
        """Consume what was enqueued since the last call, as a worker would: through kombu."""
        drain(connection)
        return lambda: drain(connection)


def contract_tests(cls: type[Contract]) -> list[str]:
    """Return the names of all tests that a class has, its contracts' and its own."""
    return sorted({name for base in cls.__mro__ for name in vars(base) if name.startswith("test")})


def home_of(cls: type[Contract], test: str) -> str:
    """Return the name of the contract that a test of a class belongs to."""
    home = _homes(cls, test)[-1]
    return _contract_with(cls, home) or home.__name__


def label_of(cls: type[Contract]) -> str:
    """Return how the adapter of a class is called in the report."""
    return cls.label or cls.adapter.__name__


def capability_names(adapter: type[periodic.Broker]) -> frozenset[str]:
    """Return the names of what an adapter declares: the core's classes may differ, names do not."""
    return frozenset(capability.name for capability in adapter.capabilities)


def _homes(cls: type[Contract], test: str) -> list[type]:
    return [base for base in cls.__mro__ if test in vars(base)]


def _contract_with(cls: type[Contract], home: type) -> str:
    """Return the name of the contract that a class is, or is a part of; "" for an author's own."""
    contracts = [base for base in cls.__mro__ if base.__name__.endswith("Contract")]
    return next((each.__name__ for each in reversed(contracts) if issubclass(each, home)), "")
