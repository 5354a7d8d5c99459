r"""LaTeX into tokens: one regular expression, no recursion, every limit checked before the work it bounds.

Layout (`\left`, `\big`, `\displaystyle`, spaces, comments) is gone afterwards, fonts and words are letters and names,
bars know whether they open or close, and each bracket has its partner. Nothing is ever expanded or run: a command that
`derive.reading.latex.commands` does not list is refused with its position.
"""

from __future__ import annotations

import re

from derive.errors import LimitError
from derive.reading import limits
from derive.reading.latex import commands as c
from derive.reading.latex.fonts import Words
from derive.reading.latex.marks import marked
from derive.reading.latex.source import Source
from derive.reading.latex.syntax import Token
from derive.words import nearest

_TOKEN = re.compile(
    r"(?P<SPACE>[ \t\r\n~]+)|(?P<COMMENT>%[^\r\n]*)"
    r"|(?P<NUMBER>[0-9]+(?:\{,\}[0-9]{3}(?![0-9]))+(?:\.[0-9]+)?|(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<LETTER>[A-Za-z])"
    r"|(?P<COMMAND>\\(?:operatorname\*|[A-Za-z]+))"
    r"|(?P<CONTROL>\\.)"
    r"|(?P<SIGN>:=|\+=|<=|>=|!=|<-|\|\||\.\.\.?|'+|[-+*/=<>()\[\]{},;:|^_&.])",
    re.DOTALL,
)
_ROMAN = re.compile(r"\{\s*\\(?:rm|sf|it)\s+([A-Za-z][A-Za-z0-9]*)\s*\}")
_ONE_SIGN = re.compile(r"\{([A-Za-z0-9])\}")
_DIGIT = re.compile(r"[0-9]")
_ARGUMENT = re.compile(r"\s*\{([^{}]*)\}")
_OVER = re.compile(r"\s*(?:\{[^{}]*\}|[^\s{}\\])\s*")
_RELATION_BRACES = re.compile(r"\{\s*(\\[A-Za-z]+|:=|<=|>=|=|<|>|\+=)\s*\}")
_ACCUMULATE = re.compile(r"\s*\{\s*([-+])\s*(?:\}(?:\s|\\[!,])*=|=\s*\})")
_DEGREE = re.compile(r"\s*\[\s*([0-9]{1,3}|[a-z])\s*\]")
_OF_COLUMNS = re.compile(r"\s*(?:\[[^\[\]{}]*\]\s*)?\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}")
_ROW_SPACE = re.compile(r"\*?[ \t]*(?:\[\s*-?[0-9.]+\s*[a-z]+\s*\])?")
_ARG = re.compile(r"\s*\\(?:,\s*\\)?(max|min)")

_PLAIN = {
    "+": ("PLUS", "+"), "-": ("MINUS", "-"), "*": ("TIMES", "asterisk"), "/": ("TIMES", "/"),
    "=": ("RELATION", "="), "<": ("RELATION", "<"), ">": ("RELATION", ">"), "<=": ("RELATION", "<="),
    ">=": ("RELATION", ">="), "!=": ("RELATION", "!="), "<-": ("RELATION", "<-"), ":=": ("RELATION", "="),
    "+=": ("RELATION", "+="), ",": ("COMMA", ","), ";": ("COMMA", ";"), ":": ("RELATION", ":"), "^": ("SUP", "^"),
    "_": ("SUB", "_"), "&": ("AMP", "&"), "...": ("LEAF", "dots"), "..": ("LEAF", "dots"), ".": ("STOP", "."),
}  # fmt: skip


class Lexer(Words):
    """The tokens of one formula, or of all rows of an environment. Raises ReadingError or LimitError."""

    def scan(self) -> list[Token]:
        if self.end - self.place > limits.LINE_CHARACTERS:
            message = f"the formula has {self.end - self.place} characters; the limit is {limits.LINE_CHARACTERS}"
            raise self.error(message, self.place, self.place + 1, LimitError)
        match_at, text, end = _TOKEN.match, self.text, self.end
        tokens = self.tokens
        while self.place < end:
            place = self.place
            if self.single and (digit := _DIGIT.match(text, self.behind_spaces(place))):
                self.place = digit.end()
                self.add("LEAF", "number", digit[0], digit.start())
                continue
            match = match_at(text, place, end)
            kind = match.lastgroup if match else None
            if self.jumps and self.jumps[-1][0] == place:
                self.words_again()
                continue
            if match is None:
                self.unknown_character(place)
                continue
            self.place = match.end()
            if kind == "LETTER":
                self.add("LEAF", "letter", match[0], place)
            elif kind == "SIGN":
                self.sign(match[0], place)
            elif kind == "NUMBER":
                self.number(match[0], place)
            elif kind == "COMMAND":
                self.command(match[0][1:], place)
            elif kind == "CONTROL":
                self.control(match[0][1:], place)
            if len(tokens) > limits.LINE_TOKENS:
                message = f"the formula has more than {limits.LINE_TOKENS} numbers, names and signs, the limit"
                raise self.error(message, place, self.place, LimitError)
        if self.open:
            kind, opened, _ = self.open[-1]
            raise self.error(f"this {self.shown(opened)} is never closed", opened.start, opened.end)
        return marked(tokens)

    def sign(self, piece: str, place: int) -> None:
        if piece in ("(", "["):
            self.opening(piece, place)
        elif piece in (")", "]"):
            self.closing("(" if piece == ")" else "[", place)
        elif piece == "{" and self.single and (letter := _ONE_SIGN.match(self.text, place, self.end)) is not None:
            self.place = letter.end()
            self.add("LEAF", "number" if letter[1].isdigit() else "letter", letter[1], place)
        elif piece == "{" and (roman := _ROMAN.match(self.text, place, self.end)) is not None:
            self.place = roman.end()
            self.word(roman[1], place, self.in_script())
        elif piece == "{":
            before = self.tokens[-1].type if self.tokens else ""
            kind = {"SUB": "sub{", "SUP": "super{"}.get(before, "{")
            self.push("brace", self.add("LBRACE", kind, piece, place), max(self.single - 1, 0))
            self.single = 0
        elif piece == "}":
            if not self.open or self.open[-1][0] != "brace":
                self.closing("brace", place)  # the error
            _, _, due = self.open.pop()
            self.single = 0
            self.add("RBRACE", "}", piece, place)
            self.single = due
        elif piece in ("|", "||"):
            self.bar(piece, place)
        elif piece[0] == "'":
            self.add("PRIME", "prime", piece, place)
        else:
            type, text = _PLAIN[piece]
            self.single = 0
            self.add(type, text, text, place)
            if type in ("SUB", "SUP"):
                self.single = 1

    def control(self, sign: str, place: int) -> None:
        if sign in ",;:> ":
            self.space = True
        elif sign in "!/":
            pass
        elif sign == "\\":
            spaces = _ROW_SPACE.match(self.text, self.place, self.end)
            self.place = self.place if spaces is None else spaces.end()
            in_stack = any(token.text == "substack" for _, token, _ in self.open)
            self.single = 0
            self.add("COMMA" if in_stack else "ROW", ",", ",", place)
        elif sign == "{":
            self.opening("{", place)
        elif sign == "}":
            self.closing("{", place)
        elif sign == "|":
            self.bar("||", place)
        elif sign in "\r\n\t":
            self.space = True
        else:
            raise self.error(
                f"\\{sign} is not read here" if sign.isprintable() else "this is not read", place, self.place
            )

    def command(self, name: str, place: int) -> None:
        if name in c.LETTERS:
            text = c.LETTERS[name]
            self.add("LEAF", "letter" if name != "infty" else "infinity", text, place)
        elif name in c.ACCENTS:
            self.add("ACCENT", "accent", c.ACCENTS[name], place)
            self.single = 1
        elif name in ("frac", "dfrac", "tfrac", "cfrac"):
            self.add("FRAC", "frac", name, place)
            self.single = 2
        elif name == "partial":
            self.add("LEAF", "partial", "d", place)
        elif name in ("nabla", "prime", "top", "intercal"):
            kind = "transpose" if name in ("top", "intercal") else name
            self.add("LEAF", kind, name, place)
        elif name in c.FUNCTION_COMMANDS:
            self.add("LEAF", "function", c.FUNCTIONS[name], place)
        elif name in c.REDUCTIONS:
            self.add("LEAF", "reduction", c.REDUCTIONS[name], place)
        elif name in c.OPERATORS:
            self.single = 0
            self.add("TIMES", c.OPERATORS[name], name, place)
        elif name in c.RELATIONS:
            self.single = 0
            text = c.RELATIONS[name]
            self.add("RELATION", text, text, place)
        elif name in c.GROWING:
            self.growing(name, place)
        elif name in c.BRACKETS:
            side, kind = c.BRACKETS[name]
            self.delimiter(side, kind, place)
        else:
            self.rare_command(name, place)

    def rare_command(self, name: str, place: int) -> None:
        if name in c.UPRIGHT_FONTS or name in c.TEXT:
            self.upright(name, place)
        elif name in c.PLAIN_FONTS:
            self.bold(place)
        elif name in c.SCRIPT_FONTS:
            self.script_letter(name, place)
        elif name in c.LAYOUT:
            pass
        elif name in c.SEPARATORS:
            self.single = 0
            self.add("SEPARATOR", name, name, place)
        elif name in c.SPACES:
            self.space = True
        elif name in c.LAYOUT_ARGUMENT:
            argument = _ARGUMENT.match(self.text, self.place, self.end)
            if argument is None:
                raise self.error(f"braces are expected behind \\{name}", place, self.place)
            self.place = argument.end()
        elif name in c.DOTS:
            self.add("LEAF", "dots", "...", place)
        elif name == "sqrt":
            degree = _DEGREE.match(self.text, self.place, self.end)
            self.place = degree.end() if degree else self.place
            self.add("ROOT", "root", degree[1] if degree else "", place)
            self.single = 1
        elif name in ("begin", "end"):
            self.environment(name, place)
        elif name in ("stackrel", "overset", "underset"):
            self.annotated(name, place)
        elif name in ("mathrel", "mathbin", "mathop", "mathord"):
            self.class_of(place)
        elif name in ("underbrace", "overbrace"):
            self.add("ACCENT", "brace", "brace", place)
            self.single = 1
        elif name == "substack":
            self.add("LEAF", "nothing", "substack", place)
            brace = self.behind_spaces(self.place)
            if self.text[brace : brace + 1] == "{":
                self.tokens.pop()
                self.place = brace + 1
                self.push("brace", self.add("LBRACE", "{", "substack", brace))
        elif name == "arg":
            self.arg(place)
        elif name in ("forall", "exists"):
            self.add("LEAF", "forall", name, place)
        elif name in ("wedge", "land"):
            self.add("COMMA", ",", ",", place)
        else:
            close = nearest(name, (*c.LETTERS, *c.ACCENTS, *c.FUNCTION_COMMANDS, *c.OPERATORS, *c.RELATIONS, "frac"))
            hint = f"; did you mean \\{close}?" if close and len(name) > 2 else ""
            raise self.error(f"the command \\{name[:40]} is not read{hint}", place, self.place)

    def arg(self, place: int) -> None:
        r"""`\arg\max` and `\arg\min`."""
        match = _ARG.match(self.text, self.place, self.end)
        if match is None:
            raise self.error("the command \\arg is read only before \\max and \\min", place, self.place)
        self.place = match.end()
        self.add("LEAF", "function", "arg" + match[1], place)

    def annotated(self, name: str, place: int) -> None:
        r"""`\overset{(1)}{=}` is the relation."""
        over = _OVER.match(self.text, self.place, self.end)
        relation = _RELATION_BRACES.match(self.text, over.end(), self.end) if over else None
        if relation is None:
            raise self.error(f"\\{name} is read only above or below a relation such as =", place, self.place)
        self.place = relation.end()
        piece = relation[1]
        text = c.RELATIONS.get(piece[1:]) if piece[0] == "\\" else _PLAIN[piece][1]
        if text is None:
            raise self.error(f"\\{name} is read only above or below a relation such as =", place, self.place)
        self.add("RELATION", text, text, place)

    def class_of(self, place: int) -> None:
        r"""`\mathrel{+}=` is a relation; else the class of a sign says nothing."""
        if match := _ACCUMULATE.match(self.text, self.place, self.end):
            self.place = match.end()
            self.add("RELATION", match[1] + "=", match[1] + "=", place)

    def environment(self, name: str, place: int) -> None:
        argument = _ARGUMENT.match(self.text, self.place, self.end)
        environment = argument[1].strip().rstrip("*") if argument else ""
        if argument is None or environment not in c.ENVIRONMENTS:
            what = "".join(filter(str.isprintable, environment[:40])) or "without a name"
            raise self.error(f"the environment {what} is not read", place, argument.end() if argument else self.place)
        self.place = argument.end()
        if name == "begin":
            if environment in ("array", "tabular", "tabularx", "longtable", "alignat", "alignedat"):
                columns = _OF_COLUMNS.match(self.text, self.place, self.end)
                self.place = columns.end() if columns else self.place
            self.single = 0
            self.push("env:" + environment, self.add("BEGIN", environment, environment, place))
            return
        if not self.open or self.open[-1][0] != "env:" + environment:
            raise self.error(f"this \\end{{{environment}}} closes nothing that stands open", place, self.place)
        self.open.pop()
        self.add("END", environment, environment, place)


def scan(source: Source, start: int, end: int, *, exponent_letter: bool = True) -> list[Token]:
    """The tokens of the text between two offsets; see `Lexer`."""
    return Lexer(source, start, end, exponent_letter=exponent_letter).scan()
