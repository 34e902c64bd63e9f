"""An app whose entries live in a store, and a beat of it that runs: for tests and benchmarks."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from celery import Celery
from sqlalchemy import Engine, text

from periodic import Beat, Entry, Outcome
from periodic.integrations.celery import make_beat

_SWITCH = text("UPDATE periodic_entries SET enabled = :enabled WHERE name = :name")


def make_app(url: str, **settings: object) -> Celery:
    """Return an app with one task, `shop.job`.

    Args:
        url: of its store.
        **settings: of `periodic`.
    """
    app = Celery("shop", broker="memory://", set_as_current=False)
    app.conf.update(result_expires=None, periodic={"store": url, **settings})

    @app.task(name="shop.job", shared=False)
    def job(number: int = 0) -> int:
        return number

    return app


@contextmanager
def running(
    app: Celery, observer: Callable[[Entry, Outcome], None] | None = None
) -> Iterator[Beat]:
    """Run a beat in a thread.

    Args:
        app: whose entries it runs.
        observer: told every outcome, on that thread.
    """
    beat = make_beat(app, observer=observer)
    thread = threading.Thread(target=beat.run, daemon=True)
    thread.start()
    try:
        yield beat
    finally:
        beat.stop()
        thread.join(10)


def switch(engine: Engine, name: str, *, enabled: bool) -> None:
    """Write into an entry past our code, as somebody does who types SQL."""
    with engine.begin() as connection:
        connection.execute(_SWITCH, {"name": name, "enabled": int(enabled)})


def wait_for(condition: Callable[[], bool], *, seconds: float = 10, look: float = 0.002) -> float:
    """Wait until it holds; return after how many seconds that was.

    Args:
        condition: what is waited for.
        seconds: after so many it counts as not happening.
        look: how many seconds are between two looks.
    """
    start = time.monotonic()
    while not condition():
        if time.monotonic() > start + seconds:
            raise TimeoutError(f"it did not happen within {seconds:g} s")
        time.sleep(look)
    return time.monotonic() - start
