"""One step of an optimiser as equations: w, the gradient g of the loss by w, and the state before -> those after.

The learning rate and the other constants are numbers that are given, so a step can be differentiated by them too.
"""

from __future__ import annotations

from functools import partial

from derive.subjects.layers.elementwise import entry_by_entry, indices_of
from derive.subjects.layers.layer import Equations, Layer, Operand, Setting
from derive.subjects.layers.options import Option

_RATE = Operand("lr", (), "positive", wrt=False)
_DECAY = Operand("decay", (), "positive", wrt=False)
_MOMENTUM = Operand("mu", (), "(0, 1)", wrt=False)
_W, _G, _V, _M = (Operand(name, ("...",)) for name in "wgvm")
_S = Operand("s", ("...",), "positive")
_ADAM = (
    _W, _G, _M, _S, _RATE,
    Operand("beta1", (), "(0, 1)", wrt=False), Operand("beta2", (), "(0, 1)", wrt=False),
    Operand("t", (), "1..100", wrt=False),
)  # fmt: skip


def _step(lines: tuple[str, ...], setting: Setting) -> Equations:
    """The lines with {_} for the subscripts of an entry."""
    at = indices_of(setting, "w")
    return Equations(tuple(line.replace("{_}", at) for line in lines))


def _momentum(setting: Setting) -> Equations:
    if setting["form"] == "torch":
        return _step(("v_next{_} = mu*v{_} + g{_}", "w_next{_} = w{_} - lr*v_next{_}"), setting)
    return _step(("v_next{_} = mu*v{_} - lr*g{_}", "w_next{_} = w{_} + v_next{_}"), setting)


def _adam(decoupled: bool, setting: Setting) -> Equations:
    kept = "(1 - lr*decay)*w{_}" if decoupled else "w{_}"
    return _step(
        (
            f"eps = {setting['eps']}",
            "m_next{_} = beta1*m{_} + (1 - beta1)*g{_}",
            "s_next{_} = beta2*s{_} + (1 - beta2)*g{_}^2",
            "m_hat{_} = m_next{_}/(1 - beta1^t)",
            "s_hat{_} = s_next{_}/(1 - beta2^t)",
            f"w_next{{_}} = {kept} - lr*m_hat{{_}}/(sqrt(s_hat{{_}}) + eps)",
        ),
        setting,
    )


_EPS = Option("eps", "number", "1e-8", "what is added to the root")

LAYERS = (
    Layer(
        "gradient_descent",
        "gradient descent",
        "a step of length lr against the gradient",
        entry_by_entry(_W, _G, _RATE),
        partial(_step, ("w_next{_} = w{_} - lr*g{_}",)),
        outputs=("w_next",),
        torch="torch.optim.SGD",
    ),
    Layer(
        "weight_decay",
        "gradient descent with an L2 penalty",
        "the penalty decay/2*sum w^2 adds decay*w to the gradient: the weights shrink by the factor 1 - lr*decay",
        entry_by_entry(_W, _G, _RATE, _DECAY),
        partial(_step, ("w_next{_} = w{_} - lr*(g{_} + decay*w{_})",)),
        outputs=("w_next",),
        torch="torch.optim.SGD",
    ),
    Layer(
        "momentum",
        "gradient descent with momentum",
        "torch adds up gradients in v and multiplies by lr at the end; the textbook form puts lr into v. With one lr "
        "throughout they take the same steps (v of the textbook is -lr times torch's); when lr changes, torch's rate "
        "rescales the past gradients too, the textbook's does not",
        entry_by_entry(_W, _G, _V, _RATE, _MOMENTUM),
        _momentum,
        (Option("form", "choice", "torch", "where the learning rate stands", choices=("torch", "textbook")),),
        outputs=("w_next", "v_next"),
        torch="torch.optim.SGD",
        source="B. Polyak (1964); I. Goodfellow, Y. Bengio, A. Courville, Deep Learning (2016), section 8.3.2",
    ),
    Layer(
        "nesterov",
        "Nesterov's momentum",
        "as torch has it: the step looks ahead along the new velocity, w - lr*(g + mu*v)",
        entry_by_entry(_W, _G, _V, _RATE, _MOMENTUM),
        partial(_step, ("v_next{_} = mu*v{_} + g{_}", "w_next{_} = w{_} - lr*(g{_} + mu*v_next{_})")),
        outputs=("w_next", "v_next"),
        torch="torch.optim.SGD",
        source="I. Sutskever et al., On the importance of initialization and momentum in deep learning (2013)",
    ),
    Layer(
        "adam",
        "Adam",
        "a step along the mean of the gradients, divided by the root of the mean of their squares; both corrected for "
        "starting at 0",
        entry_by_entry(*_ADAM),
        partial(_adam, False),
        (_EPS,),
        outputs=("w_next", "m_next", "s_next"),
        torch="torch.optim.Adam",
        source="D. Kingma, J. Ba (2015), arXiv:1412.6980, algorithm 1",
    ),
    Layer(
        "adamw",
        "Adam with decoupled weight decay",
        "Adam's step, and apart from it the weights shrink by the factor 1 - lr*decay",
        entry_by_entry(*_ADAM, _DECAY),
        partial(_adam, True),
        (_EPS,),
        outputs=("w_next", "m_next", "s_next"),
        torch="torch.optim.AdamW",
        source="I. Loshchilov, F. Hutter (2019), arXiv:1711.05101, algorithm 2",
    ),
)
