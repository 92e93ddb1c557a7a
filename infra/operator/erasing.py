"""Erases a person: says what is stored and what is still open, and takes the person out of it."""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from infra.operator.environment import DeadLetter
from infra.operator.lines import Line
from stays.aws.store import Conflicted
from stays.domain.erasure import alias, is_named, open_matter
from stays.domain.errors import NotFound, Refused
from stays.domain.values import new_stay_id
from stays.edge.connections import Connections
from stays.table.erasures import Erasures, Person

# What the items that are deleted whole are called.
_WORDS = {
    "PROFILE": "profiles",
    "EMAIL": "addresses",
    "OPENED": "counters",
    "WITHDRAWN": "withdrawals",
    "NOTICE": "mails about awards",
    "REFUSED": "refused events",
}


class Erasing(NamedTuple):
    """One command at one time. With `really` it writes; without, it only says what would be erased."""

    erasures: Erasures
    connections: Connections
    find_dead_letters: Callable[[], Sequence[DeadLetter]]
    now: datetime
    really: bool

    def erase(self, user_id: str) -> Iterator[Line]:
        """Erase a user. Raises NotFound if nothing is stored, Refused while something is open; a line names each.

        An erasure that stopped goes on.
        """
        person = self.erasures.load(user_id)
        stored = self._count(person)
        if not stored and not self.erasures.is_begun(user_id):
            raise NotFound
        matters = [*filter(None, (open_matter(each, self.now) for each in person.stored)), *self._letters(user_id)]
        yield from (Line(f"OPEN  {each}", open=each) for each in matters)
        if matters:
            raise Refused("INVALID_AUCTION_STATE", f"Nothing is erased: {len(matters)} things are still open.")
        if self.really:
            self._write(person)
        listed = ", ".join(f"{number} {name}" for name, number in stored.items()) or "nothing more"
        yield Line(f"{listed} {'are' if self.really else 'would be'} erased", **stored)

    def _count(self, person: Person) -> dict[str, int]:
        kinds = Counter(_WORDS[item["kind"]] for item in person.deleted)
        found = {
            "stays": len(person.sessions),
            "awards": len(person.awards),
            "mentions in other awards": len(person.others),
            **kinds,
            "connections and calls": len(self.connections.load_all_of(person.user_id)),
        }
        return {name: number for name, number in found.items() if number}

    def _letters(self, user_id: str) -> Iterator[str]:
        for letter in self.find_dead_letters():
            if is_named(json.dumps(letter.body), user_id):
                yield f"a dead letter of {letter.function} names the user: `redrive` handles it"

    def _write(self, person: Person) -> None:
        name = self.erasures.begin(person.user_id, alias(new_stay_id(self.now, os.urandom(10))), self.now)
        try:
            self.erasures.erase(person, name, self.now)
        except Conflicted:
            raise Refused("INVALID_AUCTION_STATE", "Something changed meanwhile. Run it again: it goes on.") from None
        self.connections.forget_all_of(person.user_id)
        self.erasures.finish(person.user_id, self.now)
