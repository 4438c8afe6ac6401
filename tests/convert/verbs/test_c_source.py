"""The C source of int8.tflite: it holds the very file, a host compiler takes it, and tflite-micro answers as LiteRT does."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from convert.verbs.c_source import (
    OPERATORS,
    Agreement,
    arena_bytes,
    c_main,
    c_source,
    compare,
    program_operators,
    write_c_source,
)
from edgeproof.bundle import load_bundle
from edgeproof.errors import GateError, UsageError

pytest.importorskip("tflite_micro", reason="tflite-micro comes for x86-64 only")
BUNDLE = load_bundle()
ROW = BUNDLE.manifest.artifact("int8.tflite")
HEADERS = Path(__file__).parent / "tflite_micro"
NEEDS_COMPILER = pytest.mark.skipif(shutil.which("g++") is None, reason="no C++ compiler")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("c") / "model"
    write_c_source(BUNDLE, out)
    return out


def compiled(*words: str | Path) -> None:
    result = subprocess.run(list(map(str, words)), capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


@NEEDS_COMPILER
def test_the_program_compiles_against_the_header(source: Path) -> None:
    """Against declarations of tflite-micro's interface, which its Python package does not bring along."""
    flags = ("-std=c++17", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I", source, "-I", HEADERS)
    compiled("g++", *flags, source / "main.cpp")
    broken = source.parent / "main.cpp"
    broken.write_text((source / "main.cpp").read_text().replace("AddConv2D", "AddConv3D"))
    assert subprocess.run(["g++", *map(str, flags), str(broken)], capture_output=True, check=False).returncode != 0


@NEEDS_COMPILER
def test_every_operator_that_may_be_added_is_declared(tmp_path: Path, source: Path) -> None:
    (tmp_path / "main.cpp").write_text(c_main(tuple(OPERATORS)))
    compiled("g++", "-std=c++17", "-fsyntax-only", "-I", source, "-I", HEADERS, tmp_path / "main.cpp")


@NEEDS_COMPILER
def test_the_constant_is_the_file(source: Path, tmp_path: Path) -> None:
    """Compiled as C and as C++, written out by the program itself, and aligned."""
    (tmp_path / "dump.c").write_text(
        '#include <stdio.h>\n#include "edgeproof_model.h"\nint main(void) {\n'
        "  if ((uintptr_t)edgeproof_model % 16) return 1;\n"
        "  return fwrite(edgeproof_model, 1, EDGEPROOF_MODEL_BYTES, stdout) != EDGEPROOF_MODEL_BYTES;\n}\n"
    )
    for compiler, standard in (("gcc", "-std=c11"), ("g++", "-std=c++17")):
        files = (source / "edgeproof_model.c", tmp_path / "dump.c")
        compiled(compiler, standard, "-Wall", "-Wextra", "-Werror", "-I", source, *files, "-o", tmp_path / "dump")
        dumped = subprocess.run([tmp_path / "dump"], capture_output=True, check=True).stdout
        assert dumped == BUNDLE.content(ROW)


def test_the_header_says_what_was_measured(source: Path) -> None:
    header = (source / "edgeproof_model.h").read_text()
    arena = arena_bytes(BUNDLE.content(ROW))
    assert f"#define EDGEPROOF_ARENA_BYTES {arena}\n" in header
    assert arena % 16 == 0
    assert 28 * 28 < arena < ROW.bytes, "at least the picture; far less than the weights, which stay in flash"
    assert ROW.output is not None
    assert f"#define EDGEPROOF_SCALE {ROW.output.scale!r}f\n" in header
    assert f"sha256 {ROW.sha256}" in header


def test_tflite_micro_answers_as_litert() -> None:
    """Permitted: a step of the output's scale, by rounding; no answer to a golden image may change."""
    agreement = compare(BUNDLE, ROW, BUNDLE.golden.images, say=lambda _: None)
    assert agreement.images == len(BUNDLE.golden.labels)
    assert agreement.different == 0
    assert agreement.steps <= 1


def test_what_cannot_be_written(source: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="already exists"):
        write_c_source(BUNDLE, source)
    with pytest.raises(UsageError, match="expected a usable one with bytes at both ends: int8"):
        write_c_source(BUNDLE, tmp_path / "x", artifact="fp32.tflite")


def test_an_operator_that_no_program_adds_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(OPERATORS, "CONV_2D")
    with pytest.raises(GateError, match="operator CONV_2D"):
        program_operators(BUNDLE.content(ROW))


def test_every_operator_that_tflite_micro_has_is_known() -> None:
    """Read from its library: the names with which it registers kernels, as far as TensorFlow Lite has such an operator."""
    from ai_edge_litert.schema_py_generated import BuiltinOperator
    from tflite_micro.python.tflite_micro import _runtime

    registered = {
        name.decode() for name in re.findall(rb"Register_([A-Z0-9_]+)Ev", Path(_runtime.__file__).read_bytes())
    }
    needs_more = {"IF", "WHILE", "CALL_ONCE", "VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE"}
    assert len(OPERATORS) > 90
    assert registered & vars(BuiltinOperator).keys() - needs_more <= OPERATORS.keys()


@NEEDS_COMPILER
def test_no_name_breaks_the_source(tmp_path: Path) -> None:
    """Names as a hand-written manifest could have them, which the compiled program must give back byte for byte."""
    names = ['"', "\\", "a\nb", "??/", "??=", "*/", "//", "é0", "\u202e", "%d\t", "\0177"]
    manifest = replace(BUNDLE.manifest, name='x */ int y = "', classes=tuple(names))
    header, code = c_source(replace(BUNDLE, manifest=manifest), ROW, b"model", 16, Agreement(1, 0, 0))
    (tmp_path / "edgeproof_model.h").write_text(header)
    (tmp_path / "edgeproof_model.c").write_text(code)
    (tmp_path / "dump.c").write_text(
        '#include <stdio.h>\n#include "edgeproof_model.h"\nint main(void) {\n'
        '  for (int i = 0; i < EDGEPROOF_CLASSES; ++i) printf("%s%c", edgeproof_classes[i], 1);\n  return 0;\n}\n'
    )
    files = (tmp_path / "edgeproof_model.c", tmp_path / "dump.c")
    compiled("gcc", "-std=c11", "-trigraphs", "-Wall", "-Werror", "-I", tmp_path, *files, "-o", tmp_path / "dump")
    dumped = subprocess.run([tmp_path / "dump"], capture_output=True, check=True).stdout
    assert dumped.decode().split("\1")[:-1] == [name.partition("\0")[0] for name in names]
