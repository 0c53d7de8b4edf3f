"""Identity: who calls, with which role and scope, proved by a bearer token."""
