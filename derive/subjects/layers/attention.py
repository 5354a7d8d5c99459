"""Scaled dot-product attention, alone and between linear maps with several heads.

Source: A. Vaswani et al., Attention is all you need (2017), arXiv:1706.03762, section 3.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from derive.subjects.layers.layer import Equations, Layer, Operand, Setting
from derive.subjects.layers.options import Option

CAUSAL = Option("causal", "flag", False, "query i attends to keys 0..i only")


def _attention_operands(_: Mapping[str, Any], __: int | None) -> tuple[Operand, ...]:
    """Batch, heads, queries or keys, entries of a vector."""
    return (Operand("Q", ("N", "H", "R", "D")), Operand("K", ("N", "H", "M", "D")), Operand("V", ("N", "H", "M", "E")))


def _weights(setting: Setting) -> tuple[str, str]:
    """Scores Z and attention weights A, over batch n and head h."""
    own, other = ("[j <= i]*", "[r <= i]*") if setting["causal"] else ("", "")
    return (
        f"Z[n, h, i, j] = sum(d) Q[n, h, i, d]*K[n, h, j, d]/sqrt({setting.size('D')})",
        f"A[n, h, i, j] = {own}exp(Z[n, h, i, j])/(sum(r) {other}exp(Z[n, h, i, r]))",
    )


def _attention(setting: Setting) -> Equations:
    return Equations((*_weights(setting), "Y[n, h, i, d] = sum(j) A[n, h, i, j]*V[n, h, j, d]"))


def _multihead_operands(_: Mapping[str, Any], __: int | None) -> tuple[Operand, ...]:
    """The rows of torch's in_proj_weight are H x D, head by head; its out_proj.weight is F x (H x D)."""
    maps = tuple(Operand(name, ("H", "D", "F")) for name in ("W_q", "W_k", "W_v"))
    return (Operand("X", ("N", "S", "F")), *maps, Operand("W_o", ("F", "H", "D")))


def _multihead(setting: Setting) -> Equations:
    maps = (f"{name}[n, h, i, d] = sum(f) W_{name.lower()}[h, d, f]*X[n, i, f]" for name in "QKV")
    return Equations(
        (
            *maps,
            *_weights(setting),
            "U[n, h, i, d] = sum(j) A[n, h, i, j]*V[n, h, j, d]",
            "Y[n, i, f] = sum(h, d) W_o[f, h, d]*U[n, h, i, d]",
        )
    )


LAYERS = (
    Layer(
        "attention",
        "scaled dot-product attention",
        "each query takes the mean of the values, weighted by the softmax of its products with the keys",
        _attention_operands,
        _attention,
        (CAUSAL,),
        torch="torch.nn.functional.scaled_dot_product_attention",
        source="Vaswani et al., arXiv:1706.03762, equation 1",
    ),
    Layer(
        "multihead_attention",
        "multi-head self-attention",
        "linear maps make queries, keys and values of each head; another one joins the heads",
        _multihead_operands,
        _multihead,
        (CAUSAL,),
        torch="torch.nn.functional.multi_head_attention_forward",
        source="Vaswani et al., arXiv:1706.03762, section 3.2.2",
    ),
)
