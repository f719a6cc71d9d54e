"""Sequences of symbols as integers, and back: strings, or lists of anything hashable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np


class Alphabet(NamedTuple):
    """Symbols in the order of their codes.

    Attributes
    ----------
    symbols : tuple
    first : int
        The code of the first; 1 where 0 begins and ends a sequence.
    is_text : bool
        Whether sequences are strings.
    """

    symbols: tuple
    first: int
    is_text: bool

    @property
    def size(self) -> int:
        """How many codes there are."""
        return len(self.symbols) + self.first

    def encode(self, sequence: Sequence, name: str) -> np.ndarray:
        """Return codes.

        Raises
        ------
        ValueError
            If a symbol is not in the alphabet.
        """
        codes = {symbol: code for code, symbol in enumerate(self.symbols, self.first)}
        try:
            return np.array([codes[symbol] for symbol in sequence], dtype=np.int64)
        except KeyError as error:
            raise ValueError(
                f"{name} holds {error.args[0]!r}, which did not occur in training: leave it out, or train with it"
            ) from None

    def decode(self, codes: np.ndarray) -> Any:
        """Return a string, or a list of symbols."""
        symbols = [self.symbols[code - self.first] for code in codes]
        return "".join(symbols) if self.is_text else symbols


def alphabet_of(sequences: Sequence, first: int, name: str) -> Alphabet:
    """Return the alphabet of some sequences, sorted.

    Raises
    ------
    ValueError
        If there is no sequence, or no symbol.

    Examples
    --------
    >>> alphabet = alphabet_of(["banana"], 1, "X")
    >>> alphabet.symbols, alphabet.encode("ban", "X").tolist()
    (('a', 'b', 'n'), [2, 1, 3])
    """
    symbols = {symbol for sequence in sequences for symbol in sequence}
    if not symbols:
        raise ValueError(f"{name} holds no symbol: give at least one sequence that is not empty")
    try:
        ordered = sorted(symbols)
    except TypeError:  # of several types
        ordered = sorted(symbols, key=repr)
    return Alphabet(tuple(ordered), first, all(isinstance(sequence, str) for sequence in sequences))
