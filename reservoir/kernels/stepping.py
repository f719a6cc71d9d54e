r"""One step of a reservoir after the other inside a compiled loop: for what hears its own outputs.

A reservoir of any make is a *part*: a NamedTuple of arrays that holds the weights of one or several *members*
(reservoirs of one kind) and the states of *places*, which a step changes. Each member has equally many places, one
behind the other. Its last field is the ``address`` of the kernel that takes all places a step on, so that loops and
parts that hold other parts know a pointer alone: a kernel is compiled once, and not into everything that is made of
it. Its method ``carried()`` returns the states of all places.

A reservoir that has no part runs free as well, in Python: see ``Reservoir._part``.
"""

from typing import Any

import numba
import numpy as np
from numba import types
from numba.core import cgutils
from numba.core.errors import TypingError
from numba.extending import intrinsic

from reservoir.kernels.compilation import compiled

_ADDRESSES: dict[tuple, int] = {}


def with_step(kernel: Any, part: Any, dtype: np.dtype) -> Any:
    """Return a part with the address of its kernel.

    Parameters
    ----------
    kernel : compiled function ``(part, heard, said)``
        It changes the states of the part, and overwrites ``said`` (n_places, n_states) by what comes of ``heard``
        (n_places, n_features).
    part : NamedTuple
        With an int as its last field ``address``.
    dtype : float32 or float64
        Of what is heard and said.
    """
    key = kernel, dtype, _layout(part)
    if key not in _ADDRESSES:
        rows = types.Array(numba.from_dtype(dtype), 2, "C")
        signature = types.void(numba.typeof(part), rows, rows)
        kernel.compile(signature)
        compiled = kernel.overloads[signature.args]
        _ADDRESSES[key] = compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name)
    return part._replace(address=_ADDRESSES[key])


def _layout(value):
    """What numba's type of a part depends on; to ask numba takes longer than a short run."""
    if isinstance(value, tuple):
        return type(value), *map(_layout, value)
    return (value.dtype, value.ndim, value.flags.num) if isinstance(value, np.ndarray) else type(value)


@intrinsic
def step(typingctx, part, heard, said):
    """Take a part a step on, inside compiled code; see ``with_step``."""
    if heard != said or (heard.ndim, heard.layout) != (2, "C"):
        raise TypingError(f"heard and said must be C-ordered matrices of one precision; got {heard}, {said}")

    def codegen(context, builder, signature, args):
        convention, kinds = context.call_conv, signature.args
        function = convention.get_function_type(types.none, kinds).as_pointer()
        address = builder.extract_value(args[0], part.fields.index("address"))
        pointer = builder.inttoptr(address, function)
        status, _ = convention.call_function(builder, pointer, types.none, kinds, args)
        with cgutils.if_unlikely(builder, status.is_error):
            convention.return_status_propagate(builder, status)
        return context.get_dummy_value()

    return types.void(part, heard, said), codegen


@intrinsic
def borrowed(typingctx, value):
    """The arrays of an argument, in tuples or not, that count no references: as long as a step of a small reservoir.

    Whoever called the compiled function keeps them alive; what it makes itself must not be borrowed.
    """

    def codegen(context, builder, signature, args):
        return _without_owner(context, builder, value, args[0])

    return value(value), codegen


def _without_owner(context, builder, kind, value):
    if isinstance(kind, types.BaseTuple):
        members = zip(kind.types, cgutils.unpack_tuple(builder, value))
        return context.make_tuple(
            builder, kind, [_without_owner(context, builder, *member) for member in members]
        )
    if isinstance(kind, types.Array):
        array = context.make_array(kind)(context, builder, value)
        array.meminfo = cgutils.get_null_value(array.meminfo.type)
        return array._getvalue()
    return value


@compiled
def run_free(outputs, part, exog, heard, said, weights, gain):
    r"""Run one series free: each output is the next step's input.

    .. math:: y(t) = o(t) + V [s(t), y(t-1)], \qquad s(t) = F(s(t-1), [g\,y(t-1), u(t)])

    Parameters
    ----------
    outputs : array (n_steps + 1, n_outputs)
        Row 0 holds the last output before the run, row t + 1 holds ``o(t)``: intercept and whatever does
        not depend on state or output; overwritten by the outputs.
    part : NamedTuple
        ``F``, one place.
    exog : array (n_steps, n_exog)
        ``u``.
    heard, said : array (1, n_outputs + n_exog), (1, n_states)
        Room.
    weights : array (n_outputs, n_states + n_outputs)
        ``V``, the readout.
    gain : float
        ``g``.

    Returns
    -------
    int
        Number of steps done: less than ``n_steps`` when an output was not finite, that step being the last.
    """
    n_outputs, n_states = outputs.shape[1], said.shape[1]
    part, heard, said = borrowed(part), borrowed(heard), borrowed(said)
    n_done, finite = 0, True
    while finite and n_done < exog.shape[0]:
        for d in range(n_outputs):
            heard[0, d] = gain * outputs[n_done, d]
        for d in range(exog.shape[1]):
            heard[0, n_outputs + d] = exog[n_done, d]
        step(part, heard, said)
        for d in range(n_outputs):
            total = outputs.dtype.type(0)
            for i in range(n_states):
                total += weights[d, i] * said[0, i]
            for i in range(n_outputs):
                total += weights[d, n_states + i] * outputs[n_done, i]
            outputs[n_done + 1, d] += total
            # Not np.isfinite: it asks whether x - x is 0, which "reassoc" and "nsz" fold to true.
            finite &= abs(outputs[n_done + 1, d]) < np.inf
        n_done += 1
    return n_done
