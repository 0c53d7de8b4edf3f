"""Bank entries: what a bank saw, by push or by statement, and what each kind of it becomes.

No noun of its own: receipts take the pushes, statements bring the lines nobody pushed, and both
post through here, so that one line is one fact however often and by whichever way it comes.
"""
