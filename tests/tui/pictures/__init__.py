"""Pictures of every screen: as text, compared by the tests; as SVG, for the documentation.

`python -m tests.tui.pictures` draws the SVG files anew; `REDRAW=1 pytest tests/tui/test_tui_pictures.py` the texts.
"""
