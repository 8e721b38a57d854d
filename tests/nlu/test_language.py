"""Language: right when it speaks, silent when it cannot know."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bot.nlu.language import LANGUAGES, detect, latin

SENTENCES = [
    ("Hello, I would like to report a broken window in my kitchen please", "en"),
    ("Hoffwn roi gwybod am ffenestr sydd wedi torri yn y gegin", "cy"),
    ("Chciałbym zgłosić zepsute okno w mojej kuchni", "pl"),
    ("Aș dori să raportez o fereastră spartă în bucătărie", "ro"),
    ("ਮੇਰੀ ਰਸੋਈ ਦੀ ਖਿੜਕੀ ਟੁੱਟ ਗਈ ਹੈ", "pa"),
    ("મારા રસોડાની બારી તૂટી ગઈ છે", "gu"),
    ("میرے باورچی خانے کی کھڑکی ٹوٹ گئی ہے", "ur"),
    ("আমার রান্নাঘরের জানালা ভেঙে গেছে", "bn"),
    ("أريد الإبلاغ عن نافذة مكسورة في المطبخ", "ar"),
    ("Waxaan rabaa inaan soo sheego daaqad jaban oo jikada ah", "so"),
    ("Gostaria de comunicar uma janela partida na cozinha", "pt"),
    ("Quisiera informar de una ventana rota en la cocina", "es"),
    ("Je voudrais signaler une fenêtre cassée dans la cuisine", "fr"),
    ("Vorrei segnalare una finestra rotta in cucina", "it"),
    ("Norėčiau pranešti apie išdužusį langą virtuvėje", "lt"),
    ("Mutfağımdaki kırık bir pencereyi bildirmek istiyorum", "tr"),
    ("می‌خواهم شکستن پنجره آشپزخانه را گزارش کنم", "fa"),
    ("என் சமையலறை ஜன்னல் உடைந்துவிட்டது", "ta"),
    ("मेरी रसोई की खिड़की टूट गई है", "hi"),
    ("Я хочу повідомити про розбите вікно на кухні", "uk"),
    ("我想报告厨房的窗户坏了", "zh"),
]
SILENT = ["", "12345", "👍👍", "ok", "?!", "https://example.org/fr/maison", "   ", "SW1A 1AA", "Здравствуйте, это мы"]


@pytest.mark.parametrize(("text", "language"), SENTENCES)
def test_a_sentence_is_known(text: str, language: str) -> None:
    assert detect(text).language == language


def test_every_language_has_a_sentence() -> None:
    assert {language for _, language in SENTENCES} == set(LANGUAGES)


@pytest.mark.parametrize("text", SILENT)
def test_silent_where_it_cannot_know(text: str) -> None:
    assert detect(text) == (None, 0.0)


ENGLISH = [
    "boiler broken",
    "no heating",
    "rent",
    "help",
    "stop",
    "repair please",
    "no hot water",
    "leak",
    "menu",
    "ok thanks",
]


@pytest.mark.parametrize("text", ENGLISH)
def test_short_english_is_never_another_language(text: str) -> None:
    assert detect(text).language in (None, "en")


ROMANISED = ["mera boiler kharab hai", "kiraya kaise dun", "ana 3andi mushkila fi albayt", "mujhe madad chahiye please"]


@pytest.mark.parametrize("text", ROMANISED)
def test_romanised_urdu_and_arabic_are_not_somali(text: str) -> None:
    assert detect(text).language != "so"


def test_the_same_answer_every_time() -> None:
    assert len({detect("Gostaria de marcar uma visita") for _ in range(20)}) == 1


def test_no_model_is_loaded_at_import() -> None:
    code = "import sys, bot.nlu.language; assert not {'langdetect', 'py3langid'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)


def test_our_own_short_english_is_not_taken_for_another_language() -> None:
    lines = (Path(__file__).parent / "faq_suite.jsonl").read_text("utf-8").splitlines()
    starts = {" ".join(json.loads(line)["text"].split()[:words]) for line in lines for words in (1, 2, 3)}
    wrong = [text for text in starts if detect(text).language not in (None, "en")]
    # The target is two in a thousand (English service messages taken for another language).
    assert len(wrong) <= len(starts) * 0.002, wrong


@pytest.mark.parametrize(
    ("text", "language"),
    [("dzień dobry", "pl"), ("چه خبر", "fa"), ("یہ ٹوٹا ہے", "ur"), ("أين المفتاح", "ar"), ("bună ziua", "ro")],
)
def test_a_few_words_that_give_their_language_away(text: str, language: str) -> None:
    assert detect(text).language == language


@pytest.mark.parametrize(
    ("text", "is_latin"), [("boiler", True), ("ciepła woda", True), ("گرم پانی", False), ("123", False)]
)
def test_latin_letters_are_told(text: str, is_latin: bool) -> None:
    assert latin(text) is is_latin
