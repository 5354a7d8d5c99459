"""The literal meaning of index equations, on arrays: every rewriting and every gradient is held against this.

    value_of(term, indices, environment)     a term over the grid of its free indices
    values(program, arrays, sizes)           every equation in order, recurrences step by step
    at_points(term, points, environment)     a term at single points

Arrays stand from index 0 on: an index that begins at 1 leaves row 0 unused (0), and a ragged array, whose units j run
to n[l], is stored with its largest extent and 0 beyond the entries that exist; neither may be read.

`∂Y[i]/∂X[m]` of a defined array Y is the derivative of Y's own equation by that one entry: what Y reads through other
arrays is held fixed. `∂X[e]/∂X[m]` is 1 where all subscripts agree. Any other term is differentiated as it stands, all
other entries held fixed. No rule of derive.rules takes part: derivatives are dual numbers.
"""

from derive.evaluation.meaning import at_points, environment_of, unfolded, value_of
from derive.evaluation.recurrences import values
from derive.evaluation.storage import Environment

__all__ = ["Environment", "at_points", "environment_of", "unfolded", "value_of", "values"]
