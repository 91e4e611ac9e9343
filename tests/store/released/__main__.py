"""`python -m tests.store.released`: write the dumps that are missing."""

from tests.store.released import main

main()
