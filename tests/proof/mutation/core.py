"""The core: modules in which a test must notice every error, and the tests that cover each module."""

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tests.proof.mutation.operators import Site, Words, sites, variants, words

ROOT = Path(__file__).parents[3]
STAYS = ROOT / "layers/shared/python/stays"

# Stories of a whole backend, in which the table does what its own tests do not ask for.
STORIES = (
    *("integration/test_corrections", "integration/test_unsold_nights", "integration/test_changed_mind"),
    *("integration/test_late_money", "integration/test_auctions", "integration/test_long_lists"),
    *("integration/test_bookings", "integration/test_beyond_the_deadline", "integration/test_session_page"),
)

TESTS: Mapping[str, tuple[str, ...]] = {
    "domain/announcement": ("unit/test_announcement",),
    "domain/auction": ("unit/test_award",),
    "domain/award": ("unit/test_award", "unit/test_award_choice", "unit/test_second_chances", "unit/test_winners"),
    "domain/booking": ("unit/test_booking",),
    "domain/calendar": ("unit/test_calendar", "unit/test_calendar_feed"),
    "domain/second_chances": ("unit/test_second_chances",),
    "domain/decision": ("unit/test_payment", "unit/test_late_money", "unit/test_moving_money", "unit/test_discounts"),
    "domain/erasure": ("unit/test_erasure",),
    "domain/errors": ("unit/test_errors",),
    "domain/mail": ("unit/test_mail_states",),
    "domain/manual": ("unit/test_operator_decisions",),
    "domain/notification": ("unit/test_notification",),
    "domain/overdue": ("unit/test_overdue",),
    "domain/owed_mail": ("unit/test_owed_mail",),
    "domain/payment": (
        *(
            "unit/test_payment",
            "unit/test_moving_money",
            "unit/test_booking",
            "unit/test_operator_decisions",
            "unit/test_refund",
        ),
    ),
    "domain/refund": ("unit/test_refund",),
    "domain/stray": ("unit/test_stray_money",),
    "domain/values": ("unit/test_values",),
    "domain/winners": ("unit/test_winners",),
    "zalopay/__init__": ("unit/test_zalopay",),
    "zalopay/callback": ("unit/test_zalopay_callback",),
    "zalopay/keys": ("unit/test_zalopay_client", "integration/test_unavailable_services"),
    "zalopay/signing": ("unit/test_zalopay", "unit/test_zalopay_callback"),
    "zalopay/values": ("unit/test_zalopay", "unit/test_zalopay_callback"),
    "table/sessions": ("integration/test_table_sessions", *STORIES),
    "table/awards": ("integration/test_table_awards", *STORIES),
    "table/operations": ("integration/test_table_sessions", "integration/test_table_awards", *STORIES),
    "table/effects": ("integration/test_table_effects",),
    "table/calendars": ("integration/test_table_calendars",),
    "table/profiles": ("integration/test_table_profiles",),
    "table/refused": ("integration/test_table_profiles",),
    "table/strays": ("integration/test_table_strays",),
    "edge/responses/auctions": ("unit/test_winners",),
    "edge/responses/bookings": ("unit/test_booking",),
    "edge/responses/calendars": ("unit/test_calendar",),
    "edge/responses/payments": ("unit/test_payment", "integration/test_session_page", "integration/test_endpoints"),
    "edge/http": ("unit/test_http", "integration/test_head_requests"),
}
ONLY = {"edge/http": ("caller", "answer")}  # the functions of a module that belong to the core, if not all do


class Mutant(NamedTuple):
    """One change to one module."""

    module: str
    tree: ast.Module
    site: Site
    node: ast.AST | None
    change: str

    @property
    def lines(self) -> range:
        """Return the lines that run the change: those of its statement, without the statements inside it."""
        first = self.site.statement
        inner = getattr(first, "body", None)
        last = inner[0].lineno - 1 if isinstance(inner, list) else first.end_lineno or first.lineno
        return range(first.lineno, max(last, first.lineno) + 1)

    @property
    def is_constant(self) -> bool:
        """Say whether the change runs at import and never again."""
        return self.site.scope is None

    @property
    def line(self) -> int:
        """The line of the change."""
        at = self.site.node if hasattr(self.site.node, "lineno") else self.site.parent
        return getattr(at, "lineno", self.site.statement.lineno)

    @property
    def text(self) -> str:
        """The text of that line."""
        return path(self.module).read_text().splitlines()[self.line - 1].strip()

    def source(self) -> str:
        """Return the module with the change. This changes the tree, so it works once."""
        self.site.put(self.node)
        return ast.unparse(ast.fix_missing_locations(self.tree))


def path(module: str) -> Path:
    """Return the file of a module of the core."""
    return STAYS / f"{module}.py"


def name(module: str) -> str:
    """Return the import name of a module of the core."""
    return f"stays.{module.removesuffix('/__init__').replace('/', '.')}"


@cache
def _tree(module: str) -> ast.Module:
    return ast.parse(path(module).read_text())


@cache
def _words() -> Words:
    return words([_tree(module) for module in TESTS])


def mutants(module: str) -> Iterator[Mutant]:
    """Return every change to a module, in the order of its text."""
    tree = _tree(module)
    parts = [each for each in tree.body if isinstance(each, ast.FunctionDef) and each.name in ONLY.get(module, ())]
    for part in parts or [tree]:
        for site in sites(part):
            for node in variants(site, _words()):
                yield Mutant(module, tree, site, node, site.change(node))
