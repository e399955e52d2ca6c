"""Origins: one plain reading of an address, and none where a machine's own secrets lie."""

import pytest

from shuyuan.kernel import origins


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest",
        "http://0xa9fea9fe/",
        "http://2852039166/",
        "http://169.254.43518",
        "http://0251.0376.0251.0376",
        "http://[fe80::1]/v1",
        "http://[::ffff:169.254.169.254]/v1",
    ],
)
def test_link_local_addresses_are_refused_however_they_are_written(url: str) -> None:
    with pytest.raises(ValueError, match="link-local"):
        origins.of(url)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://host/v1",
        "http://user:key@host/v1",
        "http://listed\\@other/v1",
        "http://host/v1?key=1",
        "http://host/v1#x",
        "http://host:99999/v1",
        "http://ho st/v1",
        "http://169.254.169.254./v1",
        "http://[fe80::1%25eth0]/v1",
        "host/v1",
        "",
    ],
)
def test_what_could_be_read_in_two_ways_is_no_address(url: str) -> None:
    with pytest.raises(ValueError, match="must be"):
        origins.of(url)


def test_case_and_the_usual_port_make_no_difference() -> None:
    assert origins.of("https://API.Example.org/v1/") == origins.of("https://api.example.org:443")
    assert origins.of("http://[::1]:8080/v1") == "http://[::1]:8080"
    assert origins.of("http://example.org") != origins.of("https://example.org")


@pytest.mark.parametrize("entry", ["", "https://host/v1", "https://host DATABASE_URL", "https://host A_API_KEY more"])
def test_an_entry_is_an_origin_and_at_most_the_name_of_a_key(entry: str) -> None:
    with pytest.raises(ValueError):
        origins.listed(entry)
