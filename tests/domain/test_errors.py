"""An error is a class: its name is the problem's type, its docstring the title."""

import re
from collections.abc import Iterator

import pytest

import app.main  # noqa: F401  # every error the service can raise is a subclass by now
from app.errors import AppError, Conflict, Invalid, NotFound, Violation


class ComplaintClosed(Conflict):
    """The complaint is closed.

    More for who reads the code.
    """


class SlaOverdue(Conflict): ...


def errors(base: type[AppError] = AppError) -> Iterator[type[AppError]]:
    for error in base.__subclasses__():
        if error.__module__.startswith("app.") and not error.__module__.startswith(("app.ml.training", "app.cli")):
            yield error
        yield from errors(error)


def test_the_name_of_the_class_is_the_type() -> None:
    assert ComplaintClosed.type() == "/problems/complaint-closed"
    assert NotFound.type() == "/problems/not-found"


def test_the_first_line_of_the_docstring_is_the_title() -> None:
    assert ComplaintClosed.title() == "The complaint is closed"


def test_without_a_docstring_the_name_has_to_do() -> None:
    assert SlaOverdue.title() == "SlaOverdue"


@pytest.mark.parametrize("error", sorted(errors(), key=repr))
def test_every_error_of_the_service_has_a_type_a_title_and_a_status(error: type[AppError]) -> None:
    assert re.fullmatch(r"/problems/[a-z]+(-[a-z]+)*", error.type())
    assert error.__doc__, f"{error.__name__} needs a docstring"
    assert re.fullmatch(r"[A-Z].*[^.]", error.title())
    assert 400 <= error.status <= 599


def test_no_two_errors_of_the_service_share_a_type() -> None:
    found = [error.type() for error in errors()]
    assert sorted(found) == sorted(set(found))


def test_an_error_says_what_is_wrong_and_where() -> None:
    refused = Invalid.at("/subscriber_id", "is not a known subscriber")
    assert str(refused) == refused.detail == "is not a known subscriber"
    assert refused.violations == (Violation("/subscriber_id", "is not a known subscriber"),)
    assert Conflict("it is closed").violations == ()
