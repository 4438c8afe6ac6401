"""Without the extra the page is one line, and everything else starts without it."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("package", ["starlette", "uvicorn", "prometheus_client"])
def test_a_missing_package_is_one_line_that_says_what_to_install(package):
    code = (
        f"import sys; sys.modules['{package}'] = None\n"
        "from edgeproof.errors import UnavailableError\n"
        "try: import edgeproof.web.server\n"
        "except UnavailableError as error: print(error)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.startswith("--web: expected starlette, uvicorn and prometheus-client, found ")
    assert result.stdout.endswith(": install edgeproof[web]\n")
    assert result.stdout.count("\n") == 1


def test_the_address_is_parsed_without_any_of_them():
    code = "import edgeproof.web.address, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"starlette", "uvicorn", "prometheus_client", "cv2", "numpy"} & set(loaded)


def test_labelling_needs_no_runtime_and_no_opencv():
    code = "import edgeproof.web.label.page, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"cv2", "onnxruntime", "ai_edge_litert"} & set(loaded)
