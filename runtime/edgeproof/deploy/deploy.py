"""The steps of a deployment to one host. Up to the switch of a link everything happens beside what runs there; a bundle for slots
is tried just before."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from edgeproof.bundle import load_bundle
from edgeproof.deploy import facts, report, ssh, wheels
from edgeproof.deploy.address import Address
from edgeproof.deploy.facts import Facts
from edgeproof.deploy.plan import Plan, check, check_space, lacking, plan
from edgeproof.deploy.report import OK, THERE, Outcome
from edgeproof.deploy.ssh import Connection, Words
from edgeproof.errors import (
    MAX_REASON,
    BenchmarkError,
    EdgeproofError,
    GateError,
    IntegrityError,
    SourceError,
    UnavailableError,
    UsageError,
)
from edgeproof.support import files
from edgeproof.trust.trusted import Trust

Say = Callable[[str], None]
_ERRORS = {
    error.exit_code: error
    for error in (UsageError, GateError, UnavailableError, SourceError, IntegrityError, BenchmarkError)
}
LOCK_WAIT_S = 15.0  # for the end of a deployment that was cut off: it ends what it is doing, and sweeps
TIMED_OUT = 124  # the exit code of what did not end there in time
TRUSTED = "trusted"  # the folder of a release with the keys that were named
_LINGER = 'loginctl show-user "$(id -u)" --property=Linger'
SERVICE = "edgeproof"  # the name that `edgeproof service install` gives


@dataclass(frozen=True)
class Order:
    """What every host is to have.

    wheelhouse: folder of wheels, or of a folder for each architecture. bundle: folder; None: the one in edgeproof's wheel.
    slots: folder there that the bundle is tried and put into, in the deployment's folder unless absolute; None: none.
    service: words of `edgeproof read`; empty: none is installed. out: where reports go. measure: whether `tune` and
    `bench` run there. python: the interpreter to take there; None: the first that fits. options, config: of ssh. trust: the keys
    that a bundle has to be signed by, here and there; None: each machine's own decide.
    """

    wheelhouse: Path
    bundle: Path | None = None
    service: tuple[str, ...] = ()
    out: Path = Path("deployments")
    measure: bool = True
    python: str | None = None
    options: Sequence[str] = ()
    config: Path | None = None
    trust: Trust | None = None
    slots: PurePosixPath | None = None


@dataclass
class _Work:
    """A deployment under way. folder: of the reports. checks: exit codes of what ran there, by name."""

    host: Connection
    plan: Plan
    folder: Path
    say: Say
    checks: dict[str, int] = field(default_factory=dict)

    def step(self, doing: str) -> None:
        """A line of progress, which a lost connection is explained with too."""
        self.host.doing = doing
        self.say(doing)


def deploy(address: Address, order: Order, say: Say) -> Outcome:
    """Everything for one host, told line by line. Raises EdgeproofError; what ran there before then still does.

    Writes a folder of reports unless the host was refused before anything was done there.
    """
    began = time.monotonic()
    bundle, keys = _files_of(order.bundle, order.trust), _keys_of(order.trust)
    script = facts.script(address.path, order.python)
    say("asking what is there")
    words = ssh.command(address.login, "sh", order.options, order.config)
    found = facts.read(ssh.ask_shell(words, script, address.login), address.login)
    check(found, address.login, service=bool(order.service))
    chosen = plan(found, order.wheelhouse, bundle, address.login, keys=keys, service=bool(order.service))
    if order.trust and not bundle:
        wheels.check_bundle(chosen.program, order.trust)
    say(
        f"{chosen.architecture}, Python {'.'.join(map(str, chosen.python.version))}, {chosen.python.libc}: "
        f"{len(chosen.wheels)} wheels, release {chosen.release}"
    )
    remote = ssh.start_python(chosen.python.path)
    with Connection(ssh.command(address.login, remote, order.options, order.config), address.login) as host:
        there = host.ask("open", place=address.path, wait_s=LOCK_WAIT_S)
        work = _Work(host, chosen, report.folder_for(order.out, address.name), say)
        outcome = Outcome(address.login, report.FAILED, chosen.release, reason="interrupted", code=1)
        try:
            copied = _release(work, there, found, order)
            outcome = Outcome(address.login, THERE if copied is None else OK, chosen.release, copied or 0)
        except EdgeproofError as error:
            outcome = replace(outcome, reason=str(error), code=error.exit_code)
            if not host.lost:
                with contextlib.suppress(EdgeproofError):  # that one would hide the reason
                    host.ask("sweep")
            raise
        finally:
            outcome = replace(outcome, seconds=round(time.monotonic() - began, 1), checks=work.checks)
            report.keep_outcome(work.folder, outcome)
    say(f"reports: {work.folder}")
    return outcome


def _release(work: _Work, there: Words, found: Facts, order: Order) -> int | None:
    """Copy, install, prove, switch, as far as the host does not have it; returns the bytes copied, None where it was current."""
    release, root = work.plan.release, PurePosixPath(there["root"])
    copied: int | None = 0
    if there["current"] == release:
        work.say(f"{release} is there and current: nothing is copied")
        copied = None
    elif release in there["releases"]:
        work.say(f"{release} is there from before: nothing is copied")
    else:
        copied = _copy(work, there, found)
    bundle = _bundle_words(work, root)
    _verify(work, bundle)
    if order.measure and copied is not None:
        _measure(work, "tune", ["tune", *bundle, "--json", "-"])
        _measure(work, "bench", ["bench", *bundle, "--quick", "--duration", "0.25", "--json", "-"])
    slots = None if order.slots is None else str(root / order.slots)
    read = [*order.service, *_read_flags(work, root, slots)] if order.service else []
    if slots:
        work.host.ask("system", words=["mkdir", "-p", slots])  # the service is checked before anything is in it
    if read:
        _check_service(work, read)
    if slots:
        _update(work, [*bundle, "--slots", slots])
    before: str | None = None
    if copied is not None:
        work.step("switching to it")
        before = work.host.ask("switch", release=release, record=_record(work.plan))["previous"]
        work.say(f"{release} is current" + (f"; {before} is kept as previous" if before else ""))
    if read:
        _service(work, read, before)
    return copied


def _copy(work: _Work, there: Words, found: Facts) -> int:
    """The wheels that are not there, the program, the bundle; returns the bytes that were copied."""
    chosen = work.plan
    missing = lacking(chosen, there["wheels"])
    check_space(chosen, missing, found, work.host.login)
    copied = sum(wheel.bytes for wheel in missing)
    for number, wheel in enumerate(missing, 1):
        work.step(f"copying wheel {number} of {len(missing)}: {wheel.path.name} ({wheel.bytes / 1e6:.1f} MB)")
        work.host.put(wheel.path, f"wheels/{wheel.path.name}", chosen.wheels[wheel])
    work.step(f"installing {len(chosen.wheels)} wheels, without network")
    done = work.host.ask("install", release=chosen.release, wheels=[wheel.path.name for wheel in chosen.wheels])
    if done["code"]:
        report.keep(work.folder, "install.txt", done["out"] + done["err"])
        raise _not_installed(f"{work.host.login}: expected the wheels to install, found: {_reason(done)}", done)
    _place_keys(work)
    return copied + _place_bundle(work)


def _not_installed(said: str, done: Words) -> EdgeproofError:
    """Of the machine, or of the wheels."""
    if re.search(r"\[Errno (28|122)\]|No space left", done["out"] + done["err"]):  # no room, none within the quota
        return EdgeproofError(f"{said}: free some disk there")
    if done["code"] == TIMED_OUT:
        return EdgeproofError(f"{said}: deploy again when it is less busy")
    return UnavailableError(f"{said}: make the wheelhouse anew")


def _place_keys(work: _Work) -> None:
    """The keys' way to the host, as a part of the release."""
    for path, digest in work.plan.keys.items():
        work.host.put(path, f"releases/{work.plan.release}/{TRUSTED}/{path.name}", digest)


def _place_bundle(work: _Work) -> int:
    """The bundle's way to the host, as a part of the release; returns its bytes."""
    if not work.plan.bundle:
        return 0
    work.step(f"copying the bundle, {len(work.plan.bundle)} files")
    for path, digest in work.plan.bundle.items():
        work.host.put(path, f"releases/{work.plan.release}/bundle/{path.name}", digest)
    return sum(path.stat().st_size for path in work.plan.bundle)


def _bundle_words(work: _Work, root: PurePosixPath) -> list[str]:
    """How a command there names the release's bundle, and whose it has to be; no word for the bundle of the wheel."""
    folder = f"{root}/releases/{work.plan.release}"
    return [*([f"{folder}/bundle"] if work.plan.bundle else []), *_trust_flag(work, folder)]


def _verify(work: _Work, bundle: Sequence[str]) -> None:
    """Raises the error that `edgeproof verify` ended with there."""
    work.step("verifying there: hashes and golden answers")
    done = _run(work, "verify", ["verify", *bundle], "verify.txt")
    if done["code"]:
        raise _error(done["code"])(f"edgeproof verify, on the host: {_reason(done)} ({work.folder / 'verify.txt'})")


def _measure(work: _Work, name: str, words: Sequence[str]) -> None:
    """What is fastest there, and how fast. What comes of it is told and changes nothing: the proof alone decides."""
    work.step(f"running edgeproof {name} there")
    done = _run(work, name, words, f"{name}.json")
    if done["code"] == BenchmarkError.exit_code:
        work.say(f"{name}: the machine was not steady, which changes nothing else: {_reason(done)}")
    elif done["code"]:
        work.say(f"{name} failed, which changes nothing else: {_reason(done)}")


def _run(work: _Work, name: str, words: Sequence[str], file: str) -> Words:
    done = work.host.ask("run", release=work.plan.release, words=list(words))
    work.checks[name] = done["code"]
    report.keep(work.folder, file, done["out"])
    if done["err"]:
        report.keep(work.folder, f"{name}-errors.txt", done["err"])
    return done


def _update(work: _Work, words: Sequence[str]) -> None:
    """The bundle into slots there, tried beside what they have, by the reader that goes on if there is one. Raises its error."""
    work.step("updating the slots there")
    done = _run(work, "update", ["update", *words], "update.txt")
    if done["code"]:
        raise _error(done["code"])(f"edgeproof update, on the host: {_reason(done)}")
    work.say(done["out"].strip())


def _check_service(work: _Work, words: Sequence[str]) -> None:
    """Before the switch: would such a service be written? Raises its error."""
    work.step("checking the service")
    done = _run(work, "service", ["service", "install", "--dry-run", "--", *words], "service.txt")
    if done["code"]:
        raise _error(done["code"])(f"--service: {_reason(done)}")


def _service(work: _Work, words: Sequence[str], before: str | None) -> None:
    """Started anew. Where it does not start, the release that was current before is so again, with its service.

    before: that release; None where none was switched from. Raises UnavailableError when it does not start.
    """
    work.step("installing the service")
    user, done = _started(work, words)
    if done["code"]:
        stays = "the release is current all the same"
        if before:
            work.host.ask("back")
            _, again = _started(work, words)
            stays = f"{before} is current again, " + (
                f"and its service: {_reason(again)}" if again["code"] else "with its service"
            )
        raise UnavailableError(f"--service: it did not start: {_reason(done)}; {stays}")
    work.say(f"service {SERVICE} runs; its log: journalctl {' '.join([*user, '-u', SERVICE, '-f'])}{_ends(work, user)}")


def _started(work: _Work, words: Sequence[str]) -> tuple[list[str], Words]:
    """Written by the current release's program by way of the link, so that it runs what is current; then started anew.

    Returns the words for the user's manager, where it is that, and how it ended.
    """
    install = ["service", "install", "--overwrite", "--name", SERVICE, "--", *words]
    done = work.host.ask("run", release="current", words=install)
    user = ["--user"] if "systemctl --user" in done["out"] else []
    for more in (["daemon-reload"], ["enable", SERVICE], ["restart", SERVICE]):
        if not done["code"]:
            done = work.host.ask("system", words=["systemctl", *user, *more])
    return user, done


def _ends(work: _Work, user: Sequence[str]) -> str:
    """What is to be done for a service of the user to outlive the user's sessions; empty where nothing is."""
    if not user or "Linger=yes" in work.host.ask("system", words=["sh", "-c", _LINGER])["out"]:
        return ""
    return (
        f"; it ends with the last session of {work.host.login}, and does not start with the machine: run there "
        "loginctl enable-linger"
    )


def _read_flags(work: _Work, root: PurePosixPath, slots: str | None) -> list[str]:
    """The same for a service, by way of what is current, or of the slots."""
    folder = f"{root}/current"
    read_with = ["--bundle", f"{folder}/bundle"] if work.plan.bundle else []
    return [*(["--slots", slots] if slots else read_with), *_trust_flag(work, folder)]


def _trust_flag(work: _Work, folder: str) -> list[str]:
    return [word for path in work.plan.keys for word in ("--trust", f"{folder}/{TRUSTED}/{path.name}")]


def _files_of(bundle: Path | None, trust: Trust | None) -> Mapping[Path, str]:
    """The files of a bundle that is whole and trusted, with their sha256. Raises IntegrityError."""
    if bundle is None:
        return {}
    folder = load_bundle(bundle, trust).path
    return {path: files.sha256(path) for path in sorted(folder.iterdir()) if path.is_file()}


def _keys_of(trust: Trust | None) -> Mapping[Path, str]:
    """The files of the keys, with their sha256. Raises UsageError for different ones of one name, which is theirs there too."""
    found: dict[str, tuple[Path, str]] = {}
    for key in trust.keys if trust else ():
        digest = files.sha256(key.file)
        if found.setdefault(key.file.name, (key.file, digest))[1] != digest:
            raise UsageError(f"--trust: expected files of different names, found two keys {key.file.name}: rename one")
    return dict(found.values())


def _record(chosen: Plan) -> Words:
    """What the host keeps of a release."""
    return {
        "release": chosen.release,
        "python": chosen.python.path,
        "wheels": {wheel.path.name: digest for wheel, digest in chosen.wheels.items()},
        "bundle": {path.name: digest for path, digest in chosen.bundle.items()},
        "trusted": {path.name: digest for path, digest in chosen.keys.items()},
    }


def _error(code: int) -> type[EdgeproofError]:
    return _ERRORS.get(code, EdgeproofError)


def _reason(done: Words) -> str:
    lines = (done["err"].strip() or done["out"].strip() or f"exit code {done['code']}").splitlines()
    return str(lines[-1]).strip()[:MAX_REASON]
