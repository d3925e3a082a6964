"""What a robot of Sinew's tells in ROS 2 besides joints and pictures, as Cyclone DDS reads it: how it does, points, what is
on the table and how to draw it.
"""

from dataclasses import field

from cyclonedds.idl.types import array, float32, float64, int8, int32, int64, sequence, uint8, uint32, uint64
from strangers_dds import NO_ID, Duration, Header, Quaternion, Time, Vector3, ros


@ros("diagnostic_msgs/msg/KeyValue")
class KeyValue:
    key: str = ""
    value: str = ""


@ros("diagnostic_msgs/msg/DiagnosticStatus")
class DiagnosticStatus:
    level: uint8 = 0
    name: str = ""
    message: str = ""
    hardware_id: str = ""
    values: sequence[KeyValue] = field(default_factory=list)


@ros("diagnostic_msgs/msg/DiagnosticArray")
class DiagnosticArray:
    header: Header = field(default_factory=Header)
    status: sequence[DiagnosticStatus] = field(default_factory=list)


@ros("sensor_msgs/msg/Joy")
class Joy:
    header: Header = field(default_factory=Header)
    axes: sequence[float32] = field(default_factory=list)
    buttons: sequence[int32] = field(default_factory=list)


@ros("sensor_msgs/msg/PointField")
class PointField:
    name: str = ""
    offset: uint32 = 0
    datatype: uint8 = 0
    count: uint32 = 0


@ros("sensor_msgs/msg/PointCloud2")
class PointCloud2:
    header: Header = field(default_factory=Header)
    height: uint32 = 0
    width: uint32 = 0
    fields: sequence[PointField] = field(default_factory=list)
    is_bigendian: bool = False
    point_step: uint32 = 0
    row_step: uint32 = 0
    data: sequence[uint8] = field(default_factory=list)
    is_dense: bool = False


@ros("geometry_msgs/msg/Point")
class Point:
    x: float64 = 0.0
    y: float64 = 0.0
    z: float64 = 0.0


@ros("geometry_msgs/msg/Pose")
class Pose:
    position: Point = field(default_factory=Point)
    orientation: Quaternion = field(default_factory=Quaternion)


@ros("geometry_msgs/msg/PoseWithCovariance")
class PoseWithCovariance:
    pose: Pose = field(default_factory=Pose)
    covariance: array[float64, 36] = field(default_factory=lambda: [0.0] * 36)


@ros("vision_msgs/msg/ObjectHypothesis")
class ObjectHypothesis:
    class_id: str = ""
    score: float64 = 0.0


@ros("vision_msgs/msg/ObjectHypothesisWithPose")
class ObjectHypothesisWithPose:
    hypothesis: ObjectHypothesis = field(default_factory=ObjectHypothesis)
    pose: PoseWithCovariance = field(default_factory=PoseWithCovariance)


@ros("vision_msgs/msg/BoundingBox3D")
class BoundingBox3D:
    center: Pose = field(default_factory=Pose)
    size: Vector3 = field(default_factory=Vector3)


@ros("vision_msgs/msg/Detection3D")
class Detection3D:
    header: Header = field(default_factory=Header)
    results: sequence[ObjectHypothesisWithPose] = field(default_factory=list)
    bbox: BoundingBox3D = field(default_factory=BoundingBox3D)
    id: str = ""


@ros("vision_msgs/msg/Detection3DArray")
class Detection3DArray:
    header: Header = field(default_factory=Header)
    detections: sequence[Detection3D] = field(default_factory=list)


@ros("std_msgs/msg/ColorRGBA")
class ColorRGBA:
    r: float32 = 0.0
    g: float32 = 0.0
    b: float32 = 0.0
    a: float32 = 0.0


@ros("sensor_msgs/msg/CompressedImage")
class CompressedImage:
    header: Header = field(default_factory=Header)
    format: str = ""
    data: sequence[uint8] = field(default_factory=list)


@ros("visualization_msgs/msg/UVCoordinate")
class UVCoordinate:
    u: float32 = 0.0
    v: float32 = 0.0


@ros("visualization_msgs/msg/MeshFile")
class MeshFile:
    filename: str = ""
    data: sequence[uint8] = field(default_factory=list)


@ros("visualization_msgs/msg/Marker")
class Marker:
    header: Header = field(default_factory=Header)
    ns: str = ""
    id: int32 = 0
    type: int32 = 0
    action: int32 = 0
    pose: Pose = field(default_factory=Pose)
    scale: Vector3 = field(default_factory=Vector3)
    color: ColorRGBA = field(default_factory=ColorRGBA)
    lifetime: Duration = field(default_factory=Duration)
    frame_locked: bool = False
    points: sequence[Point] = field(default_factory=list)
    colors: sequence[ColorRGBA] = field(default_factory=list)
    texture_resource: str = ""
    texture: CompressedImage = field(default_factory=CompressedImage)
    uv_coordinates: sequence[UVCoordinate] = field(default_factory=list)
    text: str = ""
    mesh_resource: str = ""
    mesh_file: MeshFile = field(default_factory=MeshFile)
    mesh_use_embedded_materials: bool = False


@ros("visualization_msgs/msg/MarkerArray")
class MarkerArray:
    markers: sequence[Marker] = field(default_factory=list)


@ros("control_msgs/msg/GripperCommand")
class GripperCommand:
    position: float64 = 0.0
    max_effort: float64 = 0.0


@ros("control_msgs/action/GripperCommand_SendGoal_Request")
class SendGripRequest:
    guid: uint64 = 0
    number: int64 = 0
    goal_id: array[uint8, 16] = field(default_factory=lambda: NO_ID)
    goal: GripperCommand = field(default_factory=GripperCommand)


@ros("control_msgs/action/GripperCommand_SendGoal_Response")
class SendGripResponse:
    guid: uint64 = 0
    number: int64 = 0
    accepted: bool = False
    stamp: Time = field(default_factory=Time)


@ros("control_msgs/action/GripperCommand_Result")
class Gripped:
    position: float64 = 0.0
    effort: float64 = 0.0
    stalled: bool = False
    reached_goal: bool = False


@ros("control_msgs/action/GripperCommand_GetResult_Request")
class GetGripRequest:
    guid: uint64 = 0
    number: int64 = 0
    goal_id: array[uint8, 16] = field(default_factory=lambda: NO_ID)


@ros("control_msgs/action/GripperCommand_GetResult_Response")
class GetGripResponse:
    guid: uint64 = 0
    number: int64 = 0
    status: int8 = 0
    result: Gripped = field(default_factory=Gripped)


@ros("control_msgs/action/GripperCommand_Feedback")
class GripperFeedback:
    position: float64 = 0.0
    effort: float64 = 0.0
    stalled: bool = False
    reached_goal: bool = False


@ros("control_msgs/action/GripperCommand_FeedbackMessage")
class GripperFeedbackMessage:
    goal_id: array[uint8, 16] = field(default_factory=lambda: NO_ID)
    feedback: GripperFeedback = field(default_factory=GripperFeedback)
