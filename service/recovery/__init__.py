"""Recovery (恢复): what restored journals lack, and how writing to them is opened again.

A backup that was restored to an older point has lost what was acknowledged since. The service does
not write to such journals (service/store/server_epochs.py); others still know what is missing:
whoever kept heads, the banks with their statements, clients with the keys of their commands.
"""
