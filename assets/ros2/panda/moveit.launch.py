"""MoveIt for the built-in Panda: `sinew node robot` and `sinew node ros2` run beside it, the latter with moves = true.

Its URDF comes from /robot_description. `ros2 launch assets/ros2/panda/moveit.launch.py`
"""

from pathlib import Path

import yaml
from launch import LaunchDescription
from launch_ros.actions import Node

HERE = Path(__file__).resolve().parent


def generate_launch_description():
    def read(name):
        return yaml.safe_load((HERE / name).read_text())

    parameters = [
        {"robot_description_semantic": (HERE / "panda.srdf").read_text()},
        {"robot_description_kinematics": read("kinematics.yaml")},
        {"robot_description_planning": read("joint_limits.yaml")},
    ]
    more = [read("ompl_planning.yaml"), read("moveit_controllers.yaml")]
    move_group = Node(
        package="moveit_ros_move_group", executable="move_group", output="screen", parameters=parameters + more
    )
    rviz = Node(package="rviz2", executable="rviz2", arguments=["-d", str(HERE / "moveit.rviz")], parameters=parameters)
    return LaunchDescription([move_group, rviz])
