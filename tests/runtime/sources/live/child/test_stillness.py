"""A picture that rests is read again now and then; one that changes is read at once, however noisy it is."""

from __future__ import annotations

import numpy as np
import pytest

from edgeproof.sources.live.child.grab import Grab, Image

cv2 = pytest.importorskip("cv2")
from edgeproof.sources.live.child.stillness import Stillness  # noqa: E402


def page(noise: float, seed: int, digit: str = "", ink: int = 120) -> Image:
    image = np.full((240, 320, 3), 190, np.uint8)
    if digit:
        cv2.putText(image, digit, (150, 125), cv2.FONT_HERSHEY_SIMPLEX, 1.0, (ink, ink, ink), 2, cv2.LINE_AA)
    noisy = image + np.random.default_rng(seed).normal(0, noise, image.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def grabbed(image: Image, at_s: float, *, encoded: bool) -> Grab:
    content = bytes(cv2.imencode(".jpg", image)[1]) if encoded else image
    return Grab(at_s, None, content, lambda: image)


@pytest.mark.parametrize("encoded", [False, True])
@pytest.mark.parametrize("noise", [0.0, 4.0, 15.0])
def test_noise_alone_is_read_once_a_second_and_a_digit_at_once(noise, encoded):
    """For long enough after a change that what has gone is missed for two seconds."""
    stillness = Stillness(1.0)
    taken = [
        number
        for number in range(75)
        if not stillness.rests(grabbed(page(noise, number), number / 15, encoded=encoded))
    ]
    assert taken[:37] == list(range(37)), "for two and a half seconds after it begins, everything"
    assert len(taken[38:]) <= 5, "then once a second; a frame in a thousand may stand out by chance"
    later = grabbed(page(noise, 200, "7"), 5.1, encoded=encoded)
    assert not stillness.rests(later), "pale pencil, two pixels wide"


def test_of_a_slow_camera_several_frames_are_read_after_a_change():
    """As many as a digit needs to be sure, and to be told."""
    stillness = Stillness(2.5)
    taken = [number for number in range(9) if not stillness.rests(grabbed(page(0, 0), float(number), encoded=False))]
    assert taken == [0, 1, 2, 3, 6]


def test_told_to_read_every_frame_it_does():
    stillness = Stillness(0.0)
    image = page(0, 0)
    assert not any(stillness.rests(grabbed(image, number / 15, encoded=False)) for number in range(45))


def test_what_is_no_picture_is_no_rest():
    stillness = Stillness(1.0)
    for content in (b"\xff\xd8 nothing", b""):
        broken = [Grab(number / 15, None, content, lambda: page(0, 0)) for number in range(45)]
        assert not any(stillness.rests(grab) for grab in broken)
