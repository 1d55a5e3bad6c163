"""Claim one slot of a checkpoint into a new folder, with values that need no scan.

`python claim_slot.py SOURCE TARGET`.
"""

from __future__ import annotations

import sys

from rowscope.inspector.claim import apply_claim, plan_claim


def main(source: str, target: str) -> None:
    plan = plan_claim(source, ["<|claimed|>"], values="like:<|endoftext|>")
    apply_claim(plan, target, link="copy")


if __name__ == "__main__":
    main(*sys.argv[1:])
