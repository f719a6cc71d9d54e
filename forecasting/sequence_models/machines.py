r"""Networks as machines: saturated-linear units with constructed weights run any machine with two stacks.

.. math:: h(t + 1) = \sigma\big(h(t) A + b\big), \qquad \sigma(a) = \min(\max(a, 0), 1)

with rational numbers, exactly (Siegelmann and Sontag 1995, On the computational power of neural nets). A stack of
bits is a number, :math:`q = \sum_i (2 a_i + 1) / 4^i` with the top first, and all that is done to it is linear:

==========================  ======================================
is it not empty             :math:`\sigma(4 q)`
its top                     :math:`\sigma(4 q - 2)`
push a                      :math:`q / 4 + (2 a + 1) / 4`
pop                         :math:`4 q - 2\, \mathrm{top} - 1`
do it if g, else give 0     :math:`\sigma(\dots + g - 1)`, g = 0 or 1
==========================  ======================================

One step of the machine takes four of the network, which pass through four groups of units: what holds (state,
stacks), what is read, which rule applies, what each operation would give. Silent groups stay silent: there is no
clock. Two stacks make a tape: nothing that can be computed is out of reach.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np

READINGS = ("empty", 0, 1)
OPERATIONS = ("keep", "push 0", "push 1", "pop")
STEPS = 4  # of the network for one of the machine


class Rule(NamedTuple):
    """What a machine does in a state, given the tops of both stacks.

    Attributes
    ----------
    state : str
    reads : tuple of two
        Each ``"empty"``, 0, 1, or None for any of them.
    then : str
        The next state; one without rules halts.
    operations : tuple of two str
        Each of `OPERATIONS`. A pop of an empty stack leaves it empty.
    """

    state: str
    reads: tuple
    then: str
    operations: tuple = ("keep", "keep")


ADD = (
    # 1...1 0 1...1 on the first stack: their sum, 1...1, on the second.
    Rule("move", (1, None), "move", ("pop", "push 1")),
    Rule("move", (0, None), "move", ("pop", "keep")),
    Rule("move", ("empty", None), "done"),
)
BALANCED = (
    # 1 opens, 0 closes; the second stack holds what is open.
    Rule("read", (1, None), "read", ("pop", "push 1")),
    Rule("read", (0, 1), "read", ("pop", "pop")),
    Rule("read", (0, "empty"), "no"),
    Rule("read", ("empty", "empty"), "yes"),
    Rule("read", ("empty", 1), "no"),
)


def encode(bits: Sequence[int]) -> Fraction:
    """Return the number of a stack, its top first.

    Examples
    --------
    >>> encode([1, 0])
    Fraction(13, 16)
    """
    q = Fraction(0)
    for bit in reversed(bits):
        q = q / 4 + Fraction(2 * bit + 1, 4)
    return q


def decode(q: Fraction) -> list[int]:
    """Return the stack of a number.

    Examples
    --------
    >>> decode(encode([1, 0, 0, 1]))
    [1, 0, 0, 1]
    """
    bits = []
    while q:
        bits.append(int(q >= Fraction(1, 2)))
        q = 4 * q - (2 * bits[-1] + 1)
    return bits


class StackNetwork(NamedTuple):
    """A network that runs a machine.

    Attributes
    ----------
    weights : ndarray of shape (n_units, n_units)
        A; quarters of integers, which are exact.
    bias : ndarray of shape (n_units,)
    states : tuple of str
        Units 0, 1, ... of the first group; then come both stacks.
    """

    weights: np.ndarray
    bias: np.ndarray
    states: tuple


def construct(rules: Sequence[Rule]) -> StackNetwork:
    """Return the network of a machine.

    Parameters
    ----------
    rules : sequence of Rule
        At most one for each state and reading.

    Returns
    -------
    StackNetwork

    Raises
    ------
    ValueError
        If two rules answer to the same.

    Examples
    --------
    >>> construct(BALANCED).weights.shape
    (54, 54)
    """
    states = tuple(dict.fromkeys(name for rule in rules for name in (rule.state, rule.then)))
    table = _table(rules)
    for state in states:  # what halts stays
        if not any(key[0] == state for key in table):
            table |= {(state, one, two): (state, ("keep", "keep")) for one in READINGS for two in READINGS}
    cases, n = list(table), len(states)
    # Groups: state, stacks; state, stacks, tops, whether not empty; cases, stacks, tops; state, four results a stack.
    sizes = (n + 2, n + 6, len(cases) + 4, n + 8)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    weights, bias = np.zeros((starts[-1], starts[-1])), np.zeros(starts[-1])
    hold, read, apply, result = starts[:-1]
    for i in range(n + 2):
        weights[hold + i, read + i] = 1
    for k in range(2):
        q = hold + n + k
        weights[q, read + n + 2 + k], bias[read + n + 2 + k] = 4, -2
        weights[q, read + n + 4 + k] = 4
        for i in (n + k, n + 2 + k):  # stacks and tops go along
            weights[read + i, apply + len(cases) + i - n] = 1
    for c, (state, *reads) in enumerate(cases):
        then, operations = table[cases[c]]
        weights[read + states.index(state), apply + c], bias[apply + c] = 1, -2
        weights[apply + c, result + states.index(then)] = 1
        for k, (reading, operation) in enumerate(zip(reads, operations)):
            top, some = read + n + 2 + k, read + n + 4 + k
            weights[top, apply + c] = {"empty": 0, 0: -1, 1: 1}[reading]
            weights[some, apply + c] = {"empty": -1, 0: 1, 1: 0}[reading]
            bias[apply + c] += reading == "empty"
            weights[apply + c, result + n + 4 * k + OPERATIONS.index(operation)] = 1
    for k in range(2):
        q, top, first = apply + len(cases) + k, apply + len(cases) + 2 + k, result + n + 4 * k
        weights[q, first : first + 4] = 1, 0.25, 0.25, 4
        bias[first : first + 4] = -1, -0.75, -0.25, -2
        weights[top, first + 3] = -2
        weights[first : first + 4, hold + n + k] = 1
    for i in range(n):
        weights[result + i, hold + i] = 1
    return StackNetwork(weights, bias, states)


def initial(network: StackNetwork, state: str, stacks: Sequence[Sequence[int]]) -> list[Fraction]:
    """Return the units that hold a state and two stacks; all others are silent."""
    units = [Fraction(0)] * len(network.bias)
    units[network.states.index(state)] = Fraction(1)
    for k, bits in enumerate(stacks):
        units[len(network.states) + k] = encode(bits)
    return units


def run(network: StackNetwork, units: list[Fraction], n_steps: int) -> list[Fraction]:
    """Let the network run for ``n_steps`` of its own, exactly."""
    columns = [
        [(i, Fraction(weight)) for i, weight in enumerate(column) if weight] for column in network.weights.T
    ]
    bias = [Fraction(value) for value in network.bias]
    for _ in range(n_steps):
        drive = (sum((units[i] * w for i, w in column), b) for column, b in zip(columns, bias))
        units = [min(max(value, Fraction(0)), Fraction(1)) for value in drive]
    return units


def answer(network: StackNetwork, units: list[Fraction]) -> tuple[str, list[int], list[int]]:
    """Return the state and the stacks that units hold."""
    n = len(network.states)
    (state,) = (name for name, unit in zip(network.states, units) if unit == 1)
    return state, decode(units[n]), decode(units[n + 1])


def simulate(
    rules: Sequence[Rule], state: str, stacks: Sequence[Sequence[int]], n_steps: int
) -> tuple[str, list[int], list[int]]:
    """Run the machine itself, with lists for stacks: what the network is checked against."""
    table = _table(rules)
    held = [list(bits) for bits in stacks]
    for _ in range(n_steps):
        key = (state, *(bits[0] if bits else "empty" for bits in held))
        if key not in table:
            break
        state, operations = table[key]
        for bits, operation in zip(held, operations):
            if operation.startswith("push"):
                bits.insert(0, int(operation[-1]))
            elif operation == "pop":
                del bits[:1]
    return state, held[0], held[1]


def _table(rules):
    """Return what to do for every state and pair of readings that has a rule."""
    table: dict = {}
    for rule in rules:
        ones, twos = ((reading,) if reading is not None else READINGS for reading in rule.reads)
        for key in ((rule.state, one, two) for one in ones for two in twos):
            if key in table:
                raise ValueError(f"two rules answer to {key}: leave one out")
            table[key] = (rule.then, rule.operations)
    return table
