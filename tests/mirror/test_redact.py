"""What is masked, what is not, and that no text makes it slow."""

import json
from time import process_time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cma_tui.mirror.redact import cleaned, without_content
from cma_tui.mirror.row import Row, pack
from cma_tui.redact import FIELD, MASK, PatternError, Redactor

OWN = "own-key-0123456789"
SECRETS = {
    "anthropic": "sk-ant-api03-AbCdEfGhIj_KlMnOpQrStUv-WxYz0123",
    "escaped": "%20sk-ant-api03-AbCdEfGhIj_KlMnOpQrStUv",
    "openai": "sk-proj-AbCdEfGhIjKlMnOpQrStUvWxYz",
    "github": "ghp_" + "a1B2" * 9,
    "github fine": "github_pat_" + "a1B2_" * 10,
    "slack": "xoxb-123456789012-abcdefghij",
    "aws": "AKIAIOSFODNN7EXAMPLE",
    "google": "AIza" + "aB3_-" * 7,
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P",
    "own": OWN,
}
NAMED = {
    "bearer": ("Authorization: Bearer {}", "abcdefghij0123456789"),
    "basic": ("authorization: Basic {}", "dXNlcjpwYXNzd29yZA=="),
    "userinfo": ("git clone https://{}@host.example/repo", "bob:hunter2pass"),
    "database": ("postgres://{}@db:5432/x", "bob:pw"),
    "env": ("export AWS_SECRET_ACCESS_KEY={}", "wJalrXUtnFEMI/K7MDENG"),
    "quoted": ('password = "{}"', "correct horse battery"),
    "json": ('{{"api_key": "{}"}}', "0123abcd"),
    "json in a string": ('{{\\"client_secret\\": \\"{}\\"}}', "0123abcd"),
    "header": ("curl -H 'x-api-key: {}'", "0123abcd"),
    "cookie": ("set-cookie: {}; path=/", "sid=0123abcd"),
    "yaml": ("db_password: {}", "hunter22"),
}
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA\nx7\n-----END RSA PRIVATE KEY-----"
HARMLESS = (
    "max_tokens=100000, input_tokens: 123456, tokenizer=bert-base-uncased",
    "the token: string, password: string (required)",
    "bearer authentication is used for this",
    "risk-assessment-of-a-very-long-hyphenated-thing",
    "key: value",
    "https://example.com/a:b/c",
    "Basic understanding of the domain",
    "monkey=banana-split",
)


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_masked_wherever_it_stands(name):
    secret = SECRETS[name]
    for text in (
        secret,
        f"a {secret} b",
        f'{{"x":"{secret}"}}',
        f"({secret})",
        f"x={secret}\n",
        f"é{secret}",
    ):
        redactor = Redactor([OWN])
        clean = redactor.text(text)
        assert secret.removeprefix("%20") not in clean
        assert MASK in clean
        assert redactor.masked == 1


@pytest.mark.parametrize("name", NAMED)
def test_what_a_name_says_is_secret_is_masked(name):
    text, secret = NAMED[name]
    clean = Redactor().text(text.format(secret))
    assert secret not in clean
    assert MASK in clean


@pytest.mark.parametrize("text", HARMLESS)
def test_ordinary_text_stays_as_it_is(text):
    redactor = Redactor([OWN])
    assert redactor.text(text) == text
    assert redactor.masked == 0


def test_a_private_key_is_masked_whole():
    redactor = Redactor()
    assert redactor.text(f"before {PEM} after") == f"before {MASK} after"
    cut = redactor.text(f"before {PEM[:-10]}")
    assert cut == f"before {MASK}"
    assert redactor.text(f"{PEM} and {PEM}.") == f"{MASK} and {MASK}."


def test_a_secret_is_found_in_every_field_of_a_row():
    secret = SECRETS["anthropic"]
    row = Row(
        "turn:x",
        f"name {secret}",
        "tool",
        None,
        input={"command": f"echo {secret}", secret: [1, secret], "password": "hunter2"},
        output=[{"type": "text", "text": secret}],
        error=f"failed: {secret}",
        metadata={"deep": {"er": [{"x": secret}]}, f"k-{secret}": 1},
        tags=[secret, OWN],
    )
    redactor = Redactor([OWN])
    body = pack(cleaned(redactor, row), "s").body.decode()
    assert secret not in body
    assert OWN not in body
    assert "hunter2" not in body
    assert json.loads(body)["metadata"]["masked"] == redactor.masked == 11


@pytest.mark.parametrize("offset", [0, 1, 20, 4000, 8191, 8192, 8193])
def test_a_secret_at_the_cut_does_not_leave_in_part(offset):
    secret = SECRETS["anthropic"]
    text = "x " * ((FIELD - 20 + offset) // 2) + secret + " y" * 20_000
    clean = Redactor().text(text)
    assert "sk-ant" not in clean
    assert len(clean) < FIELD + 100
    assert f"{len(text):,} characters in all" in clean


BOMBS = {
    "eyJ": "eyJ",
    "long run": "a",
    "jwt": "eyJ" + "a" * 300 + ".",
    "schemes": "://",
    "user without at": "://a:" + "b" * 256,
    "begin": "-----BEGIN PRIVATE KEY-----\n",
    "token": "token",
    "token=": "token=",
    "token ": "token   ",
    "secret_": "secret_",
    "quotes": 'password="',
    "unclosed": 'secret="' + "b" * 1024,
    "bearer": "bearer ",
    "sk": "sk-",
    "github": "ghp_",
    "base64": "ab+/",
    "base64 short of a stub": "a" * 1023 + " ",
    "spaces": " ",
    "dashes": "-",
    "mixed": "a@b://",
    "surrogates": "\ud800é",
}


@pytest.mark.parametrize("name", BOMBS)
def test_five_megabytes_of_anything_take_no_time(name):
    text = BOMBS[name] * (5_000_000 // len(BOMBS[name]))
    redactor = Redactor([OWN], [r"INT-\d+"])
    begun = process_time()
    redactor.text(text)
    assert process_time() - begun < 0.5


@pytest.mark.parametrize("name", BOMBS)
def test_the_time_grows_with_the_text_and_no_faster(name):
    def cost(size):
        text = BOMBS[name] * (size // len(BOMBS[name]))
        redactor = Redactor([OWN])
        best = float("inf")
        for _ in range(3):
            begun = process_time()
            redactor._mask(text)
            best = min(best, process_time() - begun)
        return best

    small, large = cost(50_000), cost(800_000)
    assert large < 16 * small * 3 + 0.02, (small, large)


def test_media_become_stubs():
    block = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "QUJD" * 1000}}
    clean = cleaned(Redactor(), Row("k", "n", "tool", None, output=[block, "x " + "QUJD" * 1000 + " y"]))
    assert clean.output[0]["source"]["data"] == "[base64, about 3,000 bytes]"
    assert clean.output[1] == "x [base64, about 3,000 bytes] y"


def test_a_row_is_bounded_whatever_it_holds():
    deep: dict = {}
    for _ in range(500):
        deep = {"a": deep}
    wide = ["x" * 1000 for _ in range(5000)]
    row = Row("k", "n", "tool", None, input=deep, output=wide, metadata={str(i): i for i in range(5000)})
    body = pack(cleaned(Redactor(), row), "s").body
    assert len(body) < 1_000_000
    assert b"nested too deeply" in body


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(alphabet=st.characters()),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=20,
    )
)
def test_whatever_a_row_holds_it_becomes_json(value):
    row = Row("k", "n", "tool", None, input=value, output=[value], metadata={"x": value})
    body = pack(cleaned(Redactor([OWN]), row), "s").body
    assert b"\\u0000" not in body
    msgspec.json.decode(body)
    body.decode()


def test_without_content_nothing_that_was_said_is_left():
    said = "the words of the user"
    row = Row(
        "k",
        "bash",
        "tool",
        None,
        input={"x": said},
        output=said,
        error=said,
        metadata={
            "title": said,
            "error_category": "tool_error",
            "errors": [{"category": "tool_error", "message": said, "input": said, "output": said}],
        },
    )
    body = pack(without_content(row), "s").body
    assert said.encode() not in body
    fields = msgspec.json.decode(body)
    assert "input" not in fields
    assert "output" not in fields
    assert fields["error"] == "tool_error"
    assert fields["metadata"]["output_bytes"] == len(said) + 2


def test_the_user_masks_more():
    redactor = Redactor(patterns=[r"INT-\d+", r"ACME[- ]\w{4}"])
    assert redactor.text("ticket INT-12345 of ACME-1234") == f"ticket {MASK} of {MASK}"
    assert redactor.masked == 2


@pytest.mark.parametrize(
    "pattern", ["(a+)+b", "(a|a)*b", "a*a*b", "([a-z]+)*", "(", "x" * 501, r"(\w{1,9}){2,99}", "(?:a|b|ab)*c"]
)
def test_a_pattern_that_could_take_for_ever_is_refused(pattern):
    with pytest.raises(PatternError):
        Redactor(patterns=[pattern])


def test_what_was_masked_is_counted_by_kind():
    redactor = Redactor([OWN], [r"INT-\d+"])
    redactor.text(f"{SECRETS['aws']} and {SECRETS['github']} and {OWN} and INT-7")
    redactor.text(PEM)
    redactor.value({"api_key": "12345678", "note": "Bearer abcdefghij0123456789 to https://bob:hunter2@x/"})
    assert redactor.kinds == {
        "key or token": 2,
        "known key": 1,
        "your pattern": 1,
        "private key": 1,
        "value named as secret": 1,
        "bearer token": 1,
        "login in a URL": 1,
    }
    assert redactor.masked == 8


def test_what_was_looked_at_before_is_as_clean_as_the_first_time():
    """Texts that stand in many rows are looked at once; what was masked is masked, and counted, each time."""
    redactor = Redactor([OWN])
    plain, secret = "an ordinary line of words " * 40, f"key {OWN} and more words " * 40
    for times in (1, 2, 3):
        assert redactor.text(plain) == plain
        assert OWN not in redactor.text(secret)
        assert redactor.masked == 40 * times
    assert redactor.text(plain, cap=100).startswith(plain[:100] + "…"), "remembered, and cut all the same"
    assert redactor.text(plain) == plain
