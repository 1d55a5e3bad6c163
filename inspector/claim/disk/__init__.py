"""Durable copies, links and renames on the local disk."""
