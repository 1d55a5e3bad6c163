"""A plan -> files: into a new folder, in place, and back again."""
