"""The table `stays`: keys, items, one method per access pattern. The only package that knows PK and SK.

Every decision is one transaction. Every condition is part of a write, never of a read before it.
"""
