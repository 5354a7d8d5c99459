"""What torch says about each layer of the catalogue: the independent witness of its forward equations.

ORACLES[name](options, arrays) -> outputs by name. The options are those that the layer has read, the arrays float64
tensors (labels int64). Asymmetric padding, which torch does not have, is emulated by torch.nn.functional.pad.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

# --- windows ----------------------------------------------------------------------------------------------------------


def padded(image, padding, value=0.0):
    """F.pad counts axes from the last."""
    return F.pad(image, [amount for pair in reversed(padding) for amount in pair], value=value)


def symmetric(padding):
    """Padding as torch takes it, or None."""
    return tuple(before for before, _ in padding) if all(one == two for one, two in padding) else None


def kernel_as_torch_has_it(options, kernel):
    if options["kernel"] == "convolution":
        return kernel.flip(*range(2, kernel.ndim))
    return kernel


def convolution(axes):
    function = getattr(F, f"conv{axes}d")

    def oracle(options, a):
        kernel, amount = kernel_as_torch_has_it(options, a["W"]), symmetric(options["padding"])
        image = a["X"] if amount is not None else padded(a["X"], options["padding"])
        return {
            "Y": function(
                image, kernel, a.get("b"), options["stride"], amount or 0, options["dilation"], options["groups"]
            )
        }

    return oracle


def transposed(axes):
    function = getattr(F, f"conv_transpose{axes}d")

    def oracle(options, a):
        kernel, amount = kernel_as_torch_has_it(options, a["W"]), symmetric(options["padding"])
        result = function(
            a["X"],
            kernel,
            a.get("b"),
            options["stride"],
            amount or 0,
            options["output-padding"],
            options["groups"],
            options["dilation"],
        )
        if amount is None:
            for axis, (before, after) in enumerate(options["padding"], 2):
                result = result.narrow(axis, before, result.shape[axis] - before - after)
        return {"Y": result}

    return oracle


def outputs_along(extent, kernel, stride, before, after, dilation, ceil):
    """pooling_output_shape of aten/src/ATen/native/Pool.h."""
    reach = dilation * (kernel - 1) + 1
    count = (extent + before + after - reach + (stride - 1 if ceil else 0)) // stride + 1
    return count - 1 if ceil and (count - 1) * stride >= extent + before else count


def windows_of(options, image, value):
    """Every window of the image, padded with `value`: (..., outputs, offsets) with one axis of each kind per axis."""
    kernel = options["kernel-size"]
    stride = options["stride"] or kernel
    dilation = options.get("dilation", (1,) * len(kernel))
    for axis, (size, step, (before, after), gap) in enumerate(
        zip(kernel, stride, options["padding"], dilation, strict=True)
    ):
        extent = image.shape[2 + axis]
        count = outputs_along(extent, size, step, before, after, gap, options["ceil-mode"])
        cells = torch.arange(count)[:, None] * step + torch.arange(size)[None, :] * gap - before
        inside = (cells >= 0) & (cells < extent)
        taken = image.index_select(2 + axis, cells.clamp(0, extent - 1).reshape(-1))
        shape = [1] * image.ndim
        shape[2 + axis] = -1
        taken = torch.where(inside.reshape(shape), taken, torch.as_tensor(value, dtype=image.dtype))
        image = taken.unflatten(2 + axis, (count, size)).movedim(3 + axis, -1)
    return image.flatten(-len(kernel))


def max_pool(axes):
    function = getattr(F, f"max_pool{axes}d")

    def oracle(options, a):
        amount = symmetric(options["padding"])
        if amount is not None:
            return {
                "Y": function(
                    a["X"], options["kernel-size"], options["stride"], amount, options["dilation"], options["ceil-mode"]
                )
            }
        return {"Y": windows_of(options, a["X"], -math.inf).max(-1)[0]}

    return oracle


def roomy(options, shape):
    """Whether the image has room for the kernel; where only the padding makes some, avg_pool3d refuses."""
    kernel = options["kernel-size"]
    return len(kernel) < 3 or all(cells <= extent for cells, extent in zip(kernel, shape[2:], strict=True))


def avg_pool(axes):
    function = getattr(F, f"avg_pool{axes}d")

    def oracle(options, a):
        amount = symmetric(options["padding"])
        if amount is not None and roomy(options, a["X"].shape):
            counting = options["count-include-pad"]
            return {
                "Y": function(a["X"], options["kernel-size"], options["stride"], amount, options["ceil-mode"], counting)
            }
        around, ones = options["padding"], torch.ones_like(a["X"])
        if options["count-include-pad"]:
            ones, around = padded(ones, around, 1.0), [(0, 0)] * axes
        counted = windows_of({**options, "padding": around}, ones, 0.0)
        total = windows_of(options, a["X"], 0.0).sum(-1)
        # as many outputs as the image itself has: ceil mode looks at the padding in front only
        for axis in range(2, total.ndim):
            counted = counted.narrow(axis, 0, total.shape[axis])
        return {"Y": total / counted.sum(-1)}

    return oracle


# --- rows -------------------------------------------------------------------------------------------------------------


def linear(options, a):
    weight = a["W"] if options["weights"] == "Wx" else a["W"].T
    columns = options["layout"] == "column" and a["X"].ndim == 2
    result = F.linear(a["X"].T if columns else a["X"], weight, a.get("b"))
    return {"Y": result.T if columns else result}


def dropout(options, a):
    return {"Y": a["X"] * a["M"] / (1 - float(options["p"]))}


def shifted_alone(a):
    """Of one value alone torch refuses the variance; it is 0, and the value becomes its shift."""
    image = a["X"]
    shape = (1, -1, *[1] * (image.ndim - 2))
    return {"Y": image * 0 + (a["beta"].reshape(shape) if "beta" in a else 0)}


def batchnorm(options, a):
    if options["statistics"] == "batch" and a["X"].numel() == a["X"].shape[1]:
        return shifted_alone(a)
    running = options["statistics"] == "running"
    return {
        "Y": F.batch_norm(
            a["X"], a.get("mu"), a.get("var"), a.get("gamma"), a.get("beta"), not running, 0.0, float(options["eps"])
        )
    }


def layernorm(options, a):
    shape = a["X"].shape[-options["axes"] :]
    return {"Y": F.layer_norm(a["X"], shape, a.get("gamma"), a.get("beta"), float(options["eps"]))}


def rmsnorm(options, a):
    return {"Y": F.rms_norm(a["X"], a["X"].shape[-options["axes"] :], a.get("gamma"), float(options["eps"]))}


def groupnorm(options, a):
    if a["X"].numel() == a["X"].shape[0] * options["groups"]:
        return shifted_alone(a)
    return {"Y": F.group_norm(a["X"], options["groups"], a.get("gamma"), a.get("beta"), float(options["eps"]))}


def instancenorm(options, a):
    if a["X"][0, 0].numel() == 1:
        return shifted_alone(a)
    return {"Y": F.instance_norm(a["X"], weight=a.get("gamma"), bias=a.get("beta"), eps=float(options["eps"]))}


def attention(options, a):
    return {"Y": F.scaled_dot_product_attention(a["Q"], a["K"], a["V"], is_causal=options["causal"])}


def multihead(options, a):
    """torch's own function, its weights made of ours: rows head by head."""
    image, features = a["X"].transpose(0, 1), a["X"].shape[-1]
    heads, width = a["W_q"].shape[:2]
    if heads * width != features:  # torch has no other width
        queries, keys, values = (torch.einsum("hdf,nsf->nhsd", a[name], a["X"]) for name in ("W_q", "W_k", "W_v"))
        inner = F.scaled_dot_product_attention(queries, keys, values, is_causal=options["causal"])
        return {"Y": torch.einsum("fhd,nhsd->nsf", a["W_o"], inner)}
    weights = [a[name].reshape(features, features) for name in ("W_q", "W_k", "W_v")]
    steps = image.shape[0]
    mask = torch.ones(steps, steps, dtype=torch.bool).triu(1) if options["causal"] else None
    answer, _ = F.multi_head_attention_forward(
        image, image, image, features, heads, torch.cat(weights), None, None, None, False, 0.0,
        a["W_o"].reshape(features, features), None, training=False, attn_mask=mask,
    )  # fmt: skip
    return {"Y": answer.transpose(0, 1)}


def recurrent(function, gates):
    def oracle(options, a):
        hidden = a["U"].shape[-1]
        zeros = torch.zeros(gates * hidden, dtype=torch.float64)
        outer = a["b"].reshape(-1) if "b" in a else zeros
        inner = torch.cat([zeros[: 2 * hidden], a["a"]]) if "a" in a else zeros
        weights = [a["W"].reshape(gates * hidden, -1), a["U"].reshape(gates * hidden, -1), outer, inner]
        start = a["h0"][None]
        if function is torch.lstm:
            result, _, cell = torch.lstm(a["X"], (start, a["c0"][None]), weights, True, 1, 0.0, False, False, False)
            return {"Y": result, "C": cell}
        chosen = torch.rnn_relu if options.get("nonlinearity") == "relu" else function
        result, _ = chosen(a["X"], start, weights, True, 1, 0.0, False, False, False)
        return {"Y": result}

    return oracle


# --- losses -----------------------------------------------------------------------------------------------------------


def reduced(options, each):
    """Of the losses of all entries."""
    match options["reduction"]:
        case "mean":
            return {"L": each.mean()}
        case "sum":
            return {"L": each.sum()}
    return {"L": each.sum() / (each.shape[0] if each.ndim else 1)}


def squared_error(options, a):
    return reduced(options, F.mse_loss(a["X"], a["y"], reduction="none") * (0.5 if options["half"] else 1.0))


def huber(options, a):
    return reduced(options, F.huber_loss(a["X"], a["y"], reduction="none", delta=float(options["delta"])))


def cross_entropy(options, a):
    return {"L": F.cross_entropy(a["X"], a["y"], reduction=options["reduction"])}


def kl(options, a):
    reduction = {"mean": "batchmean", "sum": "sum"}[options["reduction"]]
    return {"L": F.kl_div(a["X"].log(), a["y"], reduction=reduction)}


# --- optimisers -------------------------------------------------------------------------------------------------------


def momentum(options, a):
    if options["form"] == "torch":
        v = a["mu"] * a["v"] + a["g"]
        return {"v_next": v, "w_next": a["w"] - a["lr"] * v}
    v = a["mu"] * a["v"] - a["lr"] * a["g"]
    return {"v_next": v, "w_next": a["w"] + v}


def nesterov(options, a):
    v = a["mu"] * a["v"] + a["g"]
    return {"v_next": v, "w_next": a["w"] - a["lr"] * (a["g"] + a["mu"] * v)}


def adam(options, a):
    m = a["beta1"] * a["m"] + (1 - a["beta1"]) * a["g"]
    s = a["beta2"] * a["s"] + (1 - a["beta2"]) * a["g"] ** 2
    denominator = s.sqrt() / (1 - a["beta2"] ** a["t"]).sqrt() + float(options["eps"])
    kept = a["w"] * (1 - a["lr"] * a["decay"]) if "decay" in a else a["w"]
    return {"m_next": m, "s_next": s, "w_next": kept - a["lr"] / (1 - a["beta1"] ** a["t"]) * m / denominator}


def entrywise(function):
    return lambda options, a: {"Y": function(a["X"])}


def entry_loss(function):
    return lambda options, a: reduced(options, function(a["X"], a["y"]))


def value(name, function):
    return lambda options, a: {name: function(a)}


ORACLES = {
    **{f"conv{axes}d": convolution(axes) for axes in (1, 2, 3)},
    **{f"conv_transpose{axes}d": transposed(axes) for axes in (1, 2, 3)},
    **{f"max_pool{axes}d": max_pool(axes) for axes in (1, 2, 3)},
    **{f"avg_pool{axes}d": avg_pool(axes) for axes in (1, 2, 3)},
    "global_avg_pool": value("Y", lambda a: a["X"].flatten(2).mean(-1)),
    "global_max_pool": value("Y", lambda a: a["X"].flatten(2).max(-1)[0]),
    "linear": linear,
    "bilinear": value("Y", lambda a: F.bilinear(a["U"], a["V"], a["W"], a.get("b"))),
    "embedding": value("Y", lambda a: F.embedding(a["X"], a["W"])),
    "dropout": dropout,
    "flatten": value("Y", lambda a: a["X"].flatten(1)),
    "softmax": value("Y", lambda a: F.softmax(a["X"], -1)),
    "log_softmax": value("Y", lambda a: F.log_softmax(a["X"], -1)),
    "batchnorm": batchnorm,
    "layernorm": layernorm,
    "rmsnorm": rmsnorm,
    "groupnorm": groupnorm,
    "instancenorm": instancenorm,
    "attention": attention,
    "multihead_attention": multihead,
    "rnn": recurrent(torch.rnn_tanh, 1),
    "lstm": recurrent(torch.lstm, 4),
    "gru": recurrent(torch.gru, 3),
    "linear_activation": entrywise(lambda x: x.clone()),
    "sigmoid": entrywise(torch.sigmoid),
    "tanh": entrywise(torch.tanh),
    "relu": entrywise(F.relu),
    "leaky_relu": lambda options, a: {"Y": F.leaky_relu(a["X"], float(options["slope"]))},
    "elu": lambda options, a: {"Y": F.elu(a["X"], float(options["alpha"]))},
    "gelu": lambda options, a: {"Y": F.gelu(a["X"], approximate=options["approximate"])},
    "softplus": entrywise(F.softplus),
    "silu": entrywise(F.silu),
    "mish": entrywise(F.mish),
    "log_sigmoid": entrywise(F.logsigmoid),
    "hardtanh": entrywise(F.hardtanh),
    "squared_error": squared_error,
    "absolute_error": entry_loss(lambda x, y: F.l1_loss(x, y, reduction="none")),
    "huber": huber,
    "hinge": entry_loss(lambda x, y: F.relu(1 - y * x)),
    "bce": entry_loss(lambda x, y: F.binary_cross_entropy(x, y, reduction="none")),
    "bce_with_logits": entry_loss(lambda x, y: F.binary_cross_entropy_with_logits(x, y, reduction="none")),
    "softmax_cross_entropy": cross_entropy,
    "kl_divergence": kl,
    "matmul": value("Y", lambda a: a["A"] @ a["B"]),
    "outer": value("Y", lambda a: torch.outer(a["u"], a["v"])),
    "congruence": value("Y", lambda a: a["X"].T @ a["A"] @ a["X"]),
    "quadratic_form": value("L", lambda a: a["x"] @ a["A"] @ a["x"]),
    "trace_product": value("L", lambda a: torch.trace(a["A"] @ a["X"] @ a["B"])),
    "least_squares": value("L", lambda a: (a["X"] @ a["w"] - a["y"]).square().sum()),
    "norm": value("L", lambda a: torch.linalg.vector_norm(a["x"])),
    "squared_norm": value("L", lambda a: a["x"].square().sum()),
    "one_norm": value("L", lambda a: torch.linalg.vector_norm(a["x"], 1)),
    "l2_penalty": lambda options, a: {"L": a["lam"] * a["W"].square().sum() * (0.5 if options["half"] else 1.0)},
    "cosine_similarity": value("Y", lambda a: F.cosine_similarity(a["U"], a["V"])),
    "pairwise_distances": lambda options, a: {
        "Y": (a["U"][:, None] - a["V"][None]).square().sum(-1)
        if options["squared"]
        else torch.cdist(a["U"], a["V"], compute_mode="donot_use_mm_for_euclid_dist")
    },
    "add": value("Y", lambda a: a["A"] + a["B"]),
    "subtract": value("Y", lambda a: a["A"] - a["B"]),
    "multiply": value("Y", lambda a: a["A"] * a["B"]),
    "divide": value("Y", lambda a: a["A"] / a["B"]),
    "add_bias": value("Y", lambda a: a["X"] + a["b"]),
    "negative": entrywise(torch.neg),
    "square": entrywise(torch.square),
    "square_root": entrywise(torch.sqrt),
    "exponential": entrywise(torch.exp),
    "logarithm": entrywise(torch.log),
    "absolute": entrywise(torch.abs),
    "sum_all": value("L", lambda a: a["X"].sum()),
    "mean_all": value("L", lambda a: a["X"].mean()),
    "transpose": value("Y", lambda a: a["X"].T),
    "gradient_descent": lambda options, a: {"w_next": a["w"] - a["lr"] * a["g"]},
    "weight_decay": lambda options, a: {"w_next": a["w"] - a["lr"] * (a["g"] + a["decay"] * a["w"])},
    "momentum": momentum,
    "nesterov": nesterov,
    "adam": adam,
    "adamw": adam,
}
