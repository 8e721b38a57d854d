"""The desk for everybody: by keyboard alone, without JavaScript, on a phone, and by WCAG 2.2 AA on every page."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import pytest
from fastapi.routing import iter_route_contexts
from playwright.sync_api import Browser, Page, expect

from bot.double.tenants import PEOPLE
from bot.service.parts import Parts
from bot.web.desk.app import pages_of
from bot.web.desk.setup import Desk
from tests.browser.axe import violations
from tests.browser.conftest import NewTenant
from tests.browser.people import PASSWORD, SOON, Person, Tenant, act
from tests.stack import Stack

expect.set_options(timeout=SOON)
PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
PARTS = frozenset(
    {
        "/assets/{asked}/{name}",
        "/enrol/picture.svg",
        "/single-sign-on",
        "/single-sign-on/back",
        "/queue/mine",
        "/queue/offers",
        "/queue/waiting",
        "/handoffs/{handoff_id}/thread",
        "/handoffs/{handoff_id}/answers",
        "/media/{media_id}",
        "/handoffs/{handoff_id}/sent/{name}",
        "/stream",
    }
)
"""What is no page of its own."""
BEFORE = frozenset({"/sign-in", "/code", "/recovery", "/enrol", "/join/{token}"})
"""Pages of somebody who has not signed in yet."""
PHONE = {"width": 375, "height": 720}
"""CSS pixels, of a small telephone."""
WAIT_FOR_TAB = 90
"""Presses of Tab after which something counts as out of reach."""


@pytest.fixture(scope="session")
def pages() -> frozenset[str]:
    """Every page there is behind the sign-in. A route that is new is looked at too, without being named here."""
    routes = pages_of(Desk(cast(Parts, None), "http://127.0.0.1:8000")).routes
    found = {route.path or "" for route in iter_route_contexts(routes) if "GET" in (route.methods or ())}
    return frozenset(found - PARTS - BEFORE)


@pytest.fixture
def busy(line: Stack, ann: Person, tenant: NewTenant) -> Mapping[str, object]:
    """A desk with something on every page: a crisis in hand, a second look to take, and somebody who waits."""
    ended, crisis, waiting = tenant("whatsapp"), tenant("telegram"), tenant()
    ended.say("i want to die")
    _close_urgent(ann, ended.handoff())
    crisis.say("i cant go on, i want to end it")
    crisis.say("the boiler is broken too", "picture")
    handoff = crisis.handoff()
    page = ann.at(f"/handoffs/{handoff}")
    act(page, f"/handoffs/{handoff}/claim").click()
    page.fill("#note", "Their mother is on the way.")
    act(page, "/note").click()
    waiting.wants_person()
    found = line.query("SELECT conversation_id FROM handoffs WHERE id = %s", handoff)
    me = line.query("SELECT id FROM staff WHERE email = %s", ann.email)
    return {
        "handoff_id": handoff,
        "conversation_id": found[0][0],
        "staff_id": me[0][0],
        "person_id": 1,
        "team": "general",
    }


def _close_urgent(person: Person, handoff: int) -> None:
    page = person.at(f"/handoffs/{handoff}")
    act(page, f"/handoffs/{handoff}/claim").click()
    page.locator("details:has(form[action$='/close']) summary").click()
    page.check("input[value=in-the-moment-support]")
    page.fill("#because", "Their sister is with them.")
    act(page, "/close").click()


def wide(page: Page) -> list[str]:
    """What reaches beyond the window's right edge, if the page can be scrolled sideways."""
    return cast(
        list[str],
        page.evaluate(
            """() => document.scrollingElement.scrollWidth <= innerWidth ? [] :
            [...document.querySelectorAll('body *')].filter(one => one.getBoundingClientRect().right > innerWidth + 1)
            .map(one => one.outerHTML.slice(0, 80)).slice(0, 5)"""
        ),
    )


def test_every_page_keeps_to_wcag_and_fits_a_telephone(
    lead: Person, ann: Person, busy: Mapping[str, object], pages: frozenset[str]
) -> None:
    problems = []
    for path in sorted(pages):
        # Whoever has a conversation in hand sees more of it.
        person = ann if path.startswith(("/handoffs", "/queue")) else lead
        page = person.at(path.format(**busy))
        page.set_viewport_size({"width": 1280, "height": 800})
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        problems += [f"{path}: {one}" for one in violations(page)]
        page.set_viewport_size(PHONE)  # type: ignore[arg-type]  # a plain dict will do
        problems += [f"{path} at 375 px: {one}" for one in violations(page)]
        problems += [f"{path} is wider than 375 px: {one}" for one in wide(page)]
        page.set_viewport_size({"width": 1280, "height": 800})
    assert not problems, "\n".join(problems)


def test_the_pages_before_signing_in_keep_to_wcag(line: Stack, lead: Person, browser: Browser) -> None:
    page = lead.at("/staff/invite")
    page.fill("#name", "Dee")
    page.fill("#email", "dee@landlord.example")
    page.check("input[name=roles][value=advisor]")
    act(page, "/staff/invite").click()
    link = page.locator("main .desk-secret").inner_text()
    problems = [f"link: {one}" for one in violations(page)]
    dee = Person(line, browser.new_context(viewport={"width": 375, "height": 720}), "dee@landlord.example", "Dee")

    def look(name: str) -> None:
        problems.extend(f"{name}: {one}" for one in [*violations(dee.page), *wide(dee.page)])

    dee.page.goto(link)
    look("join")
    dee.page.click("main button[type=submit]")
    look("join, refused")
    dee.page.fill("#password", PASSWORD)
    dee.page.fill("#again", PASSWORD)
    dee.page.click("main button[type=submit]")
    look("enrol")
    dee.secret = dee.page.locator("main .desk-secret").inner_text().replace(" ", "")
    dee.enter_code("000000")
    look("enrol, refused")
    dee.enter_code()
    look("recovery codes")
    dee.page.context.clear_cookies()
    dee.at("/sign-in")
    look("sign in")
    dee.page.click("main button[type=submit]")
    look("sign in, refused")
    dee.page.fill("#email", dee.email)
    dee.page.fill("#password", PASSWORD)
    dee.page.click("main button[type=submit]")
    look("code")
    dee.at("/recovery")
    look("recovery")
    dee.at("/no-such-page")
    look("not found")
    dee.context.close()
    assert not problems, "\n".join(problems)


def tab_to(page: Page, selector: str) -> None:
    """Reach something by Tab alone; what is reached on the way must show that it is."""
    for _ in range(WAIT_FOR_TAB):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"{selector} cannot be reached by Tab")


def test_the_whole_way_by_keyboard_alone(ann: Person, tenant: NewTenant) -> None:
    writer = tenant()
    handoff = writer.wants_person()
    page = ann.at("/queue")
    page.keyboard.press("Tab")
    expect(page.locator(".govuk-skip-link")).to_be_focused()
    page.keyboard.press("Enter")
    tab_to(page, "#next")
    outline = page.evaluate(
        "getComputedStyle(document.activeElement).boxShadow + document.activeElement.matches(':focus-visible')"
    )
    assert "true" in outline
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"/handoffs/{handoff}$"))
    tab_to(page, "#text")
    page.keyboard.type("Hello from the keyboard.")
    tab_to(page, "#reply button")
    page.keyboard.press("Enter")
    writer.hears("Hello from the keyboard.")
    tab_to(page, "details:has(form[action$='/close']) summary")
    page.keyboard.press("Enter")
    tab_to(page, "input[name=outcome]")
    page.keyboard.press("Space")
    tab_to(page, "form[action$='/close'] button")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/desk/queue"))


def test_an_approved_answer_comes_in_by_a_slash(ann: Person, tenant: NewTenant) -> None:
    writer = tenant()
    page = ann.at(f"/handoffs/{writer.wants_person()}")
    act(page, "/claim").click()
    page.locator("#text").press_sequentially("/rent")
    answer = page.locator("#answers-found [data-answer]").first
    expect(answer).to_be_visible()
    words = answer.get_attribute("data-answer") or ""
    answer.press("Enter")
    expect(page.locator("#text")).to_have_value(words)
    act(page, "/reply").click()
    writer.hears(words.splitlines()[0])


def test_without_javascript_one_can_read_reply_and_close(ann: Person, tenant: NewTenant, browser: Browser) -> None:
    writer = tenant("whatsapp")
    handoff = writer.wants_person()
    plain = ann.again(browser, java_script_enabled=False)
    page = plain.sign_in("/queue")
    page.locator(f'#waiting a[href$="/handoffs/{handoff}"]').click()
    act(page, f"/handoffs/{handoff}/claim").click()
    expect(page.locator(".desk-thread")).to_contain_text("can i talk to a person please")
    page.fill("#text", "No script was needed for this.")
    act(page, "/reply").click()
    writer.hears("No script was needed for this.")
    page.locator("details:has(form[action$='/close']) summary").click()
    page.check("input[name=outcome][value=answered]")
    act(page, "/close").click()
    expect(page.locator(".govuk-notification-banner--success")).to_be_visible()
    plain.context.close()


def test_an_advisor_on_call_works_from_a_telephone(ann: Person, tenant: NewTenant, browser: Browser) -> None:
    writer = tenant()
    writer.say("i want to die")
    handoff = writer.handoff()
    # The page's link leads to the conversation, by way of signing in.
    call = ann.again(browser, viewport=PHONE, has_touch=True)
    page = call.sign_in(f"/handoffs/{handoff}")
    expect(page).to_have_url(re.compile(f"/handoffs/{handoff}$"))
    act(page, f"/handoffs/{handoff}/claim").tap()
    page.fill("#text", "I am here. I have read what you wrote.")
    act(page, "/reply").tap()
    writer.hears("I have read what you wrote")
    assert wide(page) == []
    page.screenshot(path=PICTURES / "desk-phone.png")
    call.context.close()


def test_pictures_for_the_documentation(ann: Person, bea: Person, tenant: NewTenant) -> None:
    bea.is_here("light")
    joy, others = Tenant(ann.stack, "whatsapp", PEOPLE[4].address("whatsapp")), [tenant() for _ in range(3)]
    joy.say("the council wont help and i cant go on, i want to end it all")
    others[0].wants_person()
    others[1].say("i am getting evicted next week and i am so scared")
    page = ann.at(f"/handoffs/{joy.handoff()}")
    act(page, "/claim").click()
    page.fill(
        "#text", "Hello Joy, I am Ann. I have read what you wrote and I am staying here with you. Are you safe now?"
    )
    act(page, "/reply").click()
    expect(page.locator(".govuk-error-summary")).to_have_count(0)
    joy.hears("staying here with you")
    joy.say("yes my sister is here")
    expect(page.locator(".desk-thread")).to_contain_text("my sister is here")
    page.set_viewport_size({"width": 1280, "height": 1200})
    page.evaluate("document.querySelector('.desk-thread').scrollTop = 0, scrollTo(0, 0)")
    page.screenshot(path=PICTURES / "desk-conversation.png")
    queue = ann.is_here()
    queue.set_viewport_size({"width": 1280, "height": 900})
    others[2].say("i have taken all my tablets")
    expect(queue.locator("[data-offer]")).to_be_visible()
    queue.evaluate("scrollTo(0, 0)")
    queue.screenshot(path=PICTURES / "desk-queue.png")
    assert {one.name for one in PICTURES.glob("desk-*.png")} >= {"desk-conversation.png", "desk-queue.png"}
