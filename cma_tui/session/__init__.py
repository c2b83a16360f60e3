"""The session model: what a log of events means. Pure: no clock, no files, no network.

`model` holds the nouns, `fold` turns one event into changes of them, `merge` puts late and listed
events into the server's order, `book` keeps the figures and `cost` their rules. Read `model` first.
"""
