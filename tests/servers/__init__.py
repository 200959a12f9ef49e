"""Private servers for the demo and the tests: stock Postfix, Dovecot, Redis and our own milter-spam.

Each server lives wholly in one folder on loopback ports or unix sockets; the system's own configuration and services are
never touched. The standard library alone is used, so that `demo` runs wherever python3 does.
"""
