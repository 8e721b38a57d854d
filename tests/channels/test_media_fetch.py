"""Which files are fetched, from where, with which credentials, and what is believed about them."""

from collections.abc import Mapping

import pytest

from channels._http import Answer, MayHaveArrived, NeverLeft
from channels._twilio import TwilioAccount
from channels.media_fetch import (
    MAX_REDIRECTS,
    Fetched,
    MediaRefused,
    MediaUnavailable,
    fetch,
    telegram_origin,
    twilio_origin,
)
from channels.messages import Media

ACCOUNT = TwilioAccount("AC1", "token-of-nobody", "https://line.example")
LOCAL = TwilioAccount("AC1", "token-of-nobody", "https://line.example", api_base_url="http://127.0.0.1:4011")
URL = "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages/MM1/Media/ME1"
JPEG = b"\xff\xd8\xff\xe0 and so on"
MP4 = b"\x00\x00\x00\x18ftypisom...."


class FakeStore:
    """An exchange over a few files; keeps which addresses were asked, and whether with credentials."""

    def __init__(self, **files: Answer | Exception) -> None:
        self.files = files
        self.asked: list[tuple[str, bool]] = []

    def __call__(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], seconds: float) -> Answer:
        assert (method, body) == ("GET", None)
        self.asked.append((url, "Authorization" in headers))
        found = self.files.get(url.rpartition("/")[2], Answer(404, {}, b""))
        if isinstance(found, Exception):
            raise found
        return found


def file(content: bytes = JPEG, content_type: str = "image/jpeg", status: int = 200) -> Answer:
    return Answer(status, {"content-type": content_type}, content)


def to(location: str, status: int = 307) -> Answer:
    return Answer(status, {"location": location}, b"")


def test_a_picture_from_the_api_with_credentials() -> None:
    store = FakeStore(ME1=file())
    assert fetch(Media(URL), twilio_origin(ACCOUNT), store) == Fetched(JPEG, "image/jpeg")
    assert store.asked == [(URL, True)]


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://mms.twiliocdn.com/AC1/f",
        "https://media.twiliocdn.com/AC1/f",
        "https://s3-external-1.amazonaws.com/media.twiliocdn.com/AC1/f",
    ],
)
def test_the_stores_get_no_credentials(elsewhere: str) -> None:
    store = FakeStore(ME1=to(elsewhere), f=file())
    assert fetch(Media(URL), twilio_origin(ACCOUNT), store).content == JPEG
    assert store.asked == [(URL, True), (elsewhere, False)]


@pytest.mark.parametrize(
    "url",
    [
        "http://api.twilio.com/ME1",
        "https://api.twilio.com:8443/ME1",
        "https://api.twilio.com.evil.example/ME1",
        "https://evil.example/api.twilio.com/ME1",
        "https://user:pass@api.twilio.com/ME1",
        "https://api.twilio.com@evil.example/ME1",
        "https://evil.example\\@api.twilio.com/ME1",
        "https://s3-external-1.amazonaws.com/other-bucket/ME1",
        "https://169.254.169.254/ME1",
        "https://evil.example\t.twiliocdn.com/ME1",
        "https://[::1]/ME1",
        "https://[::1/ME1",
        "https://api.twilio.com:port/ME1",
        "http://127.0.0.1:4011/ME1",
        "file:///etc/ME1",
        "//api.twilio.com/ME1",
        "ME1",
        "",
    ],
)
def test_no_other_address_is_asked(url: str) -> None:
    for ref, store in ((url, FakeStore(ME1=file())), (URL, FakeStore(ME1=to(url)))):
        if ref == URL and url in ("", "ME1", "//api.twilio.com/ME1"):
            continue
        with pytest.raises(MediaRefused) as caught:
            fetch(Media(ref), twilio_origin(ACCOUNT), store)
        assert [asked for asked, _ in store.asked] == ([URL] if ref == URL else [])
        assert not url or url not in str(caught.value)


def test_a_relative_redirect_stays_on_the_host() -> None:
    store = FakeStore(ME1=to("/other/f"), f=file())
    fetch(Media(URL), twilio_origin(ACCOUNT), store)
    assert store.asked[1] == ("https://api.twilio.com/other/f", True)


def test_redirects_end() -> None:
    store = FakeStore(ME1=to(URL))
    with pytest.raises(MediaRefused, match="without end"):
        fetch(Media(URL), twilio_origin(ACCOUNT), store)
    assert len(store.asked) == 1 + MAX_REDIRECTS


def test_a_local_double_takes_the_place_of_the_api() -> None:
    store = FakeStore(ME1=file())
    fetch(Media("http://127.0.0.1:4011/2010-04-01/ME1"), twilio_origin(LOCAL), store)
    with pytest.raises(MediaRefused):
        fetch(Media("http://127.0.0.1:4012/2010-04-01/ME1"), twilio_origin(LOCAL), store)
    assert store.asked == [("http://127.0.0.1:4011/2010-04-01/ME1", True)]


def test_telegram_hands_over_an_address_for_an_id() -> None:
    store = FakeStore(**{"v.oga": file(b"OggS...", "application/octet-stream")})
    origin = telegram_origin(lambda ref: f"https://api.telegram.org/file/bot1:T/{ref}.oga")
    fetched = fetch(Media("v", content_type="audio/ogg; codecs=opus"), origin, store)
    assert fetched == Fetched(b"OggS...", "audio/ogg")
    assert store.asked == [("https://api.telegram.org/file/bot1:T/v.oga", False)]
    with pytest.raises(MediaRefused):
        fetch(Media("v"), telegram_origin(lambda ref: f"https://api.telegram.org/bot1:T/{ref}"), store)


@pytest.mark.parametrize(
    ("content", "declared", "content_type"),
    [
        (JPEG, "image/jpeg", "image/jpeg"),
        (JPEG, "image/jpg", "image/jpeg"),
        (JPEG, "IMAGE/JPEG; name=x", "image/jpeg"),
        (JPEG, "", "image/jpeg"),
        (JPEG, "image/png", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n..", "image/png", "image/png"),
        (b"GIF89a..", "image/gif", "image/gif"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp", "image/webp"),
        (b"\x00\x00\x00\x18ftypheic....", "image/heic", "image/heic"),
        (MP4, "video/mp4", "video/mp4"),
        (MP4, "audio/mp4", "audio/mp4"),
        (MP4, "audio/x-m4a", "audio/mp4"),
        (MP4, "application/octet-stream", "video/mp4"),
        (b"\x00\x00\x00\x14ftyp3gp4....", "audio/3gpp", "audio/3gpp"),
        (b"\x00\x00\x00\x14ftypqt  ....", "video/quicktime", "video/quicktime"),
        (b"OggS....", "audio/ogg", "audio/ogg"),
        (b"#!AMR\n..", "audio/amr", "audio/amr"),
        (b"ID3\x03..", "audio/mpeg", "audio/mpeg"),
        (b"\xff\xf1P..", "audio/aac", "audio/aac"),
        (b"%PDF-1.7", "application/pdf", "application/pdf"),
    ],
)
def test_types_that_are_kept(content: bytes, declared: str, content_type: str) -> None:
    store = FakeStore(ME1=file(content, declared))
    assert fetch(Media(URL), twilio_origin(ACCOUNT), store) == Fetched(content, content_type)


@pytest.mark.parametrize(
    ("content", "declared"),
    [
        (b"<html><script>", "image/jpeg"),
        (b"<html><script>", "text/html"),
        (b"<svg onload=x>", "image/svg+xml"),
        (b"PK\x03\x04....", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        (b"MZ......", "image/png"),
        (b"BEGIN:VCARD", "text/vcard"),
        (JPEG, "text/html"),
        (JPEG, "audio/ogg"),
        (b"%PDF-1.7", "image/jpeg"),
        (b" " + JPEG, "image/jpeg"),
        (b"", "image/jpeg"),
    ],
)
def test_types_that_are_not(content: bytes, declared: str) -> None:
    with pytest.raises(MediaRefused):
        fetch(Media(URL), twilio_origin(ACCOUNT), FakeStore(ME1=file(content, declared)))


@pytest.mark.parametrize("status", [404, 408, 425, 429, 500, 503])
def test_what_may_come_later(status: int) -> None:
    with pytest.raises(MediaUnavailable, match=str(status)):
        fetch(Media(URL), twilio_origin(ACCOUNT), FakeStore(ME1=file(status=status)))


@pytest.mark.parametrize("status", [204, 206, 304, 400, 401, 403, 410])
def test_what_will_not(status: int) -> None:
    with pytest.raises(MediaRefused, match=str(status)):
        fetch(Media(URL), twilio_origin(ACCOUNT), FakeStore(ME1=file(status=status)))


def test_a_broken_transfer_is_tried_again_and_a_large_file_is_not() -> None:
    for error in (NeverLeft("connect"), MayHaveArrived("timeout"), MayHaveArrived("connection")):
        with pytest.raises(MediaUnavailable):
            fetch(Media(URL), twilio_origin(ACCOUNT), FakeStore(ME1=error))
    with pytest.raises(MediaRefused, match="20000000 bytes"):
        fetch(Media(URL), twilio_origin(ACCOUNT), FakeStore(ME1=MayHaveArrived("answer")))


def test_credentials_show_nowhere() -> None:
    assert "Basic" not in repr(twilio_origin(ACCOUNT))
