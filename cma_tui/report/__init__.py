"""What leaves as text: the words of timeline rows, plain lines, figures as JSON. Knows no terminal."""
