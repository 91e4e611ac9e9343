"""The running program: poll, handle, evaluate and deliver, side by side."""
