"""To a real sshd and into a real environment; the program there is a stand-in, so that a deployment takes seconds."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from edgeproof.cli.bundles.sign import sign_bundle
from edgeproof.cli.main import main
from edgeproof.deploy import deploy
from edgeproof.trust.keys import PrivateKey, make_key
from tests.runtime.deploy.far_side import PYTHON, Host, signatures, wheel

PLACE = "edgeproof"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def deployed(host: Host, *words: str, to: str = "127.0.0.1") -> int:
    """The command's exit code; the wheelhouse and the reports are in the test's folder."""
    return main(["deploy", to, *words, "--ssh-config", str(host.config)])


def runs(host: Host, place: str = PLACE, link: str = "current") -> str:
    """The version that runs there."""
    python = host.home / place / link / "venv" / "bin" / "python"
    said = subprocess.run([python, "-I", "-m", "edgeproof"], capture_output=True, text=True, check=True).stdout
    return str(json.loads(said)[0])


def releases(host: Host, place: str = PLACE) -> set[str]:
    return {path.name.partition("-")[0] for path in (host.home / place / "releases").iterdir()}


def test_first_again_and_a_newer_one(
    host: Host, wheelhouse: Path, colour: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert deployed(host, str(colour)) == 0
    assert runs(host) == "1"
    (folder,) = Path("deployments").iterdir()
    bundle = f"{host.home}/{PLACE}/releases/{Path(host.home, PLACE, 'current').readlink().name}/bundle"
    assert json.loads((folder / "verify.txt").read_text()) == ["1", "verify", bundle]
    assert json.loads((folder / "bench.json").read_text())[:2] == ["1", "bench"]
    kept = json.loads((folder / "deployment.json").read_text())
    assert (kept["result"], kept["checks"]) == ("deployed", {"verify": 0, "tune": 0, "bench": 0})
    assert sorted(path.name for path in Path(bundle).iterdir()) == sorted(path.name for path in colour.iterdir())
    capsys.readouterr()

    before = sorted(host.home.rglob("*"))
    assert deployed(host, str(colour)) == 0
    said = capsys.readouterr().out
    assert "nothing is copied" in said
    assert "copying" not in said
    assert "verifying there" in said
    assert sorted(host.home.rglob("*")) == before

    wheel(wheelhouse, "2")
    assert deployed(host) == 0
    assert (runs(host), runs(host, link="previous"), releases(host)) == ("2", "1", {"1", "2"})
    assert [path.name for path in (host.home / PLACE / "wheels").iterdir()] == ["edgeproof-2-py3-none-any.whl"]


def test_a_path_may_be_hostile_and_what_fails_its_proof_is_not_taken(
    host: Host, wheelhouse: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = '-x y/it\'s "$(touch broken)" `touch broken`'
    assert deployed(host, to=f"127.0.0.1:{place}") == 0
    assert runs(host, place) == "1"
    assert not list(host.home.rglob("broken"))
    wheel(wheelhouse, "2", {"verify": 6})
    assert deployed(host, to=f"127.0.0.1:{place}") == 6
    assert "edgeproof verify, on the host: " in capsys.readouterr().err
    assert (runs(host, place), releases(host, place)) == ("1", {"1"})
    wheel(wheelhouse, "3", {"tune": 4, "bench": 7})
    assert deployed(host, to=f"127.0.0.1:{place}") == 0
    assert "tune failed, which changes nothing else: " in capsys.readouterr().out
    assert runs(host, place) == "3"
    wheel(wheelhouse, "4", needs="numpy")
    assert deployed(host, to=f"127.0.0.1:{place}") == 4
    assert "expected the wheels to install, found: ERROR: No matching distribution" in capsys.readouterr().err
    assert (runs(host, place), releases(host, place)) == ("3", {"1", "3"})
    kept = [json.loads(file.read_text()) for file in Path("deployments").glob("*/deployment.json")]
    assert sorted(one["code"] for one in kept) == [0, 0, 4, 6]


@pytest.fixture
def key(tmp_path: Path) -> PrivateKey:
    """release.key and release.pub in the test's folder."""
    pytest.importorskip("cryptography")
    return make_key(tmp_path / "release")


def signed_bundle(bundle: Path, key: PrivateKey) -> Path:
    """A copy of it with a signature."""
    folder = Path("signed").absolute()
    shutil.copytree(bundle, folder)
    sign_bundle(folder, key)
    return folder


def test_a_key_goes_with_the_bundle_that_it_signed(
    host: Host, wheelhouse: Path, colour: Path, key: PrivateKey, capsys: pytest.CaptureFixture[str]
) -> None:
    trust = ("--trust", "release.pub")
    keyed = signed_bundle(colour, key)
    assert deployed(host, str(keyed), *trust) == 4
    assert "EXTRAS=sign" in capsys.readouterr().err
    signatures(wheelhouse)
    assert deployed(host, str(colour), *trust) == 6
    assert "expected a signature by SHA256:" in capsys.readouterr().err
    assert not list(host.home.iterdir())

    assert deployed(host, str(keyed), *trust) == 0
    release = host.home / PLACE / "releases" / (host.home / PLACE / "current").readlink().name
    copied = release / "trusted" / "release.pub"
    assert copied.read_bytes() == Path("release.pub").read_bytes()
    (folder,) = Path("deployments").iterdir()
    named = [str(release / "bundle"), "--trust", str(copied)]
    assert json.loads((folder / "verify.txt").read_text()) == ["1", "verify", *named]
    for verb in ("tune", "bench"):
        assert json.loads((folder / f"{verb}.json").read_text())[1:5] == [verb, *named]
    capsys.readouterr()
    assert deployed(host, str(keyed), *trust) == 0
    assert "nothing is copied" in capsys.readouterr().out


def test_the_bundle_of_the_wheel_needs_a_signature_too(
    host: Host, wheelhouse: Path, colour: Path, key: PrivateKey, capsys: pytest.CaptureFixture[str]
) -> None:
    signatures(wheelhouse)
    program = wheel(wheelhouse, "1", bundle=colour)
    words = ("--no-measure", "--trust", "release.pub")
    assert deployed(host, *words) == 6
    where = f"{program.relative_to(Path.cwd())}/edgeproof/bundles/digits/manifest.sig"
    assert f"{where}: expected a signature by SHA256:" in capsys.readouterr().err
    assert not list(host.home.iterdir())
    wheel(wheelhouse, "1", bundle=signed_bundle(colour, key))
    assert deployed(host, *words) == 0
    (verified,) = Path("deployments").glob("*/verify.txt")
    assert json.loads(verified.read_text())[1:3] == ["verify", "--trust"]


def test_two_keys_of_one_name_are_refused(key: PrivateKey, capsys: pytest.CaptureFixture[str]) -> None:
    Path("other").mkdir()
    make_key(Path("other/release"))
    assert main(["deploy", "a", "--trust", str(key.public.file), "--trust", "other/release.pub"]) == 2
    assert "found two keys release.pub" in capsys.readouterr().err


@pytest.mark.usefixtures("wheelhouse")
def test_a_host_that_is_not_known_is_refused(start: Callable[..., Host], capsys: pytest.CaptureFixture[str]) -> None:
    host = start(known=False)
    assert deployed(host) == 4
    assert "Host key verification failed" in capsys.readouterr().err
    assert not list(host.home.iterdir())


def fake(host: Host, name: str, text: str) -> Path:
    """A program of that name, the first that is found there."""
    program = host.folder / "tools" / name
    program.unlink(missing_ok=True)
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)
    return program


def test_what_a_host_lacks_is_said_and_nothing_is_done_there(
    host: Host, wheelhouse: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert deployed(host, "--python", "python3.99") == 4
    assert "expected Python 3.11 or later, found none" in capsys.readouterr().err
    hiding = "import sys; sys.modules['ensurepip'] = None; exec(sys.argv[1])"
    bare = fake(host, "bare", f'exec {PYTHON} -I -c "{hiding}" "$3"')
    assert deployed(host, "--python", str(bare)) == 4
    assert "apt-get install python3-venv" in capsys.readouterr().err
    assert deployed(host, "--service", "read 0") == 4
    assert "expected a running systemd, found none" in capsys.readouterr().err
    fake(host, "uname", "echo riscv64")
    (wheelhouse / "numpy-2-cp311-cp311-manylinux_2_28_aarch64.whl").write_bytes(
        next(wheelhouse.glob("*.whl")).read_bytes()
    )
    assert deployed(host) == 4
    assert "make wheelhouse ARCH=riscv64" in capsys.readouterr().err
    assert not list(host.home.iterdir())
    (wheelhouse / "numpy-2-cp311-cp311-manylinux_2_28_aarch64.whl").unlink()
    fake(host, "df", "echo a; echo 'a 100 90 10 90% /'")
    assert deployed(host) == 4
    assert "MiB of free disk, found 0" in capsys.readouterr().err
    (host.home / "mine").mkdir()
    (host.home / "mine" / "releases").mkdir()
    assert deployed(host, to="127.0.0.1:mine") == 1
    assert "expected an empty folder, or that of a deployment" in capsys.readouterr().err


@pytest.mark.usefixtures("wheelhouse")
def test_several_hosts_end_in_a_table_and_the_first_failures_code(
    host: Host, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deploy, "LOCK_WAIT_S", 0)
    (host.home / "busy").mkdir()
    with (host.home / "busy" / ".edgeproof-deploy").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        Path("hosts").write_text("127.0.0.1:free\n")
        assert deployed(host, "--hosts", "hosts", to="127.0.0.1:busy") == 1
    told = capsys.readouterr()
    assert "found another deployment at work" in told.err
    rows = told.out.splitlines()[-3:]
    assert rows[0].split()[:2] == ["host", "result"]
    assert rows[1].endswith("exit code 1")
    assert "deployed" in rows[2]
    assert runs(host, "free") == "1"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "expected a host"), (["a", "./b", "./c"], "2 bundles"), (["--", "-oProxyCommand=x"], r"expected \[user@\]host"),
        (["a", "--service", "rm -rf /"], "expected \"read SOURCE"), (["a", "--service", "read '"], "as a shell takes them"),
    ],
)  # fmt: skip
def test_wrong_words_are_refused_before_anything(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["deploy", *words]) == 2
    assert re.search(says, capsys.readouterr().err)


def cut_once(host: Host, where: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setenv("CUT", where)
    code = deployed(host)
    monkeypatch.setenv("CUT", "never:0")
    return code


def cuts_leave_what_ran(host: Host, wheelhouse: Path, cuts: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Version 1 runs, whatever cuts off the deployment of 2; which is then deployed as if nothing had been."""
    assert deployed(host) == 0
    wheel(wheelhouse, "2")
    for where in cuts:
        for copied in (host.home / PLACE / "wheels").glob(
            "edgeproof-2-*"
        ):  # by the one before: all are to have it ahead
            copied.unlink()
        assert cut_once(host, where, monkeypatch) == 4, where
        assert runs(host) == "1", where
    assert deployed(host) == 0
    assert (runs(host), releases(host)) == ("2", {"1", "2"})
    assert not list((host.home / PLACE).rglob("*.part"))


@pytest.mark.usefixtures("cutting")
def test_a_connection_that_breaks_leaves_what_ran(
    host: Host, wheelhouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Within the program that is sent, within a wheel, and while it is installed.
    cuts_leave_what_ran(host, wheelhouse, ["bytes:5000", f"bytes:{_program() + 500}", "request:3"], monkeypatch)


def _program() -> int:
    return Path(deploy.__file__).with_name("on_host.py").stat().st_size


@pytest.mark.soak
@pytest.mark.usefixtures("cutting")
@pytest.mark.parametrize("kind", ["ask", "bytes", "request", "answer"])
def test_a_connection_that_breaks_anywhere(
    host: Host, wheelhouse: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    # Seven requests: open, a wheel, install, three checks, the switch. The last may be done although its answer is not heard.
    numbers = {"ask": [0], "bytes": range(0, _program() + 1600, 700), "request": range(1, 7), "answer": range(1, 8)}
    cuts_leave_what_ran(host, wheelhouse, [f"{kind}:{number}" for number in numbers[kind]], monkeypatch)


@pytest.mark.soak
@pytest.mark.usefixtures("cutting")
@pytest.mark.parametrize("where", ["request:7", "answer:8"])
def test_a_connection_that_breaks_at_the_switch_leaves_one_of_both(
    host: Host, wheelhouse: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    assert deployed(host) == 0
    wheel(wheelhouse, "2")
    cut_once(host, where, monkeypatch)
    assert runs(host) in ("1", "2")
    assert deployed(host) == 0
    assert (runs(host), runs(host, link="previous"), releases(host)) == ("2", "1", {"1", "2"})


@pytest.mark.soak
def test_a_service_is_checked_before_the_switch_and_started_after(
    host: Host, wheelhouse: Path, colour: Path, key: PrivateKey, capsys: pytest.CaptureFixture[str]
) -> None:
    fake(host, "systemctl", 'case $1 in is-system-running) echo running;; *) echo "$@" >>"$HOME/systemctl.log";; esac')
    assert deployed(host, str(colour), "--service", "read 'camera:my one' --no-show") == 0
    calls = (host.home / "systemctl.log").read_text().splitlines()
    assert calls == ["daemon-reload", "enable edgeproof", "restart edgeproof"]
    (folder,) = Path("deployments").iterdir()
    checked = json.loads((folder / "service.txt").read_text())
    flag = ["--bundle", f"{host.home}/{PLACE}/current/bundle"]
    assert checked == ["1", "service", "install", "--dry-run", "--", "read", "camera:my one", "--no-show", *flag]
    keyed = signed_bundle(colour, key)
    signatures(wheelhouse)
    assert deployed(host, str(keyed), "--trust", "release.pub", "--no-measure", "--service", "read 0") == 0
    checked = [json.loads(file.read_text()) for file in Path("deployments").glob("*/service.txt")]
    there = ["--trust", f"{host.home}/{PLACE}/current/trusted/release.pub"]
    assert ["1", "service", "install", "--dry-run", "--", "read", "0", *flag, *there] in checked
    wheel(wheelhouse, "2", {"service": 2})
    assert deployed(host, "--service", "read 0") == 2
    assert runs(host) == "1"
    assert "--service: " in capsys.readouterr().err


def test_a_service_that_does_not_start_leaves_the_one_before(
    host: Host, wheelhouse: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fails = f'readlink "$HOME/{PLACE}/current" | grep -q "/[24]-" && {{ echo "Job failed" >&2; exit 1; }}'
    log = 'echo "$@" >>"$HOME/systemctl.log"'
    fake(host, "systemctl", f"case $1 in is-system-running) echo running;; restart) {log}; {fails}; exit 0;; esac")
    words = ("--service", "read 0", "--no-measure")
    assert deployed(host, *words) == 0
    wheel(wheelhouse, "2")
    assert deployed(host, *words) == 4
    said = capsys.readouterr().err
    assert "--service: it did not start: Job failed; 1-" in said
    assert "is current again, with its service" in said
    assert runs(host) == "1"
    assert not (host.home / PLACE / "previous").exists()
    assert (host.home / "systemctl.log").read_text().splitlines() == ["restart edgeproof"] * 3
    wheel(wheelhouse, "3")
    assert deployed(host, *words) == 0
    assert (runs(host), runs(host, link="previous")) == ("3", "1")
    fake(host, "systemctl", "[ $1 = is-system-running ] && echo running || exit 1")
    wheel(wheelhouse, "4")
    assert deployed(host, *words) == 4
    assert "is current again, and its service: exit code 1" in capsys.readouterr().err


def test_a_release_that_still_runs_is_kept(host: Host, wheelhouse: Path) -> None:
    assert deployed(host, "--no-measure") == 0
    release = (host.home / PLACE / "current").resolve()
    library = release / "venv" / "library"
    library.write_bytes(bytes(4096))
    by_link = host.home / PLACE / "current" / "venv" / "library"
    code = "import mmap, sys; file = open(sys.argv[1]); kept = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ); file.close()"
    code += "; print(flush=True); sys.stdin.read()"
    words = [PYTHON, "-c", code, by_link]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as service:
        assert service.stdout and service.stdin
        service.stdout.readline()
        for version in ("2", "3"):
            wheel(wheelhouse, version)
            assert deployed(host, "--no-measure") == 0
        assert releases(host) == {"1", "2", "3"}
        service.stdin.close()
        service.wait()
    assert deployed(host) == 0
    assert releases(host) == {"2", "3"}


def test_a_full_disk_is_told_as_such(
    host: Host, wheelhouse: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "large").mkdir()
    (tmp_path / "large" / "one").write_bytes(os.urandom(2**19))  # more than one part of what is sent
    program = wheel(wheelhouse, "1", bundle=tmp_path / "large")
    place = host.home / PLACE
    (place / "wheels").mkdir(parents=True)
    (place / ".edgeproof-deploy").touch()
    part = place / "wheels" / f"{program.name}.part"
    part.symlink_to("/dev/full")
    assert deployed(host) == 1
    assert "bytes, found: No space left on device: free some disk there" in capsys.readouterr().err
    assert not part.is_symlink()
    assert deployed(host, "--no-measure") == 0
    said = {"code": 1, "out": "", "err": "ERROR: [Errno 28] Kein Platz"}
    told = deploy._not_installed("x", said)
    assert (told.exit_code, "wheelhouse" in str(told)) == (1, False)


def test_what_follows_a_full_disk_is_no_request(tmp_path: Path) -> None:
    """The rest of a file that could not be written is passed over, and the next request is answered."""
    (tmp_path / "place").mkdir()
    (tmp_path / "place" / ".edgeproof-deploy").touch()
    (tmp_path / "place" / "one.part").symlink_to("/dev/full")
    put = {"do": "put", "path": "one", "size": 2**20, "sha256": ""}
    requests = [{"do": "open", "place": str(tmp_path / "place"), "wait_s": 0}, put, {"do": "sweep"}]
    first, second, third = (json.dumps(request).encode() + b"\n" for request in requests)
    program = Path(deploy.__file__).with_name("on_host.py")
    sent = first + second + b"\xff\n" * 2**19 + third
    done = subprocess.run([sys.executable, program], input=sent, capture_output=True, check=False)
    _, _, refused, swept = map(json.loads, done.stdout.splitlines())
    assert "No space left on device" in refused["refused"]
    assert swept == {}


def test_what_does_not_end_is_ended_there(tmp_path: Path) -> None:
    """With all that it started, and the next request is answered."""
    code = "from edgeproof.deploy import on_host; on_host.LONGEST_S = 0.5; on_host.main()"
    far = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert far.stdin and far.stdout
    far.stdout.readline()
    hang = "sleep 300 & echo $! >&2; echo told; sleep 300"
    answers = []
    for request in (
        {"do": "open", "place": str(tmp_path / "place"), "wait_s": 0},
        {"do": "system", "words": ["sh", "-c", hang]},
        {"do": "system", "words": ["echo", "on"]},
    ):
        print(json.dumps(request), file=far.stdin, flush=True)
        answers.append(json.loads(far.stdout.readline()))
    far.communicate()
    _, hung, after = answers
    started, said = hung["err"].split("\n", 1)
    assert (hung["code"], hung["out"], said.strip()) == (124, "told\n", "no end within 0.5 s")
    assert after["out"] == "on\n"
    state = Path(f"/proc/{started}/stat")  # a dead one may wait to be asked for
    assert not state.exists() or state.read_text().split()[2] == "Z"


def test_a_users_service_that_ends_with_the_session_is_told(
    host: Host, wheelhouse: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wheel(wheelhouse, "1", says={"service": "systemctl --user daemon-reload"})
    fake(host, "systemctl", "echo running")
    for linger in ("no", "yes"):
        fake(host, "loginctl", f'[ "$*" = "show-user $(id -u) --property=Linger" ] && echo Linger={linger}')
        assert deployed(host, "--no-measure", "--service", "read 0") == 0
        said = capsys.readouterr().out
        assert "service edgeproof runs; its log: journalctl --user -u edgeproof -f" in said
        assert ("loginctl enable-linger" in said) == (linger == "no")


@pytest.mark.soak
def test_all_that_a_device_needs(host: Host) -> None:
    """With the wheels of `make wheelhouse`, whose folder EDGEPROOF_WHEELHOUSE names, and no network there."""
    folder = os.environ.get("EDGEPROOF_WHEELHOUSE")
    if folder is None:
        pytest.skip("EDGEPROOF_WHEELHOUSE does not point to a wheelhouse")
    assert deployed(host, "--wheelhouse", folder) == 0
    (reports,) = Path("deployments").iterdir()
    assert "❌" not in (reports / "verify.txt").read_text()
    assert json.loads((reports / "deployment.json").read_text())["checks"]["verify"] == 0


@pytest.mark.soak
def test_a_device_checks_the_signature_itself(host: Host, colour: Path, key: PrivateKey) -> None:
    """With wheels of `make wheelhouse EXTRAS=sign`, cryptography among them."""
    folder = os.environ.get("EDGEPROOF_WHEELHOUSE")
    if folder is None or not list(Path(folder).rglob("cryptography-*")):
        pytest.skip("EDGEPROOF_WHEELHOUSE does not point to a wheelhouse with cryptography")
    keyed = signed_bundle(colour, key)
    assert deployed(host, str(keyed), "--trust", "release.pub", "--no-measure", "--wheelhouse", folder) == 0
    (verified,) = Path("deployments").glob("*/verify.txt")
    assert key.public.fingerprint in verified.read_text()
    program, there = host.home / PLACE / "current" / "venv" / "bin" / "edgeproof", host.home / PLACE / "current"
    verify = [program, "verify", there / "bundle", "--trust", there / "trusted" / "release.pub"]
    (there / "bundle" / "manifest.sig").unlink()
    done = subprocess.run(verify, capture_output=True, text=True, check=False)
    assert (done.returncode, "expected a signature by" in done.stderr) == (6, True)
