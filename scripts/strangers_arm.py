"""An arm that is not Sinew's: a joint trajectory controller and a gripper in Python over Cyclone DDS, which Sinew drives. It
is given paths from another domain, through a node between that has it as a robot of Sinew's; it is stopped, it falls
silent, its joints are looked at when Sinew's loop is killed, and it opens and closes its hand when it is told to in words.
Usage: strangers_arm.py SINEW FOLDER [DOMAIN]
"""

import shutil
import signal
import subprocess
import sys
import threading
import time

from strangers_dds import (
    SUCCEEDED,
    CancelGoalRequest,
    CancelGoalResponse,
    Header,
    JointState,
    JointTrajectory,
    Miss,
    Side,
    Time,
    TriggerRequest,
    check,
    took,
    until,
)
from strangers_ros2 import GRIPPER, Robot
from strangers_ros2_types import (
    GetGripRequest,
    GetGripResponse,
    Gripped,
    GripperFeedbackMessage,
    SendGripRequest,
    SendGripResponse,
)

HERTZ = 200
JOINTS = [f"joint{j}" for j in range(1, 8)]
FINGERS = ["finger_joint1", "finger_joint2"]
HOME = [0.0, -0.8, 0.0, -2.25, 0.0, 1.45, 0.785398]
FASTEST = [2.175, 2.175, 2.175, 2.175, 2.61, 2.61, 2.61]
STRONGEST = [15.0, 7.5, 10.0, 12.5, 15.0, 20.0, 20.0]
# The clock of the machine that the arm is at: an hour ahead.
AHEAD_S = 3600.0


class Arm(threading.Thread):
    """Goes along the path that it was told last, from where it is, joint by joint along cubics; 200 times a second."""

    def __init__(self, domain):
        super().__init__(daemon=True)
        side = Side(domain)
        self.states = side.writer("rt/joint_states", JointState)
        self.paths = side.reader("rt/arm_controller/joint_trajectory", JointTrajectory)
        base = f"{GRIPPER}/_action/"
        self.grips = side.server(base + "send_goal", SendGripRequest, SendGripResponse)
        self.gripped = side.server(base + "get_result", GetGripRequest, GetGripResponse)
        self.cancels = side.server(base + "cancel_goal", CancelGoalRequest, CancelGoalResponse)
        self.feedback = side.writer(f"rt/{base}feedback", GripperFeedbackMessage)
        self.q, self.dq, self.finger, self.wanted = list(HOME), [0.0] * 7, 0.02, 0.02
        self.knots, self.began = [], 0.0
        self.is_silent, self.told, self.stamped, self.asked, self.wrong = False, 0, 0, [], []
        self.past = []

    def run(self):
        last = next_at = time.monotonic()
        while True:
            next_at = max(next_at + 1 / HERTZ, time.monotonic() - 0.05)
            time.sleep(max(0.0, next_at - time.monotonic()))
            now = time.monotonic()
            for path in took(self.paths):
                self.take(path, now)
            self.go(now)
            step = 0.1 * (now - last)
            self.finger += max(-step, min(step, self.wanted - self.finger))
            last = now
            self.past.append((now, list(self.q), list(self.dq)))
            if not self.is_silent:
                self.say()
            self.serve()

    def take(self, path, now):
        self.told += 1
        if sorted(path.joint_names) != JOINTS:
            self.wrong.append(f"joints {path.joint_names}")
            return
        order = [path.joint_names.index(j) for j in JOINTS]
        # It began when it says, by this arm's clock.
        stamp = path.header.stamp
        began = now
        if stamp.sec or stamp.nanosec:
            began = now - (time.time() + AHEAD_S - stamp.sec - 1e-9 * stamp.nanosec)
            self.stamped += 1
        knots = [(now - began, list(self.q), list(self.dq))]
        for point in path.points:
            t = point.time_from_start.sec + 1e-9 * point.time_from_start.nanosec
            q, dq = ([values[i] for i in order] for values in (point.positions, point.velocities))
            if t > knots[0][0]:
                knots.append((t, q, dq))
        if len(knots) == 1:
            return
        if any(v != 0.0 for v in knots[-1][2]):
            self.wrong.append("a path that does not end at rest")
        self.knots, self.began = knots, began

    def go(self, now):
        t = now - self.began
        if not self.knots:
            return
        if t >= self.knots[-1][0]:
            self.q, self.dq = list(self.knots[-1][1]), [0.0] * 7
            return
        i = max((k for k, knot in enumerate(self.knots) if knot[0] <= t), default=0)
        (t0, q0, v0), (t1, q1, v1) = self.knots[i], self.knots[i + 1]
        h, s = t1 - t0, (t - t0) / (t1 - t0)
        for j in range(7):
            a, b = q0[j], h * v0[j]
            c = 3 * (q1[j] - q0[j]) - h * (2 * v0[j] + v1[j])
            d = 2 * (q0[j] - q1[j]) + h * (v0[j] + v1[j])
            self.q[j] = a + s * (b + s * (c + s * d))
            self.dq[j] = (b + s * (2 * c + 3 * d * s)) / h

    def say(self):
        ns = int(1e9 * (time.time() + AHEAD_S))
        header = Header(Time(ns // 10**9, ns % 10**9), "")
        speed = max(-0.1, min(0.1, 50 * (self.wanted - self.finger)))
        # In another order than Sinew's, fingers among them.
        names = FINGERS + JOINTS[::-1]
        position = [self.finger] * 2 + self.q[::-1]
        velocity = [speed] * 2 + self.dq[::-1]
        self.states.write(JointState(header, names, position, velocity, []))

    def serve(self):
        for asked in took(self.grips[0]):
            self.asked.append((time.monotonic(), asked.goal.position, asked.goal.max_effort))
            self.wanted = asked.goal.position
            self.grips[1].write(SendGripResponse(asked.guid, asked.number, True))
        for asked in took(self.gripped[0]):
            self.gripped[1].write(GetGripResponse(asked.guid, asked.number, SUCCEEDED, Gripped(reached_goal=True)))

    def rests(self, seconds=3):
        until(lambda: True if max(map(abs, self.dq)) < 1e-9 else None, "the arm rests", seconds)

    def moves(self, least=0.25):
        until(lambda: True if abs(self.dq[0]) > least else None, "the arm moves")

    def check_gentle(self, what):
        """Never faster than it may, and no leaps: what is between two looks stands to reason."""
        worst = 0.0
        for (t0, q0, v0), (t1, q1, v1) in zip(self.past, self.past[1:]):
            for j in range(7):
                check(abs(v1[j]) < 1.1 * FASTEST[j], f"{what}: {JOINTS[j]} at {v1[j]:.3f} rad/s")
                # A path begins between two looks at the joints.
                check(abs(q1[j] - q0[j]) < (t1 - t0 + 0.01) * FASTEST[j] + 1e-6, f"{what}: {JOINTS[j]} leaps")
                worst = max(worst, abs(v1[j] - v0[j]) / (max(t1 - t0, 1 / HERTZ) * STRONGEST[j]))
        self.past.clear()
        check(worst < 4.0, f"{what}: {worst:.2f} of the acceleration that it may have")
        return worst


def its_states_are_sinews(arm, robot):
    state = robot.state()
    off = max(abs(state[name][0] - q) for name, q in zip(JOINTS, HOME))
    check(off < 1e-9, f"joints are off by {off}")
    check(arm.told == 0, f"it was told {arm.told} paths, and nobody asked")
    return f"{len(state)} joints"


def paths_are_followed(arm, robot):
    joint, to, goal = robot.goal(0.6, 1.5)
    goal_id, accepted = robot.give(goal)
    check(accepted, "a good goal is refused")
    ended = robot.ended(goal_id)
    check((ended.status, ended.result.error_code) == (SUCCEEDED, 0), f"{ended.status}: {ended.result.error_string}")
    arm.rests()
    off = abs(arm.q[0] - to)
    check(off < 2e-3, f"{joint} is off by {off}")
    check(arm.stamped == arm.told, f"{arm.told - arm.stamped} paths do not say when they began")
    check(arm.told > 50 and not arm.wrong, f"{arm.told} paths; {arm.wrong[:3]}")
    worst = arm.check_gentle("on the way")
    return f"off by {1e3 * off:.2f} mrad, {100 * worst:.0f} % of its acceleration"


def a_stop_stops_it(arm, robot):
    _, to, goal = robot.goal(-1.2, 3.0)
    check(robot.give(goal)[1], "a good goal is refused")
    arm.moves()
    check(robot.stops.ask(TriggerRequest()).success, "the stop is not confirmed")
    arm.rests()
    check(abs(arm.q[0] - to) > 0.1, "it went on to its end")
    arm.check_gentle("stopping")
    robot.command("reset")
    return "at rest"


def a_silent_arm_stops_and_waits_for_a_person(arm, robot):
    _, _, goal = robot.goal(1.0, 3.0)
    goal_id, accepted = robot.give(goal)
    check(accepted, "a good goal is refused")
    arm.moves()
    arm.is_silent = True
    arm.rests()
    arm.is_silent = False
    ended = robot.ended(goal_id)
    check(ended.status != SUCCEEDED, "the goal counts as reached")
    time.sleep(1)
    stood = list(arm.q)
    time.sleep(1)
    check(max(abs(a - b) for a, b in zip(arm.q, stood)) < 1e-3, "it goes on by itself")
    arm.check_gentle("silent")
    robot.command("reset")
    return "at rest"


def it_rests_when_the_loop_is_killed(arm, robot):
    _, to, goal = robot.goal(-1.0, 3.0)
    check(robot.give(goal)[1], "a good goal is refused")
    arm.moves(0.3)
    began, speed = time.monotonic(), abs(arm.dq[0])
    robot.running["robot"].send_signal(signal.SIGKILL)
    robot.running["robot"].wait()
    arm.rests(2)
    took_s = time.monotonic() - began
    check(abs(arm.q[0] - to) > 0.1, "it went on to its end")
    arm.check_gentle("killed")
    stood = list(arm.q)
    shutil.rmtree(robot.folder / "robot")
    took(robot.states)
    robot.start("robot")
    until(lambda: next(iter(took(robot.states)), None), "states of the next loop", 60)
    time.sleep(1)
    check(arm.q == stood, "the next loop moves it unasked")
    return f"from {speed:.2f} rad/s within {1e3 * took_s:.0f} ms"


def its_hand_is_told_in_words(arm, robot):
    for process in robot.running.values():
        process.kill()
        process.wait()
    for sentence, finger in (("open the gripper", 0.04), ("close the gripper", 0.0)):
        arm.asked.clear()
        done = subprocess.run(
            [robot.sinew, "run", sentence, "--out", sentence.split()[0]],
            cwd=robot.folder, env=robot.environment(), capture_output=True, text=True, timeout=90,
        )
        check(done.returncode == 0, f"{sentence}: {done.returncode}: {done.stdout[-1500:]}{done.stderr}")
        check(abs(arm.finger - finger) < 1e-3, f"{sentence}: the fingers are at {arm.finger}")
        check(len(arm.asked) == 1, f"{sentence}: asked {arm.asked}")
    return "opened and closed"


def main():
    domain = int(sys.argv[3]) if len(sys.argv) > 3 else 78
    arm = Arm(domain)
    arm.start()
    robot = Robot(
        sys.argv[1],
        sys.argv[2],
        domain + 1,
        f'[arm]\nkind = "ros2"\ncontroller = "arm_controller"\ngripper = "{GRIPPER}"\n'
        # A busy machine lets this arm speak late.
        f"silent_ms = 300\n"
        f'[control]\nrate_hz = 250\n[ros2]\ndomain = {domain}\nrmw = "cyclonedds"\n',
    )
    said = []
    try:
        for step in (
            its_states_are_sinews,
            paths_are_followed,
            a_stop_stops_it,
            a_silent_arm_stops_and_waits_for_a_person,
            it_rests_when_the_loop_is_killed,
            its_hand_is_told_in_words,
        ):
            said.append(step(arm, robot))
            print(f"{step.__name__}: {said[-1]}", flush=True)
    except Miss as miss:
        print(f"{miss}\n-- robot\n{robot.log('robot')}\n-- ros2\n{robot.log('ros2')}")
        sys.exit(1)
    finally:
        robot.end()
    print("; ".join(said))


if __name__ == "__main__":
    main()
