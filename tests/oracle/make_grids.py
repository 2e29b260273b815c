"""Prints the IQ grids for kernels/grids.cpp. Each grid is a set of small vectors; written as numbers with
the first value as the lowest digit they ascend, so a grid is a list of distances, one character each:
the n-th letter of ALPHABET is n + 1, and "~" adds 63 to the next.

Run: python tests/oracle/make_grids.py   (needs the packages gguf and numpy)
"""
import string

import numpy as np
from gguf import quants

ALPHABET = string.ascii_uppercase + string.ascii_lowercase + string.digits + "+"

for name in "IQ1_S IQ2_XXS IQ2_XS IQ2_S IQ3_XXS IQ3_S".split():
    kind = getattr(quants, name)
    kind.init_grid()
    values = kind.grid.reshape(kind.grid_shape)
    digits = np.searchsorted(np.array(kind.grid_map), values)
    numbers = (digits * len(kind.grid_map) ** np.arange(values.shape[1])).sum(1)
    assert (np.diff(numbers) > 0).all()
    text = ""
    for gap in np.diff(numbers, prepend=-1):
        text += "~" * ((gap - 1) // 63) + ALPHABET[(gap - 1) % 63]
    print(f"// {name}: {len(values)} vectors of {values.shape[1]}")
    for at in range(0, len(text), 104):
        print(f'    "{text[at:at + 104]}"')
