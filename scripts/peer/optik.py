"""optik-py as a peer of `sinew bench`: reads commands from stdin, one per line, answers on stdout.

  load FILE BASE TIP   the robot, and the links between which its joints lie
  targets N            followed by N times a start (joints) and where TIP shall be in BASE (4 x 4, by rows),
                       raw doubles; answers "ok"
  solve                answers with N times the joints (NaN for none) and the CPU nanoseconds of that call

A call's time is the process's, for the work is done by a thread of its own, less what a call costs that starts
where it shall end: handing over arguments and threads.
"""

import gc
import os
import sys
import time
from importlib.metadata import version

import numpy as np
import optik

EMPTY_CALLS = 200


def timed(robot, config, target, start):
    before = time.process_time_ns()
    found = robot.ik(config, target, start)
    return found, time.process_time_ns() - before


def empty_call_ns(robot, config, rng):
    """Median over starts a hair beside the answer (on the answer itself it sometimes runs into its time limit)."""
    lower, upper = (np.array(v) for v in robot.joint_limits())
    costs = []
    for _ in range(EMPTY_CALLS):
        q = lower + (upper - lower) * rng.uniform(0.1, 0.9, lower.size)
        costs.append(timed(robot, config, robot.fk(list(q)), list(q + 1e-7))[1])
    return float(np.median(costs))


def main():
    gc.disable()
    # On one processor its threads change places at the least cost.
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    config = optik.SolverConfig(tol_f=1e-9, max_time=0.1)
    given, answers = sys.stdin.buffer, sys.stdout.buffer
    robot, targets, empty_ns = None, [], 0.0
    while line := given.readline():
        command, *words = line.decode().split()
        if command == "load":
            robot = optik.Robot.from_urdf_file(*words)
            robot.set_parallelism(1)
            empty_ns = empty_call_ns(robot, config, np.random.default_rng(1))
            answers.write(f"optik-py {version('optik-py')} {robot.num_positions()}\n".encode())
        elif command == "targets":
            n = robot.num_positions()
            numbers = np.frombuffer(given.read(8 * int(words[0]) * (n + 16))).reshape(-1, n + 16)
            targets = [(row[n:].reshape(4, 4).tolist(), row[:n].tolist()) for row in numbers]
            answers.write(b"ok\n")
        elif command == "solve":
            out = np.full((len(targets), robot.num_positions() + 1), np.nan)
            for row, (target, start) in zip(out, targets):
                found, ns = timed(robot, config, target, start)
                if found is not None:
                    row[:-1] = found[0]
                row[-1] = max(ns - empty_ns, 0.0)
            answers.write(out.tobytes())
        else:
            sys.exit(f"no such command: {command}")
        answers.flush()


main()
