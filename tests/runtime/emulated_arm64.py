"""A 64-bit ARM device without one: a Debian root of arm64 whose programs qemu-user runs, deployed to over a real ssh.

    python tests/runtime/emulated_arm64.py FOLDER WHEELHOUSE DIGITS.npz [--cpu cortex-a72]

There `edgeproof deploy` installs the wheels of arm64 and verifies (golden answers, on every backend); then digits (images uint8
(n, 28, 28), labels) are classified, there and here, by the same file. Exit code 3 when fewer are right there than here less
`ALLOWED`, 2 where something to do it with is missing. The root is kept in FOLDER for the next time.
The user root alone can make it.

qemu interprets each instruction of ARM: answers are those of its instructions, speeds are of no worth.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.runtime.deploy.far_side import SSHD, far_side

PACKAGES = "python3,python3-venv"
#: Digits in a thousand. Kernels of another CPU round otherwise, and two near ties may fall on the other side; seen were none.
ALLOWED = 2
PAIRS = (
    ("int8.tflite", "litert"),
    ("int8-dynamic.tflite", "litert"),
    ("int8.onnx", "onnxruntime"),
    ("fp32.onnx", "opencv"),
)
TOOLS = {
    "debootstrap": "debootstrap", "dpkg-deb": "dpkg", "unshare": "util-linux", "qemu-aarch64-static": "qemu-user-static",
    "ssh": "openssh-client",
}  # fmt: skip
# A namespace of its own, so that nothing of this machine's is changed: the emulator is registered for it alone, and opened at
# once (F), so that the root need not hold it.
_ENTER = r"""#!/bin/bash
set -eu
PATH=$PATH:/usr/sbin:/sbin
if [ "${{1:-}}" != inside ]; then
    exec unshare --user --map-root-user --mount --pid --fork --kill-child "$0" inside "$SSH_ORIGINAL_COMMAND"
fi
mount -t binfmt_misc none /proc/sys/fs/binfmt_misc
mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
echo ':arm64:M::\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00:'"$mask:{qemu}:F" \
    >/proc/sys/fs/binfmt_misc/register
mount -t proc proc {root}/proc
for folder in dev sys; do mount --rbind /$folder {root}/$folder; done
exec chroot {root} /usr/bin/env -i HOME=/root PATH=/usr/bin:/bin QEMU_CPU={cpu} /bin/sh -c "$2"
"""
_ACCURACY = """
import json, sys
import numpy as np
from edgeproof.bundle import load_bundle
from edgeproof.classifier import open_classifier
digits = np.load(sys.argv[1])
right = {}
for artifact, backend in json.loads(sys.argv[2]):
    with open_classifier(load_bundle(), artifact, backend, "cpu") as classifier:
        answers = np.concatenate([classifier.logits(part).argmax(1) for part in np.split(digits["images"], 20)])
    right[artifact] = [int((answers == digits["labels"]).sum()), answers.tolist()]
print(json.dumps(right))
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("wheelhouse", type=Path)
    parser.add_argument("digits", type=Path)
    parser.add_argument(
        "--cpu", default="cortex-a72", help="a name of qemu-aarch64-static -cpu help (that of a Raspberry Pi 4)"
    )
    args = parser.parse_args()
    folder = args.folder.resolve()
    if lacking := missing(folder / "root"):
        print(f"no arm64 here: {lacking}", file=sys.stderr)
        return 2
    root = made(folder / "root")
    shutil.rmtree(folder / "far", ignore_errors=True)
    enter = folder / "enter"
    enter.write_text(_ENTER.format(root=root, qemu=shutil.which("qemu-aarch64-static"), cpu=args.cpu))
    enter.chmod(0o755)
    (folder / "far").mkdir()
    with far_side(folder / "far" / "side", through=enter) as host:
        words = [
            "deploy",
            "127.0.0.1",
            "--wheelhouse",
            str(args.wheelhouse),
            "--no-measure",
            "--ssh-config",
            str(host.config),
        ]
        done = subprocess.run([sys.executable, "-m", "edgeproof", *words, "--out", folder / "reports"], check=False)
        if done.returncode:
            return done.returncode
        print((newest(folder / "reports") / "verify.txt").read_text())
        return compared(root, enter, args.digits, args.cpu)


def missing(root: Path) -> str:
    """What to install, or to be; empty when all is there."""
    lacking = [package for tool, package in TOOLS.items() if shutil.which(tool) is None]
    lacking += [] if SSHD else ["openssh-server"]
    if lacking:
        return f"on Debian, apt-get install {' '.join(lacking)}"
    if os.geteuid() and not os.access(root / "root", os.W_OK):  # debootstrap makes devices, and what it makes is root's
        return (
            f"expected to be root, who makes {root}, found user {os.geteuid()}: run it as root (sudo make test-arm64)"
        )
    words = [
        "unshare",
        "--user",
        "--map-root-user",
        "--mount",
        "mount",
        "-t",
        "binfmt_misc",
        "none",
        "/proc/sys/fs/binfmt_misc",
    ]
    tried = subprocess.run(words, capture_output=True, text=True, check=False)
    return (
        ""
        if tried.returncode == 0
        else f"expected a binfmt_misc of a namespace's own (Linux 6.7), found: {tried.stderr.strip()}"
    )


def made(root: Path) -> Path:
    """A root with Python: debootstrap fetches the packages, all are unpacked, and none is configured."""
    if root.exists():
        return root
    part = root.with_name("root.part")
    shutil.rmtree(part, ignore_errors=True)
    part.parent.mkdir(parents=True, exist_ok=True)
    fetch = f"debootstrap --foreign --arch=arm64 --variant=minbase --include={PACKAGES} bookworm".split()
    mirror = os.environ.get("DEBIAN_MIRROR")
    subprocess.run([*fetch, str(part), *([mirror] if mirror else [])], check=True, stdout=subprocess.DEVNULL)
    for package in (part / "var/cache/apt/archives").glob("*.deb"):
        tar = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE)
        subprocess.run(["tar", "-x", "--keep-directory-symlink", "-C", part], stdin=tar.stdout, check=True)
        tar.wait()
    return part.rename(root)


def compared(root: Path, enter: Path, digits: Path, cpu: str) -> int:
    """The table: right answers there and here, by the same files. Returns the exit code."""
    for name, content in (("digits.npz", digits.read_bytes()), ("accuracy.py", _ACCURACY.encode())):
        (root / "root" / name).write_bytes(content)
    pairs = json.dumps(PAIRS)
    python = (
        "~/edgeproof/current/venv/bin/python -I ~/accuracy.py ~/digits.npz"  # of its own root, HOME as `enter` sets it
    )
    there = answers([str(enter)], SSH_ORIGINAL_COMMAND=f"{python} '{pairs}'")
    here = answers([sys.executable, "-c", _ACCURACY, str(digits), pairs])
    count = len(np.load(digits)["labels"])
    print(f"right of {count} MNIST test digits; arm64 ({cpu}, emulated) beside {os.uname().machine}")
    print(f"{'artifact':<20} {'backend':<12} {'arm64':>6} {'here':>6} {'same answer':>12}")
    for artifact, backend in PAIRS:
        same = sum(a == b for a, b in zip(there[artifact][1], here[artifact][1], strict=True))
        print(f"{artifact:<20} {backend:<12} {there[artifact][0]:>6} {here[artifact][0]:>6} {same:>12}")
    return 3 if any(there[name][0] < here[name][0] - ALLOWED for name, _ in PAIRS) else 0


def answers(words: list[str], **variables: str) -> dict[str, tuple[int, list[int]]]:
    """By artifact: how many are right, and each answer."""
    said = subprocess.run(words, env={**os.environ, **variables}, stdout=subprocess.PIPE, text=True, check=True).stdout
    found: dict[str, tuple[int, list[int]]] = json.loads(said.splitlines()[-1])
    return found


def newest(folder: Path) -> Path:
    return max(folder.iterdir(), key=lambda path: path.stat().st_mtime)


if __name__ == "__main__":
    sys.exit(main())
