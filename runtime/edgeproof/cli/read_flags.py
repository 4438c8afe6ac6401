"""The flags of the verb `read`."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING

from edgeproof.backends import BACKENDS, DEVICES
from edgeproof.cli.bundles.trust_flag import add_trust
from edgeproof.support import command

if TYPE_CHECKING:
    from edgeproof.page.pictures import Regions

MOST_CELLS = 32  # of a grid in either direction: a thousand answers are a full page

DESCRIPTION = """Read digits from pictures, folders, videos, cameras and streams; with a --bundle of pictures instead of ink,
say what each picture shows, or each region of it."""
EXAMPLES = """SOURCE is one of
  photo.jpg  folder/  'scans/*.png'   pictures
  clip.mp4  replay:rec/0.mkv          a video; a recording of --record, whose records are the same each time
  0  /dev/video0  camera:Logitech     a camera by number, path or name (`edgeproof cameras`); the last, and /dev/v4l/by-id/…, are
                                      the same one after it was unplugged; picamera:0 is that of a Raspberry Pi
  rtsp://…  http://…                  a stream, or single pictures that are asked for again and again
  env:NAME                            what that environment variable says: a password that no list of processes shows
  watch:folder                        pictures that arrive there
  -                                   JPEG and PNG pictures on standard input, one behind the other

examples:
  edgeproof read photo.jpg                             a table on the terminal
  edgeproof read 'scans/*.png' --json - | jq .numbers  one JSON object per picture, nothing else on stdout
  edgeproof read clip.mp4 --save out                   out/clip.mkv, annotated
  edgeproof read 0 --web                               a camera, as a web page with a sketchpad
  edgeproof read 0 --bundle bundle/cifar --top 3 --json -    what the camera shows, with the three likeliest classes
  edgeproof read belt.mp4 --bundle bundle/parts --grid 2x3   an answer for each of six cells
  edgeproof read 0 --bundle bundle/own --trust release.pub   only if this key signed it
  edgeproof read 0 --slots --json readings.jsonl       through every `edgeproof update`, without a pause
  edgeproof read 0 --device cuda                       a camera, on an NVIDIA GPU or not at all
  edgeproof read rtsp://camera/main --json readings.jsonl --on-loss retry    for weeks, through every loss"""


def add_arguments(read: argparse.ArgumentParser) -> None:
    read.add_argument("sources", nargs="+", metavar="SOURCE", help="what to read; several are read one after the other")
    read.add_argument(
        "--max-frames", type=command.count, metavar="N", help="stop each video, camera or stream after N frames"
    )
    _add_model(read.add_argument_group("model"))
    regions = read.add_argument_group("bundles of pictures")
    add_regions(regions)
    regions.add_argument(
        "--top", type=command.count, default=0, metavar="K",
        help="the K likeliest classes of each answer in the --json records (pages too)",
    )  # fmt: skip
    _add_output(read.add_argument_group("output"))
    _add_live(read.add_argument_group("cameras and streams"))


def _add_model(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--bundle", type=Path, metavar="DIR", help="bundle folder (default: the one edgeproof carries)")
    add_trust(group)
    group.add_argument(
        "--slots", nargs="?", type=Path, const=True, metavar="DIR",  # True: of no folder the name
        help="read with the current version of a slots folder, and with the next one when it has passed its trial; "
        "alone: edgeproof's own folder, that of `edgeproof update`",
    )  # fmt: skip
    group.add_argument(
        "--artifact", default="auto", metavar="NAME",
        help="artifact of the bundle; auto: the best that works here, by `edgeproof tune` or else by the bundle",
    )  # fmt: skip
    group.add_argument("--backend", default="auto", choices=["auto", *BACKENDS], help="model runtime")
    group.add_argument("--device", default="auto", choices=["auto", *DEVICES], help="where the model runs")
    group.add_argument(
        "--strict-device", action="store_true",
        help="a device that fails later ends the run with exit code 4 (else it is opened once more, then the CPU goes on)",
    )  # fmt: skip
    group.add_argument(
        "--threads", type=command.threads, metavar="N",
        help="CPU threads of the model (default: 1, or what `edgeproof tune` found)",
    )  # fmt: skip
    group.add_argument(
        "--conf",
        type=float,
        metavar="F",
        help="lowest score of an accepted digit or answer, 0..1 (default: the bundle's)",
    )


def add_regions(parser: argparse._ActionsContainer) -> None:
    """The flags by which regions of a frame are pictures."""
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--region", type=region, action="append", metavar="X,Y,W,H",
        help="classify this part of each frame alone, pixels as a person sees it; may be given several times",
    )  # fmt: skip
    where.add_argument("--grid", type=grid, metavar="RxC", help="classify R rows of C equal cells each")


def regions_of(args: argparse.Namespace) -> Regions:
    """What `add_regions` parsed."""
    from edgeproof.page.pictures import Regions

    return Regions(tuple(args.region or ()), args.grid or (1, 1))


def _add_output(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--show", action=argparse.BooleanOptionalAction, default=None,
        help="a window (default: for videos, cameras and streams, where there is a display)",
    )  # fmt: skip
    group.add_argument(
        "--save", type=Path, metavar="DIR", help="write annotated pictures (.png) and videos (.mkv) here"
    )
    group.add_argument(
        "--record", type=Path, metavar="DIR",
        help="write the frames as they came, with their times, as videos (.mkv) here: read replay:FILE gives the same again",
    )  # fmt: skip
    group.add_argument(
        "--json", metavar="FILE", help="write one JSON object per frame; - for stdout, and nothing else there"
    )
    group.add_argument(
        "--mqtt", metavar="URL",
        help="publish the numbers, or answers, on this broker: mqtt://user:password@host/topic/prefix, mqtts://…, or env:NAME",
    )  # fmt: skip
    group.add_argument(
        "--no-discovery", action="store_true", help="tell Home Assistant nothing of what --mqtt publishes"
    )
    group.add_argument(
        "--save-crop", action="store_true", help="write each digit or region as the model saw it into the --save folder"
    )
    group.add_argument(
        "--save-uncertain", type=Path, metavar="DIR",
        help="write crops of what the reader is not sure of here, a thousand at most, for a person to label",
    )  # fmt: skip
    group.add_argument(
        "--events", type=Path, metavar="FILE", help="write what appears, changes and goes as a table (.csv)"
    )
    group.add_argument(
        "--debug", type=Path, metavar="DIR",
        help="write the picture of every stage, and a table of candidates with the reason for each refusal",
    )  # fmt: skip
    group.add_argument(
        "--web", nargs="?", const="127.0.0.1:8080", metavar="HOST:PORT",
        help="a web page of what is read, with a sketchpad for digits, and no window; alone: 127.0.0.1:8080, for this machine",
    )  # fmt: skip
    group.add_argument(
        "--web-token", type=Path, metavar="FILE",
        help="file with the token that the page asks for, needed where other machines reach it",
    )  # fmt: skip
    group.add_argument(
        "--web-name", action="append", default=[], metavar="NAME", help="a name by which other machines call this one"
    )
    existing = group.add_mutually_exclusive_group()
    existing.add_argument(
        "--append",
        action="store_true",
        help="go on behind what the --json and --events files hold (else they are kept: exit 2)",
    )
    existing.add_argument(
        "--overwrite", action="store_true",
        help="replace the --json and --events files, and pictures and videos of the same name (else new ones get a number)",
    )  # fmt: skip


def _add_live(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--on-loss", choices=["auto", "retry", "end"], default="auto",
        help="a source that gives nothing: retry waits for it, end ends with exit code 5; auto waits for one that was there "
        "and ends for one that never was",
    )  # fmt: skip
    group.add_argument(
        "--give-up",
        type=seconds,
        metavar="S",
        help="end (exit code 5) when nothing came for S seconds (default: never)",
    )
    group.add_argument("--open-timeout", type=seconds, default=5.0, metavar="S", help="seconds to wait for it to open")
    group.add_argument(
        "--read-timeout", type=seconds, default=2.0, metavar="S",
        help="seconds without a frame after which it counts as stalled and is opened again",
    )  # fmt: skip
    group.add_argument(
        "--still", type=still, default=2.0, metavar="S",
        help="read a picture that does not change once in S seconds; 0 reads every frame",
    )  # fmt: skip
    group.add_argument("--size", type=size, metavar="WxH", help="ask a camera for frames of so many pixels")
    group.add_argument(
        "--fps",
        type=rate,
        metavar="F",
        help="ask a camera for so many frames per second, or a server of single pictures",
    )
    group.add_argument(
        "--pixel-format", type=pixel_format, metavar="XXXX", help="ask a camera for this format: MJPG, YUYV, …"
    )


def seconds(text: str) -> float:
    """What a flag takes that limits time: 0.1 to 1,000,000 seconds, for argparse."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.1 <= value <= 1e6:  # also what is no number at all
        raise argparse.ArgumentTypeError(f"expected seconds from 0.1 to 1,000,000, found {text[:40]!r}")
    return value


def still(text: str) -> float:
    """`seconds`, or 0, for argparse."""
    return 0.0 if text == "0" else seconds(text)


def rate(text: str) -> float:
    """Frames per second, 0.01 to 1000, for argparse."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.01 <= value <= 1000:
        raise argparse.ArgumentTypeError(f"expected frames per second from 0.01 to 1000, found {text[:40]!r}")
    return value


def region(text: str) -> tuple[int, int, int, int]:
    """Left, top, width and height in pixels, as in 10,20,300,200, for argparse."""
    parts = text.split(",")
    if len(parts) == 4 and all(re.fullmatch(r"\d{1,5}", part, re.ASCII) for part in parts):
        x, y, width, height = map(int, parts)
        if width and height:
            return x, y, width, height
    raise argparse.ArgumentTypeError(f"expected left, top, width and height as in 10,20,300,200, found {text[:40]!r}")


def grid(text: str) -> tuple[int, int]:
    """Rows and columns, as in 2x3, for argparse."""
    found = re.fullmatch(r"([1-9]\d?)[x×]([1-9]\d?)", text, re.ASCII)
    if not found or max(int(found[1]), int(found[2])) > MOST_CELLS:
        raise argparse.ArgumentTypeError(
            f"expected rows and columns as in 2x3, at most {MOST_CELLS} of each, found {text[:40]!r}"
        )
    return int(found[1]), int(found[2])


def size(text: str) -> tuple[int, int]:
    """Width and height, as in 1280x720, for argparse."""
    if not (found := re.fullmatch(r"([1-9]\d{0,4})[x×]([1-9]\d{0,4})", text, re.ASCII)):
        raise argparse.ArgumentTypeError(f"expected width and height as in 1280x720, found {text[:40]!r}")
    return int(found[1]), int(found[2])


def pixel_format(text: str) -> str:
    """Four characters, for argparse."""
    if not re.fullmatch(r"[ -~]{4}", text):
        raise argparse.ArgumentTypeError(f"expected four characters as in MJPG, found {text[:40]!r}")
    return text
