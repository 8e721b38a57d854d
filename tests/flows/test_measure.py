"""Segments as the standard counts them, and reading ages that tell plain English from officialese."""

import json
from pathlib import Path

import pytest

from flows.measure import is_gsm7, reading_age, sms_segments

SHARED = Path(__file__).parents[3] / "shared" / "data" / "providers" / "sms_segments.json"


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("[" * 80, 1),
        ("[" * 81, 2),
        ("ŵ" * 70, 1),
        ("ŵ" * 71, 2),
        ("ŵ" * 134, 2),
        ("ŵ" * 135, 3),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
    ],
)
def test_segments(text: str, count: int) -> None:
    assert sms_segments(text) == count


def test_what_gsm7_holds() -> None:
    assert is_gsm7("Call £5 at 9am? Yes, à bientôt"[:24])
    assert not is_gsm7("Siarad â phobl")
    assert not is_gsm7("don’t")


@pytest.mark.skipif(not SHARED.exists(), reason="the shared vectors are not beside this checkout")
def test_the_shared_vectors_agree() -> None:
    vectors = json.loads(SHARED.read_text(encoding="utf-8"))["vectors"]
    differing = [row["id"] for row in vectors if sms_segments(row["text"]) != row["plain"]["segments"]]
    assert vectors
    assert differing == []


def test_plain_english_reads_younger_than_officialese() -> None:
    plain = "Go outside now. Call us. We can help you pay."
    official = "Prior to commencement of remedial activities, residents are requested to facilitate accessibility."
    assert reading_age(plain) < 9 < reading_age(official)
    assert reading_age("PERSON 999!") == reading_age("")
