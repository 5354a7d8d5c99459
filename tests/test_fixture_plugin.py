"""The pytest plugin: vectors where a test asks for them, and messages that say what is wrong."""

from __future__ import annotations

import time
from itertools import islice

import numpy as np
import pytest

from derive.fixtures import asserting
from derive.fixtures.asserting import assert_vector, slips_of
from derive.fixtures.making import Maker
from derive.fixtures.mutants import find_mutant, slips_at
from derive.fixtures.mutants_running import Running
from derive.fixtures.operations import find_operation
from derive.fixtures.own import own_operation

pytest_plugins = ["pytester"]


def vector_of(name, number=0, **options):
    return list(Maker(find_operation(name), options).vectors(number + 1))[number][1][0]


def test_what_is_right_passes_and_one_wrong_entry_does_not():
    vector = vector_of("linear")
    assert_vector(vector, vector.outputs, vector.gradients)
    wrong = {name: array.copy() for name, array in vector.gradients.items()}
    wrong["W"][1, 0] *= 1.0009
    with pytest.raises(AssertionError) as failure:
        assert_vector(vector, gradients=wrong)
    said = str(failure.value)
    assert "gradient.W[1, 0]" in said and repr(float(vector.gradients["W"][1, 0])) in said and "linear/000" in said


def test_a_bare_comparison_is_refused():
    vector = vector_of("relu")
    with pytest.raises(AssertionError, match="nothing was given"):
        vector.check()
    with pytest.raises(AssertionError, match="has no gradient"):
        vector.check(gradients={"Z": np.zeros(3)})


@pytest.mark.parametrize("name", ["linear", "softmax"])
def test_a_planted_slip_is_named(name):
    """The numbers of a mutant are recognised as that mutant's, wherever no other gives the same."""
    vector = vector_of(name)
    named = 0
    for mutant in islice(slips_at(Running(find_operation(name)), vector.inputs, vector.parameters), 0, None, 4):
        said = mutant.backward(vector.inputs, vector.upstream, vector.parameters)
        found = slips_of(vector, {f"gradient.{array}": np.asarray(got) for array, got in said.items()})
        assert set(found.values()) <= {mutant.sentence}
        named += bool(found)
    assert named >= 3


def test_a_message_of_a_convolution_does_not_keep_anybody_waiting():
    """The slip that is wrong by a kernel that is not turned is said within two seconds of the processor, cold."""
    vector = vector_of("conv2d", 2)
    mutant = find_mutant(Running(find_operation("conv2d")), "kernel not turned", "X")
    wrong = mutant.backward(vector.inputs, vector.upstream, vector.parameters)
    asserting._running.cache_clear()
    started = time.process_time()
    with pytest.raises(AssertionError, match=r"gradient\.X looks like: .*turned"):
        vector.check(gradients=wrong)
    assert time.process_time() - started < 2


def test_slips_are_looked_for_only_as_long_as_is_worth_it(monkeypatch):
    vector = vector_of("linear")
    planted = []
    monkeypatch.setattr(asserting, "_SECONDS", 0.0)
    planted += asserting._planted(vector)
    assert len(planted) == 1


def test_slips_of_equations_of_ones_own_are_named():
    operation = own_operation("Z[n,m] = sum(d) U[n,d]*V[m,d]\nupstream Z = G\n", "mine")
    vector = next(iter(Maker(operation, {}).vectors(1)))[1][0]
    with pytest.raises(AssertionError) as failure:
        vector.check(gradients={"U": vector.upstream["Z"] @ vector.inputs["V"] * 2})
    said = str(failure.value)
    assert "2 times the expected everywhere" in said and "gradient.U looks like: " in said
    assert "upstream" not in said  # the equations are no option to be listed


def test_the_plugin_gives_vectors_to_tests(pytester):
    pytester.makepyfile(
        """
        import numpy as np
        import pytest

        @pytest.mark.derive("relu", count=3)
        def test_right(derive_vector):
            x, g = derive_vector.inputs["X"], derive_vector.upstream["Y"]
            derive_vector.check({"Y": np.maximum(x, 0)}, {"X": g * (x > 0)})

        @pytest.mark.derive("conv1d", stride=2, count=2)
        def test_options(derive_vector):
            assert derive_vector.parameters["stride"] == (2,)

        def test_wrong(derive_fixture):
            for vector in derive_fixture("tanh", count=2, dtype="float32"):
                x, g = vector.inputs["X"], vector.upstream["Y"]
                vector.check(gradients={"X": -g * (1 - np.tanh(x) ** 2)})
        """
    )
    result = pytester.runpytest_inprocess("-q", "-p", "no:cacheprovider", "-p", "no:xdist")
    result.assert_outcomes(passed=5, failed=1)
    result.stdout.fnmatch_lines(["*tanh/000 float32 gradient.X*expected*got*sign flipped*"])


@pytest.mark.parametrize(
    ("marker", "told"),
    [
        ('@pytest.mark.derive("conv2")', "did you mean conv2d"),
        ('@pytest.mark.derive("conv2d", strid=2)', "did you mean --stride"),
        ('@pytest.mark.derive("relu", dtype="half")', "float64 or float32"),
        ("", "say of what"),
    ],
)
def test_a_marker_that_cannot_be_served_is_named(pytester, marker, told):
    pytester.makepyfile(f"import pytest\n\n{marker}\ndef test_it(derive_vector):\n    pass\n")
    result = pytester.runpytest_inprocess("-q", "-p", "no:cacheprovider", "-p", "no:xdist")
    assert result.ret != 0
    assert told in result.stdout.str() + result.stderr.str()


def test_the_plugin_imports_nothing_before_it_is_asked(pytester):
    pytester.makepyfile(
        "import sys\n\ndef test_light():\n    assert not {'numpy', 'torch', 'sympy', 'flint'} & set(sys.modules)\n"
    )
    pytester.runpytest_subprocess("-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:hypothesispytest",
                                  "-p", "no:benchmark").assert_outcomes(passed=1)  # fmt: skip
