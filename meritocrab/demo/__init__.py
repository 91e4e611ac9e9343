"""A GitHub to try things on: a small world of people and repositories, served over real HTTP.

The tests, the crash suite and `meritocrab demo` drive the same one, so that what the demo shows is what is
tested.
"""
