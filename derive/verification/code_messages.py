"""What is said of a run that did not go its way, one sentence for each kind of event."""

from __future__ import annotations

import re
from typing import Any

#: Events after which the rest of the work was not judged, and events that are only noted.
STOPS = ("refused", "time", "memory", "exit", "died", "failed", "import", "patched", "none")
NOTES = ("random", "written", "mutated")

_WHERE = {
    "random": r"rand|normal\(|uniform\(|shuffle|permutation",
    "written": r"open\(|save|write|to_csv|dump",
    "died": r"os\._exit|abort\(|kill\(|ctypes\.\w+\(",
}


def message(event: dict[str, Any], seconds: float) -> str:
    """The sentence for an event of a run that had so many seconds."""
    match event["event"]:
        case "time":
            return f"the code was still running here after {seconds:g} s; what comes later was not judged"
        case "memory":
            return "the code needs more memory than it is given; what comes later was not judged"
        case "exit":
            return "the code calls sys.exit here; what comes later was not judged"
        case "refused":
            return f"the code {event['what']}; that is not allowed, and what comes later was not judged"
        case "died":
            return f"the process ended before the code did ({event['status']}); what comes later was not judged"
        case "none":
            return f"{event['name']} returns nothing, and none of the values that it stores is a gradient"
        case "import":
            return f"this imports {event['name'] or 'a module'}, which is not there"
        case "patched":
            return f"the code replaces {', '.join(event['names'])}, so that what it computes cannot be relied on"
        case "random":
            return "random numbers are used; they are the same in every run here"
        case "written":
            return f"files are written ({', '.join(event['names'])}), to a temporary folder that is gone"
        case "mutated":
            return f"this changes its input {event['name']} in place"
    told = f": {event['message']}" if event.get("message") else ""
    return f"this raises {event['kind']}{told}"


def event_line(event: dict[str, Any], text: str) -> int:
    """The line of the work that an event belongs to: told by the run, or found by what does such things."""
    if event.get("line"):
        return int(event["line"])
    pattern = _WHERE.get(event["event"])
    if event["event"] == "patched":
        names = "|".join(re.escape(name.rpartition(".")[2]) for name in event["names"])
        pattern = rf"\.(?:{names})\s*="
    for number, line in enumerate(text.splitlines(), 1):
        if pattern and re.search(pattern, line):
            return number
    return 1
