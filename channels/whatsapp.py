"""The WhatsApp channel by Twilio: free text within 24 hours of the tenant's last message, approved templates after.

Outside that window WhatsApp refuses free text, so `send` does not even ask. STOP is handled by us: what Twilio does
with it on WhatsApp is not documented.
"""

import json
from collections.abc import Collection, Mapping

from channels import _twilio_webhook as webhook
from channels._http import Exchange
from channels._twilio import BODY_LIMIT, Twilio, TwilioAccount
from channels.errors import Malformed, Outcome, Sent
from channels.messages import ChannelName, ConsentWord, Inbound, Outbound, Part, Receipt, SendContext, WebhookRequest
from channels.sms import numbered
from channels.text import split, units

PREFIX = "whatsapp:"

CONSENT_WORDS: Mapping[str, ConsentWord] = {
    **dict.fromkeys(("STOP", "STOPALL", "UNSUBSCRIBE", "OPTOUT"), "stop"),
    **dict.fromkeys(("START", "UNSTOP"), "start"),
    "HELP": "help",
}
"""Words that can only mean consent. No carrier acts on END, QUIT or CANCEL here, and tenants use them to answer."""

MENU_TEXT_LIMIT = 1024
MENU_OPTIONS_LIMIT = 10
"""An interactive message's body and choices (https://www.twilio.com/docs/content/twiliolist-picker)."""


class WhatsApp:
    """The `Channel` of one Twilio account's WhatsApp senders. Safe to share between threads.

    exchange: how HTTP is done, for tests; a pool of connections by default.
    """

    name: ChannelName = "whatsapp"

    def __init__(self, account: TwilioAccount, exchange: Exchange | None = None) -> None:
        self.account = account
        self._twilio = Twilio(account, exchange)

    def verify(self, request: WebhookRequest) -> None:
        """Check Twilio's signature and the account. Raises `Forged`."""
        webhook.verify(request, self.account)

    def parse(self, request: WebhookRequest) -> tuple[Inbound | Receipt, ...]:
        """Read a message or a status callback, read receipts included. Raises `Malformed`."""
        form = webhook.read_form(request)
        if webhook.is_status(form):
            return webhook.read_receipt(form)
        return (read_message(form),)

    def render(self, outbound: Outbound) -> tuple[Part, ...]:
        """A template where one is named and configured, else a menu as an interactive message, else numbered text.

        A menu's content takes the text as variable 1, then for each option its label and its id (2 and 3, 4 and 5 ...).
        """
        parts = self._template(outbound) or self._menu(outbound) or self._text(outbound)
        if parts and outbound.reply_to:
            parts[0]["typing"] = outbound.reply_to
        return tuple(self._part(outbound, params) for params in parts)

    def send(self, part: Part, context: SendContext) -> Sent:
        """Make the call, after the typing indicator if the part asks for one.

        Blocks up to `SEND_TIMEOUT` seconds; returns an outcome and never raises for a provider's fault. Free text
        outside the window is refused before any call.
        """
        if "template" not in part.params and not _is_open(context):
            return Sent(Outcome.OUTSIDE_WINDOW)
        if typing := part.params.get("typing"):
            self._twilio.show_typing(str(typing))
        return self._twilio.send(part, context)

    def find_sent(self, part: Part, since: float, known: Collection[str] = ()) -> str | None:
        """Look whether `part` was sent after all; see `Twilio.find_sent`. Raises `Unavailable`."""
        return self._twilio.find_sent(part, since, known)

    def _template(self, outbound: Outbound) -> list[dict[str, object]]:
        content = self.account.content
        name = outbound.template or ""
        # Outside the window an approved text in English is better than none.
        sid = content.get(f"{name}.{outbound.language}") or content.get(name)
        if not name or sid is None:
            return []
        # WhatsApp refuses line breaks and runs of spaces in a template's variables.
        variables = {key: " ".join(value.split()) for key, value in outbound.variables.items()}
        return [{**_content(sid, variables), "template": name, "text": outbound.text}]

    def _menu(self, outbound: Outbound) -> list[dict[str, object]]:
        name = outbound.menu or ""
        key = name if outbound.language == "en" else f"{name}.{outbound.language}"
        sid = self.account.content.get(key)
        fits = len(outbound.options) <= MENU_OPTIONS_LIMIT and units(outbound.text) <= MENU_TEXT_LIMIT
        if not outbound.options or sid is None or not fits or outbound.media_url:
            return []
        values = [outbound.text, *(value for option in outbound.options for value in (option.label, option.id))]
        shown = "\n".join([outbound.text, *numbered(outbound)])
        return [{**_content(sid, {str(n): value for n, value in enumerate(values, 1)}), "text": shown}]

    def _text(self, outbound: Outbound) -> list[dict[str, object]]:
        text = "\n".join(line for line in (outbound.text, *numbered(outbound)) if line)
        parts: list[dict[str, object]] = [{"Body": body} for body in split(text, BODY_LIMIT)]
        if outbound.media_url:
            parts = parts or [{}]
            parts[-1]["MediaUrl"] = [outbound.media_url]
        return parts

    def _part(self, outbound: Outbound, params: dict[str, object]) -> Part:
        """Lower-case names in params are for `send`; the others are Twilio's own."""
        text = str(params.pop("text", params.get("Body", "")))
        addresses = {"To": _prefixed(outbound.address), "From": _prefixed(outbound.account)}
        return Part(
            channel="whatsapp",
            account=outbound.account,
            address=outbound.address,
            params={**addresses, **params},
            text=text,
        )


def read_message(form: webhook.Form) -> Inbound:
    """Read a WhatsApp message (https://www.twilio.com/docs/messaging/guides/webhook-request). Raises `Malformed`."""
    webhook.require(form, "AccountSid")
    address, account = webhook.require(form, "From"), webhook.require(form, "To")
    if not address.startswith(PREFIX):
        raise Malformed("From is of another channel; give Twilio that channel's own webhook address")
    choice = form.get("ButtonPayload") or form.get("ListId") or None
    text = form.get("Body") or form.get("ButtonText") or form.get("ListTitle") or ""
    seen = webhook.consent_of(form)
    return Inbound(
        channel="whatsapp",
        account=account,
        address=address,
        provider_id=webhook.require(form, "MessageSid", "SmsMessageSid", "SmsSid"),
        kind="button" if choice else "message",
        text=text,
        choice=choice,
        media=webhook.read_media(form),
        location=webhook.read_location(form),
        consent=seen or CONSENT_WORDS.get(text.strip().upper().rstrip(".!?,;:")),
        provider_replied=seen is not None,
        source=form.get("ReferralSourceId") or None,
        profile_name=form.get("ProfileName", ""),
        external_user_id=form.get("ExternalUserId") or None,
    )


def _content(sid: str, variables: Mapping[str, str]) -> dict[str, object]:
    filled = {"ContentVariables": json.dumps(variables, ensure_ascii=False)} if variables else {}
    return {"ContentSid": sid, **filled}


def _is_open(context: SendContext) -> bool:
    return context.window_closes_at is not None and context.now < context.window_closes_at


def _prefixed(address: str) -> str:
    return address if address.startswith(PREFIX) else PREFIX + address
