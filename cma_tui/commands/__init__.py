"""What the commands do, one module a noun. `cma_tui.cli` declares them and imports each when it runs.

`exits` says how a command ended, `output` writes and asks about the terminal, `targets` tells files
from sessions, `options` gathers settings, `live` opens sessions of the API; `tail`,
`stats` and `screens` are the commands.
"""
