"""The shop's SQLite file: each transaction has its own connection, so threads share nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

from flask import Flask, current_app

_PRODUCTS = [
    ("Assam", 340, 620, 9),
    ("Darjeeling", 510, 980, 4),
    ("Earl Grey", 290, 550, 12),
    ("Lapsang Souchong", 430, 790, 3),
]


def init_app(app: Flask) -> None:
    """Make the file and its tables, with a first stock, where they are missing."""
    Path(app.config["SHOP_DATABASE"]).parent.mkdir(parents=True, exist_ok=True)
    schema = Path(__file__).with_name("schema.sql").read_text(encoding="utf-8")
    with closing(sqlite3.connect(app.config["SHOP_DATABASE"])) as connection:
        connection.execute("PRAGMA journal_mode = WAL")  # readers and a writer at the same time
        connection.executescript(schema)
    with app.app_context(), transaction() as connection:
        connection.executemany(
            "INSERT OR IGNORE INTO products (name, cost, price, published_price, stock)"
            " VALUES (?, ?, ?, ?, ?)",
            [(name, cost, price, price, stock) for name, cost, price, stock in _PRODUCTS],
        )
        connection.execute("INSERT OR IGNORE INTO sign VALUES (1, 0, 0)")


@contextmanager
def transaction() -> Generator[sqlite3.Connection]:
    """Give a connection whose changes are all kept, or none of them."""
    path = current_app.config["SHOP_DATABASE"]
    with closing(sqlite3.connect(path, timeout=10, isolation_level=None)) as connection:
        connection.row_factory = sqlite3.Row
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
