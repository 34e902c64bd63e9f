"""Gives each attempt an id of its own, made of the host and a random number."""

import socket
import uuid

from honest import Honest, OnHonest

from periodic_contracts import DedupContract


class _Renamed:
    def __init__(self, message):
        self.message = message

    def publish(self, producer):
        send = producer.publish

        def publish(body, *, headers, correlation_id, **options):
            attempt = f"{socket.gethostname()}-{uuid.uuid4()}"
            send(body, headers={**headers, "id": attempt}, correlation_id=attempt, **options)

        producer.publish = publish
        self.message.publish(producer)


class IdOfTheHost(Honest):
    def render(self, message):
        return super().render(_Renamed(message))


class TestDedup(OnHonest, DedupContract):
    adapter = IdOfTheHost
