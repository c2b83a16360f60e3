"""The API client: how it is made, and what its failures mean.

Owns credentials on their way to the SDK and the classes of its errors. Invariant: nothing is retried
or redirected behind our back, no key is ever part of a message, and every failure is either one to
try again after a pause or a `SourceError` with one clear line.
"""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from math import isfinite
from time import time
from typing import NamedTuple

import anthropic
import httpx2

from cma_tui.source import SourceError
from cma_tui.text import first_line

Client = anthropic.AsyncAnthropic

STREAM_TIMEOUT = httpx2.Timeout(30.0, connect=10.0, read=300.0)
"""The last resort: the list and the rhythm of the keep-alives show a dead line long before."""

NO_ACCESS = 5
"""Exit code for not found and no access."""

_WHICH = "`cma-top doctor` says which key and server are used"
_FRAME = 200
"""The status of an `event: error` frame in the middle of a stream."""

TRANSIENT = (anthropic.APIConnectionError, httpx2.TransportError, httpx2.StreamError)
"""What a broken or refused connection raises: the SDK's own errors and those that pass through it."""


CALL_ERRORS = (anthropic.AnthropicError, *TRANSIENT, TypeError)
"""All that a call of the SDK raises; a TypeError is how it says that it found no credentials."""


class Retry(NamedTuple):
    """The same request may succeed after a pause."""

    after: float
    """Seconds that the server asks us to stay away, 0 when it asks for nothing."""


def make_client(
    *,
    api_key: str | None,
    auth_token: str | None,
    base_url: str | None,
    headers: Mapping[str, str] | None = None,
) -> anthropic.AsyncAnthropic:
    """A client that does each request once. Without a key the SDK's own profiles are used, if any."""
    try:
        return anthropic.AsyncAnthropic(
            api_key=api_key,
            auth_token=auth_token,
            base_url=base_url,
            default_headers=headers,
            max_retries=0,
            timeout=httpx2.Timeout(30.0, connect=10.0),
            open_telemetry=False,
            http_client=httpx2.AsyncClient(follow_redirects=False, timeout=30.0),
        )
    except anthropic.AnthropicError as error:
        raise SourceError(f"no usable credentials: {said(error)}", NO_ACCESS) from error


def said(error: BaseException) -> str:
    """What an error says, on one printable line."""
    message = getattr(error, "api_message", None) or getattr(error, "message", None) or str(error)
    return first_line(str(message), 200) or type(error).__name__


def lost(error: BaseException) -> str:
    """Why a connection was lost, with the status that the server answered."""
    if isinstance(error, anthropic.APIStatusError) and error.status_code != _FRAME:
        return f"{error.status_code}, {said(error)}"
    return _cause(error)


def transient(error: BaseException) -> bool:
    """Whether the same request may succeed after a pause."""
    if isinstance(error, anthropic.APIStatusError):
        return error.status_code in (_FRAME, 408, 409, 425, 429) or error.status_code >= 500
    return isinstance(error, TRANSIENT)


def retry_after(error: BaseException) -> float:
    """Seconds the server asks us to wait, as a number or as a date; at most five minutes, 0 for nothing."""
    if not isinstance(error, anthropic.APIStatusError):
        return 0.0
    text = error.response.headers.get("retry-after", "")
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - time()
        except (ValueError, OverflowError):
            return 0.0
    return min(300.0, max(0.0, seconds)) if isfinite(seconds) else 0.0


def refused(error: BaseException, what: str) -> SourceError:
    """The one line for an error that another try will not mend."""
    if isinstance(error, anthropic.APIStatusError):
        match error.status_code:
            case 401:
                return SourceError(f"the API refused the key (401): {said(error)}; {_WHICH}", NO_ACCESS)
            case 403:
                return SourceError(f"no access to {what} (403): {said(error)}; {_WHICH}", NO_ACCESS)
            case 404:
                return SourceError(
                    f"{what} does not exist, or this key may not see it (404); {_WHICH}", NO_ACCESS
                )
            case status:
                return SourceError(f"the API refused {what} ({status}): {said(error)}")
    if isinstance(error, TRANSIENT):
        request = getattr(error, "request", None)
        where = f" at {request.url.host}" if request is not None else ""
        return SourceError(f"cannot reach the API{where} for {what}: {_cause(error)}")
    if isinstance(error, TypeError | anthropic.AnthropicError) and "authentication" in str(error):
        return SourceError(
            "no API key: set ANTHROPIC_API_KEY, or try `cma-top demo`, which needs none", NO_ACCESS
        )
    return SourceError(f"{what}: {said(error)}")


def _cause(error: BaseException) -> str:
    """The innermost reason: the SDK's own words are only "Connection error."."""
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    return said(cause)
