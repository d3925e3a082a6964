"""Sinew's topics on Zenoh in real ROS 2 (rclpy over Fast DDS), by way of the plugin of zenoh-bridge-ros2dds in a router of
Zenoh's own: every state and description both ways, late comers, and a whole robot's node.
Usage: ros2_bridge.py SINEW ZENOH_PEER ROS2DDS FOLDER [DOMAIN]
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

DOMAIN = int(sys.argv[5]) if len(sys.argv) > 5 else 79
os.environ["ROS_DOMAIN_ID"] = str(DOMAIN)
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
# By its release the bridge knows what discovery between ROS 2's nodes looks like.
os.environ["ROS_DISTRO"] = "kilted"

import rclpy
from rclpy.qos import DurabilityPolicy, QoSProfile, qos_profile_sensor_data
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import String

JOINTS, WIDTH, HEIGHT, SECONDS = 7, 640, 480, 5
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
RELIABLE = QoSProfile(depth=100)


def joint_state(k):
    state = JointState()
    state.header.stamp.sec = state.header.stamp.nanosec = k
    state.header.frame_id = "base"
    state.name = [f"joint{j}" for j in range(JOINTS)]
    state.position = [k + j / 8 for j in range(JOINTS)]
    state.velocity = [-0.5 * k + j / 8 for j in range(JOINTS)]
    return state


def image(k):
    picture = Image(height=HEIGHT, width=WIDTH, encoding="rgb8", step=3 * WIDTH)
    picture.header.stamp.sec = picture.header.stamp.nanosec = k
    picture.header.frame_id = "base"
    whole = bytes((i + k) % 256 for i in range(256))
    picture.data = whole * (3 * WIDTH * HEIGHT // 256)
    return picture


def description(k):
    return String(data=f'<robot name="number{k}"/>' + " " * 100_000)


class Peer:
    """Sinew's side of one part, in a process of its own."""

    def __init__(self, program, *words):
        self.process = subprocess.Popen([program, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def report(self, node):
        self.process.stdin.close()
        while self.process.poll() is None:
            rclpy.spin_once(node, timeout_sec=0.01)
        assert self.process.returncode == 0, f"ended with {self.process.returncode}"
        return json.loads(self.process.stdout.read())


def until(node, is_so, what, seconds=30):
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        rclpy.spin_once(node, timeout_sec=0.01)


def from_sinew(node, program, router):
    """Every state arrives, in order and value by value; a description that was said before anybody heard it, once."""
    states, pictures, texts = [], [], []
    ends = [
        node.create_subscription(JointState, "/joint_states", states.append, RELIABLE),
        node.create_subscription(Image, "/camera/image", pictures.append, qos_profile_sensor_data),
    ]
    peer = Peer(program, router, "ros2dds", "say", str(SECONDS))
    until(node, lambda: states, "states")
    ends.append(node.create_subscription(String, "/robot_description", texts.append, LATCHED))
    said = peer.report(node)
    began = time.monotonic()
    until(node, lambda: time.monotonic() > began + 0.5, "half a second")
    for end in ends:
        node.destroy_subscription(end)
    numbers = [s.header.stamp.nanosec for s in states]
    assert numbers == list(range(said["joint_states"])), f"{len(numbers)} states of {said['joint_states']}"
    assert all(s == joint_state(k) for k, s in enumerate(states)), "a state with another value"
    assert all(p == image(p.header.stamp.nanosec) for p in pictures), "a picture with another value"
    assert [t == description(k) for t, k in zip(texts, (2, 3))] == [True, True] and len(texts) == 2, (
        f"{len(texts)} descriptions"
    )
    return f"{len(states)} states, {len(pictures)} of {said['images']} pictures from Sinew"


def to_sinew(node, program, router):
    """Every state of rclpy's arrives at Sinew, and the description that was said before it came."""
    text = node.create_publisher(String, "/robot_description", LATCHED)
    for k in range(3):
        text.publish(description(k))
    states = node.create_publisher(JointState, "/joint_states", RELIABLE)
    pictures = node.create_publisher(Image, "/camera/image", qos_profile_sensor_data)
    peer = Peer(program, router, "ros2dds", "hear", str(SECONDS))
    until(node, lambda: states.get_subscription_count() and pictures.get_subscription_count(), "a hearer")
    until(node, lambda: text.get_subscription_count(), "a hearer of the description")
    began = time.monotonic()
    until(node, lambda: time.monotonic() > began + 1, "a second")
    began, said = time.monotonic(), 0
    for k in range(100 * SECONDS):
        until(node, lambda: time.monotonic() >= began + k / 100, "its time")
        states.publish(joint_state(k))
        if k % 10 in (0, 3, 6):
            pictures.publish(image(k))
            said += 1
    text.publish(description(3))
    heard = peer.report(node)
    for end in (text, states, pictures):
        node.destroy_publisher(end)
    wanted = {"good": 100 * SECONDS, "bad": 0, "last": 100 * SECONDS - 1, "lost": 0, "refused": 0}
    assert heard["joint_states"] == wanted, f"states {heard['joint_states']}"
    assert heard["images"]["bad"] == 0 and heard["images"]["refused"] == 0, f"pictures {heard['images']}"
    assert heard["descriptions"] == [2, 3] and heard["unreadable"] == 0, f"{heard}"
    return f"{wanted['good']} states, {heard['images']['good']} of {said} pictures to Sinew"


def robot(node, sinew, router, folder):
    """A whole robot's node, with its carrier on the bridge's keys."""
    folder.joinpath("robot.toml").write_text(
        f'[zenoh]\nrobot = "bridged-{os.getpid()}"\n[ros2]\ncarrier = "ros2dds"\nrouter = ["{router}"]\n'
    )
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(folder)}

    def start(*words):
        log = open(folder / f"{words[1]}.log", "w")
        return subprocess.Popen([sinew, *words], cwd=folder, env=environment, stdout=log, stderr=log)

    running = [start("node", "robot", "--out", "robot"), start("node", "ros2")]
    states, texts, pictures = [], [], []
    try:
        node.create_subscription(JointState, "/joint_states", states.append, 10)
        until(node, lambda: states, "a robot's states")
        node.create_subscription(String, "/robot_description", texts.append, LATCHED)
        until(node, lambda: texts, "a robot's description")
        assert texts[0].data.startswith("<?xml") and "panda" in texts[0].data
        states.clear()
        began = time.monotonic()
        until(node, lambda: time.monotonic() > began + 3, "three seconds")
        rate, stamp = len(states) / 3, states[-1].header.stamp
        assert rate > 60, f"{rate} states a second"
        age = time.time() - stamp.sec - 1e-9 * stamp.nanosec
        assert abs(age) < 0.2, f"a state is {age} s old"
        node.create_subscription(Image, "/front/image", pictures.append, qos_profile_sensor_data)
        until(node, lambda: pictures, "a robot's picture")
        names = dict(node.get_topic_names_and_types())
        assert names["/tf"] == ["tf2_msgs/msg/TFMessage"], names
        assert names["/diagnostics"] == ["diagnostic_msgs/msg/DiagnosticArray"], names
    finally:
        for process in running:
            process.kill()
            process.wait()
    return f"a robot's states {rate:.0f} times a second, {1e3 * age:.1f} ms old"


def main():
    sinew, program, bridge, folder = (Path(word).resolve() for word in sys.argv[1:5])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        router = f"tcp/127.0.0.1:{probe.getsockname()[1]}"
    told = {
        "mode": "router", "listen": {"endpoints": [router]}, "scouting": {"multicast": {"enabled": False}},
        "plugins": {"ros2dds": {"domain": DOMAIN, "ros_automatic_discovery_range": "LOCALHOST"}},
    }
    folder.joinpath("bridge.json5").write_text(json.dumps(told))
    # Of itself Cyclone DDS goes by the first network that there is, where Fast DDS hears this machine alone.
    here = '<CycloneDDS><Domain><General><Interfaces><NetworkInterface address="127.0.0.1" multicast="false"/></Interfaces></General></Domain></CycloneDDS>'
    with open(folder / "bridge.log", "w") as log:
        between = subprocess.Popen(
            [bridge, folder / "bridge.json5"], env={**os.environ, "CYCLONEDDS_URI": here}, stdout=log, stderr=log
        )
    rclpy.init()
    node = rclpy.create_node("stranger")
    try:
        said = [from_sinew(node, program, router), to_sinew(node, program, router), robot(node, sinew, router, folder)]
        assert between.poll() is None, f"the bridge ended with {between.returncode}"
    finally:
        between.kill()
        between.wait()
        node.destroy_node()
        rclpy.shutdown()
    print(f"by zenoh-bridge-ros2dds: {'; '.join(said)}")


if __name__ == "__main__":
    main()
