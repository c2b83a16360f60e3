"""What is the same in every HTML transcript: its style, its script, and the policy for both.

Owns these texts, which are `page.css` and `page.js` beside it. Invariants: the page asks nothing of any
network; the only script that can run is that one, named by its hash, and it reads numbers alone.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import Final

STYLE: Final = Path(__file__).with_name("page.css").read_text("utf-8")
SCRIPT: Final = Path(__file__).with_name("page.js").read_text("utf-8")

_HASH = b64encode(sha256(SCRIPT.encode()).digest()).decode()
POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        f"script-src 'sha256-{_HASH}'",
        "base-uri 'none'",
        "form-action 'none'",
    )
)
