"""The commands of `escrow`, a module each."""
