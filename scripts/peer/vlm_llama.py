"""llama.cpp as a peer of `sinew bench vlm`, as vlm_side.py says: `vlm_llama.py DIR cpu q8|q4|f32`.

The weights are those of DIR's language model, which vlm_gguf.py writes beside them where they are not there yet;
pictures it takes none. llama.cpp is that of the package xllamacpp, whose module has its C functions: they are called
as they are, with one thread. Parameters that they take by value are known here by their first fields alone and are
handed on as llama.cpp fills them; the place behind them is larger than any.
"""

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import xllamacpp

sys.path.insert(0, str(Path(__file__).parent))
import vlm_side
from vlm_side import prompt, timed

P, I = ctypes.c_void_p, ctypes.c_int32
# Tokens that one session holds at least, and more where a prompt is longer; tokens computed at once.
CONTEXT, BATCH = 2048, 512


class Params(ctypes.Structure):
    # Of a context: tokens, logical batch, physical batch. Of a model: nothing that is looked at.
    _fields_ = [("n_ctx", ctypes.c_uint32), ("n_batch", ctypes.c_uint32), ("n_ubatch", ctypes.c_uint32),
                ("rest", ctypes.c_uint8 * 1012)]


class Batch(ctypes.Structure):
    _fields_ = [("n_tokens", I), ("token", P), ("embd", P), ("pos", P), ("n_seq_id", P), ("seq_id", P), ("logits", P)]


def functions():
    lib = ctypes.CDLL(str(next(Path(xllamacpp.__file__).parent.glob("xllamacpp*.so"))))
    for name, gives, takes in (
        ("llama_backend_init", None, []),
        ("llama_model_default_params", Params, []),
        ("llama_context_default_params", Params, []),
        ("llama_model_load_from_file", P, [ctypes.c_char_p, Params]),
        ("llama_init_from_model", P, [P, Params]),
        ("llama_free", None, [P]),
        ("llama_set_n_threads", None, [P, I, I]),
        ("llama_get_memory", P, [P]),
        ("llama_memory_clear", None, [P, ctypes.c_bool]),
        ("llama_batch_get_one", Batch, [ctypes.POINTER(I), I]),
        ("llama_decode", I, [P, Batch]),
        ("llama_get_logits_ith", ctypes.POINTER(ctypes.c_float), [P, I]),
        ("llama_model_get_vocab", P, [P]),
        ("llama_vocab_n_tokens", I, [P]),
        ("llama_n_threads", I, [P]),
    ):
        f = getattr(lib, name)
        f.restype, f.argtypes = gives, takes
    return lib


class Llama(vlm_side.Side):
    def __init__(self, path):
        self.lib = functions()
        self.lib.llama_backend_init()
        self.model = self.lib.llama_model_load_from_file(str(path).encode(), self.lib.llama_model_default_params())
        if not self.model:
            sys.exit(f"llama.cpp does not take {path}")
        self.words = self.lib.llama_vocab_n_tokens(self.lib.llama_model_get_vocab(self.model))
        self.context, self.room = None, 0
        self.empty(CONTEXT)

    def empty(self, n):
        """A cache without tokens, with room for `n`."""
        if n > self.room:
            if self.context:
                self.lib.llama_free(self.context)
            params = self.lib.llama_context_default_params()
            assert (params.n_batch, params.n_ubatch) == (2048, 512), "other fields than known here"
            params.n_ctx, params.n_batch, params.n_ubatch = n, BATCH, BATCH
            self.context, self.room = self.lib.llama_init_from_model(self.model, params), n
            self.lib.llama_set_n_threads(self.context, 1, 1)
            assert self.lib.llama_n_threads(self.context) == 1
        self.lib.llama_memory_clear(self.lib.llama_get_memory(self.context), False)

    def take(self, tokens):
        for at in range(0, len(tokens), BATCH):
            part = (I * len(tokens[at:at + BATCH]))(*tokens[at:at + BATCH])
            if self.lib.llama_decode(self.context, self.lib.llama_batch_get_one(part, len(part))) != 0:
                sys.exit("llama.cpp cannot compute that")
        return np.ctypeslib.as_array(self.lib.llama_get_logits_ith(self.context, -1), (self.words,))

    def prefill(self, n):
        self.empty(n)
        tokens = prompt(n)
        return timed(lambda: self.take(tokens))

    def decode(self, n, m):
        self.empty(n + m)
        logits = self.take(prompt(n))

        def work(token):
            for _ in range(m):
                token = int(self.take([token]).argmax())

        token = int(logits.argmax())
        return timed(lambda: work(token))


def main():
    folder, device, dtype = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    if device != "cpu":
        sys.exit("llama.cpp is measured on the CPU alone")
    path = folder / f"text-{dtype}.gguf"
    if not path.exists():
        # Written under another name first: a file that is there is whole.
        part = path.with_suffix(".part")
        subprocess.run([sys.executable, "-I", Path(__file__).with_name("vlm_gguf.py"), folder, part, dtype],
                       check=True, stdout=sys.stderr)
        os.replace(part, path)
    vlm_side.serve(lambda: Llama(path))


main()
