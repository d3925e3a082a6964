"""A whole robot of Sinew's as real ROS 2 has it: names, joints, a description and pictures come out, a stick and a stop go in; and
an arm that is simulated, by whose /clock a node of rclpy's has its time.
Usage: ros2_robot.py SINEW FOLDER [DOMAIN]
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

DOMAIN = int(sys.argv[3]) if len(sys.argv) > 3 else 78
os.environ["ROS_DOMAIN_ID"] = str(DOMAIN)
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"

import rclpy
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile, qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo, Image, JointState, Joy
from std_msgs.msg import String
from std_srvs.srv import Trigger


def main():
    sinew, folder = Path(sys.argv[1]).resolve(), Path(sys.argv[2])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    folder.joinpath("robot.toml").write_text(
        f'[zenoh]\nrobot = "rclpy-{os.getpid()}"\n[ros2]\ndomain = {DOMAIN}\nmoves = true\n'
        "[joy]\nsteers = true\n[sim]\nclock = true\n"
    )
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(folder.resolve())}

    def start(name, *words):
        log = open(folder / f"{name}.log", "w")
        return subprocess.Popen([sinew, *words], cwd=folder, env=environment, stdout=log, stderr=log)

    def end(running):
        for process in running:
            process.kill()
            process.wait()

    running = [start("robot", "node", "robot", "--out", "robot"), start("ros2", "node", "ros2")]
    rclpy.init()
    node = rclpy.create_node("stranger")
    simulated = rclpy.create_node(
        "simulated", parameter_overrides=[Parameter("use_sim_time", value=True)]
    )
    try:
        said = meet(node, lambda: (folder / "ros2.log").read_text())
        end(running)
        assert simulated.get_clock().now().nanoseconds == 0, "nobody tells the time yet"
        running = [start("sim", "sim", "--ros2", "--out", "sim")]
        said.append(has_time(simulated))
    finally:
        end(running)
        simulated.destroy_node()
        node.destroy_node()
        rclpy.shutdown()
    print("; ".join(said))


def has_time(node):
    """By an arm's /clock: that of its states."""
    states, off = [], []
    node.create_subscription(JointState, "/joint_states", states.append, 10)
    end = time.monotonic() + 60
    while time.monotonic() < end and len(off) < 300:
        rclpy.spin_once(node, timeout_sec=0.01)
        now = 1e-9 * node.get_clock().now().nanoseconds
        off.extend(now - s.header.stamp.sec - 1e-9 * s.header.stamp.nanosec for s in states if now > 0)
        states.clear()
    assert len(off) >= 300, f"{len(off)} states by a clock"
    off.sort()
    assert off[0] > -0.1 and off[-1] < 0.1, f"from {off[0]} to {off[-1]} s after its states"
    return f"/clock from {1e3 * off[0]:.1f} to {1e3 * off[-1]:.1f} ms after states"


def meet(node, log):
    seen = {"joints": [], "description": [], "picture": [], "lens": []}
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    node.create_subscription(JointState, "/joint_states", seen["joints"].append, 10)
    node.create_subscription(String, "/robot_description", seen["description"].append, latched)
    node.create_subscription(Image, "/front/image", seen["picture"].append, qos_profile_sensor_data)
    node.create_subscription(CameraInfo, "/front/camera_info", seen["lens"].append, qos_profile_sensor_data)

    def until(is_so, what, seconds=30):
        end = time.monotonic() + seconds
        while not is_so():
            assert time.monotonic() < end, f"{what}: not within {seconds} s"
            rclpy.spin_once(node, timeout_sec=0.01)

    until(lambda: seen["joints"] and seen["description"], "joints and a description")
    seen["joints"].clear()
    began = time.monotonic()
    until(lambda: time.monotonic() - began > 3, "three seconds", 10)
    rate = len(seen["joints"]) / 3
    assert rate > 60, f"{rate} states a second"
    stamp = seen["joints"][-1].header.stamp
    age = time.time() - stamp.sec - 1e-9 * stamp.nanosec
    assert abs(age) < 0.2, f"a state is {age} s old"
    assert seen["description"][0].data.startswith("<?xml") and "panda" in seen["description"][0].data
    until(lambda: len(seen["lens"]) > 5 and seen["picture"], "pictures")
    picture = seen["picture"][0]
    assert len(picture.data) == picture.height * picture.step and len(set(picture.data)) > 10, "a picture"
    names = dict(node.get_topic_names_and_types())
    assert names["/joint_states"] == ["sensor_msgs/msg/JointState"], names
    assert names["/tf"] == ["tf2_msgs/msg/TFMessage"], names
    until(lambda: ("sinew", "/") in node.get_node_names_and_namespaces(), "the node's name")
    services = dict(node.get_service_names_and_types())
    assert services["/sinew/stop"] == ["std_srvs/srv/Trigger"], services
    goal = "/joint_trajectory_controller/follow_joint_trajectory/_action/send_goal"
    assert services.get(goal) == ["control_msgs/action/FollowJointTrajectory_SendGoal"], services
    steered = steer(node, seen["joints"], log, until)
    client = node.create_client(Trigger, "/sinew/stop")
    assert client.wait_for_service(timeout_sec=10), "the stop's service"
    future = client.call_async(Trigger.Request())
    until(future.done, "an answer to the stop")
    assert future.result().success, future.result().message
    pictures = f"{len(seen['picture'])} of {len(seen['lens'])} pictures of {len(picture.data)} bytes"
    return [steered, f"{rate:.0f} states a second, {1e3 * age:.1f} ms old", pictures, future.result().message]


def steer(node, states, log, until):
    """By a stick, which then falls silent; how long the arm goes on."""
    pad, up, enable = node.create_publisher(Joy, "/joy", 10), [0.0, 0.0, 0.0, 0.0, 1.0], 5
    until(lambda: pad.get_subscription_count() > 0, "who hears a stick")

    def says(axes, pressed, seconds, is_so=lambda: False):
        """Fifty times a second; whether it came to that."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not is_so():
            message = Joy(axes=axes, buttons=[int(b in pressed) for b in range(8)])
            message.header.stamp = node.get_clock().now().to_msg()
            pad.publish(message)
            next_at = time.monotonic() + 0.02
            while time.monotonic() < next_at:
                rclpy.spin_once(node, timeout_sec=0.002)
        return is_so()

    def speed():
        rclpy.spin_once(node, timeout_sec=0.002)
        return max(abs(v) for v in states[-1].velocity)

    says([0.0] * 5, [], 0.2)
    assert says([0.0] * 5, [enable], 20, lambda: "the arm is the stick's" in log()), log()
    says([0.0] * 5, [enable], 0.2)
    assert says(up, [enable], 5, lambda: speed() > 0.08), f"the stick moves nothing: {log()}"
    ceased = time.monotonic()
    until(lambda: speed() < 0.02, "the arm rests")
    took_s = time.monotonic() - ceased
    assert took_s < 0.5, f"at rest {took_s} s after the stick's last word"
    assert not says(up, [enable], 0.5, lambda: speed() > 0.02), "as it was, it moves the arm again"
    return f"at rest {took_s:.2f} s after a stick's last word"


if __name__ == "__main__":
    main()
