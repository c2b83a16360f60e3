"""What a session costs, from what the server says.

Owns the reading of the API's money. Invariant: an amount that cannot be read is unknown, never zero.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from cma_tui.content import as_dict


def usd(money: object) -> float | None:
    """US dollars of an `{"amount", "currency"}` object; None for what is no such amount.

    The amount is a string of whole cents. For a few days in August 2026 it was decimal dollars; the
    point tells the two apart.
    """
    fields = as_dict(money)
    amount = fields.get("amount")
    if isinstance(amount, bool) or not isinstance(amount, str | int | float):
        return None
    if str(fields.get("currency") or "USD").upper() != "USD":
        return None
    try:
        value = Decimal(str(amount))
    except InvalidOperation:
        return None
    if not value.is_finite() or abs(value) > Decimal(10) ** 12:
        return None
    dollars = "." in str(amount)
    return float(value if dollars else value / 100)
