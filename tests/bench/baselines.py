"""Simpler ways of understanding a message, measured in the same run as Hearthline so that its figures mean something."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from rapidfuzz import fuzz, process

from bot.nlu.letters import indexed
from bot.nlu.meanings import regress
from bot.nlu.ngrams import hashed
from bot.nlu.normalise import words

KEYWORDS = (
    "kill myself", "killing myself", "suicide", "suicidal", "end my life", "ending my life", "want to die", "self harm",
    "self-harm", "cut myself", "hurt myself", "overdose", "end it all", "take my own life", "better off dead",
    "no reason to live", "kms",
)  # fmt: skip
MORE_KEYWORDS = (
    *KEYWORDS, "don't want to live", "dont want to live", "can't go on", "cant go on", "give up on life", "worthless",
    "hopeless", "no way out", "goodbye forever", "final goodbye", "suicide note", "goodbye note", "cutting", "slit my",
    "hang myself", "hanging myself", "jump off", "drown myself", "shoot myself", "pills", "overdosed", "razor", "noose",
    "wish i was dead", "wish i were dead", "never wake up", "not wake up", "sleep forever", "disappear forever",
    "burden to everyone", "nothing to live for", "tired of living", "hate my life", "harm myself", "hurting myself",
    "burn myself", "starve myself", "unalive", "kill me", "let me die", "going to die", "ready to die", "plan to die",
    "hits me", "hit me", "beats me", "beat me", "hurt me", "hurts me", "abusive", "abuse", "abused", "violent", "violence",
    "threatened me", "threatens me", "rape", "raped", "assault", "strangled", "choked me", "scared of him", "afraid of him",
    "scared of my", "not safe",
)  # fmt: skip
_WIDTH = 4096
_K1, _B = 1.5, 0.75

Ranking = list[str]


class Bank(NamedTuple):
    """Topics with their example questions."""

    examples: Mapping[str, Sequence[str]]

    @property
    def rows(self) -> list[tuple[str, str]]:
        """Each example after its topic."""
        return [(topic, text) for topic, texts in self.examples.items() for text in texts]


def keyword_reader(keywords: Sequence[str]) -> Callable[[str], bool]:
    """Raise a text that has one of the keywords in it."""
    return lambda text: any(word in text.casefold() for word in keywords)


def trained_reader(texts: Sequence[str], urgent: Sequence[bool]) -> Callable[[str], bool]:
    """Logistic regression over weighted words and letters, trained on some rows to be measured on others."""
    rank = _regression(texts, ["yes" if one else "no" for one in urgent])
    return lambda text: rank(text)[0] == "yes"


def rankers(bank: Bank) -> dict[str, Callable[[str], Ranking]]:
    """Three ways to rank the topics of a bank for a question, best first."""
    topics, texts = [topic for topic, _ in bank.rows], [text for _, text in bank.rows]
    return {"rapidfuzz": _fuzzy(bank), "BM25": _bm25(bank), "TF-IDF regression": _regression(texts, topics)}


def _fuzzy(bank: Bank) -> Callable[[str], Ranking]:
    topics, texts = [topic for topic, _ in bank.rows], [text.casefold() for _, text in bank.rows]

    def rank(text: str) -> Ranking:
        scores = process.cdist([text.casefold()], texts, scorer=fuzz.token_set_ratio)[0]
        return list(dict.fromkeys(topics[place] for place in np.argsort(-scores, kind="stable")[:60]))

    return rank


def _bm25(bank: Bank) -> Callable[[str], Ranking]:
    """Rank by Okapi BM25 over words, a topic's examples being one document."""
    documents = {topic: Counter(_words(" ".join(texts))) for topic, texts in bank.examples.items()}
    sizes = {topic: sum(counts.values()) for topic, counts in documents.items()}
    usual = sum(sizes.values()) / len(sizes)
    holding = Counter(word for counts in documents.values() for word in counts)
    rarity = {word: math.log(1 + (len(documents) - n + 0.5) / (n + 0.5)) for word, n in holding.items()}

    def score(topic: str, asked: Sequence[str]) -> float:
        counts, weight = documents[topic], _K1 * (1 - _B + _B * sizes[topic] / usual)
        return sum(
            rarity[word] * counts[word] * (_K1 + 1) / (counts[word] + weight) for word in asked if word in counts
        )

    return lambda text: sorted(documents, key=lambda topic: -score(topic, _words(text)))


def _regression(texts: Sequence[str], labels: Sequence[str]) -> Callable[[str], Ranking]:
    letters, weighed = indexed(texts)
    classes = sorted(set(labels))
    features = np.stack([hashed(vector, _WIDTH) for vector in weighed])
    weights, bias = regress(features, np.array([classes.index(label) for label in labels]), len(classes))

    def rank(text: str) -> Ranking:
        scores = hashed(letters.weigh(text), _WIDTH) @ weights + bias
        return [classes[place] for place in np.argsort(-scores, kind="stable")]

    return rank


def _words(text: str) -> list[str]:
    return [token.text for token in words(text)]
