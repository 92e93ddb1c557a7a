"""The question that shows whether ZaloPay accepts key1: about an order that cannot exist."""

import httpx

from infra.doctor.finding import Finding, bad, good, unseen
from stays.domain.decision import Outcome
from stays.zalopay import is_unsigned, query_request, read_query

_NEVER_MADE = "700101_doctor"  # an order's id begins with its day
_NOT_PAID = (Outcome.NOT_FOUND, Outcome.UNPAID, Outcome.EXPIRED, Outcome.CANCELLED)
_REFUSING = "docs/runbook.md, section ZaloPay refusing, lists the codes."


def check_key1(web: httpx.Client, endpoint: str, app_id: int, key1: str) -> Finding:
    """Ask ZaloPay about an order that cannot exist. Only a call that it accepts is answered "not paid"."""
    try:
        answer = web.post(f"{endpoint}/v2/query", json=query_request(app_id, key1, _NEVER_MADE)).json()
    except (httpx.HTTPError, ValueError) as error:
        return unseen(f"{endpoint} was asked and did not answer: {type(error).__name__}.", "Try again.")
    if is_unsigned(answer):
        return bad(f"ZaloPay does not accept key1 for the app {app_id}.", "Write key1 again: docs/deploy.md, step 5.")
    evidence = read_query(answer, "doctor")
    if evidence.outcome in _NOT_PAID:
        return good(f"ZaloPay accepts key1 for the app {app_id}.")
    return bad(f"ZaloPay answers {evidence.outcome}, code {evidence.code}, for an order that cannot exist.", _REFUSING)
