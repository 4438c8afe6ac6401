"""Every class has a folder and, while there are enough, a key of its own that it shares with nothing."""

from __future__ import annotations

import string

import pytest

from edgeproof.errors import UsageError
from edgeproof.web.label.choices import choices_of, undo_keys


def keys(*classes: str) -> dict[str, tuple[str, ...]]:
    return {choice.name: choice.keys for choice in choices_of(classes)}


def test_digits_are_their_own_keys_and_reject_is_there_though_the_model_has_it_not():
    found = keys(*string.digits)
    assert found == {digit: (digit,) for digit in string.digits} | {"reject": ("x", "r", "Delete")}
    assert keys(*string.digits, "reject") == found


def test_names_get_a_letter_of_theirs_or_the_next_key_that_is_free():
    found = keys("plus", "minus", "sum", "α", "rux", "Plus")
    assert found["plus"] == ("p",)
    assert found["minus"] == ("m",)
    assert found["sum"] == ("s",)
    assert found["α"] == ("1",), "which not every keyboard has"
    assert found["rux"] == ("2",), "all its letters mean something else"
    assert found["Plus"] == ("l",)


@pytest.mark.parametrize("letters", [string.ascii_lowercase, string.ascii_uppercase])
def test_letters_keep_their_keys_and_reject_and_undo_give_theirs_up(letters: str):
    choices = choices_of(list(letters))
    assert {choice.name: choice.keys for choice in choices} == {letter: (letter,) for letter in letters} | {
        "reject": ("Delete",)
    }
    assert undo_keys(choices) == ("Backspace",)


def test_no_two_share_a_key_and_what_is_beyond_the_keyboard_has_none():
    names = [f"name-{i}" for i in range(100)]
    choices = choices_of(names)
    used = [key for choice in choices for key in choice.keys] + list(undo_keys(choices))
    assert len(used) == len(set(used))
    assert len([choice for choice in choices[:-1] if choice.keys]) == 36 - len("xru")
    assert choices[-1].name == "reject"


@pytest.mark.parametrize("name", ["/", "a/b", "..", ".hidden", "a\\b", "a\nb", "é" * 200, "__MACOSX", "a:b"])
def test_a_class_that_can_be_no_folder_is_one_line(name: str):
    with pytest.raises(UsageError, match="expected classes that can be names of folders"):
        choices_of(["plus", name])
