"""Sinew's DDS against Cyclone DDS, an implementation by others: topics in both directions with every value checked, a
service and an action in both directions, and a type that does not match. All on the loopback interface.
Usage: strangers_dds.py DDS_PEER [DOMAIN]
"""

import json
import os
import subprocess
import sys
import threading
import time
import uuid
from dataclasses import dataclass, field
from types import new_class

# This machine alone, as Sinew by default; read when the first participant is made.
os.environ["CYCLONEDDS_URI"] = """<CycloneDDS><Domain>
<General><Interfaces><NetworkInterface address="127.0.0.1" multicast="false"/></Interfaces><AllowMulticast>false</AllowMulticast></General>
<Discovery><ParticipantIndex>auto</ParticipantIndex><Peers><Peer address="127.0.0.1"/></Peers></Discovery>
</Domain></CycloneDDS>"""

import numpy as np
from cyclonedds.core import Policy, Qos
from cyclonedds.domain import DomainParticipant
from cyclonedds.idl import IdlStruct
from cyclonedds.idl.annotations import final
from cyclonedds.idl.types import array, float64, int8, int32, int64, sequence, uint8, uint16, uint32, uint64
from cyclonedds.pub import DataWriter
from cyclonedds.sub import DataReader
from cyclonedds.topic import Topic
from cyclonedds.util import duration

JOINTS = 7
WIDTH, HEIGHT = 640, 480
SECONDS = 5
ACTION = "arm/follow_joint_trajectory"
ACCEPTED, EXECUTING, CANCELING, SUCCEEDED, CANCELED = 1, 2, 3, 4, 5


def ros(name):
    """A type with ROS 2's name on the wire, in plain CDR."""
    package, kind, own = name.split("/")

    def make(cls):
        wire = {"typename": f"{package}::{kind}::dds_::{own}_"}
        own_fields = {k: v for k, v in vars(cls).items() if k not in ("__dict__", "__weakref__")}
        return dataclass(final(new_class(cls.__name__, (IdlStruct,), wire, lambda space: space.update(own_fields))))

    return make



@ros("builtin_interfaces/msg/Time")
class Time:
    sec: int32 = 0
    nanosec: uint32 = 0


@ros("builtin_interfaces/msg/Duration")
class Duration:
    sec: int32 = 0
    nanosec: uint32 = 0


@ros("std_msgs/msg/Header")
class Header:
    stamp: Time = field(default_factory=Time)
    frame_id: str = ""


@ros("std_msgs/msg/String")
class String:
    data: str = ""


@ros("sensor_msgs/msg/JointState")
class JointState:
    header: Header = field(default_factory=Header)
    name: sequence[str] = field(default_factory=list)
    position: sequence[float64] = field(default_factory=list)
    velocity: sequence[float64] = field(default_factory=list)
    effort: sequence[float64] = field(default_factory=list)


@ros("sensor_msgs/msg/Image")
class Image:
    header: Header = field(default_factory=Header)
    height: uint32 = 0
    width: uint32 = 0
    encoding: str = ""
    is_bigendian: uint8 = 0
    step: uint32 = 0
    data: sequence[uint8] = field(default_factory=list)


# What Cyclone DDS's ROS layer puts before questions and answers are the first two fields here.
@ros("std_srvs/srv/Trigger_Request")
class TriggerRequest:
    guid: uint64 = 0
    number: int64 = 0
    structure_needs_at_least_one_member: uint8 = 0


@ros("std_srvs/srv/Trigger_Response")
class TriggerResponse:
    guid: uint64 = 0
    number: int64 = 0
    success: bool = False
    message: str = ""


@ros("geometry_msgs/msg/Vector3")
class Vector3:
    x: float64 = 0.0
    y: float64 = 0.0
    z: float64 = 0.0


@ros("geometry_msgs/msg/Quaternion")
class Quaternion:
    x: float64 = 0.0
    y: float64 = 0.0
    z: float64 = 0.0
    w: float64 = 1.0


@ros("geometry_msgs/msg/Transform")
class Transform:
    translation: Vector3 = field(default_factory=Vector3)
    rotation: Quaternion = field(default_factory=Quaternion)


@ros("geometry_msgs/msg/Twist")
class Twist:
    linear: Vector3 = field(default_factory=Vector3)
    angular: Vector3 = field(default_factory=Vector3)


@ros("trajectory_msgs/msg/JointTrajectoryPoint")
class JointTrajectoryPoint:
    positions: sequence[float64] = field(default_factory=list)
    velocities: sequence[float64] = field(default_factory=list)
    accelerations: sequence[float64] = field(default_factory=list)
    effort: sequence[float64] = field(default_factory=list)
    time_from_start: Duration = field(default_factory=Duration)


@ros("trajectory_msgs/msg/JointTrajectory")
class JointTrajectory:
    header: Header = field(default_factory=Header)
    joint_names: sequence[str] = field(default_factory=list)
    points: sequence[JointTrajectoryPoint] = field(default_factory=list)


@ros("trajectory_msgs/msg/MultiDOFJointTrajectoryPoint")
class MultiDOFJointTrajectoryPoint:
    transforms: sequence[Transform] = field(default_factory=list)
    velocities: sequence[Twist] = field(default_factory=list)
    accelerations: sequence[Twist] = field(default_factory=list)
    time_from_start: Duration = field(default_factory=Duration)


@ros("trajectory_msgs/msg/MultiDOFJointTrajectory")
class MultiDOFJointTrajectory:
    header: Header = field(default_factory=Header)
    joint_names: sequence[str] = field(default_factory=list)
    points: sequence[MultiDOFJointTrajectoryPoint] = field(default_factory=list)


@ros("control_msgs/msg/JointTolerance")
class JointTolerance:
    name: str = ""
    position: float64 = 0.0
    velocity: float64 = 0.0
    acceleration: float64 = 0.0


@ros("control_msgs/msg/JointComponentTolerance")
class JointComponentTolerance:
    joint_name: str = ""
    component: uint16 = 0
    position: float64 = 0.0
    velocity: float64 = 0.0
    acceleration: float64 = 0.0


@ros("control_msgs/action/FollowJointTrajectory_Goal")
class Goal:
    trajectory: JointTrajectory = field(default_factory=JointTrajectory)
    multi_dof_trajectory: MultiDOFJointTrajectory = field(default_factory=MultiDOFJointTrajectory)
    path_tolerance: sequence[JointTolerance] = field(default_factory=list)
    component_path_tolerance: sequence[JointComponentTolerance] = field(default_factory=list)
    goal_tolerance: sequence[JointTolerance] = field(default_factory=list)
    component_goal_tolerance: sequence[JointComponentTolerance] = field(default_factory=list)
    goal_time_tolerance: Duration = field(default_factory=Duration)


@ros("control_msgs/action/FollowJointTrajectory_Result")
class Result:
    error_code: int32 = 0
    error_string: str = ""


@ros("control_msgs/action/FollowJointTrajectory_Feedback")
class Feedback:
    header: Header = field(default_factory=Header)
    joint_names: sequence[str] = field(default_factory=list)
    desired: JointTrajectoryPoint = field(default_factory=JointTrajectoryPoint)
    actual: JointTrajectoryPoint = field(default_factory=JointTrajectoryPoint)
    error: JointTrajectoryPoint = field(default_factory=JointTrajectoryPoint)
    multi_dof_joint_names: sequence[str] = field(default_factory=list)
    multi_dof_desired: MultiDOFJointTrajectoryPoint = field(default_factory=MultiDOFJointTrajectoryPoint)
    multi_dof_actual: MultiDOFJointTrajectoryPoint = field(default_factory=MultiDOFJointTrajectoryPoint)
    multi_dof_error: MultiDOFJointTrajectoryPoint = field(default_factory=MultiDOFJointTrajectoryPoint)


NO_ID = [0] * 16


@ros("action_msgs/msg/GoalInfo")
class GoalInfo:
    goal_id: array[uint8, 16] = field(default_factory=lambda: NO_ID)
    stamp: Time = field(default_factory=Time)


@ros("action_msgs/msg/GoalStatus")
class GoalStatus:
    goal_info: GoalInfo = field(default_factory=GoalInfo)
    status: int8 = 0


@ros("action_msgs/msg/GoalStatusArray")
class GoalStatusArray:
    status_list: sequence[GoalStatus] = field(default_factory=list)


@ros("control_msgs/action/FollowJointTrajectory_SendGoal_Request")
class SendGoalRequest:
    guid: uint64 = 0
    number: int64 = 0
    goal_id: array[uint8, 16] = field(default_factory=lambda: NO_ID)
    goal: Goal = field(default_factory=Goal)


@ros("control_msgs/action/FollowJointTrajectory_SendGoal_Response")
class SendGoalResponse:
    guid: uint64 = 0
    number: int64 = 0
    accepted: bool = False
    stamp: Time = field(default_factory=Time)


@ros("action_msgs/srv/CancelGoal_Request")
class CancelGoalRequest:
    guid: uint64 = 0
    number: int64 = 0
    goal_info: GoalInfo = field(default_factory=GoalInfo)


@ros("action_msgs/srv/CancelGoal_Response")
class CancelGoalResponse:
    guid: uint64 = 0
    number: int64 = 0
    return_code: int8 = 0
    goals_canceling: sequence[GoalInfo] = field(default_factory=list)


@ros("control_msgs/action/FollowJointTrajectory_GetResult_Request")
class GetResultRequest:
    guid: uint64 = 0
    number: int64 = 0
    goal_id: array[uint8, 16] = field(default_factory=lambda: NO_ID)


@ros("control_msgs/action/FollowJointTrajectory_GetResult_Response")
class GetResultResponse:
    guid: uint64 = 0
    number: int64 = 0
    status: int8 = 0
    result: Result = field(default_factory=Result)


@ros("control_msgs/action/FollowJointTrajectory_FeedbackMessage")
class FeedbackMessage:
    goal_id: array[uint8, 16] = field(default_factory=lambda: NO_ID)
    feedback: Feedback = field(default_factory=Feedback)


PLAIN = Policy.DataRepresentation(use_cdrv0_representation=True, use_xcdrv2_representation=False)
RELIABLE = Qos(Policy.Reliability.Reliable(duration(seconds=1)), Policy.Durability.Volatile, Policy.History.KeepLast(100), PLAIN)
LATCHED = Qos(Policy.Reliability.Reliable(duration(seconds=1)), Policy.Durability.TransientLocal, Policy.History.KeepLast(1), PLAIN)


class Miss(Exception):
    """Something that is not as it should be."""


def check(is_so, what):
    if not is_so:
        raise Miss(what)


def until(find, what, seconds=30):
    """The first thing found that is not None."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = find()
        if found is not None:
            return found
        time.sleep(0.002)
    raise Miss(f"{what}: not within {seconds} s")


class Peer:
    """A part of Sinew's side, in a process of its own."""

    def __init__(self, program, domain, *words):
        command = [program, str(domain), "cyclonedds", *words]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def report(self, seconds=60):
        try:
            out, _ = self.process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise Miss(f"{self.process.args[3]} does not end") from None
        check(self.process.returncode == 0, f"{self.process.args[3]} ended with {self.process.returncode}")
        return json.loads(out.splitlines()[-1])


class Side:
    """Cyclone DDS's side."""

    def __init__(self, domain):
        self.participant = DomainParticipant(domain)

    def reader(self, topic, of, qos=RELIABLE):
        return DataReader(self.participant, Topic(self.participant, topic, of), qos=qos)

    def writer(self, topic, of, qos=RELIABLE):
        return DataWriter(self.participant, Topic(self.participant, topic, of), qos=qos)

    def client(self, name, asks, answers):
        return Client(self.writer(f"rq/{name}Request", asks), self.reader(f"rr/{name}Reply", answers))

    def server(self, name, asks, answers):
        return self.reader(f"rq/{name}Request", asks), self.writer(f"rr/{name}Reply", answers)


def met(writer=None, reader=None):
    """Waits until a writer or a reader is matched."""
    if writer is not None:
        until(lambda: True if writer.get_matched_subscriptions() else None, f"a reader of {writer.topic.name}")
    if reader is not None:
        until(lambda: True if reader.get_matched_publications() else None, f"a writer of {reader.topic.name}")


def took(reader):
    """What has come; that a writer is gone comes as something without values."""
    return [sample for sample in reader.take(20) if sample.sample_info.valid_data]


class Client:
    def __init__(self, writer, reader):
        self.writer, self.reader, self.number = writer, reader, 0
        self.guid = uuid.uuid4().int % 2**64

    def ask(self, question, seconds=30):
        self.number += 1
        question.guid, question.number = self.guid, self.number
        self.writer.write(question)

        def answer():
            for taken in took(self.reader):
                if (taken.guid, taken.number) == (self.guid, self.number):
                    return taken
            return None

        return until(answer, f"an answer of {self.writer.topic.name}", seconds)


def header(k):
    return Header(Time(k, k), str(time.time_ns()))


def joint_state(k):
    values = lambda scale: [k * scale + j / 8 for j in range(JOINTS)]
    return JointState(header(k), [f"joint{j}" for j in range(JOINTS)], values(1.0), values(-0.5), [])


RAMP = np.arange(3 * WIDTH * HEIGHT, dtype=np.uint32)


def pixels(k):
    return (RAMP + k).astype(np.uint8)


def image(k):
    return Image(header(k), HEIGHT, WIDTH, "rgb8", 0, 3 * WIDTH, pixels(k).tobytes())


class Bytes(Image):
    """A picture as its bytes: Cyclone DDS's Python takes too long over a list of a million numbers to keep time, so they
    are written before and read after."""

    # Where the time of saying stands in them: behind encapsulation, stamp and length.
    SAID = slice(16, 35)

    def __init__(self, data):
        self.data = data

    def serialize(self, buffer=None, endianness=None, use_version_2=None):
        return self.data[: self.SAID.start] + str(time.time_ns()).encode() + self.data[self.SAID.stop :]

    def read(self):
        return Image.__idl__.deserialize(self.data, has_header=True)

    @classmethod
    def all(cls, count):
        """The first so many pictures."""
        first = image(0).serialize(use_version_2=False)
        before = first[12 : len(first) - len(RAMP)]
        numbers = (first[:4] + k.to_bytes(4, "little") * 2 for k in range(count))
        return [cls(number + before + pixels(k).tobytes()) for k, number in enumerate(numbers)]


Image.deserialize = classmethod(lambda cls, data, has_header=True, use_version_2=None: Bytes(data))


def is_joint_state(message):
    expected = joint_state(message.header.stamp.nanosec)
    expected.header.frame_id = message.header.frame_id
    return message == expected, message.header.stamp.nanosec


def is_image(message):
    message = message.read()
    k = message.header.stamp.nanosec
    shape = (message.header.stamp.sec, message.height, message.width, message.encoding, message.is_bigendian, message.step)
    data = np.frombuffer(bytes(message.data), np.uint8)
    return shape == (k, HEIGHT, WIDTH, "rgb8", 0, 3 * WIDTH) and np.array_equal(data, pixels(k)), k


def hear(readers, checks, expected, seconds):
    """Hears until all is there or time is up: how much of each is as it should be and in order, what is not, and the
    rates."""
    heard, times = [[] for _ in readers], [[] for _ in readers]
    end = time.monotonic() + seconds
    while time.monotonic() < end and [len(h) for h in heard] != expected:
        none = True
        for i, reader in enumerate(readers):
            for message in took(reader):
                none = False
                times[i].append(time.monotonic())
                heard[i].append(message)
        if none:
            time.sleep(0.001)
    good, bad = [], 0
    for messages, is_good in zip(heard, checks):
        checked = [is_good(message) for message in messages]
        ks = [-1] + [k for _, k in checked]
        good.append(sum(so and k > before for (so, k), before in zip(checked, ks)))
        bad += len(messages) - good[-1]
    rates = [(len(t) - 1) / (t[-1] - t[0]) if len(t) > 1 else 0.0 for t in times]
    return good, bad, rates


def from_sinew(program, domain):
    """Joint states at 100 Hz and pictures at 30 Hz from Sinew."""
    side = Side(domain)
    readers = [side.reader("rt/joint_states", JointState), side.reader("rt/camera/image", Image)]
    peer = Peer(program, domain, "say", str(SECONDS))
    expected = [100 * SECONDS, 30 * SECONDS]
    good, bad, rates = hear(readers, [is_joint_state, is_image], expected, 30 + 2 * SECONDS)
    said = peer.report()
    print(f"from Sinew: {said}; heard {good}, {bad} bad, {rates[0]:.1f} and {rates[1]:.1f} a second")
    check(bad == 0, f"{bad} messages from Sinew are not what was said")
    lost = sum(expected) - sum(good)
    check(lost == 0 and said["failed"] == 0, f"{lost} lost, {said['failed']} not said")
    return f"{rates[0]:.0f} + {rates[1]:.0f} /s out"


def to_sinew(program, domain):
    """The same to Sinew."""
    side = Side(domain)
    joints, images = side.writer("rt/joint_states", JointState), side.writer("rt/camera/image", Image)
    pictures = Bytes.all(30 * SECONDS)
    peer = Peer(program, domain, "hear", str(SECONDS))
    met(joints), met(images)
    time.sleep(0.5)

    def paced(writer, make, hertz):
        begun = time.monotonic()
        for k in range(hertz * SECONDS):
            time.sleep(max(0.0, begun + k / hertz - time.monotonic()))
            writer.write(make(k))

    seen = threading.Thread(target=paced, args=(images, lambda k: pictures[k], 30))
    seen.start()
    paced(joints, joint_state, 100)
    seen.join()
    heard = peer.report()
    print(f"to Sinew: {heard}")
    for name, count in (("joint_states", 100 * SECONDS), ("images", 30 * SECONDS)):
        of = heard[name]
        check((of["good"], of["bad"], of["refused"], of["lost"]) == (count, 0, 0, 0), f"{name}: {of}, of {count}")
    return f"ages {heard['joint_states']['age_p50_ms']:.2f} and {heard['images']['age_p50_ms']:.1f} ms in"


def goal(name):
    points = [JointTrajectoryPoint([0.25 * s] * JOINTS, time_from_start=Duration(s, 500_000_000)) for s in (0, 1)]
    return Goal(JointTrajectory(joint_names=[f"{name}{j}" for j in range(JOINTS)], points=points))


def name_of(asked):
    """Which of the three goals it is; every field of it is checked."""
    names = [name for name in ("joint", "other", "long") if asked == goal(name)]
    check(len(names) == 1, f"a goal that nobody gave: {asked}")
    return names[0]


def ask_sinew(program, domain):
    """Sinew answers a service, and pursues three goals."""
    side = Side(domain)
    trigger = side.client("arm/trigger", TriggerRequest, TriggerResponse)
    base = f"{ACTION}/_action/"
    goals = side.client(base + "send_goal", SendGoalRequest, SendGoalResponse)
    cancels = side.client(base + "cancel_goal", CancelGoalRequest, CancelGoalResponse)
    results = side.client(base + "get_result", GetResultRequest, GetResultResponse)
    feedback = side.reader(f"rt/{base}feedback", FeedbackMessage)
    status = side.reader(f"rt/{base}status", GoalStatusArray, LATCHED)
    peer = Peer(program, domain, "serve")
    for client in (trigger, goals, cancels, results):
        met(client.writer, client.reader)
    met(reader=feedback), met(reader=status)

    answer = trigger.ask(TriggerRequest())
    check((answer.success, answer.message) == (True, "by Sinew"), f"the service says {answer}")

    def give(name):
        of = list(uuid.uuid4().bytes)
        answer = goals.ask(SendGoalRequest(goal_id=of, goal=goal(name)))
        return of, answer

    def result(of):
        answer = results.ask(GetResultRequest(goal_id=of))
        return answer.status, answer.result.error_code, answer.result.error_string

    first, answer = give("joint")
    check(answer.accepted and abs(answer.stamp.sec - time.time()) < 10, f"the first goal: {answer}")
    check(result(first) == (SUCCEEDED, 0, "followed"), "the result of the first goal")
    heard = took(feedback)
    check(all(bytes(m.goal_id) == bytes(first) for m in heard), "feedback on another goal")
    ks = [m.feedback.header.stamp.nanosec for m in heard]
    check(ks == list(range(5)), f"feedback {ks}")
    check(all(m.feedback.actual.positions == [float(k)] * JOINTS for k, m in enumerate(heard)), "values of feedback")

    _, answer = give("other")
    check(not answer.accepted, "the goal to be refused was accepted")

    long, answer = give("long")
    check(answer.accepted, "the long goal was refused")
    answer = cancels.ask(CancelGoalRequest(goal_info=GoalInfo(list(uuid.uuid4().bytes))))
    check((answer.return_code, answer.goals_canceling) == (2, []), f"an unknown goal is cancelled: {answer}")
    answer = cancels.ask(CancelGoalRequest(goal_info=GoalInfo(long)))
    canceling = [bytes(info.goal_id) for info in answer.goals_canceling]
    check((answer.return_code, canceling) == (0, [bytes(long)]), f"the long goal is not cancelled: {answer}")
    check(result(long) == (CANCELED, 0, "given up"), "the result of the long goal")

    def last():
        for array in took(status):
            states = {bytes(s.goal_info.goal_id): s.status for s in array.status_list}
            if states == {bytes(first): SUCCEEDED, bytes(long): CANCELED}:
                return states
        return None

    until(last, "the last status", 5)
    said = peer.report()
    print(f"Sinew serves: {said}")
    check(said == {"done": 1, "refused": 1, "cancelled": 1, "unreadable": 0}, f"Sinew saw {said}")


def serve_sinew(program, domain):
    """Sinew asks a service, and gives three goals."""
    side = Side(domain)
    base = f"{ACTION}/_action/"
    trigger = side.server("arm/trigger", TriggerRequest, TriggerResponse)
    goals = side.server(base + "send_goal", SendGoalRequest, SendGoalResponse)
    cancels = side.server(base + "cancel_goal", CancelGoalRequest, CancelGoalResponse)
    results = side.server(base + "get_result", GetResultRequest, GetResultResponse)
    feedback = side.writer(f"rt/{base}feedback", FeedbackMessage)
    status = side.writer(f"rt/{base}status", GoalStatusArray, LATCHED)
    peer = Peer(program, domain, "ask")
    met(*reversed(trigger)), met(*reversed(goals)), met(*reversed(results)), met(*reversed(cancels)), met(feedback)

    states, ended, asking, failed = {}, {}, {}, []

    def answer():
        for q in took(trigger[0]):
            trigger[1].write(TriggerResponse(q.guid, q.number, True, "by another"))
        for q in took(goals[0]):
            name, of = name_of(q.goal), bytes(q.goal_id)
            goals[1].write(SendGoalResponse(q.guid, q.number, name != "other", Time(int(time.time()), 0)))
            if name != "other":
                states[of] = EXECUTING
            if name == "joint":
                for k in range(5):
                    actual = JointTrajectoryPoint([float(k)] * JOINTS)
                    feedback.write(FeedbackMessage(list(of), Feedback(header(k), actual=actual)))
                states[of], ended[of] = SUCCEEDED, Result(0, "followed")
        for q in took(cancels[0]):
            of = bytes(q.goal_info.goal_id)
            cancels[1].write(CancelGoalResponse(q.guid, q.number, 0, [GoalInfo(list(of), Time(1, 1))]))
            states[of], ended[of] = CANCELED, Result(0, "given up")
        for q in took(results[0]):
            asking[bytes(q.goal_id)] = q
        for of in [of for of in asking if of in ended]:
            q = asking.pop(of)
            results[1].write(GetResultResponse(q.guid, q.number, states[of], ended[of]))
        status.write(GoalStatusArray([GoalStatus(GoalInfo(list(of)), s) for of, s in states.items()]))

    while peer.process.poll() is None:
        answer()
        time.sleep(0.0005)
    said = peer.report()
    print(f"Sinew asks: {said}; {sorted(states.values())}")
    check(said["feedback"] == 5, f"{said['feedback']} of 5 feedbacks heard")
    check(sorted(states.values()) == [SUCCEEDED, CANCELED] and not failed, f"goals ended as {states}")
    return f"round trip {said['round_p50_ms']:.1f} ms"


def differ(program, domain):
    """A type that does not match is not matched, and what is said of it is heard by nobody."""
    side = Side(domain)
    writer, reader = side.writer("rt/differs", String), side.reader("rt/differs_too", String)
    same = side.writer("rt/agrees", String)
    peer = Peer(program, domain, "differ")
    met(same)
    same.write(String("the same"))
    end = time.monotonic() + 3
    while time.monotonic() < end:
        writer.write(String("another"))
        time.sleep(0.05)
    check(not writer.get_matched_subscriptions() and not reader.get_matched_publications(), "Cyclone DDS matches them")
    check(not took(reader), "Cyclone DDS hears another type")
    said = peer.report()
    print(f"another type: {said}")
    wrong = said["took"] or said["said_by"] or said["heard_by"]
    check(not wrong, f"another type is heard: {said}")


def main():
    program, domain = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 77
    figures, missed = [], []
    for part in (from_sinew, to_sinew, ask_sinew, serve_sinew, differ):
        try:
            figure = part(program, domain)
            figures += [figure] if figure else []
        except Miss as miss:
            missed.append(f"{part.__name__}: {miss}")
            print(f"MISS {missed[-1]}")
        domain += 1
    if missed:
        print("; ".join(missed))
        sys.exit(1)
    print(f"topics, services, actions both ways: {', '.join(figures)}")


if __name__ == "__main__":
    main()
