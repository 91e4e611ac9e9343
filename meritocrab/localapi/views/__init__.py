"""Reads: what the database holds, as answers. Every function runs inside one read transaction of the store."""
