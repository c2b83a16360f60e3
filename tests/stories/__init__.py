"""Logs of sessions, told as stories: what the server wrote, in its order, and why that is worth a test.

`write` is the vocabulary, `orders` the orders the reference names, `surprises` what real sessions do
beside it, `others` what compatible servers do, `recordings` the real logs.
"""
