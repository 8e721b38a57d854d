"""The kinds of fields that forms of the desk have. What nobody can type is taken out, and nothing is endless."""

from typing import Annotated

from fastapi import Form, Path
from pydantic import AfterValidator


def printable(text: str) -> str:
    """A line without control characters; PostgreSQL, for one, keeps no NUL."""
    return "".join(character for character in text if character.isprintable())


Line = Annotated[str, Form(max_length=300), AfterValidator(printable)]
Secret = Annotated[str, Form(max_length=1024)]
Choices = Annotated[list[str], Form(max_length=50)]
Id = Annotated[int, Path(ge=1, lt=2**63)]


def listed(text: str) -> tuple[str, ...]:
    """The words of a field in which they are separated by commas."""
    words = (" ".join(word.split()) for word in text.split(","))
    return tuple(dict.fromkeys(word for word in words if word))
