"""Words of a user inside HTML: escaped, and without the characters that HTML does not allow."""

from __future__ import annotations

import html
import re

#: Control characters, lone surrogates and non-characters; and the marks that turn the direction of writing around,
#: with which a listing could be made to look like another.
_FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


def escape(text: str) -> str:
    """For text and for quoted attributes alike. What HTML does not allow becomes U+FFFD; line ends become `\\n`."""
    return html.escape(clean(text), quote=True)


def clean(text: str) -> str:
    """The text not yet escaped, without the characters that HTML does not allow."""
    return _FORBIDDEN.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))
