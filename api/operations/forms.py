"""Posted forms, whatever they are about: what was typed, and what does not fit."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Self

from active_learning.domain.errors import InputError
from labeling_ui import contexts

Typed = Mapping[str, str]
"""A posted form: names of fields and what stands in them."""

LICENCE = "licence."
"""What the names of the boxes for licences begin with."""


class Unfit(InputError):
    """Fields that do not fit: name of the field -> what is wrong. An empty name is about the whole form."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__(next(iter(errors.values())), "The form says what does not fit.")
        self.errors = errors


@dataclass(frozen=True)
class Refused:
    """A form that is shown again: what was typed, and what is wrong with which field ("" is the whole form)."""

    typed: Typed = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def by(cls, error: InputError, typed: Typed) -> Self:
        """The form, with what an error says of it."""
        return cls(typed, error.errors if isinstance(error, Unfit) else {"": str(error)})


BLANK = Refused()


def chosen_licences(typed: Typed) -> tuple[str, ...]:
    """The licences whose boxes are ticked."""
    return tuple(name.removeprefix(LICENCE) for name in typed if name.startswith(LICENCE))


def licence_groups(
    groups: Mapping[str, Mapping[str, str]], chosen: Collection[str]
) -> tuple[contexts.LicenceGroup, ...]:
    """Boxes for licences: title of a group -> short name -> what it is called."""
    return tuple(
        contexts.LicenceGroup(
            title=title, licences=tuple((name, called, name in chosen) for name, called in group.items())
        )
        for title, group in groups.items()
    )
