"""Claim one slot of a checkpoint into a new folder, with values that need no scan.

`python claim_slot.py SOURCE TARGET`.
"""

from __future__ import annotations

import sys

import rowscope


def main(source: str, target: str) -> None:
    rowscope.claim_into(source, ["<|claimed|>"], target, values="like:<|endoftext|>", link="copy")


if __name__ == "__main__":
    main(*sys.argv[1:])
