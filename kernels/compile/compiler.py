"""How numba turns a kernel into machine code that runs without numba.

The kernels work on numbers and addresses alone: no array objects, no exceptions, nothing of numba's runtime.
Their machine code therefore needs nothing around it, and later processes load it without the compiler
(`rowscope.kernels.compile.machine_code`), which takes a quarter of a second and 70 MB to import.
"""
# mypy: disable-error-code="no-untyped-call, no-any-return"

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import llvmlite.binding as llvm
import numba
from numba import types

from rowscope.kernels.arguments import elements

Function = TypeVar("Function", bound=Callable[..., Any])

_OPTIONS: dict[str, Any] = {
    "nogil": True,
    "error_model": "numpy",
    # Sums may be reordered and fused, which vector code needs. NaN and infinity keep their meaning: with
    # the full set of flags the compiler assumes that there are none and drops every test for them.
    "fastmath": {"reassoc", "contract", "nsz"},
}

_EXACT: dict[str, Any] = {**_OPTIONS, "fastmath": False}

# What machine code may call besides itself: what the compiler puts in for loops that copy or clear.
_FOREIGN = frozenset({"memcpy", "memset", "memmove"})


def part(function: Function) -> Function:
    """Compile a piece of the kernels."""
    return cast(Function, numba.njit(**_OPTIONS)(function))


def exact_part(function: Function) -> Function:
    """As `part`, but every operation is rounded as it is written."""
    return cast(Function, numba.njit(**_EXACT)(function))


def inlined_part(function: Function) -> Function:
    """As `exact_part`, put into its caller whatever its size: for what is called once a row."""
    return cast(Function, numba.njit(**_EXACT, forceinline=True)(function))


def compile_kernel(
    function: Callable[..., Any], kinds: tuple[type[Any], ...], name: str, *, exact: bool = False
) -> bytes:
    """An object file with a kernel as the only symbol, `name`.

    It takes two addresses that numba's calling convention wants (a result that is never there, and an
    exception that is never raised), then the fields of the named tuples `kinds`, one by one. An `exact` one
    rounds every operation as it is written: numba gives its liberties to all arithmetic of a function.

    Raises:
        AssertionError: the machine code would need something of numba's at run time.
    """
    dispatcher: Any = numba.njit(**(_EXACT if exact else _OPTIONS))(function)
    signature = tuple(_tuple_type(kind) for kind in kinds)
    dispatcher.compile(signature)
    (compiled,) = dispatcher.overloads.values()
    module = llvm.parse_assembly(compiled.library.get_llvm_str())
    entry = compiled.fndesc.llvm_func_name
    for defined in module.functions:
        if defined.name == entry:
            defined.name = name
        elif not defined.is_declaration:
            defined.linkage = "internal"
    target = _target_machine(compiled)
    _drop_unused(module, target)
    needed = {f.name for f in module.functions if f.is_declaration and not f.name.startswith("llvm.")}
    assert needed <= _FOREIGN, f"the kernel {name} calls {sorted(needed - _FOREIGN)}"
    return target.emit_object(module)


def _tuple_type(kind: type[Any]) -> Any:  # noqa: ANN401 - a type of numba's
    fields = [
        types.int64 if dtype is None else types.CPointer(numba.from_dtype(dtype))
        for dtype in elements(kind).values()
    ]
    return types.NamedTuple(fields, kind)


def _target_machine(compiled: Any) -> Any:  # noqa: ANN401 - of llvmlite
    """As numba's own: its processor and features, which the environment can choose."""
    triple, processor, features = compiled.library.codegen.magic_tuple()
    target = llvm.Target.from_triple(triple)
    return target.create_target_machine(
        cpu=processor, features=features, opt=3, reloc="pic", codemodel="jitdefault", jit=True
    )


def _drop_unused(module: Any, target: Any) -> None:  # noqa: ANN401 - of llvmlite
    """Remove the entry points for the interpreter and what only they call."""
    tuning = llvm.create_pipeline_tuning_options(speed_level=0)
    passes = llvm.create_new_module_pass_manager()
    passes.add_global_dead_code_eliminate_pass()
    passes.run(module, llvm.create_pass_builder(target, tuning))
