"""Steps of reinforcement learning on the model's own text, and what they do to ids that are never sampled."""
