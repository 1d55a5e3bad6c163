"""Ranges over plain keep-alive HTTP, and no trust in what answers: `ranged.py` fetches a range of a file.

`connection.py` bounds what a connection may do, `client.py` keeps and counts connections, `answers.py` checks
what an answer claims, `refusals.py` says what a refusal means and what to do.
"""
