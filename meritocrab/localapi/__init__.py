"""The local API: what the daemon tells and obeys over a Unix socket, and the client that asks."""
