"""A font for the formulas of a page: the glyphs it uses, taken from the STIX fonts that matplotlib ships.

Those have no MATH table, which browsers need to place scripts, fractions and growing brackets, and keep the large
sizes in files of their own. So a new font is put together: the characters, the sizes of what grows, and a MATH table.
The STIX fonts are under the SIL Open Font License, which asks a changed font to bear another name.
"""

from __future__ import annotations

import base64
from functools import lru_cache
from pathlib import Path
from typing import Any

from derive.runs import LETTERS

FAMILY = "Derive Math"
#: Behind the embedded font, and in its place where matplotlib's fonts are missing.
FALLBACKS = '"STIX Two Math", "Latin Modern Math", "Cambria Math", math, "Times New Roman", serif'
STACK = f'"{FAMILY}", {FALLBACKS}'

_SOURCES = ("STIXGeneral", "STIXSizOneSymReg", "STIXSizTwoSymReg", "STIXSizThreeSymReg", "STIXSizFourSymReg")
#: What comes in several sizes: brackets, roots, and the signs that are larger in a display.
_SIZED = "()[]/√∑∏"
#: What is repeated to any length: bars beside and above.
_UPWARDS, _SIDEWAYS = "|‖", "¯"
#: These get a foot without extent at the height of small letters: browsers set what is drawn, not the character, upon
#: the letter below, and would leave no room between the two.
_ACCENTS = "¯ˆ˙˜"
#: In every font: roots are drawn without being written, and browsers reject a MATH table that has an empty part.
_ALWAYS = " ()|√¯"
#: The bar, drawn anew: longer than a macron, higher above the letter, and to the right, as italic letters lean.
#: Browsers centre it by its width (300), whatever the letter's slant. (left, right, bottom, top)
_BAR, _BAR_WIDTH = (-12, 382, 582, 630), 300
_LICENSE = (
    "Copyright (c) 2001-2010 by the STI Pub Companies. Licensed under the SIL Open Font License, Version 1.1: "
    "https://scripts.sil.org/OFL. A subset of the STIX fonts with a MATH table added."
)
_EM, _ASCENT, _DESCENT = 1000, 750, 250

#: In thousandths of the font size. Source: STIX Two Math, its values rounded, and the letters measured (x-height 450).
_CONSTANTS = {
    "ScriptPercentScaleDown": 72, "ScriptScriptPercentScaleDown": 60, "DelimitedSubFormulaMinHeight": 1300,
    "DisplayOperatorMinHeight": 1300, "MathLeading": 150, "AxisHeight": 253, "AccentBaseHeight": 450,
    "FlattenedAccentBaseHeight": 662, "SubscriptShiftDown": 210, "SubscriptTopMax": 360,
    "SubscriptBaselineDropMin": 160, "SuperscriptShiftUp": 360, "SuperscriptShiftUpCramped": 300,
    "SuperscriptBottomMin": 120, "SuperscriptBaselineDropMax": 230, "SubSuperscriptGapMin": 150,
    "SuperscriptBottomMaxWithSubscript": 380, "SpaceAfterScript": 40, "UpperLimitGapMin": 135,
    "UpperLimitBaselineRiseMin": 300, "LowerLimitGapMin": 135, "LowerLimitBaselineDropMin": 670,
    "StackTopShiftUp": 470, "StackTopDisplayStyleShiftUp": 780, "StackBottomShiftDown": 385,
    "StackBottomDisplayStyleShiftDown": 690, "StackGapMin": 150, "StackDisplayStyleGapMin": 300,
    "StretchStackTopShiftUp": 800, "StretchStackBottomShiftDown": 590, "StretchStackGapAboveMin": 68,
    "StretchStackGapBelowMin": 68, "FractionNumeratorShiftUp": 480, "FractionNumeratorDisplayStyleShiftUp": 680,
    "FractionDenominatorShiftDown": 480, "FractionDenominatorDisplayStyleShiftDown": 690,
    "FractionNumeratorGapMin": 60, "FractionNumDisplayStyleGapMin": 110, "FractionRuleThickness": 55,
    "FractionDenominatorGapMin": 60, "FractionDenomDisplayStyleGapMin": 110, "SkewedFractionHorizontalGap": 350,
    "SkewedFractionVerticalGap": 68, "OverbarVerticalGap": 175, "OverbarRuleThickness": 55,
    "OverbarExtraAscender": 78, "UnderbarVerticalGap": 175, "UnderbarRuleThickness": 55, "UnderbarExtraDescender": 78,
    "RadicalVerticalGap": 82, "RadicalDisplayStyleVerticalGap": 140, "RadicalRuleThickness": 55,
    "RadicalExtraAscender": 78, "RadicalKernBeforeDegree": 65, "RadicalKernAfterDegree": -335,
    "RadicalDegreeBottomRaisePercent": 60,
}  # fmt: skip


def slanted(character: str) -> str:
    """The mathematical italic of a letter: what a browser shows for <mi>v</mi>. Others are answered as they are."""
    code = ord(character)
    if character == "h":
        return "\u210e"
    for start, end, target in (("A", "Z", 0x1D434), ("a", "z", 0x1D44E), ("Α", "Ω", 0x1D6E2), ("α", "ω", 0x1D6FC)):
        if ord(start) <= code <= ord(end):
            return chr(code - ord(start) + target)
    return {"∂": "\U0001d715", "ϵ": "\U0001d716", "ϑ": "\U0001d717", "ϕ": "\U0001d719"}.get(character, character)


def font_faces(text: str, picture_text: str = "") -> str:
    """@font-face rules that hold what is needed to show `text` as MathML, and `picture_text` upright or italic.

    Nothing ("") where the fonts are not installed: pages then name other fonts. The same text gives the same bytes.
    """
    letters = {character for character in text if not character.isspace()}
    letters |= {slanted(character) for character in letters} | set(picture_text)
    faces = [("normal", font("".join(sorted(letters))))]
    if picture_text:
        faces.append(("italic", font("".join(sorted(filter(_is_letter, set(picture_text)))), italic=True)))
    return "".join(
        f'@font-face {{ font-family: "{FAMILY}"; font-style: {style}; font-display: block; '
        f'src: url(data:font/{kind};base64,{base64.b64encode(data).decode("ascii")}) format("{kind}"); }}\n'
        for style, (kind, data) in faces
        if data
    )


def _is_letter(character: str) -> bool:
    return slanted(character) != character or character in LETTERS.values()


@lru_cache(maxsize=16)
def font(characters: str, *, italic: bool = False) -> tuple[str, bytes]:
    """("woff2" or "woff", the font file); no bytes where the source fonts are not installed.

    italic : letters show their mathematical italics, for pictures, which ask for these by style.
    """
    folder = _folder()
    if folder is None or not characters:
        return "woff", b""
    from fontTools.ttLib import TTFont  # 0.1 s, and only pages need it

    sources = [TTFont(folder / f"{name}.ttf", lazy=True, recalcTimestamp=False) for name in _SOURCES]
    try:
        return _packed(_assembled(characters, sources, italic))
    finally:
        for source in sources:
            source.close()


def _folder() -> Path | None:
    """Where matplotlib keeps its fonts; matplotlib itself, which takes long to load, is not imported."""
    from importlib.util import find_spec

    spec = find_spec("matplotlib")
    if spec is None or not spec.origin:
        return None
    folder = Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf"
    return folder if all((folder / f"{name}.ttf").is_file() for name in _SOURCES) else None


def _assembled(characters: str, sources: list[Any], italic: bool) -> Any:
    """A TrueType font of the characters, with larger sizes and the MATH table."""
    from fontTools.fontBuilder import FontBuilder
    from fontTools.otlLib.builder import buildMathTable
    from fontTools.pens.recordingPen import DecomposingRecordingPen
    from fontTools.pens.ttGlyphPen import TTGlyphPen

    glyphs: dict[str, Any] = {".notdef": TTGlyphPen(None).glyph()}
    widths: dict[str, tuple[int, int]] = {".notdef": (500, 0)}
    heights: dict[str, int] = {}
    middles: dict[str, int] = {}
    codes: dict[int, str] = {}
    sizes: dict[str, list[tuple[str, int]]] = {}
    upwards: dict[str, Any] = {}
    sideways: dict[str, Any] = {}

    def drawn(name: str, source: Any, character: str) -> bool:
        """Copy one glyph; False where the source has none."""
        found = source.getBestCmap().get(ord(character))
        if found is None:
            return False
        pen = TTGlyphPen(None)
        if character in _ACCENTS:
            height = _CONSTANTS["AccentBaseHeight"]
            pen.moveTo((0, height))
            pen.lineTo((1, height))
            pen.lineTo((1, height))
            pen.closePath()
        if character == _SIDEWAYS:
            left, right, bottom, top = _BAR
            advance = _BAR_WIDTH
            pen.moveTo((left, bottom))
            for corner in ((left, top), (right, top), (right, bottom)):
                pen.lineTo(corner)
            pen.closePath()
        else:
            outlines = source.getGlyphSet()
            recording = DecomposingRecordingPen(outlines)
            outlines[found].draw(recording)
            recording.replay(pen)
            advance = int(source["hmtx"][found][0])
        glyph = pen.glyph()
        glyph.recalcBounds(None)
        glyphs[name] = glyph
        widths[name] = (advance, int(glyph.xMin))
        heights[name] = int(glyph.yMax) - int(glyph.yMin)
        middles[name] = (int(glyph.xMin) + int(glyph.xMax)) // 2
        return True

    for character in sorted({*characters, *_ALWAYS}):
        name = f"u{ord(character):04X}"
        if not drawn(name, sources[0], slanted(character) if italic else character):
            continue
        codes[ord(character)] = name
        if character in _SIZED:
            larger = [f"{name}.{size}" for size, source in enumerate(sources[1:], 1)
                      if drawn(f"{name}.{size}", source, character)]  # fmt: skip
            sizes[name] = [(each, heights[each]) for each in (name, *larger)]
        elif character in _UPWARDS:
            sizes[name] = [(name, heights[name])]
            upwards[name] = (((name, 1, heights[name], heights[name], heights[name]),), 0)
        elif character in _SIDEWAYS:
            sideways[name] = (((name, 1, widths[name][0], widths[name][0], widths[name][0]),), 0)

    builder = FontBuilder(_EM, isTTF=True)
    builder.setupGlyphOrder(list(glyphs))
    builder.setupCharacterMap(codes)
    builder.setupGlyf(glyphs)
    builder.setupHorizontalMetrics(widths)
    builder.setupHorizontalHeader(ascent=_ASCENT, descent=-_DESCENT)
    builder.setupNameTable({"copyright": _LICENSE, "familyName": FAMILY, "styleName": "Regular"}, mac=False)
    builder.setupOS2(sTypoAscender=_ASCENT, sTypoDescender=-_DESCENT, sTypoLineGap=0, sxHeight=450, sCapHeight=662,
                     usWinAscent=_ASCENT, usWinDescent=_DESCENT)  # fmt: skip
    builder.setupPost(keepGlyphNames=False)
    made = builder.font
    made["head"].created = made["head"].modified = 0  # the same bytes every day
    made.recalcTimestamp = False
    buildMathTable(
        made, constants=_CONSTANTS, minConnectorOverlap=20, topAccentAttachments=middles, vertGlyphVariants=sizes,
        vertGlyphAssembly=upwards, horizGlyphVariants={name: [(name, widths[name][0])] for name in sideways},
        horizGlyphAssembly=sideways,
    )  # fmt: skip
    return made


def _packed(made: Any) -> tuple[str, bytes]:
    """The file, compressed as well as this installation can: woff2 needs the brotli package, woff needs none."""
    from importlib.util import find_spec
    from io import BytesIO

    made.flavor = "woff2" if find_spec("brotli") else "woff"
    file = BytesIO()
    made.save(file, reorderTables=False)
    return made.flavor, file.getvalue()
