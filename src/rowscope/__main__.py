"""`python -m rowscope` is the command `rowscope`."""

from rowscope.cli import main

if __name__ == "__main__":
    main()
