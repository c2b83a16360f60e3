"""The commands, one module each; `cma_tui.cli` names them and imports each when it runs.

Shared by them: `exits` says how a command ended, `output` writes and asks about the terminal, `targets`
tells files from sessions, `options` gathers settings, `live` opens sessions of the API, `logs` saved ones,
`screens` runs the screen on a source.
"""
