"""Libraries that talk to the terminal while they load."""

from __future__ import annotations

import sys

import pytest

from edgeproof.support.native_output import quiet_import

GREETING = 'import os\nos.write(1, b"I0000 hello\\n")\nos.write(2, b"no GPU here\\n")\n'


@pytest.fixture
def module(tmp_path, monkeypatch):
    """module(code) → the name of a module of that code."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(code):
        (tmp_path / "greeting_library.py").write_text(code)
        monkeypatch.delitem(sys.modules, "greeting_library", raising=False)
        return "greeting_library"

    return write


def test_a_greeting_is_kept_from_the_terminal(module, capfd):
    quiet_import(module(GREETING))
    print("after", flush=True)
    assert capfd.readouterr() == ("after\n", "")
    assert "greeting_library" in sys.modules


def test_what_was_said_before_an_import_failed_is_shown(module, capfd):
    with pytest.raises(ImportError, match="no such library"):
        quiet_import(module(GREETING + 'raise ImportError("no such library")\n'))
    assert capfd.readouterr() == ("", "I0000 hello\nno GPU here\n")
