"""Places behind a network. `opening.py` turns a URL into a folder; the rest is imported with it.

`place.py` says what a kind of place has to do; `web.py`, `hub.py` and `objects.py` are the kinds. `folder.py`
and `file.py` make the storage interface of one, over `spool.py`, which holds what was fetched, and
`lanes.py`, which fetches.
"""
