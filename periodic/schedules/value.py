"""What every schedule of the package shares: immutable, hashable, picklable, equal by meaning."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Mapping
from datetime import tzinfo
from difflib import get_close_matches
from functools import cached_property
from hashlib import blake2b
from typing import Any, ClassVar, Self

from ..errors import ScheduleError
from .celery_face import CeleryFace
from .zones import Place, settled_place, zone_name

#: What Celery assigns to the schedules that it is given; no part of their meaning.
_SETTABLE = frozenset({"app", "nowfun"})


class Value(CeleryFace):
    """A schedule that is a value: its fields are set once, when it is made."""

    #: The keyword arguments of the class, which are the keys of `to_dict()` besides `kind`.
    _fields: ClassVar[tuple[str, ...]]
    #: Those of them that have no default.
    _required: ClassVar[tuple[str, ...]] = ()

    _place: Place | None

    @property
    def _zone(self) -> tzinfo | None:
        """The schedule's own zone, with the newest rules."""
        return None if self._place is None else self._place.zone

    @property
    def tz(self) -> tzinfo | None:
        """The zone of the instants, its own or else its application's; None if not settled."""
        return self._zone if self._zone is not None else self._app_zone()

    def in_zone(self, zone: tzinfo) -> Self:
        """Return this schedule with its zone settled: itself if it has one already.

        Raises:
            ScheduleError: the zone has no IANA name.
        """
        if self._zone is not None:
            return self
        settled = self._from_dict({**self.to_dict(), "tz": zone_name(zone)})
        vars(settled).update({k: v for k, v in vars(self).items() if k in _SETTABLE})
        return settled

    def fingerprint(self) -> str:
        """Return 16 hexadecimal digits that are equal for schedules of equal meaning."""
        return self._fingerprint

    @abstractmethod
    def _meaning(self) -> tuple[Any, ...]:
        """Return what makes two schedules of this class equal: hashable and JSON-ready."""

    @cached_property
    def _identity(self) -> tuple[Any, ...]:
        return (self.kind, *self._meaning())

    @cached_property
    def _fingerprint(self) -> str:
        text = json.dumps(self._identity)
        return blake2b(text.encode(), digest_size=8).hexdigest()

    @cached_property
    def _hash(self) -> int:
        return hash(self._identity)

    def _set(self, **values: Any) -> None:
        vars(self).update(values)

    def _set_zone(self, tz: str | tzinfo | None) -> None:
        self._set(_place=None if tz is None else settled_place(tz))

    def _zone_name(self) -> str | None:
        return None if self._place is None else self._place.name

    @classmethod
    def _from_dict(cls, data: Mapping[str, Any]) -> Self:
        return cls(**cls._checked(data))

    @classmethod
    def _checked(cls, data: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of `data` that are keyword arguments, refusing unknown ones."""
        fields = {key: value for key, value in data.items() if key != "kind"}
        for key in fields:
            if key not in cls._fields:
                near = get_close_matches(str(key), cls._fields, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(cls._fields)}"
                raise ScheduleError(f"{cls.kind} has no field {key!r}; {hint}")
        missing = [key for key in cls._required if key not in fields]
        if missing:
            raise ScheduleError(f"{cls.kind} needs the field {missing[0]!r}; got {sorted(fields)}")
        return fields

    def _repr(self, *positional: str, **keywords: Any) -> str:
        """Return the call that makes this schedule, leaving out keywords that are None."""
        named = [f"{key}={value!r}" for key, value in keywords.items() if value is not None]
        return f"{type(self).__name__}({', '.join([*positional, *named])})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Value):
            return NotImplemented
        return self._identity == other._identity

    def __hash__(self) -> int:
        return self._hash

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in _SETTABLE:
            raise AttributeError(
                f"cannot set {name!r}: a {type(self).__name__} is immutable; make another one"
            )
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        raise AttributeError(
            f"cannot delete {name!r}: a {type(self).__name__} is immutable; make another one"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        cls = type(self)
        return (cls._from_dict, (self.to_dict(),), self._celery_state())
