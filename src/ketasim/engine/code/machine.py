"""LLVM text to machine code, and machine code to callable addresses (llvmlite, imported when first needed)."""

from __future__ import annotations

import ctypes
import re
import sys
import threading
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from ketasim.core import UsageError

LONG = 12_000  # lines of a function that the optimiser is not asked to look at
MOST_EFFORT = 120_000**2  # sum of the squares of the lengths; about 10 s of one core
DEFINITION = re.compile(r"^define void @(?P<name>\w+)\((?P<arguments>[^)]*)\).*?^\}", re.MULTILINE | re.DOTALL)
REGISTER_BYTES = (("avx512f", 64), ("avx", 32), ("sse2", 16), ("neon", 16))
_lock = threading.Lock()


@cache
def binding() -> Any:
    """llvmlite.binding, with the native target made ready."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()  # type: ignore[no-untyped-call]
    llvm.initialize_native_asmprinter()  # type: ignore[no-untyped-call]
    return llvm


@cache
def processor() -> tuple[str, str, str, str]:
    """Triple, processor name, feature string of this machine, and the version of LLVM."""
    llvm = binding()
    version = ".".join(map(str, llvm.llvm_version_info))
    return llvm.get_process_triple(), llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten(), version


def is_x86() -> bool:
    return processor()[0].split("-")[0] in ("x86_64", "i386", "i686", "amd64")


def llvm_version() -> int:
    """Major version of LLVM."""
    return int(binding().llvm_version_info[0])


@cache
def register_bytes() -> int:
    """Width of one vector register."""
    features = set(processor()[2].split(","))
    for name, size in REGISTER_BYTES:
        if f"+{name}" in features:
            return size
    return 16


def build_object(text: str) -> bytes:
    """Machine code of a module: one object file, or two. The text is ours, so an error here is a defect of the engine.

    What LLVM's optimiser takes grows with the square of a function's length. Long functions, which are one long sequence of
    sums and elementary functions, are therefore translated without it. Raises UsageError for those that take minutes even so.
    """
    long, short = _by_length(text)
    return b"".join(
        len(code).to_bytes(8, "little") + code
        for code in ([_object(short, 2), _object(long, 0)] if long else [_object(short, 2)])
    )


def _by_length(text: str) -> tuple[str, str]:
    """The module with the long functions (empty if there are none), and that with the rest; each declares the other's."""
    found = list(DEFINITION.finditer(text))
    lengths = [f[0].count("\n") for f in found]
    effort = sum(n * n for n in lengths)
    if effort > MOST_EFFORT:
        raise UsageError(
            f"the model is too large: the code of its rates has {max(lengths):,} instructions in one piece",
            where="compile_model",
            allowed=f"about {int(MOST_EFFORT**0.5):,}",
            fix="shorter formulas; the rate of one state is one piece, sin and exp are about 60 instructions each",
        )
    long = [f for f, n in zip(found, lengths, strict=True) if n > LONG]
    if not long:
        return "", text
    declared = [line for line in text.split("\n") if line.startswith("declare")]
    first = "\n".join([*declared, *(_declaration(f) for f in found if f not in long), *(f[0] for f in long)])
    pieces, end = [], 0
    for f in long:
        pieces += [text[end : f.start()], _declaration(f)]
        end = f.end()
    return first + "\n", "".join([*pieces, text[end:]])


def _declaration(definition: re.Match[str]) -> str:
    arguments = re.sub(r" %\w+", "", definition["arguments"])
    return f"declare void @{definition['name']}({arguments})"


def _object(text: str, level: int) -> bytes:
    llvm = binding()
    triple, name, features, _ = processor()
    with _lock:
        module = llvm.parse_assembly(text)
        machine = llvm.Target.from_triple(triple).create_target_machine(
            cpu=name, features=features, opt=level, reloc="pic", codemodel="small" if "x86_64" in triple else "default"
        )
        builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=1))
        passes = llvm.create_new_function_pass_manager()
        passes.add_sroa_pass()
        if level:
            passes.add_instruction_combine_pass()
            passes.add_simplify_cfg_pass()
        for function in module.functions:
            if not function.is_declaration:
                passes.run(function, builder)
        return bytes(machine.emit_object(module))


@dataclass
class Code:
    """Loaded machine code; the addresses stay valid as long as this object lives."""

    tracker: Any
    addresses: dict[str, int] = field(default_factory=dict)

    def function(self, name: str, *arguments: Any) -> Any:
        return ctypes.CFUNCTYPE(None, *arguments)(self.addresses[name])


_count = 0


@cache
def _jit() -> Any:
    """The linker. JITLink puts all sections of an object into one block; the older one asks for memory section by section, and where the
    process had only gaps left nearby, code and constants came to lie more than 2 GB apart: LLVM then ended the process."""
    return binding().create_lljit_compiler(use_jit_link=sys.platform != "win32")  # COFF is not JITLink's yet


def load_object(data: bytes, names: tuple[str, ...]) -> Code:
    """Links what `build_object` gave into this process."""
    global _count
    llvm = binding()
    with _lock:
        _count += 1
        builder = llvm.JITLibraryBuilder().add_current_process()
        while data:
            size = int.from_bytes(data[:8], "little")
            builder = builder.add_object_img(data[8 : 8 + size])
            data = data[8 + size :]
        for name in names:
            builder = builder.export_symbol(name)
        tracker = builder.link(_jit(), f"ketasim{_count}")
        return Code(tracker, {name: tracker[name] for name in names})
