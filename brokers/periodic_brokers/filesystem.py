"""Kombu's `filesystem://`, with messages that appear whole and in order.

Kombu's own transport writes a message under its final name, so that a worker which looks at that
moment reads half of it and ends; and it orders messages of one millisecond by chance. Workers
stay kombu's; only what a beat sends is written here.
"""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import Any

from kombu.exceptions import ChannelError
from kombu.transport import filesystem
from kombu.utils.json import dumps

#: Messages of one process in one millisecond are told apart by their number.
_NUMBERS = itertools.count()


class _Channel(filesystem.Channel):
    def _put(  # type: ignore[override]  # its two parents name the message differently
        self, queue: str, payload: Any, **_: Any
    ) -> None:
        # Kombu's reader takes the files of a folder in the order of their names, and knows a
        # queue's by what follows the first dot.
        moment = round(filesystem.monotonic() * 1000)  # type: ignore[attr-defined]  # its own names
        folder = Path(self.data_folder_out)
        name = f"{moment}_{next(_NUMBERS):012d}-{os.getpid()}.{queue}.msg"
        half = folder / f".{name}.half"
        try:
            half.write_text(dumps(payload), encoding="utf-8")
            half.rename(folder / name)
        except OSError as error:
            raise ChannelError(f"cannot write a message into {str(folder)!r}: {error}") from error


class Transport(filesystem.Transport):
    """Kombu's transport over files, for sending."""

    Channel = _Channel
