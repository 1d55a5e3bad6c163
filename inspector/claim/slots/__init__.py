"""What is claimed: tokens, free slots, tokens that are there already."""
