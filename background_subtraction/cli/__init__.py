"""The command line: its options, their checks, and the command itself."""
