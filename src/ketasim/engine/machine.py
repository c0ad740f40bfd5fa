"""LLVM text to machine code, and machine code to callable addresses (llvmlite, imported when first needed)."""

from __future__ import annotations

import ctypes
import threading
from dataclasses import dataclass, field
from functools import cache
from typing import Any

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


def build_object(text: str, level: int = 2) -> bytes:
    """Machine code (an object file) of a module. The text is ours, so an error here is a defect of the engine."""
    llvm = binding()
    triple, name, features, _ = processor()
    with _lock:
        module = llvm.parse_assembly(text)
        machine = llvm.Target.from_triple(triple).create_target_machine(
            cpu=name, features=features, opt=level, reloc="pic", codemodel="small" if "x86_64" in triple else "default")
        builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=1))
        passes = llvm.create_new_function_pass_manager()
        passes.add_sroa_pass()
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
    return binding().create_lljit_compiler()


def load_object(data: bytes, names: tuple[str, ...]) -> Code:
    """Links an object file into this process."""
    global _count
    llvm = binding()
    with _lock:
        _count += 1
        builder = llvm.JITLibraryBuilder().add_object_img(data).add_current_process()
        for name in names:
            builder = builder.export_symbol(name)
        tracker = builder.link(_jit(), f"ketasim{_count}")
        return Code(tracker, {name: tracker[name] for name in names})
