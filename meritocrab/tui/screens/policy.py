from meritocrab.tui.screens.view import View
class PolicyView(View):
    VIEW, NAME = "policy", "Policy"
