"""Libraries that talk to the terminal while they load or work."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from edgeproof.support.native_output import _Process, keep_quiet, native_output, quiet_import, working_quietly

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


def test_threads_take_turns_and_leave_the_terminal_as_it_was(capfd):
    """Turned aside and back by two threads at once, the descriptors would stay in a deleted file for good."""

    def speak(word):
        for _ in range(50):
            with native_output() as text:
                os.write(1, word)
                os.write(2, word)
                assert text() == 2 * word.decode()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(speak, [b"a", b"b", b"c", b"d"]))
    print("after", flush=True)
    assert capfd.readouterr() == ("after\n", "")


def test_a_second_thread_waits_for_its_turn():
    inside, free = threading.Event(), threading.Event()

    def first():
        with native_output():
            inside.set()
            assert free.wait(10)

    def second():
        with native_output():
            return free.is_set()

    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(first)
        assert inside.wait(10)
        other = pool.submit(second)
        time.sleep(0.05)
        free.set()
        one.result()
        assert other.result(), "it did not wait"


def test_a_child_waits_for_no_thread_of_its_parent():
    with native_output():
        child = os.fork()
        if child == 0:
            in_time = threading.Thread(target=lambda: native_output().__enter__(), daemon=True)
            in_time.start()
            in_time.join(10)
            os._exit(in_time.is_alive())
        assert os.waitpid(child, 0)[1] == 0


def test_only_a_command_of_ours_turns_the_terminal_aside_while_it_works(capfd, monkeypatch):
    monkeypatch.setattr(_Process, "quiet", False)
    with working_quietly() as text:
        os.write(1, b"another thread\n")
        assert text() == ""
    keep_quiet()
    with working_quietly() as text:
        os.write(2, b"libpng\n")
        assert text() == "libpng\n"
    assert capfd.readouterr() == ("another thread\n", "")


def test_a_closed_stream_is_passed_over(monkeypatch):
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stdout", closed)
    with native_output():
        pass


def test_one_within_another_gives_back_in_order(capfd):
    with native_output() as outer:
        os.write(1, b"1")
        with native_output() as inner:
            os.write(1, b"2")
            assert inner() == "2"
        os.write(1, b"3")
        assert outer() == "13"
    print("after", flush=True)
    assert capfd.readouterr() == ("after\n", "")


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_a_closed_descriptor_stays_closed(closed, tmp_path):
    code = (
        "import os, sys; from edgeproof.support.native_output import native_output\n"
        "before = [os.path.exists(f'/proc/self/fd/{n}') for n in (1, 2)]\n"
        "with native_output(): pass\n"
        "after = [os.path.exists(f'/proc/self/fd/{n}') for n in (1, 2)]\n"
        "open(sys.argv[1], 'w').write('same' if before == after else 'other')\n"
    )
    subprocess.run(["sh", "-c", f'"$0" -c "$1" "$2" {closed}', sys.executable, code, tmp_path / "told"], check=True)
    assert (tmp_path / "told").read_text() == "same"
