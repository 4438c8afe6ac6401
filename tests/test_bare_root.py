"""The root of the image, made of this machine's Python: complete, and with nothing beside it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

CHROOT = shutil.which("chroot", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
ROOT = Path(__file__).parents[1]
#: The modules of the standard library that libraries of the machine are needed for.
MODULES = "bz2, ctypes, hashlib, lzma, sqlite3, ssl, uuid, zlib"


@pytest.mark.skipif(sys.platform != "linux", reason="chroot and ldd")
def test_python_runs_where_nothing_else_is(tmp_path: Path) -> None:
    environment, root = tmp_path / "venv", tmp_path / "root"
    venv.create(environment, symlinks=True)
    made = [sys.executable, ROOT / "docker" / "bare_root.py", environment, root]
    subprocess.run(made, check=True)
    enter = ["unshare", "--user", "--map-root-user", str(CHROOT), root]
    if subprocess.run([*enter[:3], "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine gives no namespace to its users")
    code = f"import {MODULES}, sys; print(sys.prefix, len(ssl.create_default_context().get_ca_certs()))"
    bare = {"PATH": "/usr/bin:/bin"}  # nothing says where certificates are
    said = subprocess.run(
        [*enter, environment / "bin" / "python", "-I", "-c", code], capture_output=True, text=True, check=True, env=bare
    )
    prefix, authorities = said.stdout.split()
    assert prefix == str(environment)
    assert int(authorities) > 0 or not Path("/etc/ssl/certs/ca-certificates.crt").exists()
    assert not list(root.rglob("sh"))
    assert not list(root.rglob("pip"))
