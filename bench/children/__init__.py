"""Scripts that run in processes of their own, so that their start and their memory can be measured."""
