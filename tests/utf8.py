"""Bytes that are and that are not UTF-8, written by hand after the standard."""

GOOD = {
    "one byte, first and last": b"\x20\x7e",
    "two bytes, first and last": b"\xc2\xa1\xdf\xbf",
    "three bytes, first and last": b"\xe0\xa0\x80\xef\xbf\xbc",
    "four bytes, first and last": b"\xf0\x90\x80\x80\xf4\x8f\xbf\xbd",
    "beside the surrogates": b"\xed\x9f\xbf\xee\x80\x80",
    "noncharacters": b"\xef\xbf\xbe\xef\xbf\xbf\xef\xb7\x90",
    "a character of many": "k\u0301o\u0302s\u0323 \U0001f469\u200d\U0001f52c".encode(),
}
"""What every decoder takes as it is."""

BAD = {
    "a continuation alone": b"\x80",
    "every continuation": bytes(range(0x80, 0xC0)),
    "two continuations": b"\x80\xbf",
    "two bytes, the second missing": b"\xc3",
    "three bytes, the third missing": b"\xe2\x82",
    "three bytes, two missing": b"\xe2",
    "four bytes, the fourth missing": b"\xf0\x9f\x98",
    "every first byte, each alone": b" ".join(bytes([lead]) for lead in range(0xC0, 0xF8)),
    "all of them cut, in a row": b"\xc3\xe2\x82\xf0\x9f\x98",
    "bytes that are never there": b"\xfe\xff\xfe\xfe\xff\xff",
    "five bytes": b"\xf8\x88\x80\x80\x80",
    "six bytes": b"\xfc\x84\x80\x80\x80\x80",
    "a slash in two bytes": b"\xc0\xaf",
    "a slash in three bytes": b"\xe0\x80\xaf",
    "a slash in four bytes": b"\xf0\x80\x80\xaf",
    "a null in two bytes": b"\xc0\x80",
    "the longest that is too long": b"\xc1\xbf\xe0\x9f\xbf\xf0\x8f\xbf\xbf",
    "an escape in two bytes": b"\xc0\x9b[31m",
    "a quote in two bytes": b"\xc0\xa2",
    "a line feed in two bytes": b"\xc0\x8a",
    "a high surrogate": b"\xed\xa0\x80",
    "a low surrogate": b"\xed\xbf\xbf",
    "a pair of surrogates": b"\xed\xa0\xbd\xed\xb8\x80",
    "beyond the last plane": b"\xf4\x90\x80\x80",
    "far beyond": b"\xf7\xbf\xbf\xbf",
    "UTF-16 in the middle": "\u0131x".encode("utf-16-le"),
    "Latin-1": "\xe9\xe8\xfc".encode("latin-1"),
    "a C1 control by itself": b"\x9b31m\x9d0;x\x9c",
}
"""What no decoder may take, or end over."""
