"""The table `stays`: keys, items, one method per access pattern. The only place that knows PK and SK.

Every decision is one transaction; every condition stands in the table, none in a read before it.
"""
