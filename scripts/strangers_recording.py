"""A recording, read by programs of others: the mcap library with its ROS 2 decoder, and rosbags' own CDR.

    strangers_recording.py run.mcap ticks.csv

Every message is decoded by both, from the definitions that stand in the file; both come to the same. Every tick's
measured and commanded numbers are those that `sinew log export --to csv` prints, to the last bit. The last line says how many
messages there were of how many types.
"""

import csv
import sys
from collections import Counter

from mcap.reader import make_reader
from mcap_ros2.decoder import DecoderFactory
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

VECTORS = ["q", "dq", "tau", "told_q", "told_dq", "told_ddq", "told_tau"]


def plain(value):
    """Numbers, texts and lists of a message, whichever library made it."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, (bytes, bytearray, memoryview)):
        return list(value)
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, (int, float, str, bool)):
        return value
    names = getattr(value, "__dataclass_fields__", None) or value.__slots__
    return {n: plain(getattr(value, n)) for n in names if not n.startswith("_")}


def main():
    recording, ticks = sys.argv[1:]
    store = get_typestore(Stores.EMPTY)
    known, counts, types = set(), Counter(), {}
    with open(ticks, newline="") as f:
        rows = csv.DictReader(f)
        joints = [n.removeprefix("q.") for n in rows.fieldnames if n.startswith("q.")]
        rows = list(rows)
    with open(recording, "rb") as f:
        reader = make_reader(f, validate_crcs=True, decoder_factories=[DecoderFactory()])
        for schema, channel, message, decoded in reader.iter_decoded_messages():
            assert schema.encoding == "ros2msg" and channel.message_encoding == "cdr", channel
            if schema.name not in known:
                store.register({
                    name: fields
                    for name, fields in get_types_from_msg(schema.data.decode(), schema.name).items()
                    if name not in store.fielddefs
                })
                known.add(schema.name)
            other = store.deserialize_cdr(message.data, schema.name)
            counts[channel.topic] += 1
            types[channel.topic] = schema.name
            # Pictures are many bytes: their heads and sums are enough.
            if schema.name == "sensor_msgs/msg/Image":
                assert bytes(decoded.data) == other.data.tobytes()
                assert len(decoded.data) == decoded.height * decoded.step
                continue
            if schema.name == "sensor_msgs/msg/CompressedImage":
                assert bytes(decoded.data) == other.data.tobytes()
                assert bytes(decoded.data).startswith(b"\xff\xd8\xff") and decoded.format == "jpeg"
                continue
            assert plain(decoded) == plain(other), (channel.topic, decoded, other)
            if channel.topic == "/sinew/ticks":
                row = rows[counts[channel.topic] - 1]
                assert int(row["tick"]) == decoded.tick
                for vector in VECTORS:
                    told = list(getattr(decoded, vector))
                    printed = [float(row[f"{vector}.{j}"]) for j in joints]
                    assert told == printed, (decoded.tick, vector, told, printed)
    assert counts["/sinew/ticks"] == len(rows) > 0
    for topic, name in {
        "/joint_states": "sensor_msgs/msg/JointState",
        "/front/image": "sensor_msgs/msg/Image",
        "/front/depth": "sensor_msgs/msg/Image",
        "/diagnostics": "diagnostic_msgs/msg/DiagnosticArray",
        "/front/preview": "sensor_msgs/msg/CompressedImage",
        "/front/camera_info": "sensor_msgs/msg/CameraInfo",
        "/tf": "tf2_msgs/msg/TFMessage",
        "/rosout": "rcl_interfaces/msg/Log",
    }.items():
        assert types.get(topic) == name, (topic, types.get(topic))
    print(f"{sum(counts.values())} messages of {len(set(types.values()))} types")


main()
