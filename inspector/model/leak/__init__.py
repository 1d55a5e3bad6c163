"""The leak probe."""
