"""The style sheet of the HTML report."""

from __future__ import annotations

from typing import Final

STYLE: Final = """
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #57606a; --line: #d0d7de; --paper: #ffffff;
  --panel: #f6f8fa; --error: #b42318; --warning: #8a5300; --note: #0b5cad; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #9da7b3; --line: #3a424c;
  --paper: #0f1419; --panel: #171d24; --error: #ff8a80; --warning: #f0b44c; --note: #79b8ff; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.5rem; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; overflow-wrap: anywhere; }
h3 { font-size: 1rem; margin: 0 0 .25rem; }
h3 span { font-weight: normal; }
p { margin: .4rem 0; overflow-wrap: anywhere; }
.dim, footer { color: var(--soft); font-size: .9rem; }
footer { margin: 2rem 0 1rem; border-top: 1px solid var(--line); padding-top: .5rem; }
.partial { border: 2px solid var(--warning); padding: .25rem 1rem; margin: 1rem 0; }
article { border-left: 4px solid var(--line); background: var(--panel); padding: .6rem .9rem;
  margin: .6rem 0; }
article.error { border-color: var(--error); } article.error h3 { color: var(--error); }
article.warning { border-color: var(--warning); } article.warning h3 { color: var(--warning); }
article.note { border-color: var(--note); } article.note h3 { color: var(--note); }
code, td, th { unicode-bidi: isolate; }
code { font: .875em/1.4 ui-monospace, "Cascadia Mono", Menlo, Consolas, monospace; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid var(--line);
  white-space: nowrap; }
.number { text-align: right; }
svg { max-width: 100%; height: auto; margin: .25rem 0 .75rem; }
svg text { fill: var(--ink); font: 12px system-ui, sans-serif; }
svg .axis { stroke: var(--line); } svg .span { stroke: var(--soft); stroke-width: 2; }
svg .middle { fill: var(--note); }
@media print { :root { --ink: #000; --soft: #333; --paper: #fff; --panel: #fff; --line: #999; }
  main { max-width: none; padding: 0; } article, tr, svg { break-inside: avoid; }
  h2 { break-after: avoid; } .wide { overflow: visible; } td, th { white-space: normal; } }
"""
