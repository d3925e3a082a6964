"""Writes the language model of a Qwen3-VL checkpoint for llama.cpp: `vlm_gguf.py DIR OUT q8|q4|f32`.

It is the decoder of Qwen3, and so it is called here: for text the three positions of Qwen3-VL are equal. Kinds of
blocks are those that Sinew takes: q8 is Q8_0 throughout, q4 is Q4_K with embedding and output in Q8_0; norms are f32.
One tensor is held in memory at a time.
"""

import json
import sys
from pathlib import Path

import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType as Kind
from safetensors import safe_open

PREFIX = "model.language_model."
NAMES = {
    "embed_tokens": "token_embd", "norm": "output_norm", "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
FILES = {"q8": gguf.LlamaFileType.MOSTLY_Q8_0, "q4": gguf.LlamaFileType.MOSTLY_Q4_K_S,
         "f32": gguf.LlamaFileType.ALL_F32}


def renamed(name):
    """A tensor's name there; none for those of the vision tower."""
    if name == "lm_head.weight":
        return "output.weight"
    if not name.startswith(PREFIX):
        return None
    parts = name.removeprefix(PREFIX).removesuffix(".weight").split(".")
    block = f"blk.{parts[1]}." if parts[0] == "layers" else ""
    return block + NAMES[".".join(parts[2:] if block else parts)] + ".weight"


def kind_of(name, shape, dtype):
    if dtype == "f32" or len(shape) == 1:
        return Kind.F32
    return Kind.Q4_K if dtype == "q4" and name.startswith("blk.") else Kind.Q8_0


def q4_k(weights):
    """Rows in blocks of 8 x 32 numbers, each 32 with a scale and an offset of 6 bits; not searched for, as llama.cpp
    would: what they cost is the same."""
    x = weights.reshape(-1, 8, 32)
    low = np.maximum(-x.min(-1), 0)
    span = (x.max(-1) + low) / 15
    tops = [(v.max(-1, keepdims=True) / 63).astype(np.float16) for v in (span, low)]
    scale, offset = (np.rint(v / np.maximum(top, 1e-30)).clip(0, 63).astype(np.uint8)
                     for v, top in zip((span, low), (t.astype(np.float32) for t in tops)))
    step = np.maximum(tops[0] * scale.astype(np.float32), 1e-30)[..., None]
    q = np.rint((x + (tops[1] * offset.astype(np.float32))[..., None]) / step).clip(0, 15).astype(np.uint8)
    packed = [scale[:, :4] | scale[:, 4:] >> 4 << 6, offset[:, :4] | offset[:, 4:] >> 4 << 6,
              scale[:, 4:] & 15 | offset[:, 4:] << 4]
    halves = (q[:, 0::2] | q[:, 1::2] << 4).reshape(len(x), -1)
    blocks = np.concatenate([*(t.view(np.uint8) for t in tops), *packed, halves], -1)
    return blocks.reshape(len(weights), -1)


def packed(weights, kind):
    if kind == Kind.F32:
        return weights
    if kind == Kind.Q4_K:
        return q4_k(weights)
    return gguf.quants.quantize(weights, kind)


def add_settings(w, text, dtype):
    w.add_name("random")
    w.add_file_type(FILES[dtype])
    w.add_context_length(text["max_position_embeddings"])
    w.add_embedding_length(text["hidden_size"])
    w.add_block_count(text["num_hidden_layers"])
    w.add_feed_forward_length(text["intermediate_size"])
    w.add_head_count(text["num_attention_heads"])
    w.add_head_count_kv(text["num_key_value_heads"])
    w.add_key_length(text["head_dim"])
    w.add_value_length(text["head_dim"])
    w.add_rope_freq_base(float(text["rope_theta"]))
    w.add_layer_norm_rms_eps(text["rms_norm_eps"])
    w.add_vocab_size(text["vocab_size"])


def add_words(w, tokenizer, text):
    words = {i: (word, gguf.TokenType.NORMAL) for word, i in tokenizer["model"]["vocab"].items()}
    for added in tokenizer["added_tokens"]:
        kind = gguf.TokenType.CONTROL if added["special"] else gguf.TokenType.USER_DEFINED
        words[added["id"]] = (added["content"], kind)
    words = [words.get(i, (f"[PAD{i}]", gguf.TokenType.UNUSED)) for i in range(text["vocab_size"])]
    w.add_tokenizer_model("gpt2")
    w.add_tokenizer_pre("qwen2")
    w.add_token_list([word for word, _ in words])
    w.add_token_types([kind for _, kind in words])
    w.add_token_merges([" ".join(m) for m in tokenizer["model"]["merges"]])
    w.add_bos_token_id(text["bos_token_id"])
    w.add_eos_token_id(text["eos_token_id"])
    w.add_add_bos_token(False)


def main():
    folder, out, dtype = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    text = json.loads((folder / "config.json").read_text())["text_config"]
    w = gguf.GGUFWriter(out, "qwen3")
    add_settings(w, text, dtype)
    add_words(w, json.loads((folder / "tokenizer.json").read_text()), text)
    files = [safe_open(f, "pt") for f in sorted(folder.glob("model*.safetensors"))]
    found = [(f, k, renamed(k)) for f in files for k in f.keys() if renamed(k)]
    kinds = []
    for f, k, name in found:
        shape = f.get_slice(k).get_shape()
        kinds.append(kind_of(name, shape, dtype))
        block, size = gguf.GGML_QUANT_SIZES[kinds[-1]]
        count = int(np.prod(shape))
        assert shape[-1] % block == 0, name
        w.add_tensor_info(name, shape, np.dtype(np.float32), count // block * size, kinds[-1])
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_ti_data_to_file()
    for (f, k, _), kind in zip(found, kinds):
        w.write_tensor_data(packed(f.get_tensor(k).to(torch.float32).numpy(), kind))
    w.close()
    print(f"{len(found)} tensors, {dtype}: {out}")


main()
