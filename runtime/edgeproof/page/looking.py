"""The picture and the view in which a page is clearest: most pages need one look, others are tried where that is in doubt."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import median

import numpy as np
from numpy.typing import NDArray

from edgeproof import scores
from edgeproof.glyph import Image, make_glyphs
from edgeproof.page import segment
from edgeproof.page.context.deskew import page_skew
from edgeproof.page.geometry import MIN_SAMPLE
from edgeproof.page.ink.colour import by_colour
from edgeproof.page.ink.pens import evened
from edgeproof.page.ink.sheets import without_surroundings
from edgeproof.page.pieces import oversegment
from edgeproof.page.pieces.oversegment import Candidate
from edgeproof.page.segment import Segmentation
from edgeproof.page.views import AS_IT_LIES, TURNED, Look, Seen, View, askew, candidate_glyphs, clearness
from edgeproof.support.opencv import cv2

OTHER_PIXELS = 2_000_000  # of a picture that is looked at besides the frame: several are, and all of them take time
Probabilities = Callable[[Image], NDArray[np.float32]]

# With how many nines the things on a page are digits, 2 being a probability of 0.99. Rows of numbers have 4, sums 2.5 and more;
# on their head numbers have 3, words 1.7 at most.
WELL_READ_NINES = 3.5  # such a page is not looked at in other views
MIN_VIEW_NINES = 2.0  # in a view that is taken instead; with less, another picture is looked at
MIN_VIEW_GAIN = 1.2  # times as clear, a page is in such a view or picture


@dataclass(frozen=True)
class _Best:
    """The clearest picture so far, and what it shows, boxed in a frame of `size`. room: for so many candidates of others."""

    picture: Image
    look: Look
    size: tuple[int, int]
    room: int


class Looking:
    """Looks at pages with a model: its probabilities (N, classes) of glyphs uint8 (N, 28, 28)."""

    def __init__(self, probabilities: Probabilities, *, rejects: bool) -> None:
        """`rejects`: whether its last class is what no other is."""
        self._probabilities = probabilities
        self._known = slice(-1) if rejects else slice(None)

    def best(self, frame: Image, turn: int = 0) -> Look:
        """At a frame, uint8 BGR (H, W, 3), as it lies, unless another picture of it is clearer, or the page when turned, or,
        where no rows tell, when askew.

        turn: by which the frame before it in a video was read, which is looked at first.
        """
        size = (frame.shape[0], frame.shape[1])
        before = self._as_before(frame, turn, size) if turn else None
        if before:
            return before
        found, seconds = _segmented(frame, size)
        picture, look = self._best_picture(frame, self._seen(AS_IT_LIES, found, found.room, seconds))
        look = self._better(look, TURNED, picture, size)
        if look.view.turn and picture is not frame:  # another picture of a page on its side can be clear by chance
            look = max(look, self._looked(look.view, frame, size, look), key=lambda each: each.net_clearness)
        return look if look.skew is not None else self._better(look, askew(look.view), picture, size)

    def _as_before(self, frame: Image, turn: int, size: tuple[int, int]) -> Look | None:
        """A look at a frame turned by `turn`, where it would be taken after one at the frame as it lies."""
        view = TURNED[turn // 90 - 1]
        found, seconds = _segmented(view.picture(frame), size if turn == 180 else size[::-1])
        if found.page is None or not found.page.plain or found.room < len(TURNED) * len(found.candidates):
            return None
        look = self._seen(view, found, found.room, seconds)
        clear = look.clearness()
        if look.skew is None or len(clear) < MIN_SAMPLE or clear.mean() < WELL_READ_NINES**2:
            return None
        # What lies there is made anew as it lies in the other views: a glyph that is turned is not quite the same.
        inks = [other.picture(each.ink) for other in TURNED for each in look.seen.candidates]
        others = clearness(self.see((), make_glyphs(inks)).digit).reshape(len(TURNED), -1)
        own, as_it_lies = clearness(look.seen.digit), others[-turn // 90]
        doubtful = as_it_lies < MIN_VIEW_NINES**2
        taken = (
            as_it_lies.mean() < WELL_READ_NINES**2
            and _is_clearer(own[doubtful], as_it_lies[doubtful])
            and own[doubtful].sum() > others[:, doubtful].sum(axis=1).max()
            and _is_clearer(own, as_it_lies)
        )
        return look if taken else None

    def see(self, candidates: tuple[Candidate, ...], glyphs: Image) -> Seen:
        """What the model says to candidates that look like `glyphs`, uint8 (N, 28, 28)."""
        probabilities = self._probabilities(glyphs)
        return Seen(candidates, glyphs, probabilities, probabilities[:, self._known].max(axis=1, initial=0.0))

    def _best_picture(self, frame: Image, look: Look) -> tuple[Image, Look]:
        """The picture of a frame in which most is clear, and what it shows. look: what the frame itself does.

        Others than the frame are looked at where it reads badly, or something else is in it than one page; as far as there is
        room for the candidates of all.
        """
        size, found = (frame.shape[0], frame.shape[1]), look.found
        best = _Best(frame, look, size, look.room - len(found.candidates))  # as much is for the cuts of what is found
        if best.room <= 0 or (not _is_doubtful(look) and found.page is not None and found.page.plain):
            return frame, look
        shown = _averaged_down(frame)
        sheets = without_surroundings(shown)
        best = self._clearer(best, sheets, 1.0)  # as clear, there is less in it
        for seen in (shown, sheets):
            best = self._clearer(best, None if seen is None else by_colour(seen), MIN_VIEW_GAIN)
        if _is_doubtful(best.look):
            best = self._clearer(best, evened(shown if best.picture is frame else best.picture), MIN_VIEW_GAIN)
        return best.picture, best.look

    def _clearer(self, best: _Best, other: Image | None, times: float) -> _Best:
        """Another picture, uint8 BGR or grey, and what it shows, where it is so many times as clear as the best so far.

        What has to be clearer and shows more digits than that, and is not clear on the average, brings out texture.
        """
        if other is None or best.room <= 0:
            return best
        found, seconds = _segmented(other, best.size)
        spent = best.look.segment_s + seconds
        best = replace(best, room=best.room - len(found.candidates), look=replace(best.look, segment_s=spent))
        if best.room < 0:
            return best
        look = self._seen(AS_IT_LIES, found, found.room, spent)
        clearness = best.look.net_clearness
        more = look.net_clearness >= clearness + (times - 1) * abs(clearness)
        unclear = _digits(look) > _digits(best.look) and look.clearness().mean() < MIN_VIEW_NINES**2
        texture = times > 1 and unclear
        return replace(best, picture=other, look=look) if more and not texture else best

    def _seen(self, view: View, found: Segmentation, room: int, segment_s: float) -> Look:
        """What a view shows of what was found by it."""
        skew = view.skew
        if skew is None:
            skew = page_skew([candidate.box for candidate in found.candidates if candidate.whole])
        seen = best_paths(self.see(found.candidates, candidate_glyphs(found.candidates, skew)))
        return Look(view, found, seen, skew, room, segment_s)

    def _better(self, look: Look, views: Sequence[View], picture: Image, size: tuple[int, int]) -> Look:
        """The one of `views` that promises most, where the page is clearer in it; else `look`. size: of the frame.

        What is no clear digit is shown to the model as it is in each of them; of many such things as many as there is room for.
        """
        clear, most = look.clearness(), look.room // len(views)
        if len(clear) == 0 or most < MIN_SAMPLE or clear.mean() >= WELL_READ_NINES**2:
            return look
        doubtful = np.flatnonzero(clearness(look.seen.digit) < MIN_VIEW_NINES**2)
        if len(doubtful) == 0:
            return look
        some = look.seen.only(doubtful[:: max(1, -(-len(doubtful) // most))])
        promised = self._previews(views, some)
        best = int(np.argmax(promised.sum(axis=1)))
        look = replace(look, room=look.room - promised.size)
        if not _is_clearer(promised[best], clearness(some.digit)):
            return look
        view = views[best]
        if view.picture is look.view.picture:
            other = self._seen(view, look.found, look.room - len(look.found.candidates), look.segment_s)
        else:
            other = self._looked(view, picture, size, look)
        return other if _digits(other) >= MIN_SAMPLE and _is_clearer(other.clearness(), clear) else look

    def _looked(self, view: View, picture: Image, size: tuple[int, int], look: Look) -> Look:
        """A picture by a view, after `look`. size: of the frame."""
        found, seconds = _segmented(view.picture(picture), size if view.turn % 180 == 0 else size[::-1])
        return self._seen(view, found, found.room, look.segment_s + seconds)

    def _previews(self, views: Sequence[View], seen: Seen) -> NDArray[np.float64]:
        """How clear each thing that was seen would be by each view, (views, N)."""
        glyphs = np.concatenate([view.preview(seen) for view in views])
        return clearness(self.see((), glyphs).digit).reshape(len(views), -1)


def best_paths(seen: Seen) -> Seen:
    """Of each blob, the candidates on the best path alone."""
    chosen = oversegment.best_paths(seen.candidates, seen.digit)
    return seen if len(chosen) == len(seen.candidates) else seen.only(chosen)


def _segmented(picture: Image, size: tuple[int, int]) -> tuple[Segmentation, float]:
    """What is found in a picture, boxed in one of `size`; and the seconds that it took."""
    start = time.perf_counter()
    return segment.segment(picture, size), time.perf_counter() - start


def _averaged_down(frame: Image) -> Image:
    """`frame` with OTHER_PIXELS at most."""
    height, width = frame.shape[:2]
    reduction = math.ceil((height * width / OTHER_PIXELS) ** 0.5)
    if reduction == 1:
        return frame
    size = max(1, width // reduction), max(1, height // reduction)
    return cv2.resize(frame, size, interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


def _digits(look: Look) -> int:
    return int(np.count_nonzero(look.seen.digit >= scores.EVEN))


def _is_doubtful(look: Look) -> bool:
    """Whether half of what is there is no clear digit."""
    clear = look.clearness()
    return len(clear) == 0 or median(clear.tolist()) < MIN_VIEW_NINES**2


def _is_clearer(there: NDArray[np.float64], here: NDArray[np.float64]) -> bool:
    """Whether a view with this clearness of each thing is taken instead of one with that."""
    return float(there.sum()) >= max(MIN_VIEW_GAIN * float(here.sum()), MIN_VIEW_NINES**2 * len(there))
