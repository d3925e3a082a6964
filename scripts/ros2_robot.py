"""A whole robot of Sinew's as real ROS 2 has it: names, joints, a description and pictures come out, a stop goes in.
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
from rclpy.qos import DurabilityPolicy, QoSProfile, qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo, Image, JointState
from std_msgs.msg import String
from std_srvs.srv import Trigger


def main():
    sinew, folder = Path(sys.argv[1]).resolve(), Path(sys.argv[2])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    folder.joinpath("robot.toml").write_text(
        f'[zenoh]\nrobot = "rclpy-{os.getpid()}"\n[ros2]\ndomain = {DOMAIN}\nmoves = true\n'
    )
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(folder.resolve())}

    def start(role, *more):
        log = open(folder / f"{role}.log", "w")
        return subprocess.Popen([sinew, "node", role, *more], cwd=folder, env=environment, stdout=log, stderr=log)

    running = [start("robot", "--out", "robot"), start("ros2")]
    rclpy.init()
    node = rclpy.create_node("stranger")
    try:
        said = meet(node)
    finally:
        for process in running:
            process.kill()
            process.wait()
        node.destroy_node()
        rclpy.shutdown()
    print("; ".join(said))


def meet(node):
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
    client = node.create_client(Trigger, "/sinew/stop")
    assert client.wait_for_service(timeout_sec=10), "the stop's service"
    future = client.call_async(Trigger.Request())
    until(future.done, "an answer to the stop")
    assert future.result().success, future.result().message
    pictures = f"{len(seen['picture'])} of {len(seen['lens'])} pictures of {len(picture.data)} bytes"
    return [f"{rate:.0f} states a second, {1e3 * age:.1f} ms old", pictures, future.result().message]


if __name__ == "__main__":
    main()
