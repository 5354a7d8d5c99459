r"""What stands apart from the text in LaTeX, each with its caption: pictures and listings."""

from __future__ import annotations

from functools import partial

from derive.document import Figure, Listing
from derive.latex.code import comments_above
from derive.latex.escaping import escape
from derive.latex.formulas import formula

#: Sizes of code, with the width of a letter in em: 0.525 em of the size.
_CODE_SIZES = ((r"\small", 0.485), (r"\footnotesize", 0.443))
EM = 10.9  # in points of 1/72 inch, at 11 pt
_TALLEST = 600.0  # a picture, in the same points: a page less a caption


def figure(figure: Figure, available: float) -> str:
    from derive.latex.tikz import tikz  # only a document with a picture pays for laying out its labels

    picture = figure.picture
    scale = min(1.0, available * EM / picture.width, _TALLEST / picture.height)
    drawn = tikz(picture, formula=partial(formula, inline=True), escape=escape, max_width=scale * picture.width)
    caption = rf"\captionof{{figure}}{{{escape(figure.caption)}}}" + "\n" if figure.caption else ""
    # a minipage: picture and caption stay together, and where they were written
    return (
        "\\begin{center}\n\\begin{minipage}{\\linewidth}\n\\centering\n"
        f"{drawn}{caption}"
        "\\end{minipage}\n\\end{center}"
    )


def listing(listing: Listing, available: float) -> str:
    r"""Code as it is; an environment of its own name where the code says \end{lstlisting}.

    A comment that runs over the line stands above its line. What is still too long is broken with a hook.
    """
    code = listing.code.replace("\r\n", "\n")
    longest = max(map(len, code.split("\n")))
    size, letter = next((each for each in _CODE_SIZES if longest * each[1] <= available), _CODE_SIZES[0])
    if listing.language == "python":
        code = comments_above(code, int(available / letter))
    code = "".join(c if c in "\n\t" or 32 <= ord(c) < 127 else c.encode("unicode_escape").decode() for c in code)
    environment = "lstlisting"
    while f"\\end{{{environment}}}" in code:
        environment += "x"
    options = rf"basicstyle={size}\ttfamily"
    options += r",columns=fullflexible,keepspaces=true,breaklines=true,showstringspaces=false"
    options += r",breakindent=2em,postbreak={\mbox{$\hookrightarrow$\ }}"
    options += ",keywordstyle=,commentstyle=\\itshape,upquote=true" if listing.language == "python" else ",upquote=true"
    if listing.language == "python":
        options += ",language=Python"
    define = (
        "" if environment == "lstlisting" else rf"\lstnewenvironment{{{environment}}}[1][]{{\lstset{{#1}}}}{{}}" + "\n"
    )
    caption = ""
    if listing.caption:
        caption = rf"\noindent{{\small\textbf{{Listing.}} {escape(listing.caption)}\par}}\nopagebreak" + "\n"
    return f"{caption}{define}\\begin{{{environment}}}[{options}]\n{code.rstrip()}\n\\end{{{environment}}}"
