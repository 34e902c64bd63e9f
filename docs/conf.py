"""Sphinx: pages in MyST, reference out of the docstrings, no warning allowed."""

import tomllib
from pathlib import Path

_project = tomllib.loads(Path(__file__).parent.parent.joinpath("pyproject.toml").read_text())

project = "periodic"
author = "the periodic authors"
copyright = "2026, the periodic authors"  # noqa: A001 # Sphinx's name
release = version = _project["project"]["version"]

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build", "pictures"]
html_theme = "furo"
html_title = "periodic"

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
autodoc_class_signature = "separated"
napoleon_google_docstring = True
napoleon_numpy_docstring = False

# Pages are built without a network, so names of other projects have no target here; ours must.
nitpick_ignore_regex = [(r"py:.*", r"(?!periodic).*")]
