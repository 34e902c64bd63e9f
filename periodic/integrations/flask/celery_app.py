"""The Celery app of a Flask app: the one that it has, or one made by Flask's official pattern."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from celery import Celery, Task
from flask import Flask

from ...errors import ConfigError
from .config import CELERY, PERIODIC, celery_settings

if TYPE_CHECKING:
    _BaseTask = Task[Any, Any]
else:
    _BaseTask = Task


def celery_of(app: Flask, settings: Mapping[str, Any]) -> Celery:
    """Return the app's Celery app: the one that is there, or a new one by Flask's pattern.

    Args:
        app: its `extensions["celery"]` counts, else its config.
        settings: the mapping `PERIODIC`, which must not contradict `CELERY["periodic"]`.

    Raises:
        ConfigError: what is there is no Celery app, or the config is not valid.
    """
    there = app.extensions.get("celery")
    if there is None:
        return _make_celery(app, settings)
    if not isinstance(there, Celery):
        raise ConfigError(
            f"app.extensions['celery'] is {there!r}, not a Celery app; "
            "put a celery.Celery there, or nothing and one is made"
        )
    return cast("Celery", there)


def _make_celery(app: Flask, settings: Mapping[str, Any]) -> Celery:
    config = celery_settings(app.config, settings.get("namespace") or app.name)
    own: Mapping[str, Any] = config.get("periodic") or {}
    for key in sorted(own.keys() & settings.keys()):
        if own[key] != settings[key]:
            raise ConfigError(
                f"{CELERY}['periodic'][{key!r}] is {own[key]!r} and {PERIODIC}[{key!r}] is "
                f"{settings[key]!r}: they are one setting; keep one of them"
            )

    class FlaskTask(_BaseTask):
        """A task that runs in the context of its Flask app."""

        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            with app.app_context():
                return self.run(*args, **kwargs)

    celery: Any = Celery(app.name, task_cls=FlaskTask)
    celery.config_from_object(config)
    celery.set_default()
    return cast("Celery", celery)
