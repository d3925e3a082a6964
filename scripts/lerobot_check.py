"""Datasets there and back, with LeRobot's own `LeRobotDataset` on the other side.

    lerobot_check.py SINEW FOLDER

Two runs become a dataset, as video and as PNG: LeRobot loads both, its numbers are those of the tables, its pictures the
same in both but for what video loses, a DataLoader makes batches, and delta timestamps reach over frames. Then LeRobot
makes datasets of random numbers and pictures, as video and as PNG, which Sinew imports: every number comes back.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch
from lerobot.datasets.lerobot_dataset import LeRobotDataset

RUNS = [("put the red cube in the blue bowl", "3"), ("pick up the red cube", "4")]


def sinew(program, *args, env=None):
    said = subprocess.run([program, *map(str, args)], capture_output=True, text=True, env=env)
    print(said.stdout, said.stderr, sep="", end="")
    assert said.returncode == 0, (args, said.returncode)
    return said.stdout


def load(root, **more):
    # torchcodec, its other backend, needs libraries of ffmpeg that wheels do not bring.
    return LeRobotDataset("sinew/check", root=root, video_backend="pyav", **more)


def exported(program, folder):
    runs = []
    for i, (sentence, seed) in enumerate(RUNS):
        runs.append(folder / f"run-{i}")
        sinew(program, "run", sentence, "--lockstep", "--seed", seed, "--out", runs[-1])
    sinew(program, "log", "export", *runs, "--to", "lerobot", "--out", folder / "video")
    # Without a program ffmpeg.
    bare = {"PATH": "/nowhere"}
    sinew(program, "log", "export", *runs, "--to", "lerobot", "--out", folder / "png", env=bare)
    video, png = load(folder / "video"), load(folder / "png")
    assert video.num_episodes == png.num_episodes == len(RUNS)
    assert len(video.meta.video_keys) == len(png.meta.image_keys) == 2, (video.meta.features, png.meta.features)
    table = pq.read_table(folder / "video/data/chunk-000/file-000.parquet")
    assert len(video) == len(png) == table.num_rows == video.meta.total_frames
    worst, seen = np.inf, set()
    for i in range(len(video)):
        a, b = video[i], png[i]
        seen.add(a["task"])
        for key in ("observation.state", "observation.velocity", "observation.effort", "action"):
            want = torch.tensor(table.column(key)[i].as_py())
            assert a[key].dtype == torch.float32 and torch.equal(a[key], want) and torch.equal(b[key], want), (i, key)
        for key in video.meta.camera_keys:
            assert a[key].shape == b[key].shape and a[key].shape[0] == 3, (a[key].shape, b[key].shape)
            error = torch.mean((a[key] - b[key]) ** 2).item()
            worst = min(worst, -10 * np.log10(max(error, 1e-12)))
    assert seen == {sentence for sentence, _ in RUNS}, seen
    assert worst > 30, worst
    outcomes = video.meta.episodes["outcome"]
    assert list(outcomes) == ["done"] * len(RUNS), outcomes
    stats = video.meta.stats
    state = np.array(table.column("observation.state").to_pylist())
    assert np.allclose(stats["observation.state"]["mean"], state.mean(axis=0), atol=1e-5)
    assert stats[video.meta.camera_keys[0]]["mean"].shape == (3, 1, 1)

    fps = video.fps
    deltas = {"action": [k / fps for k in range(4)], video.meta.camera_keys[0]: [-1 / fps, 0.0]}
    ahead = load(folder / "video", delta_timestamps=deltas)
    batch = next(iter(torch.utils.data.DataLoader(ahead, batch_size=8, shuffle=True)))
    width = state.shape[1]
    assert batch["action"].shape == (8, 4, width) and batch[video.meta.camera_keys[0]].shape[:3] == (8, 2, 3)
    one = load(folder / "video", episodes=[1])
    first = video.meta.episodes[1]["dataset_from_index"]
    assert torch.equal(one[0]["action"], video[first]["action"]) and one.num_episodes == 1
    size = sum(f.stat().st_size for f in (folder / "video").rglob("*") if f.is_file())
    pngs = sum(f.stat().st_size for f in (folder / "png").rglob("*") if f.is_file())
    print(f"LeRobot loads {len(video)} frames of {len(RUNS)} episodes ({size / 1e6:.1f} MB; {pngs / 1e6:.1f} as PNG), "
          f"video within {worst:.1f} dB of PNG; batches {tuple(batch['action'].shape)}")


def made(folder, use_videos):
    """A dataset by LeRobot, of pictures that video does not lose much of."""
    names = ["shoulder.pos", "elbow.pos", "gripper.pos"]
    kind = "video" if use_videos else "image"
    features = {
        "observation.state": {"dtype": "float32", "shape": (3,), "names": names},
        "action": {"dtype": "float32", "shape": (3,), "names": names},
        "observation.environment_state": {"dtype": "float32", "shape": (2,), "names": None},
        "next.reward": {"dtype": "float32", "shape": (1,), "names": None},
        "observation.images.top": {"dtype": kind, "shape": (48, 64, 3), "names": ["height", "width", "channels"]},
    }
    root = folder / f"theirs-{kind}"
    dataset = LeRobotDataset.create("check/theirs", 10, features, root=root, robot_type="so101_follower", use_videos=use_videos)
    rng = np.random.default_rng(5)
    frames = []
    for episode, n in enumerate((7, 12)):
        for k in range(n):
            picture = np.full((48, 64, 3), 20 * episode + 10 * k, np.uint8)
            picture[:, : 4 * k] = [200, 40, 40]
            frame = {key: rng.normal(size=f["shape"]).astype(np.float32)
                     for key, f in features.items() if f["dtype"] == "float32"}
            frames.append((episode, frame, picture))
            dataset.add_frame({**frame, "observation.images.top": picture, "task": f"task {episode}"})
        dataset.save_episode()
    dataset.finalize()
    return root, frames


def imported(program, folder, use_videos):
    from mcap.reader import make_reader
    from mcap_ros2.decoder import DecoderFactory

    root, frames = made(folder, use_videos)
    out = folder / f"imported-{use_videos}"
    sinew(program, "log", "import", root, "--out", out)
    n, worst = 0, 0.0
    for episode in (0, 1):
        recording = out / f"episode-{episode:03}/run.mcap"
        sinew(program, "log", "info", recording)
        mine = [(f, p) for e, f, p in frames if e == episode]
        topics = {}
        with open(recording, "rb") as f:
            for _, channel, message, decoded in make_reader(f, decoder_factories=[DecoderFactory()]).iter_decoded_messages():
                topics.setdefault(channel.topic, []).append((message.log_time, decoded))
        assert [m.data for _, m in topics["/sinew/operator"]] == [f"task {episode}"]
        for k, (frame, picture) in enumerate(mine):
            at, state = topics["/joint_states"][k]
            assert at == k * 100_000_000, (k, at)
            assert list(state.name) == ["shoulder", "elbow", "gripper"]
            assert list(state.position) == [float(v) for v in frame["observation.state"]]
            told = topics["/joint_trajectory"][k][1]
            assert list(told.points[0].positions) == [float(v) for v in frame["action"]]
            for key, topic in (("observation.environment_state", "/observation/environment_state"), ("next.reward", "/next/reward")):
                assert list(topics[topic][k][1].position) == [float(v) for v in frame[key]], key
            image = topics["/top/image"][k][1]
            pixels = np.frombuffer(bytes(image.data), np.uint8).reshape(image.height, image.width, 3)
            worst = max(worst, float(np.abs(pixels.astype(float) - picture).mean()))
            n += 1
        assert all(len(m) == len(mine) for t, m in topics.items() if t != "/sinew/operator"), {t: len(m) for t, m in topics.items()}
    assert worst == 0.0 if not use_videos else worst < 8.0, worst
    print(f"Sinew imports {n} frames that LeRobot made as {'video' if use_videos else 'PNG'}, every number the same; "
          f"pictures differ by {worst:.1f} of 255 at the most")


def main():
    program, folder = sys.argv[1], Path(sys.argv[2])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    exported(program, folder)
    for use_videos in (False, True):
        imported(program, folder, use_videos)


main()
