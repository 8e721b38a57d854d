"""Every route with values that nobody thought of, made from the routes' own description: none is a fault of ours."""

from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from schemathesis import APIOperation, Case
from schemathesis.core.result import Ok

from bot.service import desk as service
from bot.store.staff import Role
from bot.web.desk.app import pages_of
from bot.web.desk.setup import Desk
from tests.web.desk.conftest import HERE, Browser, Enter, Forms, Hire, Waits

EXAMPLES = 3
"""For each route, in each run of all tests. The values are the same every time."""


def described(app: FastAPI) -> list[APIOperation[Any, Any, Any, Any]]:
    """All operations of the application, though it tells nobody its description."""
    schema = schemathesis.openapi.from_dict(app.openapi())
    found = list(schema.get_all_operations())
    assert all(isinstance(result, Ok) for result in found)
    return [result.ok() for result in found if isinstance(result, Ok)]


def sendable(value: str) -> bool:
    """Whether it can stand in a header."""
    return value.isascii() and value.isprintable()


def send(browser: Browser, case: Case[Any]) -> int:
    """Send what was made, as a page of ours would."""
    made = case.as_transport_kwargs(base_url=f"{HERE}/desk")
    token = Forms(browser.get("/desk/account").page).hidden["csrf"]
    headers = {**{name: str(value) for name, value in dict(made["headers"]).items()}, "Origin": HERE}
    # A session ends in a browser that calls itself something else.
    headers = {name: value for name, value in headers.items() if sendable(value) and name.lower() != "user-agent"}
    given = {name: made[name] for name in ("params", "data", "json", "files") if made.get(name) is not None}
    if isinstance(given.get("data"), bytes | str):
        given["content"] = given.pop("data")
    answer = browser.client.request(
        made["method"], made["url"], headers={**headers, "X-CSRF-Token": token}, follow_redirects=False, **given
    )
    return int(answer.status_code)


@pytest.mark.slow
def test_no_value_in_any_form_or_address_is_a_fault_of_ours(desk: Desk, hire: Hire, enter: Enter, waits: Waits) -> None:
    desk.parts.stopping.set()
    everything = hire(*Role)
    case = waits("P1")
    service.claim(desk.parts, everything, case.id)
    real = {"handoff_id": case.id, "conversation_id": case.conversation_id, "staff_id": everything.id}
    statuses: set[int] = set()

    def look(operation: APIOperation[Any, Any, Any, Any]) -> None:
        @settings(max_examples=EXAMPLES, phases=[Phase.generate])
        @given(made=operation.as_strategy(), there=st.booleans())
        def check(made: Case[Any], there: bool) -> None:
            if there:
                made.path_parameters.update({name: id for name, id in real.items() if name in made.path_parameters})
            status = send(enter(everything), made)
            assert status < 500 or status == 503, made.as_curl_command()
            statuses.add(status)

        check()

    for operation in described(pages_of(desk)):
        look(operation)
    # Some must have got through to what lies behind the fields, or nothing was tested.
    assert {200, 303, 400, 404} <= statuses
