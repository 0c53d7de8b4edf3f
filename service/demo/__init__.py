"""The demonstration: a district's term played through the served API, and told in tables.

The player knows nothing but addresses, tokens and the seeds: everything that happens goes through
HTTP, as regulators, banks, institutions and parents would send it.
"""
