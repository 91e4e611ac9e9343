"""meritocrab: a daemon that keeps credit scores for the contributors of GitHub repositories."""

__version__ = "0.1.0"
