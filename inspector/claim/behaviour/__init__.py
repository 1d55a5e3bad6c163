"""What the tokenizer that a claim leaves behind does with the new tokens, and with other text."""
