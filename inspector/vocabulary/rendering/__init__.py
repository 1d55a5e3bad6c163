"""A chat template run on a small conversation, without jinja2: an interpreter of the part of Jinja that chat
templates use, bounded in steps and output. What it does not know it refuses, by name."""
