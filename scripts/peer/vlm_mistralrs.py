"""mistralrs as a peer of `sinew bench vlm`, as vlm_side.py says: `vlm_mistralrs.py DIR cpu f32`.

It takes text, not tokens: the prompt is one word N times, which is N tokens. Wall times are those that it reports of a
request's prompt and of the tokens after the first, in whole milliseconds. CPU time is the process's over a whole
request; of a request that goes on after its prompt it is shared out as the wall times are. One thread, unless
RAYON_NUM_THREADS says otherwise; its cache of keys and values is what it takes by itself, f16.
"""

import os
import sys
import time
from pathlib import Path

os.environ.setdefault("RAYON_NUM_THREADS", "1")
from mistralrs import CompletionRequest, ModelDType, MultimodalArchitecture, Runner, Which

sys.path.insert(0, str(Path(__file__).parent))
import vlm_side

WORD = " word"


class Mistralrs(vlm_side.Side):
    def __init__(self, folder):
        which = Which.MultimodalPlain(model_id=folder, arch=MultimodalArchitecture.Qwen3VL, dtype=ModelDType.F32)
        # No prompt is remembered.
        self.runner = Runner(which=which, max_seqs=1, prefix_cache_n=0, token_source="none")

    def ask(self, n, m):
        """CPU seconds of a request, and what it says of itself."""
        request = CompletionRequest(model="default", prompt=WORD * n, max_tokens=m, temperature=0.0, top_k=1,
                                    ignore_eos=True)
        before = time.process_time()
        said = self.runner.send_completion_request(request).usage
        cpu = time.process_time() - before
        assert (said.prompt_tokens, said.completion_tokens) == (n, m), said
        return cpu, said

    def prefill(self, n):
        cpu, said = self.ask(n, 1)
        return cpu, said.total_prompt_time_sec

    def decode(self, n, m):
        # The first token belongs to the prompt.
        cpu, said = self.ask(n, m + 1)
        wall = said.total_completion_time_sec
        return cpu * wall / (wall + said.total_prompt_time_sec), wall


def main():
    folder, device, dtype = sys.argv[1:4]
    if (device, dtype) != ("cpu", "f32"):
        sys.exit("mistralrs is measured on the CPU in f32 alone")
    vlm_side.serve(lambda: Mistralrs(folder))


main()
