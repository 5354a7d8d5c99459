r"""One row of LaTeX into its statements: sides and relations, trailing conditions, remarks; layout is dropped.

Statements are split at `,`, `;`, `\quad`, arrows and words such as `\text{with}`; what compares without claiming is a
condition on the statement before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from derive.reading.latex.lexer import scan
from derive.reading.latex.parser import parse
from derive.reading.latex.statements import CLAIMS, Draft
from derive.reading.latex.syntax import Chain, Group, Term, Token, Total

if TYPE_CHECKING:
    from derive.reading.latex.linebreaks import Piece

_MEMBERS = frozenset(("in", "notin", "sim"))
_CONDITION_WORDS = (
    "if",
    "for",
    "when",
    "whenever",
    "falls",
    "wenn",
    "provided",
    "unless",
    "otherwise",
    "else",
    "sonst",
)
_OPENING = frozenset(("OPEN", "BEGIN", "LBRACE"))
_CLOSING = frozenset(("CLOSE", "END", "RBRACE"))


def drafts(piece: Piece, exponent_letter: bool = True) -> list[Draft]:
    """The statements of a row of LaTeX, parsed. Raises ReadingError."""
    source = piece.source
    tokens = scan(source, piece.start, piece.end, exponent_letter=exponent_letter)
    while tokens and tokens[-1].type in ("STOP", "COMMA", "SEPARATOR", "AMP", "ROW"):
        tokens.pop()
    for token in tokens:
        if token.type == "STOP":
            raise source.error("a dot is not read here; write \\cdot for a product", token.start, token.end)
    found: list[Draft] = []
    parts = list(_parts(tokens))
    place = 0
    while place < len(parts):
        part = parts[place]
        place += 1
        count = _range_length(parts, place - 1)
        if count and (found or count == len(parts) - place + 1):
            chain = _one(parse(source, part.tokens), part, piece)
            last = parse(source, parts[place - 2 + count].tokens)
            if found and len(chain.sides) == 2:
                found[-1].ranges.append((chain.sides[0], chain.sides[1], _one(last, part, piece).sides[0]))
            place += count - 1
            continue
        _add(found, part, piece)
    return found


@dataclass(slots=True)
class Part:
    """Tokens between two separators. word : the text in front.  hard : a comma or semicolon stands in front."""

    tokens: list[Token]
    word: str = ""
    hard: bool = False


def _parts(tokens: Sequence[Token]) -> Iterator[Part]:
    depth = tables = 0
    part = Part([])
    claimed = False
    for place, token in enumerate(tokens):
        kind = token.type
        depth += (kind in _OPENING) - (kind in _CLOSING)
        tables += (kind == "BEGIN") - (kind == "END")
        if depth or kind in _CLOSING:
            if tables or kind not in ("ROW", "AMP", "SEPARATOR"):  # a bracket over two lines
                part.tokens.append(token)
            continue
        if kind == "ROW" or (kind == "SEPARATOR" and _goes_on(tokens, place)):
            continue
        if kind in ("COMMA", "SEPARATOR"):
            yield part
            part, claimed = Part([], hard=kind == "COMMA"), False
        elif kind == "LEAF" and token.kind == "text":
            yield part
            part, claimed = Part([], token.text or "remark"), False
        elif kind == "LEAF" and token.kind == "forall":
            yield part
            part, claimed = Part([], "forall"), False
        elif kind == "AMP":
            if claimed and _separates(tokens, place):
                yield part
                part, claimed = Part([]), False
        else:
            claimed = claimed or kind == "RELATION"
            part.tokens.append(token)
    yield part


def _goes_on(tokens: Sequence[Token], place: int) -> bool:
    r"""Whether a `\quad` is only space: an operator follows, or a minus sign that begins a line within the row."""
    following = next((token.type for token in tokens[place + 1 :] if token.type not in ("SEPARATOR", "AMP")), "")
    before = next((token.type for token in reversed(tokens[:place]) if token.type not in ("SEPARATOR", "AMP")), "ROW")
    return following in ("PLUS", "TIMES") or (following == "MINUS" and before == "ROW" and place > 0)


def _separates(tokens: Sequence[Token], place: int) -> bool:
    """Whether an `&` stands between two statements of one row of an align."""
    before = next((token for token in reversed(tokens[:place]) if token.type != "AMP"), None)
    after = next((token for token in tokens[place + 1 :] if token.type not in ("AMP", "SEPARATOR")), None)
    signs = ("RELATION", "PLUS", "MINUS", "TIMES", "COMMA", "ROW")
    return before is not None and after is not None and before.type not in signs and after.type not in signs


def _range_length(parts: Sequence[Part], place: int) -> int:
    """How many parts `i = 1, \\dots, n` and `i = 1, 2, \\dots, n` take from here; 0 for anything else."""
    if _relations(parts[place].tokens) != ["="]:
        return 0
    for count in (2, 3):
        if count == 3 and _relations(parts[place + 1].tokens if place + 1 < len(parts) else ()):
            return 0
        middle = parts[place + count - 1 : place + count]
        if middle and len(middle[0].tokens) == 1 and middle[0].tokens[0].kind == "dots" and len(parts) > place + count:
            return count + 1
    return 0


def _add(found: list[Draft], part: Part, piece: Piece) -> None:
    """A part as a statement of its own, or as a condition, continuation or remark of the one before."""
    source = piece.source
    before = found[-1] if found else None
    word = part.word.split(" ")[0].strip(",.:;()") if part.word else ""
    tokens = part.tokens
    if not tokens:
        if part.word and before is not None:
            before.remarks.append(part.word)
        return
    start, end = tokens[0].start, tokens[-1].end
    if word in ("forall", "exists"):
        colon = next((k for k, token in enumerate(tokens) if token.kind == ":"), None)
        if colon is not None and tokens[colon + 1 :]:  # \\forall i: what holds
            _add(found, Part(tokens[colon + 1 :]), piece)
            return
        if any(kind in CLAIMS for kind in _relations(tokens)):
            raise source.error("write a comma or a colon behind the indices of \\forall", start, end)
        if before is not None:
            before.remarks.append(source.text[start:end].strip())
            before.in_remark = True
        return
    relations = _relations(tokens)
    if tokens[0].type == "RELATION":
        _continue(found, tokens, piece)
        return
    chains = parse(source, tokens)
    if len(chains) != 1:
        raise source.error("one equation is expected here", start, end)
    chain = chains[0]
    if before is not None and (_is_aside(before, chain) or _is_range(before, chain)):
        return
    if relations and all(kind in _MEMBERS for kind in relations):
        return
    if relations and (word in _CONDITION_WORDS or not any(kind in CLAIMS for kind in relations)) and before is not None:
        before.conditions.append(chain)
        return
    if not relations and before is not None:
        if part.word or (before.in_remark and _is_list_of_letters(chain)):
            before.remarks.append(source.text[start:end])
            before.in_remark = True
            return
        if part.hard and tokens[0].kind == "number":
            raise source.error("a comma is no decimal point; write a dot", start, end)
        raise source.error(f"found {source.text[start:end][:40]}, where an equation is expected", start, end)
    draft = Draft(start, end, chain.sides[0], chain.relations, chain.sides[1:])
    if part.word and not word:
        draft.remarks.append(part.word)
    _take_asides(draft, chain)
    found.append(draft)


def _relations(tokens: Sequence[Token]) -> list[str]:
    """The relations outside all brackets."""
    depth = 0
    found = []
    for token in tokens:
        depth += (token.type in _OPENING) - (token.type in _CLOSING)
        if token.type == "RELATION" and not depth:
            found.append(token.kind)
    return found


def _continue(found: list[Draft], tokens: list[Token], piece: Piece) -> None:
    """A part that begins with a relation: it continues the statement before it, or the chain of an earlier row."""
    if len(tokens) == 1:
        raise piece.source.error("nothing stands behind this sign", tokens[0].start, tokens[0].end)
    chains = parse(piece.source, tokens[1:])
    if len(chains) != 1:
        raise piece.source.error("one equation is expected here", tokens[1].start, tokens[-1].end)
    chain = chains[0]
    relations = [tokens[0], *chain.relations]
    if found and not found[-1].conditions:
        draft = found[-1]
        draft.relations += relations
        draft.sides += chain.sides
        draft.end = chain.end
    else:
        draft = Draft(tokens[0].start, tokens[-1].end, None, relations, list(chain.sides))
        found.append(draft)
    _take_asides(draft, chain)


def _is_range(draft: Draft, chain: Chain) -> bool:
    """`i = 1 .. n`, with nothing but dots between."""
    if [relation.kind for relation in chain.relations] != ["="] or len(chain.sides[1].terms) != 1:
        return False
    term = chain.sides[1].terms[0]
    if len(term.units) != 3 or any(term.operators[1:]) or chain.sides[1].signs[0] == "-":
        return False
    dots = term.units[1]
    if type(dots) is not Token or dots.kind != "dots":
        return False
    lower, upper = (Total(Term(unit), "+") for unit in (term.units[0], term.units[2]))
    draft.ranges.append((chain.sides[0], lower, upper))
    return True


def _is_list_of_letters(chain: Chain) -> bool:
    return len(chain.sides) == 1 and all(
        type(unit) is Token and unit.kind in ("letter", "dots") for term in chain.sides[0].terms for unit in term.units
    )


def _is_aside(draft: Draft, chain: Chain) -> bool:
    r"""A part that is one bracket with a condition, a remark or a number, as behind a `\quad`."""
    total = chain.sides[0]
    if chain.relations or len(total.terms) != 1 or len(total.terms[0].units) != 1:
        return False
    unit = total.terms[0].units[0]
    if type(unit) is not Group or unit.kind not in ("(", "["):
        return False
    return _sorted_aside(draft, unit, alone=True)


def _sorted_aside(draft: Draft, group: Group, alone: bool) -> bool:
    if not group.items:
        return False
    first = group.items[0].sides[0].terms[0].units[0]
    if type(first) is Token and first.kind == "text":
        if any(chain.relations for chain in group.items) and first.text.split(" ")[0] in _CONDITION_WORDS:
            draft.conditions += group.items
        else:
            draft.remarks.append(first.text)
        return True
    if all(chain.relations for chain in group.items):
        if group.kind == "(" and (alone or _only_letters(group)):
            draft.conditions += group.items
            return True
        return False
    if alone and type(first) is Token and first.kind == "number" and len(group.items) == 1:
        draft.remarks.append(f"({first.text})")
        return True
    return False


def _only_letters(group: Group) -> bool:
    """Whether a comparison is one of indices: single letters i to t and numbers."""
    for chain in group.items:
        for side in chain.sides:
            for term in side.terms:
                for unit in term.units:
                    if type(unit) is not Token or not (unit.kind == "number" or unit.text in "abcijklmnopqrst"):
                        return False
    return True


def _take_asides(draft: Draft, chain: Chain) -> None:
    """A bracket at the end of the last side that is a condition or a remark is no factor."""
    if not draft.sides:
        return
    term = draft.sides[-1].terms[-1]
    while len(term.units) > 1 and term.operators[-1] == "":
        unit, before = term.units[-1], term.units[-2]
        if type(unit) is not Group or unit.kind not in ("(", "["):
            return
        if type(before) is Token and (before.kind == "ones" or before.text == "I_bb" or before.end == unit.start):
            return  # an indicator, or a call
        if not _sorted_aside(draft, unit, alone=False):
            return
        del term.units[-1], term.operators[-1], term.signs[-1]


def _one(chains: list[Chain], part: Part, piece: Piece) -> Chain:
    if len(chains) != 1:
        raise piece.source.error("one equation is expected here", part.tokens[0].start, part.tokens[-1].end)
    return chains[0]
