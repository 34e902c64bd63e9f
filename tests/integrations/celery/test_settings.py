"""The one configuration key `periodic`, and Celery's own settings where it is silent."""

from __future__ import annotations

from datetime import UTC, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from celery import Celery

from periodic import CatchUp, CatchUpPolicy, ConfigError
from periodic.integrations.celery import Settings, make_beat
from periodic.integrations.celery.settings import connection_to_broker
from periodic_brokers.kombu import KombuBroker
from periodic_brokers.memory import MemoryBroker


def test_defaults_come_from_the_app(make_app):
    """Without the key: the app's name, five seconds, the app's zone, the beat's own file."""
    settings = Settings.of(make_app("shop", timezone="Europe/London"))
    assert settings == Settings(
        namespace="shop",
        max_interval=timedelta(seconds=5),
        timezone=ZoneInfo("Europe/London"),
        cursors=Path("celerybeat-schedule.cursors"),
    )


@pytest.mark.parametrize("name", [None, "", "  ", "__main__"])
def test_an_app_without_a_name_is_called_celery(make_app, name):
    """A name that says nothing is no namespace."""
    assert Settings.of(make_app(name)).namespace == "celery"


def test_celerys_own_settings_count(make_app):
    """`beat_max_loop_interval` and `beat_schedule_filename` keep their meaning."""
    app = make_app(beat_max_loop_interval=2, beat_schedule_filename="/var/x")
    settings = Settings.of(app)
    assert settings.max_interval == timedelta(seconds=2)
    assert settings.cursors == Path("/var/x.cursors")


def test_the_key_wins_over_celerys_settings(make_app):
    """What stands in `periodic` is what counts."""
    app = make_app(
        timezone="Asia/Tokyo",
        beat_max_loop_interval=2,
        periodic={
            "namespace": "other",
            "max_interval": 0.5,
            "timezone": "Europe/London",
            "cursors": "here",
            "adapter": "periodic_brokers.kombu:KombuBroker",
        },
    )
    assert Settings.of(app) == Settings(
        namespace="other",
        max_interval=timedelta(seconds=0.5),
        timezone=ZoneInfo("Europe/London"),
        cursors=Path("here"),
        adapter=KombuBroker,
        cursors_given=True,
    )


def test_the_command_line_wins_over_all(make_app):
    """`-s` and `--max-interval` have the last word."""
    app = make_app(periodic={"max_interval": 9})
    settings = Settings.of(app, schedule_filename="file", max_interval=3)
    assert settings.max_interval == timedelta(seconds=3)
    assert settings.cursors == Path("file.cursors")


def test_an_app_without_a_zone_is_in_utc(make_app):
    """Celery's default zone is UTC."""
    zone = Settings.of(make_app()).timezone
    assert zone.utcoffset(None) == UTC.utcoffset(None)


def test_enable_utc_off_means_the_machines_zone(make_app):
    """With `enable_utc = False` and no zone, Celery uses the machine's; so does the beat."""
    app = make_app(enable_utc=False)
    assert Settings.of(app).timezone == app.timezone


def test_missed_runs(make_app):
    """The four keys of missed runs become one value; what is not said has its default."""
    app = make_app(periodic={"catch_up": "All", "catch_up_window": 90, "max_catch_up": None})
    expected = CatchUpPolicy(CatchUp.ALL, timedelta(seconds=90))
    assert expected == Settings.of(app).catch_up


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"namespce": "x"}, "unknown key 'namespce'; did you mean 'namespace'?"),
        ({"zzz": 1}, "unknown key 'zzz'; known keys: namespace, max_interval,"),
        ({"namespace": 3}, "periodic['namespace'] is a non-empty string, not 3"),
        ({"namespace": " "}, "is a non-empty string, not ' '"),
        ({"max_interval": "5"}, "is a number of seconds above 0, or a timedelta, not '5'"),
        ({"max_interval": -1}, "above 0"),
        ({"max_interval": 0}, "is a number of seconds above 0, or a timedelta, not 0"),
        ({"max_interval": False}, "above 0"),
        ({"max_interval": float("inf")}, "above 0"),
        ({"max_interval": float("nan")}, "above 0"),
        ({"max_interval": True}, "above 0"),
        ({"timezone": "Europe/Lundon"}, "unknown time zone 'Europe/Lundon'; did you mean"),
        ({"timezone": 3}, "periodic['timezone'] is the IANA name"),
        ({"cursors": 3}, "periodic['cursors'] is the path of a file, not 3"),
        ({"adapter": "nowhere"}, "its dotted path 'package.module:Class', not 'nowhere'"),
        ({"catch_up": "non"}, "periodic['catch_up'] is one of 'latest', 'skip', 'earliest' and"),
        ({"catch_up_window": "1d"}, "periodic['catch_up_window'] is a timedelta or a number of"),
        ({"max_catch_up": "3"}, "periodic['max_catch_up'] is a whole number from 1 to 10000, not"),
        ({"misfire_threshold": 0}, "periodic['misfire_threshold'] is a timedelta or a number of"),
        ({"catchup": "all"}, "unknown key 'catchup'; did you mean 'catch_up'?"),
        ({"adapter": "no.where:At"}, "cannot be loaded"),
        ({"adapter": "json:loads"}, "is a Broker class"),
        ([("namespace", "x")], "'periodic' is a mapping such as"),
    ],
)
def test_a_wrong_setting_says_what_is_allowed(make_app, given, sentence):
    """A wrong key or type is one sentence: what was given, what is allowed."""
    with pytest.raises(ConfigError) as caught:
        Settings.of(make_app(periodic=given))
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_wrong_zone_of_the_app_is_a_config_error(make_app):
    """Celery's own `timezone` is checked as well."""
    with pytest.raises(ConfigError, match="unknown time zone 'Mars/Base'"):
        Settings.of(make_app(timezone="Mars/Base"))


def test_an_unknown_transport_is_a_config_error():
    """A broker URL that kombu cannot serve is one sentence."""
    with (
        Celery("x", broker="nowhere://host", set_as_current=False) as app,
        pytest.raises(ConfigError, match="cannot be used: No such transport: nowhere"),
    ):
        make_beat(app)


@pytest.mark.parametrize(
    ("url", "adapter"),
    [
        ("memory://", MemoryBroker),
        ("filesystem://", KombuBroker),
        ("kombu.transport.memory:Transport://", MemoryBroker),
    ],
)
def test_the_transport_chooses_the_adapter(url, adapter):
    """Memory has its own adapter; whatever has none is served by kombu's."""
    with Celery("x", broker=url, set_as_current=False) as app:
        if ":Transport" in url:
            app.conf.update(broker_url="memory://", broker_transport=url.removesuffix("://"))
        assert Settings.of(app).adapter_for(app.connection_for_write()) is adapter


def test_celerys_zero_is_no_interval(make_app):
    """Celery's service hands over 0 where nobody gave a number: the mapping counts then."""
    settings = Settings.of(make_app(periodic={"max_interval": 9}), max_interval=0)
    assert settings.max_interval == timedelta(seconds=9)


def test_the_name_of_a_missing_module_keeps_its_quotes(make_app, monkeypatch):
    """The reason is shown as it was given, whole."""
    app = make_app()

    def missing():
        raise ImportError("No module named 'redis'")

    monkeypatch.setattr(app, "connection_for_write", missing)
    with pytest.raises(ConfigError, match="cannot be used: No module named 'redis'; set broker"):
        connection_to_broker(app)
