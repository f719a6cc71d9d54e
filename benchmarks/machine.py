"""What the measurements were taken on: processor, clock, peak arithmetic, versions."""

import importlib.metadata
import os
import platform
from time import perf_counter

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from threadpoolctl import threadpool_info

from reservoir.kernels.compilation import compiled

PACKAGES = ("numpy", "scipy", "scikit-learn", "numba", "reservoirpy")
_CHAINS = 12  # independent sums: enough to hide the latency of a multiply-add on two pipes
_WIDTH = 8  # doubles per sum


def processor() -> str:
    """Model name of the processor."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            facts = dict(line.split(":", 1) for line in lines if ":" in line)
        facts = {key.strip(): value.strip() for key, value in facts.items()}
        return f"{facts['model name']} (family {facts['cpu family']}, model {facts['model']})"
    except (OSError, KeyError):
        return platform.processor() or platform.machine()


def versions() -> str:
    """Versions of Python and of the packages that do the work."""
    parts = [f"Python {platform.python_version()}"]
    return ", ".join(parts + [f"{name} {importlib.metadata.version(name)}" for name in PACKAGES])


def blas() -> str:
    """Linear algebra libraries in this process, their kernels and threads."""
    found = {
        f"{i['internal_api']} {i['version']} ({i.get('architecture', '?')}), threads: {i['num_threads']}"
        for i in threadpool_info()
        if i["user_api"] == "blas"
    }
    return "; ".join(sorted(found))


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@intrinsic
def _multiply_adds(typingctx, n_rounds, factor):
    """``n_rounds`` times a multiply-add on each of ``_CHAINS`` independent vectors; returns one number of them."""

    def codegen(context, builder, signature, args):
        vector = ir.VectorType(ir.DoubleType(), _WIDTH)
        operand = ir.Constant(vector, ir.Undefined)
        for lane in range(_WIDTH):
            operand = builder.insert_element(operand, args[1], ir.Constant(ir.IntType(32), lane))
        totals = [cgutils.alloca_once(builder, vector) for _ in range(_CHAINS)]
        for start, total in enumerate(totals):
            builder.store(ir.Constant(vector, [float(start)] * _WIDTH), total)
        with cgutils.for_range(builder, args[0]):
            for total in totals:
                product = builder.fmul(builder.load(total), operand, flags=("contract",))
                builder.store(builder.fadd(product, operand, flags=("contract",)), total)
        result = builder.load(totals[0])
        for total in totals[1:]:
            result = builder.fadd(result, builder.load(total))
        return builder.extract_element(result, ir.Constant(ir.IntType(32), 0))

    return types.float64(types.intp, types.float64), codegen


@compiled(arithmetic="strict")
def _burn(n_rounds, factor):
    return _multiply_adds(n_rounds, factor)


def peak_gflops(n_rounds: int = 1_000_000) -> float:
    """Float64 multiply-adds per second of one core out of registers, times two, in 1e9."""
    _burn(1, 0.5)
    start = perf_counter()
    _burn(n_rounds, 0.5)
    return 2e-9 * n_rounds * _CHAINS * _WIDTH / (perf_counter() - start)


def product_gflops(size: int = 1000) -> float:
    """Speed of a large matrix product of the BLAS, in 1e9 operations per second."""
    a = np.full((size, size), 0.5)
    out = np.empty((size, size))
    np.matmul(a, a, out=out)
    start = perf_counter()
    np.matmul(a, a, out=out)
    return 2e-9 * size**3 / (perf_counter() - start)
