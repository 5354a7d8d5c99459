r"""LaTeX into tokens: one regular expression, no recursion, every limit checked before the work it bounds.

Layout (`\left`, `\big`, `\displaystyle`, spaces, comments) is gone afterwards, fonts and words are letters and names,
bars know whether they open or close, and each bracket has its partner. Nothing is ever expanded or run: a command that
`derive.reading.latex.commands` does not list is refused with its position.
"""

from __future__ import annotations

import re
import unicodedata

from derive.errors import LimitError, ReadingError
from derive.reading import limits
from derive.reading.characters import described, instead
from derive.reading.latex import commands as c
from derive.reading.latex.source import Source
from derive.reading.latex.syntax import Token
from derive.words import nearest

#: Brackets and scripts inside each other: the syntax is walked by recursion, several calls a level.
NESTING = 80

_TOKEN = re.compile(
    r"(?P<SPACE>[ \t\r\n~]+)|(?P<COMMENT>%[^\r\n]*)"
    r"|(?P<NUMBER>[0-9]+(?:\{,\}[0-9]{3}(?![0-9]))+(?:\.[0-9]+)?|(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<LETTER>[A-Za-z])"
    r"|(?P<COMMAND>\\(?:operatorname\*|[A-Za-z]+))"
    r"|(?P<CONTROL>\\.)"
    r"|(?P<SIGN>:=|\+=|<=|>=|!=|<-|\|\||\.\.\.?|'+|[-+*/=<>()\[\]{},;:|^_&.])",
    re.DOTALL,
)
_ONE_SIGN = re.compile(r"\{([A-Za-z0-9])\}")
_DIGIT = re.compile(r"[0-9]")
_SPACES = re.compile(r"[ \t\r\n~]*")
_ARGUMENT = re.compile(r"\s*\{([^{}]*)\}")
_WORD = re.compile(r"\s*\{\s*([A-Za-z][A-Za-z0-9 \-]*?)\s*\}")
_SCRIPT_TEXT = re.compile(r"\s*\{\s*([^{}$\\]*?)\s*\}")
_OVER = re.compile(r"\s*(?:\{[^{}]*\}|[^\s{}\\])\s*")
_RELATION_BRACES = re.compile(r"\{\s*(\\[A-Za-z]+|:=|<=|>=|=|<|>|\+=)\s*\}")
_ACCUMULATE = re.compile(r"\s*\{\s*([-+])\s*(?:\}(?:\s|\\[!,])*=|=\s*\})")
_DEGREE = re.compile(r"\s*\[\s*([0-9]{1,3}|[a-z])\s*\]")
_LEFT_DOT = re.compile(r"\\left\s*\.")
_DELIMITER = re.compile(r"\s*(\\[A-Za-z]+|\\[|{}]|[()\[\]|/.<>])")
_OF_COLUMNS = re.compile(r"\s*(?:\[[^\[\]{}]*\]\s*)?\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}")
_DISPLAY_ROW = re.compile(r"\s*\[[^\[\]]*\]")

_PLAIN = {
    "+": ("PLUS", "+"), "-": ("MINUS", "-"), "*": ("TIMES", "asterisk"), "/": ("TIMES", "/"),
    "=": ("RELATION", "="), "<": ("RELATION", "<"), ">": ("RELATION", ">"), "<=": ("RELATION", "<="),
    ">=": ("RELATION", ">="), "!=": ("RELATION", "!="), "<-": ("RELATION", "<-"), ":=": ("RELATION", "="),
    "+=": ("RELATION", "+="), ",": ("COMMA", ","), ";": ("COMMA", ";"), ":": ("RELATION", ":"), "^": ("SUP", "^"),
    "_": ("SUB", "_"), "&": ("AMP", "&"), "...": ("LEAF", "dots"), "..": ("LEAF", "dots"), ".": ("STOP", "."),
}  # fmt: skip
_OPEN = {"(": ")", "[": "]", "{": "}", "|": "|", "||": "||", "<": ">", "floor": "floor", "ceil": "ceil"}
_ENDS = frozenset(("LEAF", "CLOSE", "RBRACE", "PRIME", "END"))
_WORDS_IN_BRACES = frozenset(("SUB", "SUP"))
_CONJUNCTIONS = frozenset(("and", "und", "&"))
_REMARKS = frozenset(
    "if when where with for otherwise else sonst falls wenn from since because so thus hence by using then all let or "
    "as is the of to in at on we get note".split()
)


class Lexer:
    """The tokens of one formula, or of all rows of an environment. Raises ReadingError or LimitError."""

    def __init__(self, source: Source, start: int, end: int, *, exponent_letter: bool = True) -> None:
        self.source, self.place, self.end = source, start, end
        self.text = source.text
        self.tokens: list[Token] = []
        self.open: list[tuple[str, Token, int]] = []  # kind of bracket, its token, single arguments due afterwards
        self.single = 0  # how many arguments of TeX follow: a digit is one by itself
        self.space = False
        self.exponent_letter = exponent_letter
        self.minuses = 0
        self.cut = 0  # brackets that a \right. has left open for a \left.

    def error(self, message: str, start: int, end: int, kind: type[ReadingError] = ReadingError) -> ReadingError:
        return self.source.error(message, start, end, kind)

    def scan(self) -> list[Token]:
        if self.end - self.place > limits.LINE_CHARACTERS:
            message = f"the formula has {self.end - self.place} characters; the limit is {limits.LINE_CHARACTERS}"
            raise self.error(message, self.place, self.place + 1, LimitError)
        match_at, text, end = _TOKEN.match, self.text, self.end
        tokens = self.tokens
        while self.place < end:
            place = self.place
            if self.single and (digit := _DIGIT.match(text, _SPACES.match(text, place).end())):  # type: ignore[union-attr]
                self.place = digit.end()
                self.add("LEAF", "number", digit[0], digit.start())
                continue
            match = match_at(text, place, end)
            kind = match.lastgroup if match else None
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
        return tokens

    def shown(self, token: Token) -> str:
        return self.text[token.start : token.end]

    def add(self, type: str, kind: str, text: str, start: int) -> Token:
        token = Token(type, kind, text, start, self.place, self.space)
        self.space = False
        self.tokens.append(token)
        if self.single and type != "LBRACE":
            self.single -= 1
        if type == "MINUS":
            self.minuses += 1
            if self.minuses > NESTING:
                raise self.error(f"more than {NESTING} minus signs in a row, the limit", start, self.place, LimitError)
        elif self.minuses:
            self.minuses = 0
        return token

    # --- signs and numbers --------------------------------------------------------------------------------------------

    def sign(self, piece: str, place: int) -> None:
        if piece in ("(", "["):
            self.opening(piece, place)
        elif piece in (")", "]"):
            self.closing("(" if piece == ")" else "[", place)
        elif piece == "{" and self.single and (letter := _ONE_SIGN.match(self.text, place, self.end)) is not None:
            self.place = letter.end()
            self.add("LEAF", "number" if letter[1].isdigit() else "letter", letter[1], place)
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

    def number(self, piece: str, place: int) -> None:
        if self.tokens and not self.space and self.tokens[-1].kind == "number" and self.tokens[-1].end == place:
            before = self.tokens[-1].text
            message = f"this reads as {before} and {piece} side by side, as in TeX; write braces around all digits"
            raise self.error(message, place, self.place)
        mantissa, letter, exponent = piece.replace("E", "e").partition("e")
        if letter and not self.exponent_letter:  # e is declared: 2e-3 is a difference
            self.place = place + len(mantissa)
            piece, exponent = mantissa, ""
        if len(mantissa) > limits.LITERAL_DIGITS:
            message = f"the number has {len(mantissa)} digits; the limit is {limits.LITERAL_DIGITS}"
            raise self.error(message, place, self.place, LimitError)
        if exponent and (len(exponent.lstrip("+-0")) > 9 or abs(int(exponent)) > limits.EXPONENT):
            message = f"the exponent of ten is beyond {limits.EXPONENT}, the limit"
            raise self.error(message, place, self.place, LimitError)
        rest = self.text[self.place : self.place + 8]
        if (comma := re.match(r"\{,\}([0-9]+)", rest)) and self.place < self.end:
            whole = piece.replace("{,}", "")
            message = f"a comma in a number has two readings; write {piece}.{comma[1]} or {whole}{comma[1]}"
            raise self.error(message, place, self.place + comma.end())
        if "{,}" in piece and piece.startswith("0"):
            whole = piece.replace("{,}", "")
            message = f"a comma in a number has two readings; write {piece.replace('{,}', '.')} or {whole.lstrip('0')}"
            raise self.error(message, place, self.place)
        self.add("LEAF", "number", piece.replace("{,}", ""), place)

    # --- brackets -----------------------------------------------------------------------------------------------------

    def push(self, kind: str, token: Token, due: int = 0) -> None:
        self.open.append((kind, token, due))
        if len(self.open) > NESTING:
            raise self.error(f"more than {NESTING} brackets stand open, the limit", token.start, token.end, LimitError)

    def opening(self, kind: str, place: int) -> None:
        self.single = 0
        self.push(kind, self.add("OPEN", kind, kind, place))

    def closing(self, kind: str, place: int) -> None:
        piece = self.text[place : self.place]
        if not self.open:
            raise self.error(f"this {piece} closes nothing", place, self.place)
        opened, token, _ = self.open[-1]
        if opened != kind:
            at = self.source.span(token.start, token.end)
            raise self.error(
                f"this {piece} cannot close the {self.shown(token)} in column {at.column}", place, self.place
            )
        self.open.pop()
        self.add("CLOSE", kind, kind, place)

    def bar(self, kind: str, place: int, side: str = "") -> None:
        """A bar closes the innermost bracket if that is such a bar and an operand stands before it."""
        inside = bool(self.open) and self.open[-1][0] == kind
        behind = bool(self.tokens) and self.tokens[-1].type in _ENDS
        if side == "close" or (not side and inside and behind):
            self.closing(kind, place)
        elif (
            not side and not inside and kind == "|" and behind and self.open and self.open[-1][0] in ("brace", "[", "(")
        ):
            if any(opened == kind for opened, _, _ in self.open) or not self.bar_ahead():
                self.add("RELATION", "|", "|", place)  # such that, or divides
            else:
                self.opening(kind, place)
        elif (
            not side and kind == "||" and behind and inside is False and [o for o, _, _ in self.open[-2:]] == ["|", "|"]
        ):
            self.place = place + 1
            self.closing("|", place)
        else:
            self.opening(kind, place)

    def bar_ahead(self) -> bool:
        """Whether another bar stands before the bracket around this one closes."""
        closing = _OPEN.get(self.open[-1][0], "}")
        rest = self.text[self.place : self.end]
        bar, stop = rest.find("|"), rest.find(closing)
        return 0 <= bar < stop

    # --- commands -----------------------------------------------------------------------------------------------------

    def control(self, sign: str, place: int) -> None:
        if sign in ",;:> ":
            self.space = True
        elif sign in "!/":
            pass
        elif sign == "\\":
            self.place = (
                _DISPLAY_ROW.match(self.text, self.place, self.end) or _SPACES.match(self.text, self.place)
            ).end()  # type: ignore[union-attr]
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

    def growing(self, name: str, place: int) -> None:
        r"""`\left(`, `\right.`, `\big|`: the bracket behind it, with the side that it says."""
        match = _DELIMITER.match(self.text, self.place, self.end)
        if match is None:
            raise self.error(f"a bracket is expected behind \\{name}", place, self.place)
        self.place = match.end()
        piece = match[1]
        start = match.start(1)
        forced = "open" if name in c.OPENS else "close" if name in c.CLOSES else ""
        if piece == ".":
            self.null_delimiter(forced, place)
        elif piece in ("|", r"\|"):
            self.bar("||" if piece == r"\|" else "|", start, forced)
        elif piece in ("<", ">"):
            self.delimiter("open" if piece == "<" else "close", "<", start)
        elif piece == "/":
            self.add("TIMES", "/", "/", start)
        elif piece[0] == "\\" and piece[1:] in c.BRACKETS:
            side, kind = c.BRACKETS[piece[1:]]
            self.delimiter(forced or side, kind, start)
        elif piece in ("\\{", "\\}"):
            self.delimiter("open" if piece == "\\{" else "close", "{", start)
        elif piece[0] == "\\":
            raise self.error(f"{piece} is no bracket", start, self.place)
        else:
            self.sign(piece, start)

    def null_delimiter(self, forced: str, place: int) -> None:
        r"""`\right.` closes whatever stands open; `\left.` has no meaning here."""
        if forced == "close" and _LEFT_DOT.search(self.text, self.place, self.end) is not None:
            self.cut += 1  # brackets over two lines: \right. and \left. only make them grow
            return
        if forced == "open" and self.cut:
            self.cut -= 1
            return
        if forced == "open":
            raise self.error(
                "an evaluation bar is not read; write the value at the point as an equation", place, self.place
            )
        if self.open and self.open[-1][0] != "brace":
            kind = self.open.pop()[0]
            self.add("CLOSE", kind, kind, place)

    def delimiter(self, side: str, kind: str, place: int) -> None:
        if side == "open":
            self.opening(kind, place)
        elif side == "close":
            self.closing(kind, place)
        else:
            self.bar(kind, place)

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
            brace = _SPACES.match(self.text, self.place).end()  # type: ignore[union-attr]
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
        match = re.compile(r"\s*\\(?:,\s*\\)?(max|min)").match(self.text, self.place, self.end)
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
            what = environment[:40] or "without a name"
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

    # --- fonts and words ----------------------------------------------------------------------------------------------

    def upright(self, font: str, place: int) -> None:
        """Words: functions, names, labels, remarks; one letter is that letter, and an upright d a differential."""
        in_script = self.in_script()
        if font in c.TEXT or font.startswith("text"):
            self.words(place, in_script)
            return
        match = _WORD.match(self.text, self.place, self.end)
        if match is None:
            letter = re.compile(r"\s+([A-Za-z0-9])").match(self.text, self.place, self.end)
            if letter is None:
                if re.compile(r"\s*\{\s*arg\s*\\[,;! ]\s*(max|min)\s*\}").match(self.text, self.place, self.end):
                    stop = self.text.index("}", self.place) + 1
                    extreme = "max" if "max" in self.text[self.place : stop] else "min"
                    self.place = stop
                    self.add("LEAF", "function", "arg" + extreme, place)
                elif number := re.compile(r"\s*\{\s*([0-9]+)\s*\}").match(self.text, self.place, self.end):
                    self.place = number.end()
                    self.add("LEAF", "number", number[1], place)
                return  # the font of something larger, which stands as it is
            self.place = letter.end()
            self.word(letter[1], place, in_script)
            return
        self.place = match.end()
        word = re.sub(r"[ \-]+", "", match[1])
        if font == "operatorname*" and (reduction := c.FUNCTIONS.get(word)) in c.REDUCING_WORDS:
            self.add("LEAF", "reduction", str(reduction), place)
        else:
            self.word(word, place, in_script)

    def word(self, text: str, place: int, in_script: bool) -> None:
        if len(text) == 1:
            if text == "T" and self.in_superscript():
                self.add("LEAF", "transpose", "top", place)
            elif text == "d" and not in_script:
                self.add("LEAF", "partial", "d", place)
            else:
                self.add("LEAF", "number" if text.isdigit() else "letter", text, place)
        elif text in c.FUNCTIONS and (not in_script or self.text[self.place : self.place + 1] in ("(", "\\")):
            self.add("LEAF", "function", c.FUNCTIONS[text], place)
        else:
            self.add("LEAF", "word", text, place)

    def words(self, place: int, in_script: bool) -> None:
        r"""`\text{...}`: a label in a script, a conjunction, a word such as softmax, else a remark."""
        stop = self.closing_brace()
        brace = self.text.find("{", self.place, self.end)
        inside = self.text[brace + 1 : stop - 1]
        self.place = stop
        plain = inside.strip()
        is_word = re.fullmatch(r"[A-Za-z][A-Za-z0-9]*", plain) is not None
        if in_script or (is_word and plain == inside and plain.lower() not in _REMARKS | _CONJUNCTIONS):
            self.word(re.sub(r"[^A-Za-z0-9]+", "", plain) or "x", place, in_script)
        elif plain.lower() in _CONJUNCTIONS:
            self.add("COMMA", ",", ",", place)
        else:
            head, dollar, _ = inside.partition("$")
            self.add("LEAF", "text", head.strip().lower(), place)
            if dollar:  # a formula inside the words: \text{if $x > 0$}
                self.place = brace + 1 + len(head) + 1
                self.inner_formula(stop - 1)
                self.place = stop

    def inner_formula(self, stop: int) -> None:
        end = self.text.find("$", self.place, stop)
        if end < 0:
            raise self.error("this $ is never closed", self.place - 1, self.place)
        outer, self.end = self.end, end
        depth = len(self.open)
        tokens = self.tokens
        while self.place < end:
            match = _TOKEN.match(self.text, self.place, end)
            if match is None:
                self.unknown_character(self.place)
                continue
            place, self.place = self.place, match.end()
            piece = match[0]
            match match.lastgroup:
                case "LETTER":
                    self.add("LEAF", "letter", piece, place)
                case "SIGN":
                    self.sign(piece, place)
                case "NUMBER":
                    self.number(piece, place)
                case "COMMAND" if piece not in (r"\text", r"\mbox"):
                    self.command(piece[1:], place)
                case "COMMAND":
                    raise self.error(f"{piece} inside a text is not read", place, self.place)
                case "CONTROL":
                    self.control(piece[1:], place)
        if len(self.open) != depth:
            raise self.error("the brackets of this formula do not match", tokens[-1].start, tokens[-1].end)
        self.end = outer

    def closing_brace(self) -> int:
        """Behind the brace that closes the argument which begins here."""
        start = _SPACES.match(self.text, self.place).end()  # type: ignore[union-attr]
        if self.text[start : start + 1] != "{":
            raise self.error("braces are expected here", start, start + 1)
        depth = 0
        for match in re.compile(r"\\.|[{}]").finditer(self.text, start, self.end):
            depth += (match[0] == "{") - (match[0] == "}")
            if not depth:
                return match.end()
        raise self.error("this { is never closed", start, start + 1)

    def in_script(self) -> bool:
        """Whether this place is in a subscript or superscript."""
        if self.single and self.tokens and self.tokens[-1].type in ("SUB", "SUP"):
            return True
        return any(token.kind in ("sub{", "super{") for _, token, _ in self.open)

    def in_superscript(self) -> bool:
        if self.single and self.tokens and self.tokens[-1].type == "SUP":
            return True
        return bool(self.open) and self.open[-1][1].kind == "super{"

    def bold(self, place: int) -> None:
        """A font that says nothing: `\\mathbf{W}` is W; a bold 1 is the vector of ones."""
        one = re.compile(r"\s*\{\s*1\s*\}|\s*1").match(self.text, self.place, self.end)
        if one is not None:
            self.place = one.end()
            self.add("LEAF", "ones", "ones", place)
            return
        letter = re.compile(r"\s*\{\s*([A-Za-z])\s*\}").match(self.text, self.place, self.end)
        if letter is not None:
            self.place = letter.end()
            self.add("LEAF", "letter", letter[1], place)

    def script_letter(self, font: str, place: int) -> None:
        letter = re.compile(r"\s*\{\s*([A-Za-z0-9])\s*\}|\s*([A-Za-z0-9])").match(self.text, self.place, self.end)
        if letter is None:
            raise self.error(f"one letter is expected behind \\{font}", place, self.place)
        self.place = letter.end()
        text = letter[1] or letter[2]
        if text == "1":
            self.add("LEAF", "ones", "ones", place)
        elif text.isdigit():
            raise self.error(f"\\{font} of a digit is read only for 1", place, self.place)
        else:
            self.add("LEAF", "letter", f"{text}_{c.SCRIPT_FONTS[font]}", place)

    def unknown_character(self, place: int) -> None:
        """Spaces of all widths pass; anything else is refused by its code point."""
        character = self.text[place]
        category = unicodedata.category(character)
        if category == "Zs" or character in "\u2028\u2029\x0b\x0c":
            self.place = place + 1
            return
        if category in ("Cc", "Cf", "Cs", "Co", "Cn"):
            raise self.error(f"{described(character)} is not allowed; delete it", place, place + 1)
        if character == "$":
            raise self.error("a $ inside a formula is not read", place, place + 1)
        if character in '!?"`@#\\':
            message = (
                "a factorial is not read; write the product out" if character == "!" else f"{character} is not read"
            )
            raise self.error(message, place, place + 1)
        raise self.error(instead(character), place, place + 1)


def scan(source: Source, start: int, end: int, *, exponent_letter: bool = True) -> list[Token]:
    """The tokens of the text between two offsets; see `Lexer`."""
    return Lexer(source, start, end, exponent_letter=exponent_letter).scan()
