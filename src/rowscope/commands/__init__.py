"""The commands of the command line: each parses, calls, prints and returns its exit code."""
