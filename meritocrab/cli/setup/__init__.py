"""The parts of `meritocrab init`: questions, the looks that check their answers, and the file that is written."""
