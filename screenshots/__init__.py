"""The pictures of the README, made from the built-in agent."""
