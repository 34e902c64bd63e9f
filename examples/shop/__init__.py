"""The back office of a small tea shop: a Flask app whose chores run by themselves.

Run it from the folder `examples`: `flask --app shop periodic run`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from flask import Flask

from periodic import clocked, crontab

from . import database, pages
from .tasks import LONDON, catalogue, periodic


def create_app(config: Mapping[str, Any] | None = None) -> Flask:
    """Make the app.

    Args:
        config: overrides of the app's config. `SHOP_DATABASE` is the path of the SQLite file,
            `SHOP_SALE_STARTS` the moment of a sale (ISO 8601 with an offset), if there is one.
    """
    app = Flask(__name__)
    app.config.from_mapping(
        SHOP_DATABASE=str(Path(app.instance_path, "shop.sqlite3")),
        SHOP_SALE_STARTS=None,
        # The worker consumes both queues; mails wait in their own, so that a slow mail server
        # holds up nothing else.
        CELERY={"task_queues": {"celery": {}, "mail": {}}, "task_default_queue": "celery"},
        PERIODIC={"namespace": "shop", "timezone": LONDON},
    )
    app.config.from_prefixed_env()
    app.config.from_mapping(config or {})
    add_sale(app)
    database.init_app(app)
    app.register_blueprint(pages.blueprint)
    periodic.init_app(app)
    celery = app.extensions["celery"]
    celery.add_periodic_task(
        crontab(minute=30, hour=2), catalogue(celery), name="refresh-catalogue"
    )
    return app


def add_sale(app: Flask) -> None:
    """Add the entry of a sale, where the config names its moment: a one-off."""
    starts = app.config["SHOP_SALE_STARTS"]
    if starts is None:
        return
    settings = app.config["PERIODIC"]
    sale = {
        "task": "shop.start_sale",
        "schedule": clocked(datetime.fromisoformat(starts)),
        "kwargs": {"percent": 10},
    }
    entries = {**settings.get("entries", {}), "start-sale": sale}
    app.config["PERIODIC"] = {**settings, "entries": entries}
