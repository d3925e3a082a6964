"""A whole robot of Sinew's as ROS 2 has it, met by Cyclone DDS: joints, frames, pictures and a description come out, paths
and a stop go in, and the arm stands when the node between is killed.
Usage: strangers_ros2.py SINEW FOLDER [DOMAIN]
"""

import math
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from dataclasses import field
from pathlib import Path
from xml.etree import ElementTree

from strangers_dds import (
    CANCELED,
    LATCHED,
    PLAIN,
    RELIABLE,
    SUCCEEDED,
    CancelGoalRequest,
    CancelGoalResponse,
    Duration,
    FeedbackMessage,
    GetResultRequest,
    GetResultResponse,
    Goal,
    GoalInfo,
    Header,
    Image,
    JointState,
    JointTolerance,
    JointTrajectory,
    JointTrajectoryPoint,
    Miss,
    Policy,
    Qos,
    SendGoalRequest,
    SendGoalResponse,
    Side,
    String,
    Time,
    Transform,
    TriggerRequest,
    TriggerResponse,
    check,
    met,
    ros,
    took,
    until,
)
from strangers_ros2_types import (
    Detection3DArray,
    DiagnosticArray,
    GetGripRequest,
    GetGripResponse,
    GripperCommand,
    Joy,
    MarkerArray,
    PointCloud2,
    SendGripRequest,
    SendGripResponse,
)
import numpy as np
from cyclonedds.idl.types import sequence

ABORTED = 6
MOVEIT = Path(__file__).resolve().parents[1] / "assets/ros2/panda"
GRIPPER = "gripper_controller/gripper_cmd"
ACTION = "joint_trajectory_controller/follow_joint_trajectory"
SENSOR = Qos(Policy.Reliability.BestEffort, Policy.Durability.Volatile, Policy.History.KeepLast(5), PLAIN)


@ros("geometry_msgs/msg/TransformStamped")
class TransformStamped:
    header: Header = field(default_factory=Header)
    child_frame_id: str = ""
    transform: Transform = field(default_factory=Transform)


@ros("tf2_msgs/msg/TFMessage")
class TFMessage:
    transforms: sequence[TransformStamped] = field(default_factory=list)


class Robot:
    """The robot and the node between, as processes, and what ROS 2 has of them."""

    def __init__(self, sinew, folder, domain, of_its_own=""):
        """`of_its_own` is what the robot's configuration says besides; it takes no part in the domain then."""
        self.sinew, self.folder = Path(sinew).resolve(), Path(folder)
        shutil.rmtree(folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        name = f'[zenoh]\nrobot = "ros2-{os.getpid()}"\n'
        between = f'[ros2]\ndomain = {domain}\nrmw = "cyclonedds"\nmoves = true\n[joy]\nsteers = true\n'
        self.folder.joinpath("robot.toml").write_text(name + (of_its_own or between))
        # The same arm, elsewhere in ROS 2.
        arm = of_its_own.split("[ros2]")[0]
        self.folder.joinpath("ros2.toml").write_text(name + arm + between)
        self.running = {}
        for role in ("robot", "ros2"):
            self.start(role)
        side = Side(domain)
        self.states = side.reader("rt/joint_states", JointState)
        self.frames = side.reader("rt/tf", TFMessage)
        self.description = side.reader("rt/robot_description", String, LATCHED)
        self.side = side
        self.send = side.client(f"{ACTION}/_action/send_goal", SendGoalRequest, SendGoalResponse)
        self.results = side.client(f"{ACTION}/_action/get_result", GetResultRequest, GetResultResponse)
        self.cancels = side.client(f"{ACTION}/_action/cancel_goal", CancelGoalRequest, CancelGoalResponse)
        self.feedback = side.reader(f"rt/{ACTION}/_action/feedback", FeedbackMessage)
        self.grips = [
            side.client(f"{GRIPPER}/_action/send_goal", SendGripRequest, SendGripResponse),
            side.client(f"{GRIPPER}/_action/get_result", GetGripRequest, GetGripResponse),
        ]
        self.stops = side.client("sinew/stop", TriggerRequest, TriggerResponse)
        met(reader=self.states)
        for client in (self.send, self.results, self.cancels, *self.grips, self.stops):
            met(writer=client.writer, reader=client.reader)

    def environment(self):
        return {**os.environ, "XDG_RUNTIME_DIR": str(self.folder.resolve())}

    def start(self, role):
        log = open(self.folder / f"{role}.log", "w")
        words = {"robot": ["--out", "robot"], "ros2": ["--config", "ros2.toml"], "planner": ["--out", "planner"]}
        command = [self.sinew, "node", role, *words[role]]
        self.running[role] = subprocess.Popen(
            command, cwd=self.folder, env=self.environment(), stdout=log, stderr=log, stdin=subprocess.DEVNULL
        )

    def log(self, role):
        return (self.folder / f"{role}.log").read_text()

    def command(self, *words):
        """A reset once more, as a person does it, as long as the arm still comes to rest."""
        began = time.time()
        while True:
            done = subprocess.run(
                [self.sinew, *words], cwd=self.folder, env=self.environment(), capture_output=True, text=True, timeout=60
            )
            if done.returncode == 0 or words != ("reset",) or time.time() - began > 5:
                break
            time.sleep(0.1)
        check(done.returncode == 0, f"{words}: {done.stdout}{done.stderr}")

    def end(self):
        for process in self.running.values():
            process.kill()
            process.wait()

    def state(self):
        """The newest state of the joints, by name."""
        last = None
        while (new := took(self.states)) or last is None:
            last = new[-1] if new else last
            time.sleep(0.002)
        return dict(zip(last.name, zip(last.position, last.velocity)))

    def goal(self, by, seconds, **more):
        """The first joint led out by so much, from where it is."""
        state = self.state()
        names = [n for n in state if "finger" not in n]
        ends = [state[n][0] + (by if n == names[0] else 0.0) for n in names]
        time_from_start = Duration(int(seconds), int(seconds % 1 * 1e9))
        point = JointTrajectoryPoint(positions=ends, time_from_start=time_from_start)
        goal = Goal(trajectory=JointTrajectory(joint_names=names, points=[point]), **more)
        return names[0], ends[0], goal

    def give(self, goal):
        """Gives a goal; its name, and whether it was accepted."""
        goal_id = list(uuid.uuid4().bytes)
        return goal_id, self.send.ask(SendGoalRequest(goal_id=goal_id, goal=goal)).accepted

    def ended(self, goal_id, seconds=60):
        return self.results.ask(GetResultRequest(goal_id=goal_id), seconds)

    def moves(self, joint, least):
        until(lambda: True if abs(self.state()[joint][1]) > least else None, f"{joint} moves")

    def rests(self, seconds=2):
        until(lambda: True if all(abs(v) < 0.02 for _, v in self.state().values()) else None, "the arm rests", seconds)


def joints_come_at_rate(robot):
    robot.state()
    began, n, stamps = time.time(), 0, []
    while time.time() - began < 3:
        for state in took(robot.states):
            n += 1
            stamps.append(time.time() - state.header.stamp.sec - 1e-9 * state.header.stamp.nanosec)
            check(len(state.name) == len(state.position) == len(state.velocity) == len(state.effort), "lengths")
            check(all(math.isfinite(x) for x in state.position + state.velocity + state.effort), "numbers")
        time.sleep(0.002)
    stamps.sort()
    check(n > 150, f"{n} states in 3 s")
    check(abs(stamps[n // 2]) < 0.2, f"states are {stamps[n // 2]:.3f} s old")
    return f"{n / 3:.0f} states a second, {1e3 * stamps[n // 2]:.1f} ms old"


def a_description_and_frames_fit(robot):
    description = until(lambda: next(iter(took(robot.description)), None), "a description").data
    check(description.startswith("<?xml") and "<robot" in description, description[:80])
    frames = {}

    def all_there():
        for message in took(robot.frames):
            frames.update({t.child_frame_id: t.header.frame_id for t in message.transforms})
        return True if len(frames) >= description.count("<joint ") else None

    until(all_there, "all frames")
    for child in frames:
        if child.endswith("_optical"):
            continue
        check(f'<link name="{child}"' in description, f"{child} is no link")
        above = child
        while above != "world":
            check(above in frames, f"{above} hangs on nothing")
            above = frames[above]
    return f"{len(frames)} frames"


def the_moveit_configuration_is_of_this_arm(robot):
    # Who comes late gets it, too.
    late = robot.side.reader("rt/robot_description", String, LATCHED)
    arm = ElementTree.fromstring(until(lambda: next(iter(took(late)), None), "a description for who comes late").data)
    links = {link.get("name") for link in arm.iter("link")}
    joints = {joint.get("name"): joint for joint in arm.iter("joint")}
    semantic = ElementTree.parse(MOVEIT / "panda.srdf").getroot()
    check(semantic.get("name") == arm.get("name"), f"{semantic.get('name')} is no {arm.get('name')}")
    group = [j.get("name") for j in semantic.find("group[@name='arm']").iter("joint")]
    for joint in semantic.iter("joint"):
        check(joint.get("name") in joints, f"{joint.get('name')} is no joint")
    for state in semantic.iter("group_state"):
        for joint in state:
            limit = joints[joint.get("name")].find("limit")
            is_within = float(limit.get("lower")) <= float(joint.get("value")) <= float(limit.get("upper"))
            check(is_within, f"{state.get('name')}: {joint.get('name')} is beyond its limits")
    for pair in semantic.iter("disable_collisions"):
        check({pair.get("link1"), pair.get("link2")} <= links, f"{pair.attrib} are no links")
    # Who gives goals gives them for all of the arm's joints, to this controller.
    text = (MOVEIT / "moveit_controllers.yaml").read_text()
    check(f"joints: [{', '.join(group)}]" in text and f"  {ACTION.split('/')[0]}:" in text, "the controller")
    check("joints: [finger_joint1]" in text and f"  {GRIPPER.split('/')[0]}:" in text, "the gripper's controller")
    limits = (MOVEIT / "joint_limits.yaml").read_text()
    check(all(f"  {joint}: " in limits for joint in group), "a joint without limits")
    goal_id, accepted = robot.give(robot.goal(0.0, 0.5)[2])
    check(accepted and robot.ended(goal_id).status == SUCCEEDED, "a goal of this arm's joints is not followed")
    return f"{len(group)} joints"


def pictures_come_while_somebody_looks(robot):
    reader = robot.side.reader("rt/front/image", Image, SENSOR)
    seen = []
    until(lambda: (seen.extend(took(reader)), True if len(seen) >= 10 else None)[1], "ten pictures", 60)
    one = seen[-1].read()
    check((one.encoding, one.header.frame_id) == ("rgb8", "front_optical"), f"{one.encoding} {one.header.frame_id}")
    check(len(one.data) == one.height * one.step == 3 * one.height * one.width, "a picture's size")
    check(len(set(one.data)) > 10, "a picture of something")
    for camera in ("front", "wrist"):
        depth = robot.side.reader(f"rt/{camera}/depth", Image, SENSOR)
        one = until(lambda: next(iter(took(depth)), None), f"depth of {camera}", 60).read()
        check((one.encoding, one.step) == ("32FC1", 4 * one.width), f"{camera}: {one.encoding}")
    return f"{one.width} x {one.height}"


def points_come_while_somebody_looks(robot):
    reader = robot.side.reader("rt/front/points", PointCloud2, SENSOR)
    cloud = until(lambda: next(iter(took(reader)), None), "points", 60)
    fields = [(f.name, f.offset, f.datatype) for f in cloud.fields]
    check(fields == [("x", 0, 7), ("y", 4, 7), ("z", 8, 7), ("rgb", 12, 7)], f"{fields}")
    check(cloud.header.frame_id == "front_optical", cloud.header.frame_id)
    of = np.dtype([("at", "<f4", 3), ("rgb", "u1", 4)])
    points = np.frombuffer(bytes(cloud.data), of)
    check(len(points) == cloud.height * cloud.width and cloud.point_step == of.itemsize, f"{len(points)} points")
    # Along the camera's axis: nothing is behind it, and the room is not a hall.
    z = points["at"][:, 2]
    z = z[np.isfinite(z)]
    check(len(z) > 0.5 * len(points) and z.min() > 0.05 and z.max() < 20, f"{len(z)} points from {z.min()} to {z.max()} m")
    check(len(np.unique(points["rgb"], axis=0)) > 10, "colours of something")
    return f"{len(z)} of {len(points)} points with depth"


def health_is_told(robot):
    """By the robot and by everybody else, each once a second or more often."""
    reader, known = robot.side.reader("rt/diagnostics", DiagnosticArray), {}

    def all_there():
        for one in took(reader):
            check(abs(time.time() - one.header.stamp.sec) < 5, "diagnostics of another time")
            known.update({status.name: status for status in one.status})
        return True if {"sinew: robot", "sinew: control loop"} <= known.keys() else None

    until(all_there, "diagnostics of robot and loop")
    there, loop = known["sinew: robot"], known["sinew: control loop"]
    check(there.level == 0 and "Fault" not in there.message, f"{there.level}: {there.message}")
    values = {v.key: v.value for v in loop.values}
    check(500 < int(values["ticks"]) <= 1100, f"{values}")
    return f"{len(known)} of them; the robot: {there.message}"


def what_is_on_the_table_is_told(robot):
    """Once somebody plans for it, to who comes late as well."""
    robot.start("planner")
    until(lambda: True if "waiting for sentences" in robot.log("planner") else None, "a planner", 60)
    robot.command("say", "what do you see?")
    seen = robot.side.reader("rt/detections", Detection3DArray, LATCHED)
    drawn = robot.side.reader("rt/markers", MarkerArray, LATCHED)
    things = until(lambda: next(iter(took(seen)), None), "detections").detections
    markers = until(lambda: next(iter(took(drawn)), None), "markers").markers
    robot.running.pop("planner").kill()
    names = [t.results[0].hypothesis.class_id for t in things]
    check(len(things) > 0 and all(" " in n for n in names), f"{names}")
    for t in things:
        check(t.header.frame_id == "world" and abs(time.time() - t.header.stamp.sec) < 120, f"{t.header}")
        check(0 < t.bbox.size.x < 0.5 and abs(t.bbox.center.position.z) < 0.5, f"{t.bbox}")
    # First what was drawn before goes; then each thing with its name.
    check(markers[0].action == 3 and len(markers) == 1 + 2 * len(things), f"{len(markers)} markers")
    check({m.text for m in markers if m.type == 9} and all(m.header.frame_id == "world" for m in markers), "names")
    return ", ".join(sorted(m.text for m in markers if m.type == 9))


def paths_are_followed(robot):
    joint, to, goal = robot.goal(0.4, 2.0)
    goal_id, accepted = robot.give(goal)
    check(accepted, "a good goal is refused")
    ended = robot.ended(goal_id)
    check((ended.status, ended.result.error_code) == (SUCCEEDED, 0), f"{ended.status}: {ended.result.error_string}")
    n = len([f for f in took(robot.feedback) if list(f.goal_id) == goal_id])
    check(n >= 10, f"{n} feedbacks")
    time.sleep(0.2)
    off = abs(robot.state()[joint][0] - to)
    check(off < 0.01, f"{joint} is off by {off}")
    # A joint that there is not; a place beyond the limits; a tolerance that nobody keeps.
    for spoil in ("names", "limits"):
        _, _, bad = robot.goal(0.1, 1.0)
        if spoil == "names":
            bad.trajectory.joint_names[0] = "elbow_of_nobody"
        else:
            bad.trajectory.points[0].positions[0] = 90.0
        check(not robot.give(bad)[1], f"a goal with bad {spoil} is accepted")
    joint, _, narrow = robot.goal(-0.4, 2.0, path_tolerance=[JointTolerance(name=joint, position=1e-9)])
    goal_id, accepted = robot.give(narrow)
    check(accepted, "a goal with a tolerance is refused")
    ended = robot.ended(goal_id)
    check((ended.status, ended.result.error_code) == (ABORTED, -4), f"{ended.status}: {ended.result.error_string}")
    robot.rests()
    return f"off by {1e3 * off:.2f} mrad"


def the_gripper_takes_goals(robot):
    """By the place of its first joint, while the arm goes its own way."""
    joint, to, goal = robot.goal(-0.3, 3.0)
    arm_goal, accepted = robot.give(goal)
    check(accepted, "a path is refused")
    off = 0.0
    for position in (0.03, 0.005):
        goal_id = list(uuid.uuid4().bytes)
        asked = SendGripRequest(goal_id=goal_id, goal=GripperCommand(position=position))
        check(robot.grips[0].ask(asked).accepted, f"the gripper to {position} is refused")
        ended = robot.grips[1].ask(GetGripRequest(goal_id=goal_id), 30)
        check(ended.status == SUCCEEDED and ended.result.reached_goal and not ended.result.stalled, f"{ended}")
        until(lambda: True if abs(robot.state()["finger_joint1"][0] - position) < 2e-3 else None, "the finger", 2)
        off = max(off, abs(ended.result.position - position))
    wide = SendGripRequest(goal_id=list(uuid.uuid4().bytes), goal=GripperCommand(position=0.5))
    check(not robot.grips[0].ask(wide).accepted, "half a metre is accepted")
    check(robot.ended(arm_goal).status == SUCCEEDED, "the arm did not go on")
    return f"off by {1e3 * off:.2f} mm, while the arm moves"


def a_goal_is_cancelled(robot):
    joint, to, goal = robot.goal(-0.8, 4.0)
    goal_id, accepted = robot.give(goal)
    check(accepted, "a good goal is refused")
    robot.moves(joint, 0.1)
    robot.cancels.ask(CancelGoalRequest(goal_info=GoalInfo(goal_id=goal_id)))
    ended = robot.ended(goal_id)
    check(ended.status == CANCELED, f"it ended in {ended.status}: {ended.result.error_string}")
    robot.rests()
    check(abs(robot.state()[joint][0] - to) > 0.05, "it went on to its end")
    return "at rest"


def a_stop_stops_and_latches(robot):
    joint, _, goal = robot.goal(0.8, 4.0)
    goal_id, accepted = robot.give(goal)
    check(accepted, "a good goal is refused")
    robot.moves(joint, 0.1)
    answer = robot.stops.ask(TriggerRequest())
    check(answer.success, answer.message)
    ended = robot.ended(goal_id)
    check(ended.status == ABORTED, f"it ended in {ended.status}")
    robot.rests()
    robot.command("reset")
    _, _, goal = robot.goal(0.1, 1.0)
    goal_id, accepted = robot.give(goal)
    check(accepted and robot.ended(goal_id).status == SUCCEEDED, "after a reset it does not go on")
    return "and goes on after a reset"


def a_stick_steers_while_it_is_held_and_heard(robot):
    """By a person's lease; its stop needs nothing held, and is latched."""
    pad, enable, stop, up = robot.side.writer("rt/joy", Joy), 5, 1, [0.0, 0.0, 0.0, 0.0, 1.0]
    met(writer=pad)

    def says(axes, pressed, seconds, until=lambda: False):
        """Fifty times a second; whether it came to that."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not until():
            now = time.time_ns()
            stamp = Time(now // 10**9, now % 10**9)
            pad.write(Joy(Header(stamp), axes, [int(b in pressed) for b in range(8)]))
            time.sleep(0.02)
        return until()

    speed = lambda: max(abs(v) for _, v in robot.state().values())
    begun = lambda: robot.log("ros2").count("the arm is the stick's")

    def moves():
        before = begun()
        says([0.0] * 5, [], 0.2)
        check(says([0.0] * 5, [enable], 20, lambda: begun() > before), "the arm is never the stick's")
        says([0.0] * 5, [enable], 0.2)
        check(says(up, [enable], 5, lambda: speed() > 0.08), "the stick moves nothing")

    moves()
    ceased = time.monotonic()
    robot.rests()
    took_s = time.monotonic() - ceased
    check(took_s < 0.5, f"at rest {took_s:.2f} s after the stick's last word")
    check(not says(up, [enable], 0.5, lambda: speed() > 0.02), "as it was, it moves the arm again")
    moves()
    says(up, [stop], 0.1)
    robot.rests()
    check("the stick's stop is pressed: stopped" in robot.log("ros2"), "its stop is not told")
    robot.command("reset")
    check(not says(up, [enable], 0.5, lambda: speed() > 0.02), "after a reset it goes on")
    return f"at rest {took_s:.2f} s after its last word"


def a_robot_that_restarts_is_told_and_moved_again(robot):
    joint, _, goal = robot.goal(-0.8, 4.0)
    goal_id, accepted = robot.give(goal)
    check(accepted, "a good goal is refused")
    robot.moves(joint, 0.1)
    robot.running["robot"].kill()
    robot.running["robot"].wait()
    ended = robot.ended(goal_id)
    check((ended.status, ended.result.error_code) == (ABORTED, -1), f"it ended in {ended.status}")
    check(ended.result.error_string, "it does not say why")
    shutil.rmtree(robot.folder / "robot")
    took(robot.states)
    robot.start("robot")
    robot.rests(60)
    _, _, goal = robot.goal(0.2, 1.0)
    goal_id, accepted = robot.give(goal)
    check(accepted, "the next robot's goal is refused")
    ended = robot.ended(goal_id)
    check(ended.status == SUCCEEDED, f"it ended in {ended.status}: {ended.result.error_string}")
    return "restarted"


def the_arm_stands_without_the_node_between(robot):
    joint, _, goal = robot.goal(-0.8, 4.0)
    check(robot.give(goal)[1], "a good goal is refused")
    robot.moves(joint, 0.1)
    robot.running["ros2"].send_signal(signal.SIGKILL)
    robot.running["ros2"].wait()
    # It tells so once it has come to rest.
    until(lambda: True if "cause: Fault(F1InputSilent)" in robot.log("robot") else None, "F1", 5)
    # The next one tells that it stands, and where: not at the end.
    took(robot.states)
    robot.start("ros2")
    before = until(lambda: next(iter(took(robot.states)), None), "states of the next node", 60)
    robot.rests()
    time.sleep(1)
    off = abs(robot.state()[joint][0] - dict(zip(before.name, before.position))[joint])
    check(off < 1e-3, f"{joint} went on by {off}")
    return "F1"


def what_was_asked_is_recorded(robot):
    """Also by a node that was killed."""
    recorded = robot.folder / "runs" / "ros2-001"
    info = subprocess.run([robot.sinew, "log", "info", recorded], capture_output=True, text=True).stdout
    for word in ("a ROS 2 node's part of a run", "/sinew/consumed", "/rosout", "/diagnostics"):
        check(word in info, f"{word!r} is not in the recording of the node between: {info}")
    return "recorded"


def main():
    domain = int(sys.argv[3]) if len(sys.argv) > 3 else 77
    robot = Robot(sys.argv[1], sys.argv[2], domain)
    said = []
    try:
        for step in (
            joints_come_at_rate,
            a_description_and_frames_fit,
            the_moveit_configuration_is_of_this_arm,
            pictures_come_while_somebody_looks,
            points_come_while_somebody_looks,
            health_is_told,
            what_is_on_the_table_is_told,
            paths_are_followed,
            the_gripper_takes_goals,
            a_goal_is_cancelled,
            a_stop_stops_and_latches,
            a_stick_steers_while_it_is_held_and_heard,
            a_robot_that_restarts_is_told_and_moved_again,
            the_arm_stands_without_the_node_between,
            what_was_asked_is_recorded,
        ):
            said.append(step(robot))
            print(f"{step.__name__}: {said[-1]}", flush=True)
    except Miss as miss:
        print(f"{miss}\n-- robot\n{robot.log('robot')}\n-- ros2\n{robot.log('ros2')}")
        sys.exit(1)
    finally:
        robot.end()
    print("; ".join(said))


if __name__ == "__main__":
    main()
