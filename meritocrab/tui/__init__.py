"""The terminal UI: what a maintainer sees of a running daemon, and does, over its local socket.

It knows the local API's client and words, and nothing of database, daemon or GitHub.
"""
