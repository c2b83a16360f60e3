"""The parts of a screen. Each draws what it is given and keeps no state of the session."""
