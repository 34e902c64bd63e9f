"""A Flask app with a periodic task. Run it: flask --app hello periodic run."""

from flask import Flask

from periodic import interval
from periodic.integrations.flask import Periodic

app = Flask(__name__)
periodic = Periodic(app)


@periodic.task(schedule=interval(seconds=5))
def heartbeat() -> None:
    """Say that the app is alive."""
    app.logger.warning("still alive")
