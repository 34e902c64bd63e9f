"""Correct leases in small steps, so that each fault beside them is one step done wrong.

Their state is the process's, and they end by the clock of the first adapter that asks for them.
"""

import threading
from dataclasses import replace
from datetime import timedelta

from periodic import Lease, LeaseLost, LeaseStore

#: Real seconds between two looks of a wait.
LOOK = 0.01


class HonestLeases(LeaseStore):
    """Each step under one lock; tokens are counted for all keys of the process together."""

    lock = threading.RLock()
    held = {}  # noqa: RUF012  # shared on purpose: the state of the process
    server = {}  # noqa: RUF012  # shared as well

    def __init__(self, namespace, clock):
        self.namespace = namespace
        self.client_clock = clock
        self.server.setdefault("clock", clock)

    def claim(self, key, owner, ttl):
        if ttl <= timedelta(0):
            raise ValueError(f"{key} cannot be held for {ttl}")
        with self.lock:
            lease = self.live(key)
            if lease is None:
                lease = Lease(key, owner, self.next_token(key), self.now())
            elif lease.owner != owner:
                return None
            return self.keep(lease, ttl)

    def renew(self, lease, ttl):
        with self.lock:
            if not self.is_held(lease):
                raise LeaseLost(f"{lease.key} is lost")
            return self.keep(lease, ttl)

    def release(self, lease):
        with self.lock:
            if not self.is_held(lease):
                return False
            self.free(lease.key)
            return True

    def holder(self, key):
        with self.lock:
            return self.live(key)

    def wait_released(self, key, timeout, wake):
        for _ in range(round(timeout.total_seconds() / LOOK)):
            if wake.is_set() or self.holder(key) is None:
                return
            wake.sleep(LOOK)

    # -- steps -----------------------------------------------------------------------------------

    def now(self):
        return self.server["clock"].now()

    def name(self, key):
        return self.namespace, key

    def live(self, key):
        lease = self.held.get(self.name(key))
        return lease if lease is not None and self.now() < lease.expires_at else None

    def is_held(self, lease):
        live = self.live(lease.key)
        return live is not None and live.token == lease.token

    def keep(self, lease, ttl):
        kept = replace(lease, expires_at=self.now() + ttl)
        self.held[self.name(lease.key)] = kept
        return kept

    def free(self, key):
        del self.held[self.name(key)]

    def next_token(self, key):
        self.server["token"] = self.server.get("token", 0) + 1
        return self.server["token"]

    @classmethod
    def clear(cls):
        cls.held.clear()
        cls.server.clear()
