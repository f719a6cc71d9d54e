"""Networks as machines: a constructed network adds in unary, another accepts balanced brackets, exactly.

Saturated-linear units with rational numbers run machines with two stacks (Siegelmann and Sontag 1995). Nothing is
trained; every answer is checked against the machine itself.
"""

import numpy as np

from forecasting.sequence_models import machines
from forecasting.sequence_models.machines import ADD, BALANCED, STEPS, answer, construct, initial, simulate


def run(seed):
    rng = np.random.default_rng(seed)
    adder, brackets = construct(ADD), construct(BALANCED)
    right = []
    for _ in range(40):
        m, n = rng.integers(0, 30, 2)
        stacks, n_steps = ([1] * m + [0] + [1] * n, []), int(m + n + 2)
        said = answer(adder, machines.run(adder, initial(adder, "move", stacks), STEPS * n_steps))
        right.append(said == simulate(ADD, "move", stacks, n_steps) == ("done", [], [1] * (m + n)))
    for _ in range(40):
        word = list(map(int, rng.permutation([1, 0] * int(rng.integers(1, 12)))))
        said = answer(
            brackets, machines.run(brackets, initial(brackets, "read", (word, [])), STEPS * (len(word) + 1))
        )
        right.append(said == simulate(BALANCED, "read", (word, []), len(word) + 1))

    def draw(figure):
        axes = figure.subplots()
        units, word = initial(brackets, "read", ([1, 1, 0, 1, 0, 0], [])), []
        for _ in range(STEPS * 7 + 1):
            word.append([float(unit) for unit in units])
            units = machines.run(brackets, units, 1)
        axes.imshow(np.array(word).T, aspect="auto", cmap="Greys", interpolation="nearest")
        axes.set(xlabel="step of the network", ylabel="unit", title="(()()) is balanced")
        figure.set_size_inches(7, 5)

    figures = {"answers that are right": float(np.mean(right))}
    return figures | {"units, addition": len(adder.bias), "units, brackets": len(brackets.bias)}, draw
