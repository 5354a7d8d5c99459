r"""The commands of LaTeX that the reader knows. Every other one is refused with its position; none is ever run.

Each table says what a command stands for in the syntax: `\theta` a letter, `\odot` an operator, `\le` a relation.
"""

from __future__ import annotations

from derive.names import GREEK

LETTERS = {
    **{name: name for name in GREEK},
    "varsigma": "varsigma", "varkappa": "varkappa", "varrho": "varrho", "varpi": "varpi",
    "ell": "ell", "hbar": "hbar", "imath": "i", "jmath": "j", "infty": "infinity", "aleph": "aleph",
}  # fmt: skip

#: Accent -> its word in a canonical name; "" where it says no more than a font does.
ACCENTS = {
    "bar": "bar", "overline": "bar", "hat": "hat", "widehat": "hat", "tilde": "tilde", "widetilde": "tilde",
    "dot": "dot", "ddot": "ddot", "check": "check", "breve": "breve", "vec": "", "underline": "",
    "overrightarrow": "", "boxed": "",
}  # fmt: skip

#: Fonts that say nothing, and those that make another letter (the loss as a script L).
PLAIN_FONTS = frozenset("mathbf boldsymbol bm mathit mathnormal pmb bf bold symbf symbfit".split())
UPRIGHT_FONTS = frozenset("mathrm operatorname operatorname* mathsf mathtt textrm texttt textsf textit textbf".split())
SCRIPT_FONTS = {"mathcal": "cal", "mathscr": "cal", "mathfrak": "frak", "mathbb": "bb", "mathds": "bb"}
TEXT = frozenset("text mbox hbox intertext shortintertext textnormal".split())

#: Functions with a command, and words in an upright font: spelling -> canonical name of the function.
FUNCTIONS = {
    **{name: name for name in "sin cos tan sinh cosh tanh exp log max min tr diag vec rot180 pad softmax logsoftmax "
       "sigmoid relu softplus erf abs sign sqrt mean sum prod norm ones argmax argmin floor mod asin acos atan "
       "sec csc cot sech csch coth".split()},
    "ln": "log", "arcsin": "asin", "arccos": "acos", "arctan": "atan", "Tr": "tr", "trace": "tr", "Diag": "diag",
    "Vec": "vec", "ReLU": "relu", "RELU": "relu", "Relu": "relu", "Softmax": "softmax", "SoftMax": "softmax",
    "LogSoftmax": "logsoftmax", "logSoftmax": "logsoftmax", "Sigmoid": "sigmoid", "sgn": "sign", "Softplus": "softplus",
    "SoftPlus": "softplus", "avg": "mean", "Mean": "mean", "Exp": "exp", "Log": "log", "Tanh": "tanh",
    "arsinh": "asinh", "rot": "rot180", "Pad": "pad", "cosec": "csc",
}  # fmt: skip
FUNCTION_COMMANDS = frozenset(
    "sin cos tan sinh cosh tanh exp log ln arcsin arccos arctan sec csc cot coth max min".split()
)
#: 1/cos and so on: functions that are no rows of the table of functions.
RECIPROCALS = {"sec": "cos", "csc": "sin", "cot": "tan", "sech": "cosh", "csch": "sinh", "coth": "tanh"}

#: Reductions, `\sum_i body`.
REDUCTIONS = {"sum": "sum", "prod": "prod"}
#: Words that are reductions when they have a subscript, else functions.
REDUCING_WORDS = frozenset(("max", "min", "mean", "argmax", "argmin", "sum", "prod"))

OPERATORS = {
    "cdot": "*", "times": "*", "odot": ".*", "circ": ".*", "ast": "asterisk", "star": "star", "div": "/",
    "otimes": "otimes", "oslash": "./", "bmod": "mod", "bullet": "*", "circledast": "asterisk", "slash": "/",
}  # fmt: skip

RELATIONS = {
    "le": "<=", "leq": "<=", "leqslant": "<=", "ge": ">=", "geq": ">=", "geqslant": ">=", "ne": "!=", "neq": "!=",
    "lt": "<", "gt": ">", "approx": "approx", "simeq": "approx", "leftarrow": "<-", "gets": "<-", "coloneqq": "=",
    "equiv": "=", "doteq": "=", "triangleq": "=", "propto": "propto", "mid": "|", "in": "in", "notin": "notin",
    "sim": "sim", "eqqcolon": "=", "defeq": "=", "coloneq": "=",
}  # fmt: skip

#: Arrows and words between statements.
SEPARATORS = frozenset(
    "Rightarrow implies Longrightarrow iff Leftrightarrow Longleftrightarrow therefore quad qquad Leftarrow because"
    " longrightarrow Downarrow".split()
)
SPACES = frozenset("thinspace medspace thickspace enspace hfill hfil negthinspace smallskip medskip bigskip".split())
#: Without any meaning for a formula.
LAYOUT = frozenset(
    "displaystyle textstyle scriptstyle scriptscriptstyle limits nolimits nonumber notag hline centering noindent "
    "toprule midrule bottomrule allowbreak nobreak relax normalsize small large Large tiny footnotesize par newline "
    "left right middle big Big bigg Bigg bigl Bigl biggl Biggl bigr Bigr biggr Biggr bigm Bigm qedhere".split()
)
GROWING = frozenset("left right middle big Big bigg Bigg bigl Bigl biggl Biggl bigr Bigr biggr Biggr bigm Bigm".split())
OPENS = frozenset("left bigl Bigl biggl Biggl".split())
CLOSES = frozenset("right bigr Bigr biggr Biggr".split())
#: Skipped with one argument in braces.
LAYOUT_ARGUMENT = frozenset(
    "label tag hspace vspace phantom hphantom vphantom tag* hspace* color cline ref eqref".split()
)
DOTS = frozenset("dots ldots cdots dotsc dotsb dotsm vdots ddots dotso".split())

#: Brackets by command: command -> (side, kind).
BRACKETS = {
    "langle": ("open", "<"), "rangle": ("close", "<"), "lvert": ("open", "|"), "rvert": ("close", "|"),
    "lVert": ("open", "||"), "rVert": ("close", "||"), "lfloor": ("open", "floor"), "rfloor": ("close", "floor"),
    "lceil": ("open", "ceil"), "rceil": ("close", "ceil"), "lbrace": ("open", "{"), "rbrace": ("close", "{"),
    "lbrack": ("open", "["), "rbrack": ("close", "["), "lparen": ("open", "("), "rparen": ("close", "("),
    "vert": ("bar", "|"), "Vert": ("bar", "||"),
}  # fmt: skip

#: Environments that hold the rows of a work, those that hold one value, and their optional argument of columns.
ROW_ENVIRONMENTS = frozenset(
    "equation align aligned gather gathered split alignat alignedat multline eqnarray flalign displaymath math "
    "subequations array tabular tabularx longtable IEEEeqnarray".split()
)
MATRICES = frozenset("matrix pmatrix bmatrix Bmatrix smallmatrix array vmatrix Vmatrix".split())
CASES = frozenset("cases dcases rcases".split())
ENVIRONMENTS = ROW_ENVIRONMENTS | MATRICES | CASES
