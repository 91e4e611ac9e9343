"""The pure part: values in, decisions out; no clock, no chance, no input or output."""
