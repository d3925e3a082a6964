"""transformers as a peer of `sinew bench vlm`, as vlm_side.py says:

    vlm_transformers.py DIR cpu|cuda f32|bf16 [--compile]

On the CPU it has one thread. --compile generates with a cache of fixed size and a compiled step in a CUDA graph, as
transformers documents it for speed; what is compiled, is so before the time is taken.
"""

import argparse
import sys
from pathlib import Path

import torch
from PIL import Image
from transformers import AutoProcessor, DynamicCache, Qwen3VLForConditionalGeneration, StaticCache

sys.path.insert(0, str(Path(__file__).parent))
import vlm_side
from vlm_side import prompt, timed

DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16}


class Transformers(vlm_side.Side):
    def __init__(self, a):
        self.device, self.caches = a.device, {} if a.compile else None
        # Generation of transformers itself has no inference mode: compiled code writes into the cache.
        torch.set_grad_enabled(False)
        self.guard = torch.no_grad if a.compile else torch.inference_mode
        self.processor = AutoProcessor.from_pretrained(a.dir)
        model = Qwen3VLForConditionalGeneration.from_pretrained(
            a.dir, dtype=DTYPES[a.dtype], attn_implementation="sdpa")
        self.model = model.to(a.device).eval()
        # One for each size.
        torch._dynamo.config.recompile_limit = 64
        self.compiled = torch.compile(self.step, mode="reduce-overhead", fullgraph=True, dynamic=False)
        self.wait()

    def wait(self):
        if self.device == "cuda":
            torch.cuda.synchronize()

    def step(self, ids, cache):
        """The likeliest token after `ids`, which lie beside what is in the cache."""
        logits = self.model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1).logits
        return logits[:, -1].argmax(-1, keepdim=True)

    def begin(self, n, cache):
        # The places of an earlier picture.
        self.model.model.rope_deltas = None
        return self.step(torch.tensor([prompt(n)], device=self.device), cache)

    def generate(self, token, m, cache, step):
        # Tokens stay where they are until the last, so that nothing waits in between.
        for _ in range(m):
            token = step(token, cache).clone()
        self.wait()

    def prefill(self, n):
        def work():
            self.begin(n, DynamicCache(config=self.model.config))
            self.wait()

        with self.guard():
            return timed(work)

    def decode(self, n, m):
        with self.guard():
            if self.caches is None:
                cache = DynamicCache(config=self.model.config)
                token = self.begin(n, cache)
                self.wait()
                return timed(lambda: self.generate(token, m, cache, self.step))
            if n + m not in self.caches:
                self.caches[n + m] = StaticCache(config=self.model.config, max_cache_len=n + m)
                # The first steps of a size compile it and record its graph.
                self.decode_compiled(n, min(m, 4), self.caches[n + m])
            return self.decode_compiled(n, m, self.caches[n + m])

    def decode_compiled(self, n, m, cache):
        cache.reset()
        token = self.begin(n, cache)
        self.wait()
        return timed(lambda: self.generate(token, m, cache, self.compiled))

    def see(self, path, words):
        image = Image.open(path).convert("RGB")
        image.load()
        text = " ".join(["word"] * words)
        said = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": text}]}]

        def work():
            sentence = self.processor.apply_chat_template(said, add_generation_prompt=True)
            # Pixels are prepared where the model is.
            inputs = self.processor(text=[sentence], images=[image], return_tensors="pt", device=self.device)
            inputs = inputs.to(self.device)
            self.model.model.rope_deltas = None
            logits = self.model(**inputs, past_key_values=DynamicCache(config=self.model.config), use_cache=True,
                                logits_to_keep=1).logits
            logits[0, -1].argmax().item()

        with self.guard():
            return timed(work)

    def memory(self):
        return torch.cuda.max_memory_allocated() if self.device == "cuda" else super().memory()


def main():
    a = argparse.ArgumentParser()
    a.add_argument("dir")
    a.add_argument("device", choices=("cpu", "cuda"))
    a.add_argument("dtype", choices=DTYPES)
    a.add_argument("--compile", action="store_true")
    a = a.parse_args()
    if a.device == "cpu":
        torch.set_num_threads(1)
        torch.set_num_interop_threads(1)
    warm_up = (lambda side: side.decode(16, 8)) if a.compile else (lambda side: None)
    vlm_side.serve(lambda: Transformers(a), warm_up)


main()
