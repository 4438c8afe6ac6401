"""A service is written only for a command that runs for weeks; its password is nobody else's; nothing is replaced unasked."""

from __future__ import annotations

import getpass
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from edgeproof.cli.main import build_parser
from edgeproof.errors import EdgeproofError, UsageError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="systemd runs on Linux alone")
systemd = pytest.mark.skipif(shutil.which("systemctl") is None, reason="no systemd here")
SECRET = "rtsp://admin:pa%24s@camera:554/live?token=abc"


@pytest.fixture(autouse=True)
def configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a user's own units are written."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path / "systemd" / "user"


def edgeproof(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "edgeproof", *words], capture_output=True, text=True, timeout=60, check=False
    )


def install(*words: str) -> int:
    """`edgeproof service install` in this process."""
    args = build_parser().parse_args(["service", "install", *words])
    return args.verb(args)


def started(unit: str) -> str:
    (line,) = re.findall(r"^ExecStart=:(.*)$", unit, re.MULTILINE)
    return line


@systemd
def test_a_user_writes_one_and_sees_it(configuration: Path) -> None:
    wrote = edgeproof("service", "install", "--user", "--", "read", "0", "--json", "readings.jsonl", "--append")
    assert (wrote.returncode, wrote.stderr) == (0, "")
    path = configuration / "edgeproof.service"
    assert wrote.stdout.startswith(f"wrote {path}; now:\n  systemctl --user daemon-reload\n")
    assert "enable-linger" in wrote.stdout
    assert started(path.read_text()) == (
        f"{sys.executable} -P -m edgeproof read --no-show 0 --json readings.jsonl --append"
    )
    assert [file.name for file in configuration.iterdir()] == ["edgeproof.service"]
    shown = edgeproof("service", "show", "--user")
    assert (shown.returncode, shown.stdout) == (0, f"# {path}\n{path.read_text()}")


@systemd
def test_what_is_there_is_kept_unless_told(configuration: Path) -> None:
    assert install("--user", "--name", "door.service", "read", "0") == 0
    before = (configuration / "door.service").read_bytes()
    with pytest.raises(UsageError, match=r"door\.service is there already"):
        install("--user", "--name", "door", "read", "1")
    assert (configuration / "door.service").read_bytes() == before
    assert install("--user", "--name", "door", "--overwrite", "read", "1") == 0
    assert "--no-show 1\n" in (configuration / "door.service").read_text()


@systemd
def test_a_password_is_for_its_owner_alone(configuration: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = os.umask(0)
    try:
        assert install("--user", "--", "read", SECRET) == 0
    finally:
        os.umask(before)
    unit, secrets = configuration / "edgeproof.service", configuration / "edgeproof.env"
    assert secrets.read_text() == f"EDGEPROOF_SOURCE_1='{SECRET}'\n"
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600
    assert started(unit.read_text()).endswith("read --no-show env:EDGEPROOF_SOURCE_1")
    assert "EnvironmentFile=%E/systemd/user/edgeproof.env" in unit.read_text()
    for part in ("admin", "pa%24s", "abc"):
        assert part not in unit.read_text() + capsys.readouterr().out
    assert install("--user", "--overwrite", "--", "read", "0") == 0
    assert not secrets.exists()


@systemd
@pytest.mark.parametrize(
    "words", [["--mqtt", "{}"], ["--mqtt={}"], ["--mq={}"], ["--mqtt", "mqtt://x:secret9@y/z", "--mqtt", "{}"]]
)
def test_a_password_of_the_broker_too(
    words: list[str], configuration: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = "mqtts://edge:pa%24s@broker/door"
    assert install("--user", "--", "read", SECRET, *(word.format(url) for word in words)) == 0
    unit, secrets = configuration / "edgeproof.service", configuration / "edgeproof.env"
    assert secrets.read_text() == f"EDGEPROOF_MQTT='{url}'\nEDGEPROOF_SOURCE_1='{SECRET}'\n"
    assert started(unit.read_text()).endswith("env:EDGEPROOF_MQTT")
    for part in ("edge:", "pa%24s", "secret9"):
        assert part not in unit.read_text() + capsys.readouterr().out


@systemd
def test_a_broker_of_the_environment_or_without_a_password(
    configuration: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BROKER", "mqtt://u:p@broker/door")
    assert install("--user", "--", "read", "0", "--mqtt", "env:BROKER") == 0
    assert (configuration / "edgeproof.env").read_text() == "BROKER='mqtt://u:p@broker/door'\n"
    assert install("--user", "--overwrite", "--", "read", "0", "--mqtt", "mqtt://broker/door") == 0
    assert started((configuration / "edgeproof.service").read_text()).endswith("--mqtt mqtt://broker/door")


@systemd
def test_a_source_of_the_environment_goes_with_the_service(
    configuration: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOOR", SECRET)
    assert install("--user", "--", "read", "env:DOOR") == 0
    assert (configuration / "edgeproof.env").read_text() == f"DOOR='{SECRET}'\n"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "expected -- read SOURCE ..., found nothing"),
        (["verify"], "expected -- read SOURCE ..., found verify"),
        (["read", "."], "found a picture, which ends"),
        (["read", "missing.jpg"], "no such file"),
        (["read", "0", "--show"], "--show: a service has no display"),
        (["read", "0", "--json", "a.jsonl"], "give --append too"),
        (["read", "0", "--bundle", "mine"], "--bundle: expected a whole path, found mine"),
        (["read", "0", "--mqtt", "mqtt://u:p@broker/#"], "--mqtt mqtt://broker/: a topic prefix must not hold + # ?"),
        (["read", "env:NOT_THERE"], "environment variable NOT_THERE, found none"),
        (["--user", "--", "read", "0", "--save", "a\nb"], "a word that a unit file can hold"),
        (["--name", "a/b", "--", "read", "0"], "--name: expected letters"),
        (["--name", "-", "--", "read", "0"], "--name: expected letters"),
        (["--user", "--run-as", "daemon", "--", "read", "0"], "--run-as: a service of your own manager runs as you"),
        (["--system", "--run-as", "no-such-user", "--", "read", "0"], "--run-as: expected a user of this machine"),
        (["--system", "--run-as", "daemon", "--", "read", "0", "--save", "/not/there"], "that is there and stays, found none"),
        (["--system", "--run-as", "daemon", "--", "read", "0", "--save", "../x"], "--save ../x: expected a folder"),
        (["--system", "--run-as", "daemon", "--", "read", "0", "--debug", "/tmp/x"], "found one that goes with the service"),
    ],
)  # fmt: skip
def test_what_would_not_run_for_weeks_is_refused_with_a_reason(
    words: list[str], says: str, configuration: Path, monkeypatch: pytest.MonkeyPatch, samples: Path
) -> None:
    monkeypatch.chdir(samples)
    with pytest.raises(EdgeproofError, match=re.escape(says)):
        install("--dry-run", *words)
    assert not configuration.exists()


def test_a_flag_that_read_does_not_know_is_one_line_and_nothing_is_written(configuration: Path) -> None:
    result = edgeproof("service", "install", "--user", "--", "read", "0", "--jsom", "x")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("edgeproof: unrecognized arguments: --jsom x")
    assert result.stderr.count("\n") == 1
    assert not configuration.exists()


def test_one_of_the_machine_may_do_what_its_command_needs(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--system", "--run-as", getpass.getuser(), "--dry-run", "--"]
    install(*words, "read", "/dev/video2", "--json", "/srv/a.jsonl", "--append", "--save", "out", "--debug", "/var/log")
    unit = capsys.readouterr().out
    assert re.findall("^ReadWritePaths=.*", unit, re.MULTILINE) == ["ReadWritePaths=/srv", "ReadWritePaths=/var/log"]
    assert "DeviceAllow=char-video4linux rw\n" in unit
    assert "nvidia" not in unit
    assert f"User={getpass.getuser()}\n" in unit
    install(*words, "read", "http://camera/video", "--device", "cuda")
    unit = capsys.readouterr().out
    assert "DeviceAllow=char-nvidia* rw\n" in unit
    assert not {"video4linux", "EnvironmentFile", "MemoryDenyWriteExecute"} & set(re.findall(r"[\w-]+", unit))


@pytest.mark.parametrize(("flags", "never_again"), [((), "2 6"), (("--slots", "slots"), "2")])
def test_one_that_reads_from_slots_is_started_again_for_it_may_go_back(
    flags: tuple[str, ...], never_again: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The third start after the model failed is that of the version before."""
    assert install("--system", "--dry-run", "--run-as", "root", "--", "read", "0", *flags) == 0
    assert f"\nRestartPreventExitStatus={never_again}\n" in capsys.readouterr().out


def test_a_user_made_for_the_service_enters_no_home(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "prefix", "/home/pi/venv")
    with pytest.raises(UsageError, match=r"/home/pi/venv: expected no home folder, .* --run-as USER"):
        install("--system", "--dry-run", "--", "read", "0")
    install("--system", "--run-as", getpass.getuser(), "--dry-run", "--", "read", "0")
    assert "ProtectHome=read-only\n" in capsys.readouterr().out
    monkeypatch.setattr(sys, "prefix", "/opt/edgeproof")
    monkeypatch.setattr(sys, "base_prefix", "/usr")
    install("--system", "--dry-run", "--", "read", "0")
    unit = capsys.readouterr().out
    assert "DynamicUser=yes\n" in unit
    assert "ProtectHome=yes\n" in unit


@pytest.mark.parametrize(
    ("path", "code", "says"), [("", 4, "found none: use --dry-run"), (os.environ["PATH"], 2, "no such service")]
)
def test_without_systemd_and_without_a_service(
    path: str, code: int, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", path)
    words = ["install", "--user", "--", "read", "0"] if code == 4 else ["show", "--user"]
    result = edgeproof("service", *words)
    assert (result.returncode, result.stderr.count("\n")) == (code, 1)
    assert says in result.stderr
