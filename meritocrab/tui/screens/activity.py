from meritocrab.tui.screens.view import View
class Activity(View):
    VIEW, NAME = "activity", "Activity"
