"""What a word or bracket is, where its neighbours decide: call or product, reduction or call, subscript or indicator.

An LALR grammar cannot tell these apart, and each is a place where authors and readers misunderstand each other; so
what has two readings is refused here, with both spelled out.

Kinds made here, beside those of the lexer: FUNCTION, FUNCTION_POWER (`sin^2`), REDUCER, TRANSPOSE, SUBSCRIPT and
END_SUBSCRIPT, INDICATOR and END_INDICATOR, COMPARE also for `=` inside an indicator.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from derive import words
from derive.errors import LimitError
from derive.reading import limits
from derive.reading.lexer import Line, Token

_BEGINS_FACTOR = frozenset({"NUMBER", "NAME", "LPAR", "LSQB"})
_ENDS_OPERAND = frozenset({"NUMBER", "NAME", "RPAR", "RSQB", "TRANSPOSE", "END_SUBSCRIPT", "END_INDICATOR"})
_OPENING = frozenset({"LPAR", "LSQB", "SUBSCRIPT", "INDICATOR"})
_CLOSING = frozenset({"RPAR", "RSQB", "END_SUBSCRIPT", "END_INDICATOR"})


def classify(line: Line, declared: Collection[str], functions: Collection[str] = ()) -> list[Token]:
    """The tokens of a logical line as the grammar expects them. Raises ReadingError or LimitError.

    declared : names that are known to be variables: before a bracket they are factors, not functions.
    functions : names that are called when a bracket follows, declared or not.
    """
    tokens = _brackets(line)
    partner = _partners(tokens)
    answer: list[Token] = []
    bound_until = -1  # the closing bracket of a reduction's bound names: what follows is its body
    skip_until = -1
    for place, token in enumerate(tokens):
        if place <= skip_until:
            continue
        following = tokens[place + 1] if place + 1 < len(tokens) else None
        if token.kind == "NUMBER" and answer and place - 1 != bound_until and answer[-1].kind in _ENDS_OPERAND:
            raise _number_behind(line, answer[-1], token)
        if token.kind == "PLUS" and not (answer and answer[-1].kind in _ENDS_OPERAND):
            raise line.error("a leading + is not read; leave it out", token)
        if _is_transpose(token, following, answer, declared):
            answer.append(Token("TRANSPOSE", "^T", token.line, token.column))
            skip_until = place + 1
        elif token.kind != "NAME":
            answer.append(token)
        elif following is not None and following.kind == "LPAR" and _is_reduction(tokens, place, partner[place + 1]):
            answer.append(token.as_kind("REDUCER"))
            bound_until = partner[place + 1]
        elif token.text in functions and following is not None and following.kind == "LPAR":
            answer.append(token.as_kind("FUNCTION"))
        elif token.text in words.FUNCTIONS and (following is None or following.kind != "LPAR"):
            if token.text in declared:
                answer.append(token)
            elif following is not None and following.kind == "POWER":
                skip_until = _function_power(line, tokens, place, answer)
            else:
                raise _bare_function(line, tokens, place)
        else:
            answer.append(_word(line, tokens, place, partner, declared))
    _check_stacking(line, answer)
    return answer


def _brackets(line: Line) -> list[Token]:
    """Square brackets told apart: a comparison at the top level makes an indicator, a name in front a subscript."""
    tokens = list(line.tokens)
    open_at: list[int] = []
    compared: list[bool] = []
    for place, token in enumerate(tokens):
        if token.kind in ("LPAR", "LSQB"):
            open_at.append(place)
            compared.append(False)
        elif token.kind in ("RPAR", "RSQB"):
            start, indicator = open_at.pop(), compared.pop()
            if token.kind == "RSQB":
                kind = "INDICATOR" if indicator else "SUBSCRIPT"
                if not indicator:
                    _check_subscript(line, tokens, start, place)
                tokens[start] = tokens[start].as_kind(kind)
                tokens[place] = token.as_kind(f"END_{kind}")
        elif token.kind in ("EQUALS", "COMPARE"):
            if open_at and tokens[open_at[-1]].kind == "LSQB":
                compared[-1] = True
                tokens[place] = token.as_kind("COMPARE")
            elif open_at or token.kind == "COMPARE":
                message = f"a comparison stands in square brackets, as in [i {token.text} j]"
                raise line.error(f"{message}, not in ( )" if open_at else message, token)
        elif token.kind == "COMMA":
            if not open_at:
                raise line.error(_comma_message(tokens, place), token)
        elif token.kind == "COLON":
            raise line.error("a colon is not read here; a declaration such as W : m x n has a line of its own", token)
    return tokens


def _comma_message(tokens: Sequence[Token], place: int) -> str:
    if 0 < place < len(tokens) - 1 and tokens[place - 1].kind == tokens[place + 1].kind == "NUMBER":
        left, right = tokens[place - 1].text, tokens[place + 1].text
        if left.isdigit() and right.isdigit() and len(left) + len(right) < 40:
            return f"a comma is no decimal point; write {left}.{right}"
    return "a comma stands between the arguments of a function or the indices of an array; write one equation a line"


def _check_subscript(line: Line, tokens: Sequence[Token], start: int, end: int) -> None:
    before = tokens[start - 1] if start else None
    if end == start + 1:
        raise line.error("these brackets are empty", tokens[start])
    if before is None or before.kind != "NAME":
        message = "a subscript stands behind a name, as in V[i, j]; an indicator compares, as in [i = j]"
        if before is not None and before.kind == "RPAR":
            message = "a bracket has no subscript here; give it a name on a line of its own, or subscript its parts"
        raise line.error(message, tokens[start])


def _partners(tokens: Sequence[Token]) -> dict[int, int]:
    """Place of each opening bracket -> place of its closing one."""
    stack: list[int] = []
    answer: dict[int, int] = {}
    for place, token in enumerate(tokens):
        if token.kind in _OPENING:
            stack.append(place)
        elif token.kind in _CLOSING:
            answer[stack.pop()] = place
    return answer


def _is_transpose(token: Token, following: Token | None, before: list[Token], declared: Collection[str]) -> bool:
    return (
        token.text == "^"
        and following is not None
        and following.text == "T"
        and "T" not in declared
        and bool(before)
        and before[-1].kind in _ENDS_OPERAND
    )


def _is_reduction(tokens: Sequence[Token], place: int, end: int) -> bool:
    """`sum (i,j)` before something that begins a factor."""
    if tokens[place].text not in words.REDUCERS or end + 1 >= len(tokens):
        return False
    inside = tokens[place + 2 : end]
    names, commas = inside[::2], inside[1::2]
    return (
        len(inside) % 2 == 1
        and all(token.kind == "NAME" for token in names)
        and all(token.kind == "COMMA" for token in commas)
        and tokens[end + 1].kind in _BEGINS_FACTOR | {"INDICATOR"}
    )


def _number_behind(line: Line, before: Token, number: Token) -> Exception:
    left = before.text if len(before.text) <= 20 and before.kind in ("NUMBER", "NAME") else "..."
    readings = f"write {left}*{_short(number.text)} for a product"
    if before.kind == "NAME" and number.text.isdigit():
        readings += f", {left}_{_short(number.text)} for a name, {left}^{_short(number.text)} for a power"
    return line.error(f"a number cannot stand directly behind a factor; {readings}", number)


def _short(text: str) -> str:
    return text if len(text) <= 20 else text[:17] + "..."


def _function_power(line: Line, tokens: Sequence[Token], place: int, answer: list[Token]) -> int:
    """`sin^2(x)` is (sin(x))^2, and so is `sin^2 x` where x is one name or number; `sin^-1` has two readings.

    Appends what the grammar reads and answers the last place that is thereby used up.
    """
    function, rest = tokens[place], tokens[place + 2 : place + 5]
    name = function.text
    if rest and rest[0].kind == "MINUS":
        inverse = {"sin": "asin", "cos": "acos", "tan": "atan", "exp": "log", "log": "exp", "ln": "exp"}.get(name)
        other = f"{inverse}(x) for the inverse function" if inverse else "a formula for the inverse function"
        raise line.error(f"{name}^-1 has two readings; write 1/{name}(x) for the quotient or {other}", function)
    if not rest or rest[0].kind != "NUMBER" or len(rest) < 2:
        raise line.error(f"{name} is a function; write ({name}(x))^n for a power of its value", function)
    answer += [function.as_kind("FUNCTION_POWER", words.canonical(name)), rest[0]]
    argument = rest[1]
    if argument.kind == "LPAR":
        return place + 2
    alone = len(rest) < 3 or rest[2].kind not in (*_BEGINS_FACTOR, "INDICATOR", "SUBSCRIPT", "POWER")
    if argument.kind not in ("NAME", "NUMBER") or argument.text in words.FUNCTIONS or not alone:
        raise line.error(f"the argument is not clear; write {name}(...)^{_short(rest[0].text)}", function)
    answer += [
        Token("LPAR", "", argument.line, argument.column),
        argument,
        Token("RPAR", "", argument.line, argument.end),
    ]
    return place + 3


def _bare_function(line: Line, tokens: Sequence[Token], place: int) -> Exception:
    name = tokens[place].text
    argument = tokens[place + 1] if place + 1 < len(tokens) else None
    if argument is not None and argument.kind in ("NAME", "NUMBER"):
        return line.error(f"{name} needs brackets; write {name}({_short(argument.text)})", tokens[place])
    return line.error(f"{name} is a function; write {name}(...), or choose another name for a variable", tokens[place])


def _word(line: Line, tokens: Sequence[Token], place: int, partner: dict[int, int], declared: Collection[str]) -> Token:
    """A word that is neither reduction nor bare function: a name, or a function before its bracket."""
    token = tokens[place]
    name = token.text
    if name in words.REFUSED:
        raise line.error(f"{name} is a word of Python, which is not read here; choose another name", token)
    if name not in declared:
        if name.lower() in words.NOT_NUMBERS:
            raise line.error(f"{name} is no number; write a finite one", token)
        glued = place > 0 and tokens[place - 1].kind == "NUMBER" and not token.space
        if name in ("j", "J") and glued and sum(other.text == name for other in tokens) == 1:
            raise line.error("complex numbers are not read; write * between a number and a name", token)
    if place + 1 >= len(tokens) or tokens[place + 1].kind != "LPAR":
        return token
    if name in words.FUNCTIONS:
        return token.as_kind("FUNCTION", words.canonical(name))
    if name in declared or name == "pi":
        return token
    end = partner[place + 1]
    argument = _written(line, tokens[place + 1], tokens[end])
    if name in words.INSTEAD:
        raise line.error(f"the function {name} is unknown; write {words.INSTEAD[name].format(argument)}", token)
    if not re.fullmatch("[A-Za-z]{2,}", name) or any(
        other.text == name and tokens[k + 1 : k + 2] and tokens[k + 1].kind != "LPAR" for k, other in enumerate(tokens)
    ):
        message = (
            f"{name}{argument} is ambiguous, it has two readings: product or call? "
            f"write {name}*{argument} for the product; no function is called {name}"
        )
    else:
        message = f"the function {name} is unknown; for a product write {name}*{argument}"
    if meant := words.nearest(name, words.FUNCTIONS):
        message += f"; did you mean {meant}?"
    raise line.error(message, token)


def _written(line: Line, opened: Token, closed: Token) -> str:
    """The source between two brackets, these included, or (...) where it is long."""
    if opened.line == closed.line and closed.end - opened.column <= 30:
        return line.sources[opened.line - 1][opened.column - 1 : closed.end - 1]
    return "(...)"


def _check_stacking(line: Line, tokens: Sequence[Token]) -> None:
    """Powers, prefix signs and reductions nest as brackets do: together they stay below the limit."""
    total = powers = reductions = 0
    stack: list[tuple[int, int]] = []
    before: Token | None = None
    for token in tokens:
        match token.kind:
            case "LPAR" | "SUBSCRIPT" | "INDICATOR":
                stack.append((powers, reductions))
                powers = reductions = 0
                total += 1
            case "RPAR" | "END_SUBSCRIPT" | "END_INDICATOR":
                total -= powers + reductions + 1
                powers, reductions = stack.pop()
            case "POWER" | "TRANSPOSE":
                powers, total = powers + 1, total + 1
            case "REDUCER":
                reductions, total = reductions + 1, total + 1
            case "MINUS" if before is None or before.kind not in _ENDS_OPERAND:
                powers, total = powers + 1, total + 1
            case "TIMES":
                powers, total = 0, total - powers
            case "PLUS" | "MINUS" | "COMMA" | "EQUALS" | "COMPARE":
                total -= powers + reductions
                powers = reductions = 0
        if total > limits.NESTING:
            raise line.error(f"the formula is nested more than {limits.NESTING} deep, the limit", token, LimitError)
        before = token
