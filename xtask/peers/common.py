"""What the peers share: timing and the one line of JSON that `cargo xtask bench` reads."""

import json
import time


def timed(repetitions: int, work) -> list[float]:
    """Seconds of each repetition of `work`, after one that is not counted."""
    seconds = []
    for _ in range(repetitions + 1):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return seconds[1:]


def report(results: dict) -> None:
    print(json.dumps(results))
