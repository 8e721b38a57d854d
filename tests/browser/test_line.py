"""Two advisors and their tenants on the real line: what is written on a phone is answered from a browser."""

import contextlib
import re
import time
from collections.abc import Iterator
from urllib.parse import urlencode

import httpx
from playwright.sync_api import Browser, Locator, Page, expect
from twilio.request_validator import RequestValidator

from bot.double.identity import AUTH_TOKEN
from bot.double.tenants import PEOPLE
from tests.browser.conftest import NewTenant
from tests.browser.people import SOON, Person, Tenant, act
from tests.stack import SMS, Stack, free_port

expect.set_options(timeout=SOON)


def listed(page: Page, handoff: int, part: str = "#waiting") -> Locator:
    """The entry of a handoff in a part of the queue's page."""
    return page.locator(f'{part} a[href$="/handoffs/{handoff}"]')


def offered(page: Page, handoff: int) -> Locator:
    return page.locator(f'[data-offer="{handoff}"]')


def reply(page: Page, text: str) -> None:
    page.fill("#text", text)
    act(page, "/reply").click()
    expect(page.locator(".desk-thread")).to_contain_text(text)


def take(person: Person, handoff: int) -> Page:
    page = person.at(f"/handoffs/{handoff}")
    act(page, f"/handoffs/{handoff}/claim").click()
    page.locator("#text").wait_for()
    return page


def close(page: Page, outcome: str, because: str = "") -> None:
    page.locator("details:has(form[action$='/close']) summary").click()
    if outcome:
        page.check(f'input[name=outcome][value="{outcome}"]')
    if because:
        page.fill("#because", because)
    act(page, "/close").click()


def test_a_password_and_a_code_lead_in_and_neither_alone(ann: Person, browser: Browser) -> None:
    stranger = ann.again(browser)
    page = stranger.at("/queue")
    page.fill("#email", ann.email)
    page.fill("#password", "velvet otter ninety cats")
    page.click("main button[type=submit]")
    expect(page.locator(".govuk-error-summary")).to_be_visible()
    stranger.sign_in("/queue")
    expect(page).to_have_url(re.compile("/desk/queue$"))
    page.context.clear_cookies()
    page.reload()
    expect(page).to_have_url(re.compile("/desk/sign-in"))
    stranger.context.close()


def test_a_reply_reaches_every_kind_of_phone(line: Stack, ann: Person, bea: Person, browser: Browser) -> None:
    queue, other = ann.is_here(), bea.is_here()
    phones = browser.new_page()
    for place, channel in enumerate(("sms", "whatsapp", "telegram"), start=1):
        tenant = Tenant(line, channel, PEOPLE[place].address(channel))  # type: ignore[arg-type]  # one of its names
        handoff = tenant.wants_person()
        # Both see it come without asking.
        expect(listed(queue, handoff)).to_be_visible()
        expect(listed(other, handoff)).to_be_visible()
        queue.click("#next")
        expect(queue).to_have_url(re.compile(f"/handoffs/{handoff}$"))
        expect(listed(other, handoff)).to_have_count(0)
        words = f"I am Ann, and I read your {channel} message."
        reply(queue, words)
        tenant.hears(words)
        phones.goto(f"{line.double}/phone?tenant={place}")
        expect(phones.locator(f"#{channel} .thread")).to_contain_text(words)
        tenant.say("thank you Ann")
        expect(queue.locator(".desk-thread")).to_contain_text("thank you Ann")
        close(queue, "answered")
        expect(queue).to_have_url(re.compile("/desk/queue"))
        expect(queue.locator(".govuk-notification-banner--success")).to_be_visible()
    phones.close()


def test_what_is_urgent_is_offered_to_one_and_then_to_the_other(ann: Person, bea: Person, tenant: NewTenant) -> None:
    pages = {ann.name: ann.is_here(), bea.name: bea.is_here()}
    writer = tenant()
    writer.say("i want to die")
    handoff = writer.handoff()
    first = next(name for name in _until_one(pages, handoff))
    second = next(name for name in pages if name != first)
    expect(offered(pages[first], handoff)).to_be_focused()
    expect(offered(pages[second], handoff)).to_have_count(0)
    act(pages[first], f"/handoffs/{handoff}/decline").click()
    expect(offered(pages[second], handoff)).to_be_visible()
    act(pages[second], f"/handoffs/{handoff}/claim").click()
    expect(pages[second].locator("#crisis")).to_be_visible()
    expect(pages[second].locator(".desk-thread mark").first).to_contain_text("want to die")
    reply(pages[second], "I have read what you wrote. Are you safe where you are?")
    writer.hears("Are you safe where you are?")
    # Urgent ones are not closed without a word on why, and not by one person alone.
    close(pages[second], "in-the-moment-support")
    expect(pages[second].locator("#because-error")).to_be_visible()
    pages[second].check("input[value=in-the-moment-support]")
    pages[second].fill("#because", "Their sister is with them.")
    act(pages[second], "/close").click()
    expect(pages[second]).to_have_url(re.compile("/desk/queue"))


def _until_one(pages: dict[str, Page], handoff: int) -> list[str]:
    deadline = time.monotonic() + SOON / 1000
    while time.monotonic() < deadline:
        if found := [name for name, page in pages.items() if offered(page, handoff).count()]:
            return found
        next(iter(pages.values())).wait_for_timeout(100)
    raise AssertionError("nobody was offered it")


def test_of_two_who_take_at_once_one_gets_it_and_the_other_is_told_who(
    ann: Person, bea: Person, tenant: NewTenant
) -> None:
    handoff = tenant().wants_person()
    pages = [one.at(f"/handoffs/{handoff}") for one in (ann, bea)]
    # Both forms leave before either is answered.
    for page in pages:
        page.evaluate("setTimeout(() => document.querySelector('form[action$=\"/claim\"]').requestSubmit(), 300)")
    for page in pages:
        page.locator(f"#text, .govuk-error-summary, main:has-text('{handoff}')").first.wait_for()
        page.wait_for_timeout(800)
    won = [page.locator("#text").count() for page in pages]
    assert sorted(won) == [0, 1]
    loser, winner = (pages[0], bea) if won[1] else (pages[1], ann)
    expect(loser.locator(".govuk-error-summary")).to_contain_text(winner.name)


def test_a_conversation_is_passed_on_to_a_person_with_all_that_was_said(
    line: Stack, ann: Person, bea: Person, tenant: NewTenant
) -> None:
    queue = bea.is_here()
    writer = tenant("whatsapp")
    handoff = writer.wants_person()
    page = take(ann, handoff)
    reply(page, "My colleague Bea knows about this.")
    page.fill("#note", "They prefer mornings.")
    act(page, "/note").click()
    page.locator("details:has(form[action$='/transfer']) summary").click()
    page.select_option("#to", label=bea.name)
    act(page, "/transfer").click()
    expect(page).to_have_url(re.compile("/desk/queue"))
    expect(listed(queue, handoff)).to_be_visible()
    mine = take(bea, handoff)
    expect(mine.locator(".desk-thread")).to_contain_text("My colleague Bea knows about this.")
    expect(mine.locator(".desk-thread")).to_contain_text("They prefer mornings.")
    assert not any("mornings" in said for said in writer.heard())


@contextlib.contextmanager
def second_web(line: Stack) -> Iterator[int]:
    """One more web process of the same line, at a port of its own."""
    port = free_port()
    line._more["PORT"] = str(port)
    child = line.spawn("web-2", "-m", "bot", "web")
    del line._more["PORT"]
    try:
        line.wait_for(lambda: line._up(f"http://127.0.0.1:{port}/healthz"), "the second web process", 60)
        yield port
    finally:
        child.terminate()
        child.wait(10)


def post_to(line: Stack, port: int, address: str, text: str) -> None:
    """A text message that comes in by another web process than the pages are open at."""
    form = line.form(address, text)
    signature = RequestValidator(AUTH_TOKEN).compute_signature(f"{line.base}{SMS}", form)
    headers = {"X-Twilio-Signature": signature, "Content-Type": "application/x-www-form-urlencoded"}
    httpx.post(f"http://127.0.0.1:{port}{SMS}", content=urlencode(form), headers=headers).raise_for_status()


def test_a_lost_connection_leaves_no_gap_across_web_processes(
    line: Stack, ann: Person, bea: Person, tenant: NewTenant
) -> None:
    queue = bea.is_here()
    writer, later = tenant(), tenant()
    page = take(ann, writer.wants_person())
    with second_web(line) as port:
        post_to(line, port, writer.address, "sent by the other process")
        expect(page.locator(".desk-thread")).to_contain_text("sent by the other process")
        line.kill(line.children["web"][-1])
        expect(page.locator("#connection")).to_be_visible()
        post_to(line, port, writer.address, "sent while nobody was connected")
        post_to(line, port, later.address, "hello")
        post_to(line, port, later.address, "i want to talk to a person")
        handoff = later.handoff()
        line.spawn("web", "-m", "bot", "web")
        expect(page.locator(".desk-thread")).to_contain_text("sent while nobody was connected", timeout=40_000)
        expect(listed(queue, handoff)).to_be_visible(timeout=40_000)
        expect(page.locator("#connection")).to_be_hidden()
    line.wait_until_done()


def test_what_comes_while_an_advisor_writes_is_read_before_it_is_answered(ann: Person, tenant: NewTenant) -> None:
    writer = tenant("telegram")
    page = take(ann, writer.wants_person())
    page.fill("#text", "I will call you at noon.")
    writer.say("please do not call, he is at home")
    expect(page.locator("#newer")).to_be_visible()
    act(page, "/reply").click()
    expect(page.locator(".govuk-error-summary")).to_be_visible()
    expect(page.locator("#text")).to_have_value("I will call you at noon.")
    assert not any("at noon" in said for said in writer.heard())
    page.fill("#text", "Understood. I will write only.")
    act(page, "/reply").click()
    writer.hears("I will write only.")


def test_a_draft_survives_a_reload(ann: Person, tenant: NewTenant) -> None:
    page = take(ann, tenant().wants_person())
    page.fill("#text", "Half of a sentence")
    with page.expect_response(re.compile("/draft$")):
        page.locator("#text").press("End")
        page.locator("#text").press("Space")
    page.reload()
    expect(page.locator("#text")).to_have_value("Half of a sentence ")
