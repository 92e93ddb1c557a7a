"""Bad requests to every route: refused in the contract's shape, with nothing written, and never a 500."""

from tests.proof.hostile.examples import TIMES
from tests.proof.hostile.requests import bad_requests

COUNT = int(2_500 * TIMES)


def test_bad_requests_are_refused_and_leave_nothing_behind():
    figures = bad_requests(COUNT, seed=1)
    assert sum(figures.statuses.values()) == COUNT
    assert figures.statuses.keys() >= {400, 401, 404, 405, 409, 413}
