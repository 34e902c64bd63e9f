"""The chores of the shop. Each writes a row into `runs` together with its work: both or neither."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime

from celery import Celery, chain, current_task, shared_task
from celery.canvas import Signature

from periodic import crontab, interval, solar
from periodic.integrations.celery import current_occurrence
from periodic.integrations.flask import Periodic

from .database import transaction

LONDON = "Europe/London"

periodic = Periodic()


class Run:
    """A run of a task: its connection, and what it has to say."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.execute = connection.execute
        self.said = "done"


@contextmanager
def one_run() -> Generator[Run]:
    """Do a task's work and note its run, in one transaction."""
    occurrence = current_occurrence()
    with transaction() as connection:
        run = Run(connection)
        yield run
        connection.execute(
            "INSERT INTO runs (entry, task, fire_time, ran_at, said) VALUES (?, ?, ?, ?, ?)",
            (
                "by hand" if occurrence is None else occurrence.entry,
                current_task.name if current_task else "by hand",
                None if occurrence is None else occurrence.fire_time.isoformat(),
                datetime.now(UTC).isoformat(),
                run.said,
            ),
        )


@periodic.task(
    name="shop.heartbeat",
    entry_name="heartbeat",
    schedule=interval(seconds=5),
    options={"expires": 5},
)
def heartbeat() -> None:
    """Say that worker and beat are alive."""
    with one_run() as run:
        run.said = "alive"


@periodic.task(
    name="shop.sales_report",
    entry_name="sales-report",
    schedule=crontab(minute=0, hour=9, day_of_week="mon-fri", tz=LONDON),
)
def sales_report() -> None:
    """Add up what was sold since the last report, every working day at nine by London's clocks."""
    with one_run() as run:
        count, total = run.execute(
            "SELECT count(*), coalesce(sum(paid), 0) FROM orders WHERE reported = 0"
        ).fetchone()
        run.execute("UPDATE orders SET reported = 1 WHERE reported = 0")
        run.execute("INSERT INTO reports (orders, total) VALUES (?, ?)", (count, total))
        run.said = f"{count} {'order' if count == 1 else 'orders'}, £{total / 100:.2f}"


@periodic.task(
    name="shop.low_stock_mails",
    entry_name="low-stock-mails",
    schedule=crontab(minute="*/10"),
    args=["buyer@shop.example"],
    kwargs={"below": 5},
    options={"queue": "mail", "priority": 7, "expires": 300},
)
def low_stock_mails(recipient: str, *, below: int) -> None:
    """Put a mail into the outbox for each product that runs low; once until new stock came."""
    with one_run() as run:
        low = run.execute(
            "SELECT name, stock FROM products WHERE stock < ?"
            " AND name NOT IN (SELECT product FROM mails)",
            (below,),
        ).fetchall()
        for name, stock in low:
            subject = f"{stock} left of {name}"
            run.execute(
                "INSERT INTO mails (recipient, subject, product) VALUES (?, ?, ?)",
                (recipient, subject, name),
            )
        run.said = ", ".join(f"{stock} left of {name}" for name, stock in low) or "no mails"


@periodic.task(
    name="shop.switch_off_sign",
    entry_name="switch-off-sign",
    schedule=solar("sunrise", 51.5074, -0.1278, tz=LONDON),
)
def switch_off_sign() -> None:
    """Switch off the lit sign over the door at sunrise in London."""
    with one_run() as run:
        run.execute("UPDATE sign SET lit = 0")
        run.said = "sign is off"


@periodic.task(
    name="shop.switch_on_sign",
    entry_name="switch-on-sign",
    schedule=solar("sunset", 51.5074, -0.1278, tz=LONDON),
)
def switch_on_sign() -> None:
    """Switch on the lit sign over the door at sunset in London."""
    with one_run() as run:
        run.execute("UPDATE sign SET lit = 1")
        run.said = "sign is on"


@shared_task(name="shop.start_sale")
def start_sale(*, percent: int) -> None:
    """Write the sale on the sign; the catalogue takes it into its prices."""
    with one_run() as run:
        run.execute("UPDATE sign SET percent_off = ?", (percent,))
        run.said = f"{percent} % off"


@shared_task(name="shop.import_stock")
def import_stock() -> int:
    """Book deliveries into the stock, order again what runs low; return how much came in."""
    with one_run() as run:
        (arrived,) = run.execute("SELECT coalesce(sum(on_the_way), 0) FROM products").fetchone()
        run.execute(
            "DELETE FROM mails WHERE product IN (SELECT name FROM products WHERE on_the_way > 0)"
        )
        run.execute("UPDATE products SET stock = stock + on_the_way, on_the_way = 0")
        run.execute("UPDATE products SET on_the_way = 10 WHERE stock < 5")
        run.said = f"{arrived} packets came in"
    return int(arrived)


@shared_task(name="shop.reprice")
def reprice(arrived: int) -> int:
    """Work out new prices from cost, stock and sale; return how many products there are."""
    with one_run() as run:
        changed = run.execute(
            "UPDATE products SET price = cast("
            " cost * (CASE WHEN stock < 5 THEN 2.0 ELSE 1.8 END)"
            " * (100 - (SELECT percent_off FROM sign)) / 100 AS INTEGER)"
        ).rowcount
        run.said = f"{changed} prices after {arrived} packets"
    return changed


@shared_task(name="shop.publish")
def publish(changed: int) -> None:
    """Show the new prices to customers, all at once."""
    with one_run() as run:
        run.execute("UPDATE products SET published_price = price")
        run.said = f"{changed} prices published"


def catalogue(celery: Celery) -> Signature:
    """Return the pipeline: import the stock, then reprice, then publish."""
    return chain(
        celery.signature("shop.import_stock"),
        celery.signature("shop.reprice"),
        celery.signature("shop.publish"),
    )
