"""How far a conversion is, on a terminal: some of its steps take minutes."""

from __future__ import annotations

from contextlib import AbstractContextManager

from tqdm import tqdm


class ProgressBar:
    """A bar on a terminal, nothing elsewhere. Called with the name of each step as it begins."""

    def __init__(self, steps: int) -> None:
        self._bar = tqdm(total=steps + 1, disable=None, unit="step", leave=False)
        self._begun = False
        self._answered: dict[str, int] = {}

    def __call__(self, name: str) -> None:
        if self._begun:
            self._bar.update()
        self._begun = True
        self._answered = {}
        self._bar.set_description(name)
        self._bar.set_postfix_str("")

    def detail(self, text: str) -> None:
        """What of a step is being done."""
        self._bar.set_postfix_str(text)

    def images(self, runtime: str, count: int) -> None:
        """So many images more were answered on a runtime: some take minutes."""
        self._answered[runtime] = self._answered.get(runtime, 0) + count
        self._bar.set_postfix_str(f"{runtime}: {self._answered[runtime]:,} images")

    def interrupted(self) -> AbstractContextManager[None]:
        """Within the block, lines may be printed: the bar steps aside."""
        aside: AbstractContextManager[None] = self._bar.external_write_mode()
        return aside

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()
