"""Fixtures that every test folder may use live in plugins, one per part of the program."""

pytest_plugins = ["tests.store_fixtures"]
