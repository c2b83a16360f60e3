"""The screen. The only folder that imports textual."""
