"""Posting rules: one function per business fact, facts in, `Transaction` out.

Reading order: `places` (where money stands), `debts` (what an institution must make good), then
`enrolments`, `receipts`, `suspense`, `lessons`, `payouts`, `custody` and `corrections`. The codes
E01 to E60 in the docstrings are the rows of the posting table. Balances a rule splits by are
arguments; whether the result may stand is decided by the `Book`.
"""
