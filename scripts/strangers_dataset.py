"""A dataset that Sinew exported, read by pyarrow, and its videos by ffmpeg.

    strangers_dataset.py SINEW run.mcap ticks.csv FFMPEG FOLDER

Exports the recording twice into FOLDER, with FFMPEG as video and without as PNG. Every table is read by pyarrow; every
frame's numbers are those of the newest tick at its time, as `sinew log export --to csv` prints them, to the last bit of
single precision, and its action what was told by the next frame; the videos hold a picture for each frame, and each is
the PNG's but for what the format loses. The last line says how much there was.
"""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from mcap.reader import make_reader

COUNTERS = {"timestamp", "frame_index", "episode_index", "index", "task_index"}


def pixels(ffmpeg, size, given, data=None):
    """Pictures as ffmpeg decodes them."""
    said = subprocess.run(
        [ffmpeg, "-v", "error", "-nostdin" if data is None else "-hide_banner", *given, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"],
        input=data, capture_output=True, check=True)
    return np.frombuffer(said.stdout, np.uint8).reshape(-1, *size, 3)


def first_pictures(recording):
    """When each camera's first picture was, nanoseconds."""
    first = {}
    with open(recording, "rb") as f:
        for _, channel, message in make_reader(f).iter_messages():
            parts = channel.topic.split("/")
            if len(parts) == 3 and parts[2] in ("image", "preview"):
                first[parts[1]] = min(first.get(parts[1], message.log_time), message.log_time)
    return first


def export(sinew, recording, out, ffmpeg):
    env = dict(os.environ, SINEW_FFMPEG=ffmpeg) if ffmpeg else {"PATH": "/nowhere"}
    subprocess.run([sinew, "log", "export", recording, "--to", "lerobot", "--out", out], check=True, env=env)
    return out


def table(root, name):
    """A table, with its columns as arrays."""
    read = pq.read_table(root / name)
    return {c: np.array(read.column(c).to_pylist()) for c in read.column_names}


def main():
    sinew, recording, ticks, ffmpeg, folder = sys.argv[1:]
    folder = Path(folder)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    video = export(sinew, recording, folder / "video", ffmpeg)
    png = export(sinew, recording, folder / "png", None)
    info = json.loads((video / "meta/info.json").read_text())
    assert info["codebase_version"] == "v3.0" and info["total_episodes"] == 1, info
    fps, n, features = info["fps"], info["total_frames"], info["features"]
    data = table(video, "data/chunk-000/file-000.parquet")
    kinds = {k: f["dtype"] for k, f in features.items()}
    assert set(data) == {k for k, kind in kinds.items() if kind != "video"}, (set(data), kinds)
    assert all(len(c) == n for c in data.values())
    for key in set(data) - COUNTERS:
        assert list(data[key].shape[1:]) == features[key]["shape"], key
    assert (data["frame_index"] == np.arange(n)).all() and (data["index"] == np.arange(n)).all()
    assert (data["timestamp"] == np.float32(np.arange(n) / fps)).all()

    # Each frame is of the newest tick at its time; what was told is of the newest at the next one's.
    with open(ticks, newline="") as f:
        rows = list(csv.DictReader(f))
    names = features["action"]["names"]
    assert names[-1] == "gripper"
    first = first_pictures(recording)
    begin = max(*first.values(), *(round(float(r["time_s"]) * 1e9) for r in rows[:1]))
    at = np.array([round(float(r["time_s"]) * 1e9) for r in rows])
    newest = [np.searchsorted(at, begin + k * 1_000_000_000 // fps, "right") - 1 for k in range(n + 1)]
    assert begin + n * 1_000_000_000 // fps >= at[-1], "frames are missing at the end"

    def numbers(row, vector, gripper):
        return [float(row[f"{vector}.{j}"]) for j in names[:-1]] + [float(row[gripper])]

    for k in range(n):
        now, after = rows[newest[k]], rows[newest[k + 1]]
        state = np.float32(numbers(now, "q", "gripper_m"))
        action = np.float32(numbers(after, "told_q", "told_gripper_m"))
        assert (np.float32(data["observation.state"][k]) == state).all(), (k, data["observation.state"][k], state)
        assert (np.float32(data["action"][k]) == action).all(), (k, data["action"][k], action)

    tasks = pq.read_table(video / "meta/tasks.parquet")
    assert json.loads(tasks.schema.metadata[b"pandas"])["index_columns"] == ["__index_level_0__"]
    sentence = tasks.column("__index_level_0__").to_pylist()
    episodes = table(video, "meta/episodes/chunk-000/file-000.parquet")
    assert list(episodes["tasks"][0]) == sentence and episodes["length"][0] == n, sentence
    assert episodes["outcome"][0] == "done"
    stats = json.loads((video / "meta/stats.json").read_text())
    assert np.allclose(stats["action"]["mean"], data["action"].mean(axis=0), atol=1e-6)
    assert np.allclose(episodes["stats/action/std"][0], data["action"].std(axis=0), atol=1e-6)

    # Pictures.
    stills = pq.read_table(png / "data/chunk-000/file-000.parquet")
    worst = np.inf
    cameras = [k for k, kind in kinds.items() if kind == "video"]
    assert len(cameras) == len(first) > 0, cameras
    for key in cameras:
        size = features[key]["shape"][:2]
        films = pixels(ffmpeg, size, ["-i", str(video / f"videos/{key}/chunk-000/file-000.mp4"), "-fps_mode", "passthrough"])
        assert len(films) == n, (key, len(films), n)
        files = stills.column(key).to_pylist()
        assert len(files) == n and files[0]["path"] == "frame-000000.png"
        as_png = pixels(ffmpeg, size, ["-f", "image2pipe", "-c:v", "png", "-i", "-", "-fps_mode", "passthrough"],
                        b"".join(f["bytes"] for f in files))
        assert len(as_png) == n
        for k in range(n):
            error = np.mean((films[k].astype(float) - as_png[k]) ** 2)
            worst = min(worst, 10 * np.log10(255 ** 2 / max(error, 1e-9)))
    assert worst > 30, worst
    print(f"{n} frames of {len(cameras)} cameras; pictures within {worst:.1f} dB")


main()
