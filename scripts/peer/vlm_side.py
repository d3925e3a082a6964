"""What the programs have in common that `sinew bench vlm` measures Sinew beside: they load one model and then answer
lines on stdin with one line on stdout each, until stdin ends.

  (loaded)     "ready SECONDS", wall time, without what the program imports
  prefill N    a prompt of N text tokens into an empty cache, to the logits of the next token
  decode N M   after a prompt of N tokens, not timed, M tokens one by one, the likeliest each; no token ends it
  see PATH N   the picture at PATH, decoded beforehand, and N words of text, to the first token chosen, with all that
               is done to the pixels; "none" where the program sees no pictures
  memory       peak memory, bytes: the GPU's where it computes, else the process's, with what it maps of files

The first three answer "CPU_SECONDS WALL_SECONDS", process CPU time and wall time.
"""

import os
import resource
import sys
import time


def prompt(n):
    """Tokens of plain words, the same on every side."""
    return [(i * 7919 + 13) % 100000 for i in range(n)]


def timed(work):
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - cpu, time.perf_counter() - wall


class Side:
    def see(self, path, words):
        return None

    def memory(self):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def serve(load, warm_up=lambda side: None):
    """`load` makes a Side that has prefill(n) and decode(n, m), which return what `timed` does."""
    # What the libraries print goes to stderr.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    start = time.perf_counter()
    side = load()
    seconds = time.perf_counter() - start
    warm_up(side)
    print(f"ready {seconds:.6f}", file=answers, flush=True)
    for line in sys.stdin:
        command, _, rest = line.strip().partition(" ")
        if command == "prefill":
            said = side.prefill(int(rest))
        elif command == "decode":
            said = side.decode(*map(int, rest.split()))
        elif command == "see":
            path, _, words = rest.rpartition(" ")
            said = side.see(path, int(words))
        elif command == "memory":
            said = (side.memory(),)
        else:
            sys.exit(f"no such command: {command}")
        numbers = "none" if said is None else " ".join(f"{v:.9f}" if isinstance(v, float) else str(v) for v in said)
        print(numbers, file=answers, flush=True)
