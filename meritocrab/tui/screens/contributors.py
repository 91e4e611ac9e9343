from meritocrab.tui.screens.view import View
class Contributors(View):
    VIEW, NAME = "contributors", "Contributors"
