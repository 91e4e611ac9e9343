"""`python -m meritocrab`, the same as the `meritocrab` command."""

from meritocrab.cli.main import main

if __name__ == "__main__":
    main()
