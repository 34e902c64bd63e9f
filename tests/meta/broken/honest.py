"""A correct adapter in small steps, so that each fault beside it is one step done wrong.

Its state is the process's, as kombu's memory queues are.
"""

import threading

import kombu
import pytest
from honest_leases import HonestLeases

from periodic import Broker, Capability, Cursor, MemoryRegistry, Outcome, Status
from periodic_brokers import memory


class Honest(Broker):
    """Claims by comparing cursors, renders first, then claims and enqueues under one lock."""

    capabilities = frozenset(
        {
            Capability.ATOMIC_DISPATCH,
            Capability.LEASES,
            Capability.REGISTRY,
            Capability.SERVER_TIME,
        }
    )
    make_leases = HonestLeases
    lock = threading.Lock()
    cursors = {}  # noqa: RUF012  # shared on purpose: the state of the process
    beats = {}  # noqa: RUF012  # shared as well

    def __init__(self, connection, namespace):
        self.connection = connection.clone(transport=memory._CapturingTransport)
        self.channel = self.connection.channel()
        self.namespace = namespace
        self.believed = {}

    @classmethod
    def open(cls, connection, *, namespace, clock, cursors):
        broker = cls(connection, namespace)
        broker.clock = clock
        return broker

    def key(self, name):
        return self.namespace, name

    def adopt(self, adoptions):
        with self.lock:
            return {each.name: self.adopt_one(each) for each in adoptions}

    def adopt_one(self, adoption):
        cursor = self.cursors.get(self.key(adoption.name))
        if cursor is None or cursor.fingerprint != adoption.fingerprint:
            cursor = Cursor(self.start(adoption, cursor), adoption.fingerprint)
            self.cursors[self.key(adoption.name)] = cursor
        return cursor.at

    def start(self, adoption, cursor):
        """Return where an entry starts that was never seen, lost or edited."""
        return adoption.copy if cursor is None and adoption.copy else adoption.anchor

    def dispatch(self, batch):
        rendered = [self.render(each.message) for each in batch]
        self.believed = {}
        with self.lock:
            return [self.one(*pair) for pair in zip(batch, rendered, strict=True)]

    def render(self, message):
        """Return the raw messages, or the exception that was raised instead."""
        return memory._capture(self.channel, _Sent(message))

    def one(self, dispatch, rendered):
        stands = self.stands(dispatch)
        if not self.wins(dispatch, stands):
            return Outcome(dispatch.occurrence, Status.TAKEN, stands)
        if isinstance(rendered, Exception):
            return Outcome(dispatch.occurrence, Status.FAILED, stands, rendered)
        self.channel.enqueue(rendered)
        self.move(dispatch)
        return Outcome(dispatch.occurrence, Status.DISPATCHED, dispatch.cursor)

    def stands(self, dispatch):
        key = self.key(dispatch.occurrence.entry)
        if key in self.cursors:
            return self.cursors[key].at
        return self.believed.setdefault(key, dispatch.previous)

    def wins(self, dispatch, stands):
        return stands == dispatch.previous

    def move(self, dispatch):
        cursor = Cursor(dispatch.cursor, dispatch.fingerprint)
        self.cursors[self.key(dispatch.occurrence.entry)] = cursor

    def forget(self, names):
        with self.lock:
            for name in names:
                self.cursors.pop(self.key(name), None)

    def now(self):
        return self.clock.now()

    def leases(self):
        return self.make_leases(self.namespace, self.clock)

    def registry(self):
        return MemoryRegistry(self.clock, self.beats.setdefault(self.namespace, {}))

    def close(self):
        self.connection.release()


class _Sent:
    """What `memory._capture` asks of a dispatch: its message."""

    def __init__(self, message):
        self.message = message


class OnHonest:
    """What the author of an adapter gives, once for all faults."""

    adapter = Honest
    clocks = ("manual",)

    @pytest.fixture
    def connection(self):
        """Return a connection to empty queues."""
        memory.reset()
        Honest.cursors.clear()
        Honest.beats.clear()
        getattr(self.adapter, "leaders", {}).clear()
        HonestLeases.clear()
        with kombu.Connection("memory://") as connection:
            yield connection
