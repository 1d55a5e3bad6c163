"""An input row for a new token, distilled from what the model makes of the token's pieces."""
