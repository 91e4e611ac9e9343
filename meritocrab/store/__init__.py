"""Everything that is remembered: one database, SQLite or PostgreSQL, behind small functions."""
