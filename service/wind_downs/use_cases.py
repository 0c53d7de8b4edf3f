"""What can be done with wind-downs; each step has a module of its own."""

__all__: list[str] = []
