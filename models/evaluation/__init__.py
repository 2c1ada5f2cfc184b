"""How good a generator is: figures, each beside its floor, and a page to look at.

Needs ``pip install easel[train]``.
"""
