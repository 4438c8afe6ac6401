"""From start to close: a port that is taken, one that is free again, and a pipeline that notices nothing."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from edgeproof.errors import UnavailableError, UsageError
from edgeproof.web.address import Address
from edgeproof.web.server import WebPage


def test_the_page_and_all_its_files_are_served(client):
    answer = client.ask("/")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/html")
    for name, media_type in [("style.css", "text/css"), ("page.js", "text/javascript"), ("icon.svg", "image/svg+xml")]:
        assert f"/{name}".encode() in answer.body
        assert client.ask(f"/{name}").headers["content-type"].startswith(media_type)
    assert client.ask("/", method="HEAD").body == b""
    assert client.ask("/stream", method="HEAD").status == 200


def test_a_port_that_is_taken_is_one_line(reader, client):
    with pytest.raises(UnavailableError, match=f"--web: 127.0.0.1:{client.port}: expected a free port") as error:
        WebPage(Address("127.0.0.1", client.port), reader).start()
    assert "\n" not in str(error.value)


def test_others_need_a_token(reader):
    with pytest.raises(UsageError, match="expected a token too"):
        WebPage(Address("0.0.0.0", 0), reader).start()
    with pytest.raises(UsageError, match="16 to 256"):
        WebPage(Address("0.0.0.0", 0), reader, "guess")


def test_for_others_the_address_names_this_machine(open_page, client_of):
    page = open_page(host="0.0.0.0", token="a-token-of-some-length")
    assert page.url.startswith(f"http://{socket.gethostname()}:")
    assert "token" not in page.url
    assert client_of(page).ask("/").status == 401


@pytest.mark.timed
def test_close_ends_every_connection_within_a_second_and_frees_the_port(open_page, client_of, shots, until, capfd):
    before = set(threading.enumerate())
    page = open_page()
    client = client_of(page)
    page.take(shots[0])
    watching = [client.watch(path) for path in ("/stream", "/events", "/stream", "/stream")]
    half = client.connected(b"GET / HTTP/1.1\r\nHost:")
    until(lambda: client.viewers() == 3)
    stop = threading.Event()
    feeding = threading.Thread(
        target=lambda: [(page.take(shots[0]), time.sleep(0.01)) for _ in iter(stop.is_set, True)]
    )
    feeding.start()
    time.sleep(1.0)  # what nobody reads has filled the buffers by now
    start = time.monotonic()
    page.close()
    took = time.monotonic() - start
    stop.set()
    feeding.join()
    assert took < 1.0
    for opened in [*watching, half]:
        with opened:
            while True:
                try:
                    if not opened.recv(1 << 20):
                        break
                except ConnectionError:
                    break
    assert not [thread for thread in set(threading.enumerate()) - before if thread.name == "edgeproof-web"]
    page.close()  # a second time is no error
    assert capfd.readouterr().err == ""
    assert client_of(open_page(port=client.port)).ask("/").status == 200


def test_after_close_frames_are_taken_and_go_nowhere(open_page, shots):
    page = open_page()
    page.close()
    assert page.take(shots[0])


def test_a_client_that_leaves_in_the_middle_leaves_nothing_behind(open_page, client_of, shots, until, capfd):
    page = open_page()
    client = client_of(page)
    page.take(shots[0])
    for path in ("/stream", "/events") * 5:
        client.watch(path).close()
    client.connected(
        b"POST /sketch HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: 99\r\n\r\nx"
    ).close()
    until(lambda: client.viewers() == 0)
    until(lambda: client.ask("/sketch", "POST", b"x", Content_Type="image/png").status == 400)
    assert capfd.readouterr().err == ""


def test_of_pictures_nothing_can_be_drawn(picture_reader, shown, client_of):
    page = WebPage(Address("127.0.0.1", 0), picture_reader)
    page.start()
    try:
        page.take(shown[0])
        client = client_of(page)
        assert client.ask("/").status == 200
        assert client.ask("/sketch", "POST", b"x", Content_Type="image/png").status == 404
    finally:
        page.close()
