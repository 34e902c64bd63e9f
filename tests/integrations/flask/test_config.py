"""What a Flask app's config says about Celery and periodic."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from celery import Celery
from flask import Flask

from periodic import ConfigError, interval
from periodic.integrations.celery import Settings, load_entries
from periodic.integrations.flask import Periodic


def an_app(**config: Any) -> Flask:
    """Return an app with this config and a Periodic."""
    app = Flask("shop")
    app.config.from_mapping(config)
    Periodic(app)
    return app


def conf(app: Flask) -> Any:
    """Return the configuration of the app's Celery app."""
    celery: Celery = app.extensions["celery"]
    return celery.conf


def test_without_a_broker_messages_live_in_this_process() -> None:
    """No broker named: memory, with a result backend and a short polling interval."""
    settings = conf(an_app())
    assert settings.broker_url.startswith("memory://")
    assert settings.result_backend == "cache+memory://"
    assert 0 < settings.broker_transport_options["polling_interval"] <= 0.1


def test_celery_mapping_and_single_keys_are_both_read() -> None:
    """`CELERY` is Flask's pattern, `CELERY_...` what many apps have; both count."""
    settings = conf(
        an_app(
            CELERY={"broker_url": "redis://r/1", "task_ignore_result": True},
            CELERY_TIMEZONE="Europe/London",
            CELERY_BEAT_SCHEDULE={"a": {"task": "t", "schedule": 5}},
        )
    )
    assert settings.broker_url == "redis://r/1"
    assert settings.task_ignore_result is True
    assert settings.timezone == "Europe/London"
    assert settings.beat_schedule["a"]["task"] == "t"


def test_a_named_broker_keeps_celerys_own_result_backend() -> None:
    """The embedded default is one whole: with a broker of one's own nothing of it is set."""
    settings = conf(an_app(CELERY_BROKER_URL="redis://r/1"))
    assert settings.broker_url == "redis://r/1"
    assert settings.result_backend is None
    assert "polling_interval" not in settings.broker_transport_options


def test_celerys_own_environment_variable_names_a_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """CELERY_BROKER_URL in the environment is a broker; the embedded default keeps away."""
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://r/7")
    assert conf(an_app()).broker_url == "redis://r/7"


def test_one_setting_given_twice_and_differently_is_refused() -> None:
    """The message names both places and both values."""
    with pytest.raises(ConfigError, match=r"redis://a.*CELERY_BROKER_URL.*redis://b.*keep one"):
        an_app(CELERY={"broker_url": "redis://a"}, CELERY_BROKER_URL="redis://b")


def test_one_setting_given_twice_and_equally_is_one_setting() -> None:
    """The same value in both places is no conflict."""
    app = an_app(CELERY={"broker_url": "redis://a"}, CELERY_BROKER_URL="redis://a")
    assert conf(app).broker_url == "redis://a"


def test_an_unknown_celery_key_is_logged_with_the_nearest(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An app may have keys of its own; a slip of the pen is told all the same."""
    with caplog.at_level(logging.WARNING, "periodic"):
        an_app(CELERY_BROKER_ULR="redis://a")
    assert "CELERY_BROKER_ULR" in caplog.text
    assert "did you mean 'CELERY_BROKER_URL'?" in caplog.text


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("broker", "broker_url"),
        ("backend", "result_backend"),
        ("brokerurl", "broker_url"),
        ("broker_ulr", "broker_url"),
        ("result_backed", "result_backend"),
        ("beat_schedul", "beat_schedule"),
        ("TIME_ZONE", "timezone"),
        ("CELERYBEAT_SCHEDULE", "beat_schedule"),
        ("CELERY_BROKER_URL", "broker_url"),
    ],
)
def test_a_key_in_the_mapping_that_means_a_setting_is_refused(key: str, meant: str) -> None:
    """The app would run without the setting, in memory, and nobody would know."""
    with pytest.raises(ConfigError, match=rf"CELERY\['{key}'\].*did you mean '{meant}'\?"):
        an_app(CELERY={key: "redis://a"})


def test_a_key_in_the_mapping_that_may_mean_a_setting_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A later Celery may know it: it stays, with a warning."""
    with caplog.at_level(logging.WARNING, "periodic"):
        app = an_app(CELERY={"result_backend_url": "redis://a"})
    assert conf(app)["result_backend_url"] == "redis://a"
    assert "did you mean 'result_backend'?" in caplog.text


def test_a_key_of_the_users_own_is_kept_in_silence(caplog: pytest.LogCaptureFixture) -> None:
    """Celery's configuration may hold anything; other packages read theirs from it."""
    with caplog.at_level(logging.WARNING, "periodic"):
        app = an_app(CELERY={"redbeat_redis_url": "redis://a", "SHOP_NAME": "tea"})
    assert conf(app)["redbeat_redis_url"] == "redis://a"
    assert caplog.text == ""


@pytest.mark.parametrize("given", [[1], "x"])
def test_a_schedule_that_is_no_mapping_stops_the_start(given: object) -> None:
    """The sentence names the place in the config."""
    with pytest.raises(ConfigError, match=r"CELERY\['beat_schedule'\] is .*; give a mapping"):
        an_app(CELERY={"beat_schedule": given})


def test_the_embedded_default_has_a_queue_of_its_own() -> None:
    """Named after the namespace; the user's own queues are left alone."""
    assert conf(an_app()).task_default_queue == "shop"
    assert conf(an_app(PERIODIC={"namespace": "tea"})).task_default_queue == "tea"
    assert conf(an_app(CELERY_TASK_DEFAULT_QUEUE="own")).task_default_queue == "own"
    queues = an_app(CELERY={"task_queues": {"celery": {}, "mail": {}}})
    assert conf(queues).task_default_queue == "celery"
    assert conf(an_app(CELERY_BROKER_URL="redis://r/1")).task_default_queue == "celery"


def test_periodic_settings_reach_celery() -> None:
    """`PERIODIC` without its entries is `celery.conf.periodic`, where every beat reads it."""
    app = an_app(PERIODIC={"namespace": "tea", "max_interval": 2, "timezone": "Europe/London"})
    settings = Settings.of(app.extensions["celery"])
    assert settings.namespace == "tea"
    assert settings.max_interval.total_seconds() == 2
    assert str(settings.timezone) == "Europe/London"


def test_the_namespace_is_the_apps_name_unless_set() -> None:
    """Two apps on one broker keep apart without configuration."""
    assert Settings.of(an_app().extensions["celery"]).namespace == "shop"


def test_an_unknown_periodic_key_names_the_nearest() -> None:
    """A slip of the pen in `PERIODIC` stops the start with a hint."""
    with pytest.raises(ConfigError, match=r"'namespcae'.*known:.*did you mean 'namespace'"):
        an_app(PERIODIC={"namespcae": "tea"})


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"namespace": 5}, "namespace.*non-empty string.*5"),
        ({"max_interval": "soon"}, "max_interval.*seconds.*soon"),
        ({"timezone": "Europe/Lodon"}, "Europe/Lodon.*Europe/London"),
        ({"entries": ["report"]}, "entries.*mapping.*report"),
        ({"entries": {"report": 60}}, "report.*60.*'task' and 'schedule'"),
        ("shop", "'PERIODIC'.*'shop'.*mapping"),
        ({1: "shop"}, "'PERIODIC'.*string keys"),
    ],
)
def test_a_wrong_type_says_what_was_given_and_what_is_allowed(settings: Any, told: str) -> None:
    """A value of the wrong type stops `init_app`, not the first beat hours later."""
    with pytest.raises(ConfigError, match=f"(?s){told}"):
        an_app(PERIODIC=settings)


def test_a_refused_config_leaves_the_app_unregistered() -> None:
    """After a ConfigError the app is as it was: a corrected config can be registered."""
    app = Flask("shop")
    app.config["PERIODIC"] = {"namespace": 5}
    with pytest.raises(ConfigError):
        Periodic(app)
    app.config["PERIODIC"] = {"namespace": "tea"}
    Periodic(app)
    assert Settings.of(app.extensions["celery"]).namespace == "tea"


def test_celery_and_periodic_may_not_contradict_each_other() -> None:
    """`CELERY['periodic']` and `PERIODIC` are one mapping; two values for one key are refused."""
    with pytest.raises(ConfigError, match=r"namespace.*'a'.*'b'.*keep one"):
        an_app(CELERY={"periodic": {"namespace": "a"}}, PERIODIC={"namespace": "b"})


def test_entries_of_the_config_are_entries() -> None:
    """`PERIODIC['entries']` has the form of `beat_schedule`, with its further keys."""
    entries = {
        "report": {"task": "shop.report", "schedule": interval(minutes=5), "tz": "Europe/London"},
        "often": {"task": "shop.often", "schedule": 5, "enabled": False},
    }
    loaded = load_entries(an_app(PERIODIC={"entries": entries}).extensions["celery"])
    assert loaded.problems == {}
    found = {entry.name: entry for entry in loaded.entries}
    assert str(found["report"].schedule.tz) == "Europe/London"
    assert found["often"].enabled is False


def test_a_shared_mapping_is_not_written_to() -> None:
    """Two apps with one and the same config mapping do not see each other's entries."""
    shared: dict[str, Any] = {"beat_schedule": {"own": {"task": "t", "schedule": 5}}}
    first = an_app(CELERY=shared, PERIODIC={"entries": {"x": {"task": "t", "schedule": 5}}})
    second = an_app(CELERY=shared)
    assert set(conf(first).beat_schedule) == {"own", "x"}
    assert set(conf(second).beat_schedule) == {"own"}
    assert set(shared["beat_schedule"]) == {"own"}


def test_prefixed_environment_variables_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """FLASK_PERIODIC__... and FLASK_CELERY__... are read in the case that systems give them."""
    monkeypatch.setenv("FLASK_PERIODIC__NAMESPACE", "tea")
    monkeypatch.setenv("FLASK_PERIODIC__max_interval", "2.5")
    monkeypatch.setenv("FLASK_CELERY__broker_url", "redis://r/3")
    monkeypatch.setenv("FLASK_CELERY__RESULT_BACKEND", "redis://r/4")
    app = Flask("shop")
    app.config.from_prefixed_env()
    Periodic(app)
    settings = Settings.of(app.extensions["celery"])
    assert settings.namespace == "tea"
    assert settings.max_interval.total_seconds() == 2.5
    assert conf(app).broker_url == "redis://r/3"
    assert conf(app).result_backend == "redis://r/4"


def test_two_cases_of_one_key_with_two_values_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which of `namespace` and `NAMESPACE` should win is not guessed."""
    monkeypatch.setenv("FLASK_PERIODIC__NAMESPACE", "coffee")
    app = Flask("shop")
    app.config["PERIODIC"] = {"namespace": "tea"}
    app.config.from_prefixed_env()
    with pytest.raises(ConfigError, match=r"'tea'.*'NAMESPACE'.*'coffee'.*keep one"):
        Periodic(app)
