"""Numbers and lists as captions print them."""

import numpy as np
import pytest

from spectral_atlas.plotting.facts import MISSING, listed, quoted


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (18.6561, 3, "18.7"),
        (18.6561, 4, "18.66"),
        (16674.2, 3, "16700"),
        (0.000123456, 3, "0.000123"),
        (-2.345, 2, "-2.3"),
        (2.0, 3, "2"),
        (99.96, 3, "100"),
        (-0.0, 3, "0"),
        (0, 3, "0"),
        (123456, 3, "123456"),
        (1e-31, 3, "1e-31"),
        (2.5e30, 3, "2.5e+30"),
        (np.float64(0.25), 3, "0.25"),
    ],
)
def test_numbers_are_printed_with_their_significant_digits(value, digits, text):
    assert str(quoted(value, digits)) == text


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), -np.inf])
def test_what_was_not_measured_is_said_so(value):
    assert quoted(value) == MISSING == "n/a"


def test_quoted_numbers_are_plain_python():
    for value in (1, 1.5, 2.0, np.float64(3.25), np.mean([1.0, 2.0])):
        assert type(quoted(value)) in (int, float)


def test_lists_read_as_english():
    assert listed([]) == "none"
    assert listed(["a"]) == "a"
    assert listed(["a", "b"]) == "a and b"
    assert listed(["a", "b", "c"]) == "a, b and c"
