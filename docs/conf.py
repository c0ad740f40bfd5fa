"""The documentation site: `sphinx-build -W docs build/site` (extra `docs`). Pages of the chain and the API are written anew at each build."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import generate  # noqa: E402
from pygments.lexers import TextLexer  # noqa: E402
from sphinx.highlighting import lexers  # noqa: E402

from ketasim._version import __version__  # noqa: E402

project = "Ketasim"
author = "Ketasim developers"
project_copyright = "Ketasim developers, MIT licence"
release = version = __version__
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = "Ketasim"
html_static_path = ["_static"]
html_css_files = ["equations.css"]
html_show_sourcelink = False
nitpicky = True

lexers["csv"] = TextLexer()  # Pygments has none
generate.write_all(HERE)
generate.draw_gallery(HERE)
