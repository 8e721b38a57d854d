"""The double of Twilio, against Twilio's own library and description."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from twilio.request_validator import RequestValidator

from bot.double.identity import ACCOUNT_SID, AUTH_TOKEN, MESSAGING_SERVICE_SID, SMS_FROM, WHATSAPP_FROM
from bot.double.twilio_checks import CREATE, LIST
from channels._twilio import Twilio, TwilioAccount
from channels.errors import Outcome
from channels.messages import Part, SendContext
from tests.double.conftest import BASIC, TENANT, Client, Product, wait_until

PROVIDERS = Path(__file__).parents[3] / "shared" / "data" / "providers"
WHATSAPP = f"whatsapp:{TENANT}"

REFUSALS: list[tuple[dict[str, Any], int]] = [
    ({"To": ""}, 21604),
    ({"To": "0770 900123"}, 21211),
    ({"To": "whatsapp:nobody", "From": WHATSAPP_FROM}, 21211),
    ({"From": ""}, 21603),
    ({"From": "+447700900999"}, 21606),
    ({"From": WHATSAPP_FROM}, 21910),
    ({"Body": ""}, 21602),
    ({"Body": "x" * 1601}, 21617),
    ({"MediaUrl": "ftp://x"}, 21620),
    ({"StatusCallback": "here"}, 21609),
    ({"ContentSid": "HX" + "0" * 32}, 21655),
    ({"Surprise": "1"}, 20001),
]


@pytest.mark.parametrize(("fields", "code"), REFUSALS, ids=lambda value: str(value)[:40])
def test_refuses_as_twilio_does(call: Client, fields: dict[str, Any], code: int) -> None:
    answer = call.sms(**fields)
    assert (answer.status, answer.json()["code"]) == (400, code)
    assert call.journal() == []


def test_wants_credentials(call: Client) -> None:
    answer = call.pool.request("POST", f"{call.url}/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json", body=b"")
    assert (answer.status, answer.json()["code"]) == (401, 20003)


def test_another_account_is_not_found(call: Client) -> None:
    assert call.twilio("/../AC" + "1" * 32 + "/Messages.json").status == 404


def test_a_form_that_is_none(call: Client) -> None:
    url = f"{call.url}/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json"
    assert call.pool.request("POST", url, body=b"\xff=1&&", headers=BASIC).status == 400


def test_accepts_and_reports_with_a_signature(call: Client, product: Product) -> None:
    callback = f"{product.url}/webhooks/twilio/status/m1"
    answer = call.sms(StatusCallback=callback)
    assert answer.status == 201
    assert answer.json()["status"] == "queued"
    hooks = product.wait_for(2)
    assert [hook.form["MessageStatus"] for hook in hooks] == ["sent", "delivered"]
    for hook in hooks:
        assert hook.form["MessageSid"] == answer.json()["sid"]
        signature = hook.headers["x-twilio-signature"]
        assert RequestValidator(AUTH_TOKEN).validate(callback, hook.form, signature)
        assert not RequestValidator("another").validate(callback, hook.form, signature)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("reversed", ["delivered", "sent"]),
        ("duplicated", ["sent", "sent", "delivered", "delivered"]),
        ("early", ["sent", "delivered"]),
    ],
)
def test_callbacks_in_any_order(call: Client, product: Product, order: str, expected: list[str]) -> None:
    call("PATCH", "/double/knobs", {"callback_order": order})
    call.sms(StatusCallback=f"{product.url}/s")
    assert [hook.form["MessageStatus"] for hook in product.wait_for(len(expected))] == expected


def test_callbacks_can_be_dropped(call: Client, product: Product) -> None:
    call("PATCH", "/double/knobs", {"callback_order": "dropped"})
    call.sms(StatusCallback=f"{product.url}/s")
    wait_until(lambda: call.journal()[0]["status"] == "delivered")
    assert product.hooks == []


def test_a_phone_that_is_off(call: Client, product: Product) -> None:
    call("POST", "/double/faults", {"kind": "undelivered", "where": "sms", "code": 30003})
    call.sms(StatusCallback=f"{product.url}/s")
    last = product.wait_for(2)[-1].form
    assert (last["MessageStatus"], last["ErrorCode"]) == ("undelivered", "30003")


def test_a_messaging_service_accepts(call: Client) -> None:
    answer = call.sms(From="", MessagingServiceSid=MESSAGING_SERVICE_SID).json()
    assert answer["status"] == "accepted"
    assert call.journal()[0]["ours"] == SMS_FROM


def test_stop_is_kept_by_the_carrier_until_start(call: Client, product: Product) -> None:
    call.inbound(text="stop")
    assert product.hooks[-1].form["Body"] == "stop"
    assert call.sms().json()["code"] == 21610
    assert [entry["by"] for entry in call.journal()] == ["tenant", "carrier"]
    call.inbound(text="Start")
    assert call.sms().status == 201


def test_the_window_of_whatsapp(call: Client, product: Product) -> None:
    to = {"To": WHATSAPP, "From": WHATSAPP_FROM, "StatusCallback": f"{product.url}/s"}
    call.inbound("whatsapp", WHATSAPP, text="hello")
    product.hooks.clear()
    call("POST", "/double/contacts", {"channel": "whatsapp", "address": WHATSAPP, "window_closed": True})
    assert call.sms(**to).status == 201
    failed = product.wait_for(1)[0].form
    assert (failed["MessageStatus"], failed["ErrorCode"]) == ("failed", "63016")
    call.inbound("whatsapp", WHATSAPP, text="hello again")
    call.sms(**to)
    wait_until(lambda: call.journal()[-1]["status"] == "delivered")


def test_a_tenant_who_never_wrote_has_no_window_if_told_so(call: Client) -> None:
    call("PATCH", "/double/knobs", {"strict_window": True})
    call.sms(To=WHATSAPP, From=WHATSAPP_FROM)
    wait_until(lambda: call.journal()[0]["code"] == 63016)


def test_templates_have_buttons(call: Client, product: Product) -> None:
    actions = [{"type": "QUICK_REPLY", "title": "Pay rent", "id": "rent"}]
    content = {
        "friendly_name": "menu",
        "types": {"twilio/quick-reply": {"body": "Hello {{1}}", "actions": actions}},
    }
    sid = call("POST", "/content/v1/Content", content, headers=BASIC)["sid"]
    variables = json.dumps({"1": "Nia"})
    answer = call.sms(To=WHATSAPP, From=WHATSAPP_FROM, Body="", ContentSid=sid, ContentVariables=variables)
    assert answer.json()["body"] == "Hello Nia"
    call.inbound("whatsapp", WHATSAPP, tap=[answer.json()["sid"], "rent"])
    form = product.hooks[-1].form
    assert (form["ButtonPayload"], form["ButtonText"], form["Body"]) == ("rent", "Pay rent", "Pay rent")
    bad = call.sms(To=WHATSAPP, From=WHATSAPP_FROM, Body="", ContentSid=sid, ContentVariables="[1]")
    assert bad.json()["code"] == 21656


def test_inbound_is_signed_and_whole(call: Client, product: Product) -> None:
    assert call.inbound(text="No heating", samples=["picture"])["status"] == 200
    hook = product.hooks[0]
    assert hook.path == "/webhooks/twilio/sms"
    assert RequestValidator(AUTH_TOKEN).validate(product.url + hook.path, hook.form, hook.headers["x-twilio-signature"])
    form = hook.form
    assert (form["From"], form["To"], form["Body"], form["NumMedia"]) == (TENANT, SMS_FROM, "No heating", "1")
    assert call.pool.request("GET", form["MediaUrl0"]).status == 401
    moved = call.pool.request("GET", form["MediaUrl0"], headers=BASIC)
    assert moved.status == 307
    picture = call.pool.request("GET", call.url + moved.headers["location"])
    assert picture.data.startswith(b"\x89PNG")
    assert picture.headers["content-type"] == form["MediaContentType0"] == "image/png"


def test_whatsapp_inbound(call: Client, product: Product) -> None:
    call.inbound("whatsapp", WHATSAPP, place=[51.48, -3.18])
    form = product.hooks[0].form
    assert (form["Latitude"], form["Longitude"], form["WaId"]) == ("51.48", "-3.18", TENANT[1:])
    call.inbound("whatsapp", "whatsapp:GB.1234", text="hi", extra={"ExternalUserId": "GB.1234"})
    assert product.hooks[1].form["ExternalUserId"] == "GB.1234"


def test_words_in_the_answer_reach_the_phone(call: Client, product: Product) -> None:
    product.body = b"<?xml version='1.0'?><Response><Message><Body>You matter &amp; so on</Body></Message></Response>"
    call.inbound(text="help me")
    last = call.journal()[-1]
    assert (last["by"], last["text"]) == ("product", "You matter & so on")


def test_a_product_that_is_down_is_tried_twice(call: Client, product: Product) -> None:
    product.status = 503
    assert call.inbound(text="hi")["status"] == 503
    assert call.journal()[0]["status"] == "failed"


def test_lists_what_was_sent(call: Client) -> None:
    sids = [call.sms(Body=str(number)).json()["sid"] for number in range(3)]
    call.sms(To="+447700900124")
    found = call.twilio(method="GET", To=TENANT, **{"DateSent>": "2020-01-01T00:00:00Z"}).json()
    assert [message["sid"] for message in found["messages"]] == sids[::-1]
    assert call.twilio(method="GET", To=TENANT, **{"DateSent>": "2099-01-01T00:00:00Z"}).json()["messages"] == []
    first = call.twilio(method="GET", To=TENANT, PageSize="2").json()
    second = call.pool.request(
        "GET",
        call.url + first["next_page_uri"],
        headers=BASIC,
    ).json()
    assert [message["sid"] for message in second["messages"]] == sids[:1]
    assert second["next_page_uri"] is None
    assert call.twilio(f"/Messages/{sids[0]}.json", method="GET").json()["body"] == "0"
    assert call.twilio("/Messages/SM" + "0" * 32 + ".json", method="GET").status == 404


def account(call: Client, product: Product) -> Twilio:
    return Twilio(TwilioAccount(ACCOUNT_SID, AUTH_TOKEN, product.url, SMS_FROM, "", WHATSAPP_FROM, call.url))


PART = Part(channel="sms", account=SMS_FROM, address=TENANT, params={"To": TENANT, "From": SMS_FROM, "Body": "Hello"})


def test_the_product_s_own_adapter_sends_through_it(call: Client, product: Product) -> None:
    sent = account(call, product).send(PART, SendContext(message_id="m1", now=0.0))
    assert sent.outcome == Outcome.ACCEPTED
    assert sent.provider_id == call.journal()[0]["id"]
    assert product.wait_for(2)[0].path == "/webhooks/twilio/status/m1"


FAULTS = [
    ({"kind": "throttle", "seconds": 3}, Outcome.THROTTLED, 0),
    ({"kind": "error", "status": 503}, Outcome.TEMPORARY, 0),
    ({"kind": "error", "status": 400, "code": 21610}, Outcome.OPTED_OUT, 0),
    ({"kind": "hang", "seconds": 0.2}, Outcome.UNKNOWN, 0),
    ({"kind": "reset"}, Outcome.UNKNOWN, 0),
    ({"kind": "accept_then_reset"}, Outcome.UNKNOWN, 1),
    ({"kind": "accept_then_hang", "seconds": 0.2}, Outcome.UNKNOWN, 1),
    ({"kind": "broken_json"}, Outcome.UNKNOWN, 1),
    ({"kind": "delay", "seconds": 0.05}, Outcome.ACCEPTED, 1),
]


@pytest.mark.parametrize(("fault", "outcome", "kept"), FAULTS, ids=lambda value: str(value)[:40])
def test_fails_in_each_way(call: Client, product: Product, fault: dict[str, Any], outcome: Outcome, kept: int) -> None:
    adapter = account(call, product)
    call("POST", "/double/faults", fault)
    assert adapter.send(PART, SendContext(message_id="m1", now=0.0)).outcome == outcome
    assert len(call.journal()) == kept
    assert adapter.send(PART, SendContext(message_id="m2", now=0.0)).outcome == Outcome.ACCEPTED


def test_refuses_connections_for_a_while(call: Client, product: Product) -> None:
    adapter = account(call, product)
    call("POST", "/double/refuse?seconds=0.4")
    wait_until(lambda: adapter.send(PART, SendContext(message_id="m", now=0.0)).outcome == Outcome.TEMPORARY)
    wait_until(lambda: adapter.send(PART, SendContext(message_id="m", now=0.0)).outcome == Outcome.ACCEPTED)


def description() -> dict[str, Any]:
    path = PROVIDERS / "twilio_api_v2010.json.gz"
    if not path.exists():
        pytest.skip("Twilio's description is not beside this checkout")
    paths: dict[str, Any] = json.loads(gzip.decompress(path.read_bytes()))["paths"]
    return paths["/2010-04-01/Accounts/{AccountSid}/Messages.json"]  # type: ignore[no-any-return]


def test_knows_every_parameter_of_twilio_s() -> None:
    described = description()
    form = described["post"]["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]["properties"]
    assert set(form) == CREATE
    assert {parameter["name"] for parameter in described["get"]["parameters"]} - {"AccountSid"} == LIST


def test_a_message_has_every_field_of_twilio_s(call: Client) -> None:
    path = PROVIDERS / "twilio_message_responses_oai.json"
    if not path.exists():
        pytest.skip("Twilio's examples are not beside this checkout")
    example = json.loads(path.read_text())["examples"]["create"]
    assert set(call.sms().json()) == set(example)
