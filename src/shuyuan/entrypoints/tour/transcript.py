"""What the tour prints and keeps: steps with their time, claims that hold or fail, and the figures behind them."""

import time
from dataclasses import dataclass, field
from typing import Any, Literal

from rich.console import Console

Outcome = Literal["held", "failed", "not claimed"]


@dataclass
class Transcript:
    """A readable record. `figures` becomes the JSON file."""

    console: Console = field(default_factory=lambda: Console(highlight=False, soft_wrap=True))
    figures: dict[str, Any] = field(default_factory=dict)  # Any: JSON
    claims: list[dict[str, str]] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    _last: float = field(default_factory=time.monotonic)

    def step(self, title: str) -> None:
        """Begin a step."""
        self.console.print(f"\n[bold]{title}[/bold]  [dim]{time.monotonic() - self.began:.1f} s[/dim]")

    def say(self, words: str) -> None:
        """Something that was seen."""
        self.console.print(f"    {words}", markup=False)

    def claim(self, name: str, holds: bool, detail: str) -> None:
        """An assertion, counted."""
        self._add(name, "held" if holds else "failed", detail)

    def not_claimed(self, name: str, detail: str) -> None:
        """What a model's card does not claim: said, and not counted."""
        self._add(name, "not claimed", detail)

    def finish(self) -> bool:
        """Print the outcome; True when every counted claim held."""
        failed = [claim for claim in self.claims if claim["outcome"] == "failed"]
        counted = [claim for claim in self.claims if claim["outcome"] != "not claimed"]
        seconds = round(time.monotonic() - self.began, 1)
        self.figures |= {"claims": self.claims, "seconds": seconds}
        self.console.print(f"\n{len(counted) - len(failed)} of {len(counted)} claims held, {seconds} s")
        for claim in failed:
            self.console.print(f"failed: {claim['name']}: {claim['detail']}", markup=False)
        return not failed

    def _add(self, name: str, outcome: Outcome, detail: str) -> None:
        now = time.monotonic()
        self.claims.append({"name": name, "outcome": outcome, "detail": detail})
        mark = {"held": "[green]✓[/green]", "failed": "[red]✗[/red]", "not claimed": "[dim]–[/dim]"}[outcome]
        suffix = " (not claimed)" if outcome == "not claimed" else ""
        self.console.print(f"  {mark} {name}{suffix}: ", end="")
        self.console.print(f"{detail}  ({now - self._last:.1f} s)", markup=False)
        self._last = now
