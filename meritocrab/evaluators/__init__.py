"""Judges of contributions behind one protocol; each provider is imported when it is first used."""
