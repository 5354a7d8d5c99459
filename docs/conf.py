"""The documentation site: `make docs` builds it in build/docs, without a request to the network."""

from __future__ import annotations

import os
import sys
from pathlib import Path

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS / "_ext"))
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("OMP_NUM_THREADS", "1")

from derive import __version__  # noqa: E402 - the path above comes first

project = "derive"
author = "the authors of derive"
copyright = f"2026, {author}"
version = release = __version__
language = "en"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx_gallery.gen_gallery",
    "formulas",
    "docstrings",
    "engine",
    "gallery_scripts",
    "reference",
    "style",
]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["_ext", "images", "gallery/*.ipynb", "gallery/*.py"]
highlight_language = "text"
smartquotes = False
nitpicky = True
#: Types of signatures that these pages do not document. Every other reference must lead somewhere.
nitpick_ignore_regex = [("py:class", r"[A-Z]\w*|[a-z]\w*|_?t\.\w+|collections\.abc\.\w+|Exception")]

myst_enable_extensions = ["dollarmath", "deflist", "colon_fence", "attrs_inline"]
myst_heading_anchors = 3

autodoc_typehints = "none"  # docstrings.py writes signatures as the source has them
autodoc_member_order = "bysource"
python_use_unqualified_type_names = True
python_display_short_literal_types = True

html_theme = "furo"
html_title = "derive"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_favicon = "_static/favicon.svg"
html_copy_source = False
html_show_search_summary = False  # they would be fetched, which a browser refuses without a server
html_show_sourcelink = False
html_math_renderer = "mathml"
html_theme_options = {"sidebar_hide_name": False}
pygments_style = "friendly"
pygments_dark_style = "github-dark"

sphinx_gallery_conf = {
    "examples_dirs": "../worked_examples",
    "gallery_dirs": "gallery",
    "within_subsection_order": "gallery_scripts.as_listed",
    "filename_pattern": r"plot_",
    "ignore_pattern": r"__init__\.py",
    "default_thumb_file": str(DOCS / "_static" / "favicon.svg"),
    "download_all_examples": False,
    "reset_modules": ("gallery_scripts.with_file", "matplotlib"),
    "plot_gallery": "True",
    "abort_on_example_error": True,
    "show_memory": False,
    "write_computation_times": False,  # that page would ask the network for a script
    "remove_config_comments": True,
    "show_signature": False,
    "notebook_extensions": set(),
}
