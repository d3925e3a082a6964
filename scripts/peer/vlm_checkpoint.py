"""Writes a checkpoint of random weights in the layout in which Qwen3-VL is published, at its published sizes.

    vlm_checkpoint.py SHAPE DIR [--layers N] [--vision-layers N] [--dtype bf16|f32] [--tokenizer TOKENIZER_JSON]

SHAPE is qwen3-vl-2b, qwen3-vl-4b or qwen3-vl-8b. --layers and --vision-layers cut the depth and nothing else.
Names and shapes are those that transformers gives the configuration; the numbers come from a seed, so the model
knows nothing, but costs what the published one costs. No more than one file of weights is held in memory. The
tokenizer is the one that vlm_tokenizer.py wrote.
"""

import argparse
import json
import math
import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import Qwen3VLConfig, Qwen3VLForConditionalGeneration

SEED = 1
# Bytes of one file at most.
SHARD = 4 * 10**9
# Hidden, intermediate, layers and heads of the language model, whether it is tied; the vision tower.
SMALL_TOWER = (1024, 4096, 24, [5, 11, 17])
SHAPES = {
    "qwen3-vl-2b": (2048, 6144, 28, 16, True, SMALL_TOWER),
    "qwen3-vl-4b": (2560, 9728, 36, 32, True, SMALL_TOWER),
    "qwen3-vl-8b": (4096, 12288, 36, 32, False, (1152, 4304, 27, [8, 16, 24])),
}
DTYPES = {"bf16": torch.bfloat16, "f32": torch.float32}
END, START_OF_TURN, END_OF_TURN, VISION_START, VISION_END, IMAGE, VIDEO = (
    151643, 151644, 151645, 151652, 151653, 151655, 151656)
HALF = [0.5, 0.5, 0.5]
ROOT = Path(__file__).parents[2]
# The published template without its tools, as the fixtures have it.
TEMPLATE = ROOT / "perception/tests/vlm/data/qwen3-vl/chat_template.jinja"


def config(shape, layers, vision_layers, dtype):
    """config.json as published."""
    hidden, inner, n, heads, tied, (width, vision_inner, depth, deepstack) = SHAPES[shape]
    n = layers or n
    if vision_layers and vision_layers != depth:
        # As many levels, as evenly spread, as there is depth for.
        depth, levels = vision_layers, min(len(deepstack), vision_layers)
        deepstack = [(i + 1) * depth // levels - 1 for i in range(levels)]
    # The first layers of the language model take one level each.
    deepstack = deepstack[:n]
    return {
        "architectures": ["Qwen3VLForConditionalGeneration"],
        "model_type": "qwen3_vl",
        "image_token_id": IMAGE, "video_token_id": VIDEO,
        "vision_start_token_id": VISION_START, "vision_end_token_id": VISION_END,
        "tie_word_embeddings": tied,
        "transformers_version": "4.57.0.dev0",
        "text_config": {
            "model_type": "qwen3_vl_text", "dtype": {"bf16": "bfloat16", "f32": "float32"}[dtype],
            "attention_bias": False, "attention_dropout": 0.0, "bos_token_id": END, "eos_token_id": END_OF_TURN,
            "head_dim": 128, "hidden_act": "silu", "hidden_size": hidden, "initializer_range": 0.02,
            "intermediate_size": inner, "max_position_embeddings": 262144, "num_attention_heads": heads,
            "num_hidden_layers": n, "num_key_value_heads": 8, "rms_norm_eps": 1e-6,
            "rope_scaling": {"mrope_interleaved": True, "mrope_section": [24, 20, 20], "rope_type": "default"},
            "rope_theta": 5000000, "tie_word_embeddings": tied, "use_cache": True, "vocab_size": 151936,
        },
        "vision_config": {
            "model_type": "qwen3_vl", "deepstack_visual_indexes": deepstack, "depth": depth,
            "hidden_act": "gelu_pytorch_tanh", "hidden_size": width, "in_channels": 3, "initializer_range": 0.02,
            "intermediate_size": vision_inner, "num_heads": 16, "num_position_embeddings": 2304,
            "out_hidden_size": hidden, "patch_size": 16, "spatial_merge_size": 2, "temporal_patch_size": 2,
        },
    }


def write(path, value):
    path.write_text(json.dumps(value, indent=1) + "\n")


def write_settings(folder, settings):
    write(folder / "config.json", settings)
    write(folder / "generation_config.json", {
        "bos_token_id": END, "pad_token_id": END, "eos_token_id": [END_OF_TURN, END], "do_sample": True,
        "top_k": 20, "top_p": 0.8, "temperature": 0.7, "repetition_penalty": 1.0})
    patches = {"patch_size": 16, "temporal_patch_size": 2, "merge_size": 2, "image_mean": HALF, "image_std": HALF,
               "processor_class": "Qwen3VLProcessor"}
    write(folder / "preprocessor_config.json", {
        "size": {"shortest_edge": 65536, "longest_edge": 16777216}, **patches,
        "image_processor_type": "Qwen2VLImageProcessorFast"})
    write(folder / "video_preprocessor_config.json", {
        "size": {"shortest_edge": 4096, "longest_edge": 25165824}, **patches,
        "video_processor_type": "Qwen3VLVideoProcessor"})
    write(folder / "tokenizer_config.json", {
        "tokenizer_class": "Qwen2Tokenizer", "add_bos_token": False, "add_prefix_space": False, "bos_token": None,
        "clean_up_tokenization_spaces": False, "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>",
        "model_max_length": 262144, "unk_token": None})
    shutil.copyfile(TEMPLATE, folder / TEMPLATE.name)


def shards(tensors, each):
    """Names and shapes, cut into files; `each` is the bytes of one number."""
    cut, size = [{}], 0
    for name, shape in tensors:
        n = math.prod(shape) * each
        if size + n > SHARD and cut[-1]:
            cut.append({})
            size = 0
        cut[-1][name] = shape
        size += n
    return cut


def draw(name, shape, dtype, generator):
    t = torch.empty(shape, dtype=dtype, device=generator.device)
    if name.endswith(".bias"):
        t.zero_()
    elif "norm" in name.split(".")[-2]:
        t.fill_(1)
    else:
        t.normal_(0, 0.02, generator=generator)
    return t.cpu()


def main():
    a = argparse.ArgumentParser()
    a.add_argument("shape", choices=SHAPES)
    a.add_argument("dir", type=Path)
    a.add_argument("--layers", type=int)
    a.add_argument("--vision-layers", type=int)
    a.add_argument("--dtype", choices=DTYPES, default="bf16")
    a.add_argument("--tokenizer", type=Path, default=ROOT / "target/peers/models/tokenizer.json")
    a = a.parse_args()
    a.dir.mkdir(parents=True, exist_ok=True)
    for old in a.dir.glob("model*.safetensors*"):
        old.unlink()
    settings = config(a.shape, a.layers, a.vision_layers, a.dtype)
    write_settings(a.dir, settings)
    shutil.copyfile(a.tokenizer, a.dir / "tokenizer.json")
    # As it is read back, so that transformers takes the file as it stands.
    read = Qwen3VLConfig.from_pretrained(a.dir)
    with torch.device("meta"):
        tensors = [(k, tuple(v.shape)) for k, v in Qwen3VLForConditionalGeneration(read).state_dict().items()
                   if not (settings["tie_word_embeddings"] and k == "lm_head.weight")]
    dtype = DTYPES[a.dtype]
    generator = torch.Generator("cuda" if torch.cuda.is_available() else "cpu").manual_seed(SEED)
    cut = shards(tensors, dtype.itemsize)
    places = {}
    for i, shard in enumerate(cut):
        name = "model.safetensors" if len(cut) == 1 else f"model-{i + 1:05}-of-{len(cut):05}.safetensors"
        drawn = {k: draw(k, shape, dtype, generator) for k, shape in shard.items()}
        save_file(drawn, a.dir / name, metadata={"format": "pt"})
        places.update({k: name for k in shard})
    numbers = sum(math.prod(shape) for _, shape in tensors)
    if len(cut) > 1:
        write(a.dir / "model.safetensors.index.json",
              {"metadata": {"total_size": numbers * dtype.itemsize}, "weight_map": dict(sorted(places.items()))})
    print(f"{a.shape}: {numbers} numbers in {len(tensors)} tensors, {len(cut)} files: {a.dir}")


main()
