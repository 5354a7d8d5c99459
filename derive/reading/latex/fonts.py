r"""Fonts and words of LaTeX: `\mathbf{W}` is W, `\mathrm{softmax}` a function, `\text{if }` a word between formulas."""

from __future__ import annotations

import re

from derive.reading.latex import commands as c
from derive.reading.latex.brackets import Brackets

_WORD = re.compile(r"\s*\{\s*([A-Za-z][A-Za-z0-9 \-]*?)\s*\}")
_LETTER = re.compile(r"\s*\{\s*([A-Za-z])\s*\}")
_LETTER_OR_DIGIT = re.compile(r"\s*\{\s*([A-Za-z0-9])\s*\}|\s*([A-Za-z0-9])")
_AFTER_SPACE = re.compile(r"\s+([A-Za-z0-9])")
_NUMBER = re.compile(r"\s*\{\s*([0-9]+)\s*\}")
_ONE = re.compile(r"\s*\{\s*1\s*\}|\s*1")
_ARG = re.compile(r"\s*\{\s*arg\s*\\[,;! ]\s*(max|min)\s*\}")
_BRACES = re.compile(r"\\.|[{}]")
_CONJUNCTIONS = frozenset(("and", "und", "&"))
_REMARKS = frozenset(
    "if when where with for otherwise else sonst falls wenn from since because so thus hence by using then all let or "
    "as is the of to in at on we get note".split()
)


class Words(Brackets):
    """A scan that knows brackets and words."""

    def upright(self, font: str, place: int) -> None:
        """Words: functions, names, labels, remarks; one letter is that letter, and an upright d a differential."""
        in_script = self.in_script()
        if font in c.TEXT or font.startswith("text"):
            self.words(place, in_script)
            return
        match = _WORD.match(self.text, self.place, self.end)
        if match is None:
            self._rare_upright(place, in_script)
            return
        self.place = match.end()
        word = re.sub(r"[ \-]+", "", match[1])
        if font == "operatorname*" and (reduction := c.FUNCTIONS.get(word)) in c.REDUCING_WORDS:
            self.add("LEAF", "reduction", str(reduction), place)
        else:
            self.word(word, place, in_script)

    def _rare_upright(self, place: int, in_script: bool) -> None:
        """One letter without braces, `arg\\,max`, digits; else the font of something larger, which stands as it is."""
        if letter := _AFTER_SPACE.match(self.text, self.place, self.end):
            self.place = letter.end()
            self.word(letter[1], place, in_script)
        elif extreme := _ARG.match(self.text, self.place, self.end):
            self.place = extreme.end()
            self.add("LEAF", "function", "arg" + extreme[1], place)
        elif number := _NUMBER.match(self.text, self.place, self.end):
            self.place = number.end()
            self.add("LEAF", "number", number[1], place)

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
            if dollar:
                self.formula_in_words(brace + 2 + len(head), stop)

    def formula_in_words(self, start: int, stop: int) -> None:
        r"""Go on with the formula that begins here, of a text that ends at `stop`: \text{if $x > 0$}."""
        end = self.text.find("$", start, stop - 1)
        if end < 0:
            raise self.error("this $ is never closed", start - 1, start)
        self.place = start
        self.jumps.append((end, stop))

    def words_again(self) -> None:
        """Behind a formula inside a text: words up to the next formula, or the end of the text."""
        place, stop = self.jumps.pop()
        dollar = self.text.find("$", place + 1, stop - 1)
        if dollar < 0:
            self.place = stop
            return
        between = self.text[place + 1 : dollar].strip().lower()
        self.place = place + 1
        if between in _CONJUNCTIONS or between == ",":
            self.add("COMMA", ",", ",", place)
        else:
            self.add("LEAF", "text", between, place)
        self.formula_in_words(dollar + 1, stop)

    def closing_brace(self) -> int:
        """Behind the brace that closes the argument which begins here."""
        start = self.behind_spaces(self.place)
        if self.text[start : start + 1] != "{":
            raise self.error("braces are expected here", start, start + 1)
        depth = 0
        for match in _BRACES.finditer(self.text, start, self.end):
            depth += (match[0] == "{") - (match[0] == "}")
            if not depth:
                return match.end()
        raise self.error("this { is never closed", start, start + 1)

    def bold(self, place: int) -> None:
        """A font that says nothing: `\\mathbf{W}` is W; a bold 1 is the vector of ones."""
        one = _ONE.match(self.text, self.place, self.end)
        if one is not None:
            self.place = one.end()
            self.add("LEAF", "ones", "ones", place)
            return
        letter = _LETTER.match(self.text, self.place, self.end)
        if letter is not None:
            self.place = letter.end()
            self.add("LEAF", "letter", letter[1], place)

    def script_letter(self, font: str, place: int) -> None:
        letter = _LETTER_OR_DIGIT.match(self.text, self.place, self.end)
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
