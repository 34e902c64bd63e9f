"""What the mapping `periodic` says about the guard in front of runs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from periodic import ConfigError, GuardOutage, MemoryRunClaims
from periodic.integrations.celery import Settings
from periodic.integrations.celery.guarding import GuardSettings, open_store, place_of, store_class
from periodic.integrations.celery.worker_guard import check_guard, doubts
from periodic_brokers.redis_run_claims import RedisRunClaims

URL = "redis://127.0.0.1:1/0"


def guard_of(make_app: Any, **periodic: Any) -> GuardSettings | None:
    """Return what an app's settings say."""
    return Settings.of(make_app(periodic=periodic)).guard


@pytest.mark.parametrize("periodic", [{}, {"guard": None}, {"guard": False}])
def test_nothing_is_guarded_unless_asked_for(make_app, periodic):
    """Without the key a worker is Celery's own."""
    assert guard_of(make_app, **periodic) is None


def test_one_word_is_enough(make_app):
    """The broker keeps the claims; half a minute after a death, for a day, runs go on."""
    expected = GuardSettings(
        url="",
        outage=GuardOutage.RUN,
        lease=timedelta(seconds=30),
        remember=timedelta(days=1),
        options={},
        store=None,
    )

    assert expected == guard_of(make_app, guard=True)


def test_everything_can_be_said(make_app):
    """Times are seconds or timedeltas; the class may be named."""
    expected = GuardSettings(
        url=URL,
        outage=GuardOutage.WAIT,
        lease=timedelta(seconds=1.5),
        remember=timedelta(hours=2),
        options={"global_keyprefix": "p:"},
        store=RedisRunClaims,
    )

    assert expected == guard_of(
        make_app,
        guard=URL,
        guard_outage="wait",
        guard_lease=1.5,
        guard_remember=timedelta(hours=2),
        guard_options={"global_keyprefix": "p:"},
        guard_store="periodic_brokers.redis_run_claims:RedisRunClaims",
    )


def test_a_guard_that_is_switched_off_keeps_its_other_settings(make_app):
    """One word switches it off and on again."""
    assert guard_of(make_app, guard=False, guard_outage="wait") is None


@pytest.mark.parametrize(
    ("periodic", "told"),
    [
        ({"guard": "redis"}, r"\['guard'\] is True .* not 'redis'"),
        ({"guard": 1}, r"\['guard'\] is True .* not 1"),
        ({"guard_outage": "wait"}, r"\['guard_outage'\] is given and there is no guard"),
        ({"guard": True, "guard_outage": "stop"}, r"\['guard_outage'\] is 'run' .* not 'stop'"),
        ({"guard": True, "guard_lease": 0.5}, r"\['guard_lease'\] is .*, not 0.5"),
        ({"guard": True, "guard_lease": True}, r"\['guard_lease'\] is .*, not True"),
        ({"guard": True, "guard_lease": "1"}, r"\['guard_lease'\] is .*, not '1'"),
        ({"guard": True, "guard_lease": float("inf")}, r"\['guard_lease'\] is .*, not inf"),
        ({"guard": True, "guard_remember": 60}, r"\['guard_remember'\] is .*, not 60"),
        ({"guard": True, "guard_remember": -1}, r"\['guard_remember'\] is .*, not -1"),
        ({"guard": True, "guard_options": {}}, r"\['guard_options'\] is a mapping"),
        ({"guard": URL, "guard_options": 1}, r"\['guard_options'\] is a mapping .*, not 1"),
        ({"guard": URL, "guard_store": "x"}, r"\['guard_store'\] is a class or its dotted path"),
        ({"guard": URL, "guard_store": "no.where:At"}, "cannot be loaded: No module named 'no'"),
        ({"guard": URL, "guard_store": dict}, r"\['guard_store'\] is a RunClaims class"),
        ({"guard": True, "gard_lease": 1}, "did you mean 'guard_lease'"),
    ],
)
def test_what_makes_no_sense_is_refused(make_app, periodic, told):
    """The message names the key, what it may be and what was given."""
    with pytest.raises(ConfigError, match=told):
        guard_of(make_app, **periodic)


def test_the_broker_chooses_who_keeps_the_claims(make_app):
    """Without a URL they are kept beside the messages."""
    app = make_app()

    assert store_class(app, GuardSettings()) is MemoryRunClaims
    app.conf.broker_url = URL
    assert store_class(app, GuardSettings()) is RedisRunClaims


def test_the_url_chooses_who_keeps_the_claims(make_app):
    """Whatever the broker is; nothing is connected, and the password is never shown."""
    app, settings = make_app(), GuardSettings(url="redis://:secret@127.0.0.1:1/3")
    store = open_store(app, settings, "shop")
    store.close()

    assert isinstance(store, RedisRunClaims)
    assert "redis://:**@127.0.0.1:1/3" == place_of(app, settings)


@pytest.mark.parametrize(
    ("broker", "guard", "told"),
    [
        ("filesystem://", True, r"cannot be claimed on 'filesystem'.*'guard': 'redis://"),
        ("memory://", "filesystem://", r"cannot be claimed on 'filesystem'"),
        ("memory://", "reddis://x", r"the guard cannot be used: No such transport.*\['guard'\]"),
    ],
)
def test_a_place_that_keeps_no_claims_is_refused(make_app, broker, guard, told):
    """A guard that cannot guard is no guard: the worker does not start."""
    app = make_app(broker_url=broker, periodic={"guard": guard})

    with pytest.raises(ConfigError, match=told):
        check_guard(app, pool=object())


@pytest.mark.parametrize(
    ("visibility", "told"),
    [
        (None, []),
        (3600, []),
        (30, ["copies multiply; make visibility_timeout longer than periodic['guard_lease']"]),
        (86_400, ["make periodic['guard_remember'] longer than visibility_timeout"]),
    ],
)
def test_times_that_do_not_fit_together_are_told(make_app, visibility, told):
    """A copy must not come again before it has waited, nor after the run is forgotten."""
    app = make_app(periodic={"guard": True})
    if visibility is not None:
        app.conf.broker_transport_options = {"visibility_timeout": visibility}
    found = doubts(app, GuardSettings())

    assert len(told) == len(found)
    assert all(each in sentence for each, sentence in zip(told, found, strict=True))


def test_the_memory_of_a_process_guards_no_other_processes(make_app):
    """Tasks of prefork run in children; those of threads and solo in the worker itself."""
    from celery.concurrency import prefork, solo

    app = make_app(periodic={"guard": True})
    with pytest.raises(ConfigError, match="memory of one process, and a prefork pool"):
        check_guard(app, prefork.TaskPool(1))

    assert check_guard(app, solo.TaskPool(1)) is True
    app.conf.periodic = {"guard": URL}
    assert check_guard(app, prefork.TaskPool(1)) is True
    app.conf.periodic = {}
    assert check_guard(app, prefork.TaskPool(1)) is False
