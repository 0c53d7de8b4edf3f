"""The web layer: problems, callers, pages, wire types and the documentation page."""
