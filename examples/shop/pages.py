"""The pages of the back office."""

from __future__ import annotations

import sqlite3

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from .database import transaction

blueprint = Blueprint("shop", __name__)


def rows(query: str) -> list[sqlite3.Row]:
    """Return all rows of a query."""
    with transaction() as connection:
        return connection.execute(query).fetchall()


@blueprint.get("/")
def products() -> str:
    """Show products and their stock, the sign over the door and the last report."""
    return render_template(
        "products.html",
        products=rows("SELECT * FROM products ORDER BY name"),
        sign=rows("SELECT * FROM sign")[0],
        reports=rows("SELECT * FROM reports ORDER BY id DESC LIMIT 1"),
    )


@blueprint.post("/orders")
def order() -> Response:
    """Sell one packet at the published price."""
    name = request.form["product"]
    with transaction() as connection:
        sold = connection.execute(
            "UPDATE products SET stock = stock - 1 WHERE name = ? AND stock > 0", (name,)
        ).rowcount
        if not sold:
            abort(409, f"no {name} left")
        connection.execute(
            "INSERT INTO orders (product, paid) SELECT name, published_price"
            " FROM products WHERE name = ?",
            (name,),
        )
    return redirect(url_for("shop.products"))


@blueprint.get("/mails")
def mails() -> str:
    """Show the outbox."""
    return render_template("mails.html", mails=rows("SELECT * FROM mails ORDER BY id DESC"))


@blueprint.get("/runs")
def runs() -> str:
    """Show the latest runs of tasks."""
    return render_template("runs.html", runs=rows("SELECT * FROM runs ORDER BY id DESC LIMIT 200"))
