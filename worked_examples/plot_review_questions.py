"""
Review questions: counts, collapse, memory, cost
================================================

Course sheet 001, exercise 5, and course sheet 000, exercise 4. Four questions whose answers can be read off derived
programs instead of being remembered.
"""

from derive.subjects import networks, review

network = networks.mlp((784, 100, 200, 50, 10))
counts = review.parameter_counts(network)
print(counts, "together", sum(counts.values()))
assert sum(counts.values()) == 109_260

# %%
# Would three linear layers without activations help? The derivative of the outputs by the inputs says no: it does not
# mention the input, so it is one matrix, the product of all.

from derive.answers import plain

_, linear, _ = review.jacobian(review.LINEAR_LAYERS)
_, bent, _ = review.jacobian(review.TWO_LAYERS.format(f="tanh"))
print("linear:   ", plain(linear))
print("with tanh:", plain(bent))

# %%
# What must the forward pass remember? What the adjoint equations read of it:

for line in review.kept(networks.mlp((784, 100, 10), "sigmoid")):
    print(f"{line.adjoint}_bar reads {', '.join(line.values) or 'nothing'} of the forward pass")

# %%
# And what does backpropagation save? Counted in operations, and then measured. n forward passes against one sweep:

import time

import derive

print("parameters  counted  measured")
measured = []
for inputs in (4, 16, 64):
    loss, count = review.squared_error_of(inputs, 4)
    function = derive.to_numpy(derive.record(loss, inputs=count))
    value = derive.to_numpy(derive.record(loss, inputs=count), gradient=False)
    at = [0.1 * (k % 7 - 3) for k in range(count)]

    def seconds(call, at=at):
        """The shortest of several runs."""
        taken = []
        for _ in range(20):
            start = time.perf_counter()
            call(*at)
            taken.append(time.perf_counter() - start)
        return min(taken)

    ratio = (count + 1) * seconds(value) / seconds(function)
    cost = review.cost(inputs)
    measured.append((count, cost.differences / cost.backpropagation, ratio))
    print("{:10}  {:7.1f}  {:8.1f}".format(*measured[-1]))

# %%
# The whole page:

from derive.subjects.catalogue import document

document("review-questions")

# %%
# How close are count and clock? The clock also sees calls and memory, so it is not exact; but the saving grows with the
# number of parameters in both columns.

print(f"at {measured[-1][0]} parameters: counted {measured[-1][1]:.0f} times, measured {measured[-1][2]:.0f} times")
assert measured[0][1] < measured[1][1] < measured[2][1]
assert measured[2][2] > 10
