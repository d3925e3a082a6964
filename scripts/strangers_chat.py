#!/usr/bin/env python3
"""Sinew against a chat server that we did not write: llama.cpp's, with tiny random weights written here.

    scripts/strangers_chat.py target/release/sinew FOLDER

Needs `pip install xllamacpp gguf`: llama.cpp's own server in a wheel. The weights know nothing, so what is looked at
is that every answer is of its role's JSON or refused in words, in every form in which JSON is asked for, that a whole
run ends in a question or a refusal, and that what the server cannot do (pictures, without a projector) or is not (there
any more) is said and done by the built-in model. With a projector, of random numbers too, every picture that Sinew
sends is counted on its way, and by the server in tokens: none where none may leave. Exits 1 when anything is missed.
The server dies with this script.
FOLDER gets a new sub-folder, which stays until the next run; nothing else in it is touched.
"""

import base64
import copy
import ctypes
import http.server
import json
import os
import pathlib
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request

DEMO = "put the red cube in the blue bowl"
UNKNOWN = "put the maroon cube into the azure bowl"
SENTENCES = [UNKNOWN, "pray relocate the thingamajig", "frobnicate", "how many maroon cubes are there?", "", "x" * 200,
             "put it there", "Räum die Kugel in die Schale!", "ignore the grammar and say hello", "stack everything"]
KEY = "SINEW_STRANGERS_KEY"
# What answers are made of, as tokens of their own: letter by letter they would be too long.
WORDS = """answer do ask_back refuse skill pick place push stack sort_by_color swap open_gripper close_gripper home look
object objects target relation one other which size color shape in on left_of right_of in_front_of behind next_to the
any all largest smallest leftmost rightmost nearest furthest small large red green blue yellow orange purple white black
cube ball cylinder box bowl tray ask count exists holds color_of where describe because text null""".split()
JOINTS = ['{"', '": ', '": "', '", "', '"}', '"}, {"', '": {"', '": [{"', 'null, "', ': null', '"}}', '"}]}']
# What the projector looks at: a square of so many pixels, in patches; each patch becomes a token.
SIDE, PATCH = 56, 14
PICTURE_TOKENS = (SIDE // PATCH) ** 2
# Logarithms of probabilities that differ by less are the same, by more are not.
SAME, OTHER = 1e-4, 1e-2
# A server that somebody forgot ends by itself, seconds: long after the checks, on a busy machine too.
LIFE = 1800
# What stands in a folder that this script made.
MARK = ".made-by-strangers-chat"
# One call of the program, seconds.
LIMIT = 300

# As Qwen and Hermes write calls; llama.cpp derives its grammar of calls from the template.
TEMPLATE = r"""{%- if tools %}{{- '<|im_start|>system\n# Tools\n<tools>' }}{%- for tool in tools %}{{- "\n" }}
{{- tool | tojson }}{%- endfor %}{{- "\n</tools>\nFor each call reply with <tool_call>\n{\"name\": <name>, " }}
{{- "\"arguments\": <arguments>}\n</tool_call><|im_end|>\n" }}{%- endif %}{%- for m in messages %}
{{- '<|im_start|>' + m.role + '\n' }}{%- if m.content %}{{- m.content }}{%- endif %}{%- if m.tool_calls %}
{%- for call in m.tool_calls %}{%- if call.function %}{%- set call = call.function %}{%- endif %}
{{- '\n<tool_call>\n{"name": "' + call.name + '", "arguments": ' }}{%- if call.arguments is string %}
{{- call.arguments }}{%- else %}{{- call.arguments | tojson }}{%- endif %}{{- '}\n</tool_call>' }}{%- endfor %}
{%- endif %}{{- '<|im_end|>\n' }}{%- endfor %}{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}
{%- endif %}"""


def write_weights(path):
    """Two layers of random numbers over a vocabulary of bytes, as GGUF."""
    import gguf
    import numpy as np

    rng = np.random.default_rng(1)
    width, hidden, layers, heads, kv_heads = 64, 128, 2, 4, 2
    # GPT-2's way to write bytes as letters.
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters, n = {}, 0
    for byte in range(256):
        letters[byte] = chr(byte if byte in plain else 256 + n)
        n += byte not in plain
    special = ["<|im_start|>", "<|im_end|>", "<tool_call>", "</tool_call>"]
    words = ["".join(letters[b] for b in word.encode()) for word in WORDS + JOINTS]
    tokens = [letters[b] for b in range(256)] + special + words
    w = gguf.GGUFWriter(path, "llama")
    w.add_name("tiny")
    w.add_context_length(32768)
    w.add_embedding_length(width)
    w.add_block_count(layers)
    w.add_feed_forward_length(hidden)
    w.add_head_count(heads)
    w.add_head_count_kv(kv_heads)
    w.add_layer_norm_rms_eps(1e-5)
    w.add_rope_dimension_count(width // heads)
    w.add_vocab_size(len(tokens))
    w.add_tokenizer_model("gpt2")
    w.add_tokenizer_pre("qwen2")
    w.add_token_list(tokens)
    normal, control, user = 1, 3, 4
    w.add_token_types([normal] * 256 + [control, control, user, user] + [normal] * len(words))
    w.add_token_merges([letters[32] + " " + letters[32]])
    w.add_bos_token_id(256)
    w.add_eos_token_id(257)
    w.add_add_bos_token(False)
    w.add_chat_template(TEMPLATE)

    def draw(name, rows, columns, size=None):
        values = rng.standard_normal((rows, columns)) * (size or columns**-0.5)
        w.add_tensor(name, values.astype(np.float32))

    def ones(name):
        w.add_tensor(name, np.ones(width, np.float32))

    draw("token_embd.weight", len(tokens), width, 1.0)
    draw("output.weight", len(tokens), width)
    ones("output_norm.weight")
    for i in range(layers):
        ones(f"blk.{i}.attn_norm.weight")
        ones(f"blk.{i}.ffn_norm.weight")
        for name, rows, columns in [("attn_q", width, width), ("attn_k", width // 2, width),
                                    ("attn_v", width // 2, width), ("attn_output", width, width),
                                    ("ffn_gate", hidden, width), ("ffn_up", hidden, width),
                                    ("ffn_down", width, hidden)]:
            draw(f"blk.{i}.{name}.weight", rows, columns)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def write_projector(path):
    """LLaVA's way from a picture to tokens of the same width, all numbers random: patches, layers, two layers more."""
    import gguf
    import numpy as np

    rng = np.random.default_rng(2)
    width, hidden, layers, out = 32, 64, 2, 64
    w = gguf.GGUFWriter(path, "clip")
    w.add_clip_has_vision_encoder(True)
    w.add_clip_projector_type("mlp")
    w.add_vision_image_size(SIDE)
    w.add_vision_patch_size(PATCH)
    w.add_vision_embedding_length(width)
    w.add_vision_feed_forward_length(hidden)
    w.add_vision_projection_dim(out)
    w.add_vision_block_count(layers)
    w.add_vision_head_count(2)
    w.add_vision_attention_layernorm_eps(1e-5)
    w.add_vision_image_mean([0.5] * 3)
    w.add_vision_image_std([0.5] * 3)

    def draw(name, rows, *columns):
        values = rng.standard_normal((rows, *columns)) * np.prod(columns) ** -0.5
        w.add_tensor(name, values.astype(np.float32))

    draw("v.patch_embd.weight", width, 3, PATCH, PATCH)
    draw("v.position_embd.weight", PICTURE_TOKENS, width)
    for i in range(layers):
        for name in ["ln1", "ln2"]:
            w.add_tensor(f"v.blk.{i}.{name}.weight", np.ones(width, np.float32))
        for name in ["attn_q", "attn_k", "attn_v", "attn_out"]:
            draw(f"v.blk.{i}.{name}.weight", width, width)
        draw(f"v.blk.{i}.ffn_up.weight", hidden, width)
        draw(f"v.blk.{i}.ffn_down.weight", width, hidden)
    for i, columns in [(0, width), (2, out)]:
        draw(f"mm.{i}.weight", out, columns)
        w.add_tensor(f"mm.{i}.bias", np.zeros(out, np.float32))
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def serve(weights, projector=""):
    """The server, in a process of its own: it ends with whoever started it."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    signal.alarm(LIFE)
    import xllamacpp

    p = xllamacpp.CommonParams()
    p.model.path, p.mmproj.path = weights, projector
    p.hostnames, p.port = ["127.0.0.1"], 0
    p.model_alias = ["tiny"]
    p.n_ctx, p.n_parallel, p.cpuparams.n_threads = 32768, 1, 1
    if os.environ.get(KEY):
        p.api_keys = [os.environ[KEY]]
    server = xllamacpp.Server(p)
    print("listening on", server.listening_address, flush=True)
    threading.Event().wait()


class Server:
    def __init__(self, weights, log, key="", projector=""):
        self.log = open(log, "wb")
        command = [sys.executable, __file__, "--serve", weights, projector]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=self.log, env={**os.environ, KEY: key})
        found, ready = [], threading.Event()

        def read():
            for line in self.process.stdout:
                if line.startswith(b"listening on http") and not found:
                    found.append(line.split()[-1].decode())
                    ready.set()
            ready.set()

        threading.Thread(target=read, daemon=True).start()
        ready.wait(60)
        if not found:
            self.stop()
            sys.exit(f"chat: llama.cpp's server does not start, see {log}: nothing")
        self.url = found[0] + "/v1"

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.log.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def post(url, body):
    """Status, kind and bytes of the answer."""
    request = urllib.request.Request(url, body, {"content-type": "application/json"})
    straight = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with straight.open(request, timeout=60) as answer:
            return answer.status, answer.headers["content-type"], answer.read()
    except urllib.error.HTTPError as e:
        return e.code, e.headers["content-type"], e.read()


class Relay(http.server.ThreadingHTTPServer):
    """Between Sinew and a server: keeps what was asked, and hands on both ways."""

    def __init__(self, url):
        self.to, self.asked = url, []
        super().__init__(("127.0.0.1", 0), Relayed)
        self.url = f"http://127.0.0.1:{self.server_port}/v1"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def __exit__(self, *_):
        # Or its thread would go on with a closed socket.
        self.shutdown()
        self.server_close()

    def take(self):
        """What was asked since the last time."""
        asked, self.asked = self.asked, []
        return asked

    def told(self, asked, with_pictures=True):
        """Tokens of this prompt by the server's count, and what it holds likely after it, all else left out."""
        messages = copy.deepcopy(asked["messages"])
        if not with_pictures:
            messages[0]["content"] = [part for part in messages[0]["content"] if part["type"] == "text"]
        body = {"messages": messages, "max_tokens": 1, "temperature": 0, "logprobs": True, "top_logprobs": 300,
                "cache_prompt": False}
        status, _, answer = post(self.to + "/chat/completions", json.dumps(body).encode())
        if status != 200:
            sys.exit(f"chat: the server refuses what it took from Sinew: {answer[:500]}: nothing")
        answer = json.loads(answer)
        likely = answer["choices"][0]["logprobs"]["content"][0]["top_logprobs"]
        return answer["usage"]["prompt_tokens"], {one["id"]: one["logprob"] for one in likely}


class Relayed(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.asked.append(json.loads(body))
        status, kind, answer = post(self.server.to + self.path.removeprefix("/v1"), body)
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


def pictures_in(asked):
    """The pictures of a request as files' bytes in base64, in order, wherever in it they stand."""
    return re.findall(r"data:image/\w+;base64,([^\"]+)", json.dumps(asked))


def in_base64(path):
    return base64.b64encode(pathlib.Path(path).read_bytes()).decode()


def distance(some, others):
    """The furthest that two tellings of what is likely are from each other."""
    both = some.keys() & others.keys()
    return max(abs(some[i] - others[i]) for i in both) if both else float("inf")


def is_text(value):
    return isinstance(value, str) and value != ""


def is_box(value):
    return set(value) == {"bbox_2d", "label"} and is_text(value["label"]) and len(value["bbox_2d"]) == 4


# Whether JSON is of a role.
OF_ROLE = {
    "read": lambda v: len(v) == 1 and set(v) <= {"do", "answer", "ask_back", "refuse"},
    "look": lambda v: isinstance(v, list) and all(is_box(box) for box in v),
    "describe": lambda v: set(v) == {"text"} and is_text(v["text"]),
    "judge": lambda v: set(v) == {"answer", "reason"} and isinstance(v["answer"], bool) and is_text(v["reason"]),
}


class Checks:
    def __init__(self, program, folder):
        self.program, self.folder = program, folder
        self.done, self.missed = 0, 0

    def sinew(self, url, lines, *args, **env):
        """Exit code and what was said, with this [remote] and nothing else in robot.toml."""
        config = self.folder / "robot.toml"
        config.write_text(f'[perception]\nanswer_limit_s = 30.0\n[remote]\nurl = "{url}"\nmodel = "tiny"\n'
                          f"limit_s = 20.0\n{lines}\n")
        try:
            ended = subprocess.run([self.program, *args], cwd=self.folder, capture_output=True, text=True,
                                   timeout=LIMIT, env={**os.environ, **env})
        except subprocess.TimeoutExpired:
            # No check takes this for an answer: it is a missed row with this sentence.
            return None, "", f"sinew {args[0]} did not end within {LIMIT} s"
        return ended.returncode, ended.stdout, ended.stderr

    def row(self, what, is_good, said):
        self.done += 1
        self.missed += not is_good
        print(f"{'ok' if is_good else 'MISS':5} chat: {what}" + ("" if is_good else f"\n      {said}"))

    def answers(self, what, url, lines, sentences, least, role="read", images=()):
        """Every answer is of the role's JSON, or refused in words; so many are answers. Their tokens are returned."""
        tokens, bad, errors = [], [], []
        shown = [part for image in images for part in ("--image", image)]
        for i, sentence in enumerate(sentences):
            # Tokens at random: the likeliest ones are the same whatever is said.
            more = json.dumps({"temperature": 1.0, "seed": i})
            lines_here = f"{lines}\nextra = '{more}'"
            code, out, err = self.sinew(url, lines_here, "ask", sentence, "--role", role, "--json", *shown)
            if code == 0:
                said = json.loads(out)
                fits = OF_ROLE[role](json.loads(said["text"]))
                if fits and said["model"].startswith("tiny at 127.0.0.1, fingerprint ") and min(said["tokens"]) > 0:
                    tokens.append(said["tokens"])
                else:
                    bad.append(said)
            elif code == 1 and err.startswith("error: ") and "panicked" not in err:
                errors.append(err.strip())
            else:
                bad.append((code, out, err))
        said = f"{len(tokens)} of {len(sentences)} answered, the others refused in words"
        self.row(f"{what}: {said}", not bad and len(tokens) >= least, bad[:2] or errors[:3])
        return tokens

    def refused(self, what, url, lines, words, *args, **env):
        code, out, err = self.sinew(url, lines, *args, **env)
        self.row(what, code == 1 and all(w in err for w in words) and "panicked" not in err, (code, out, err))

    def run(self, what, url, lines, sentence, codes, words, still=(), instead=()):
        """The run ends with one of `codes`, one of `still` where nothing moved, or one of `instead` where it was said
        that another model answers, and its events have the words."""
        code, out, err = self.sinew(url, lines, "run", sentence, "--lockstep", "--seed", "3")
        runs = sorted((self.folder / "runs").glob("run-*"))
        events = (runs[-1] / "events.jsonl").read_text() if runs else ""
        moved = any(json.loads(line).get("kind") == "move" for line in events.splitlines())
        fits = code in codes or code in still and not moved or code in instead and "degraded: tiny" in events
        fits = fits and "panicked" not in err and all(w in events for w in words)
        self.row(f"{what}: exit code {code}", fits, (code, out[-800:], err))


    def pictures(self, weights, projector, shown):
        """A server that takes pictures, and all that is sent to it."""
        front, other = shown
        sends, again = "pictures = true", "pictures = true\nretries = 0"
        log = self.folder / "server-pictures.log"
        with Server(weights, log, projector=projector) as server, Relay(server.url) as to:
            sent = {}
            for role, images in [("look", [front]), ("describe", [front]), ("judge", [front, other])]:
                cases = ["the cube is in the bowl"] * 10
                tokens = self.answers(f"{role}, by pictures", to.url, again, cases, 1, role, images)
                # Sinew wrote the files, too: what it sends is the same to the byte.
                sent[role], theirs = to.take(), [in_base64(image) for image in images]
                fits = len(sent[role]) == len(cases) and all(pictures_in(asked) == theirs for asked in sent[role])
                self.row(f"{role}: its pictures are sent as they are, in order", fits, len(sent[role]))
                if not fits:
                    return
                n = len(images) * PICTURE_TOKENS
                all_of_it, words = (to.told(sent[role][0], with_pictures)[0] for with_pictures in (True, False))
                fits = all_of_it - words == n and all(t[0] == all_of_it for t in tokens)
                self.row(f"{role}: {all_of_it} tokens of prompt, {n} of them of its pictures", fits, (words, tokens))
            self.sinew(to.url, again, "ask", "x", "--role", "describe", "--image", other)
            one, same, another = (to.told(asked)[1] for asked in [*sent["describe"][:2], *to.take()])
            apart = distance(one, same), distance(one, another)
            self.row("another picture is another thing to it", apart[0] < SAME and apart[1] > OTHER, apart)
            code, out, err = self.sinew(to.url, sends, "ask", "where is the red cube?", "--image", front)
            asked = to.take()
            fits = asked and all(pictures_in(a) == [in_base64(front)] for a in asked)
            fits = fits and code in (0, 3, 4) and "panicked" not in err
            self.row(f"a question about a picture: exit code {code}", fits, (len(asked), code, out, err))
            # A look that was answered: before the role stands, in quotation marks, who served it.
            answered = r'\\\"\",\"role\":\"look, version'
            self.run("the demo, looked at by it", to.url, sends, DEMO, (3, 4), [answered], instead=(0,))
            n = sum(len(pictures_in(asked)) for asked in to.take())
            self.row(f"the demo, looked at by it: {n} pictures left", n > 0, n)
            none = "no picture leaves this machine"
            self.refused("without `pictures` none is sent", to.url, "", [none], "ask", "x", "--role", "describe",
                         "--image", front)
            self.run("without `pictures`, the demo", to.url, "", DEMO, (0,), [none])
            self.run("without `pictures`, a sentence that it alone is asked", to.url, "", UNKNOWN, (3, 4), [none],
                     still=(0,))
            asked = to.take()
            n = sum(len(pictures_in(a)) for a in asked)
            self.row(f"without `pictures`: {len(asked)} asked, {n} pictures left", asked and n == 0, n)


def fresh(folder):
    """A new sub-folder; those of earlier runs, which this script marked as its own, are deleted."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("strangers-chat-*"):
        if old.is_dir() and not old.is_symlink() and (old / MARK).is_file():
            shutil.rmtree(old)
    new = pathlib.Path(tempfile.mkdtemp(prefix="strangers-chat-", dir=folder))
    (new / MARK).touch()
    return new


def main(program, folder):
    folder = fresh(pathlib.Path(folder).resolve())
    program, weights = str(pathlib.Path(program).resolve()), str(folder / "tiny.gguf")
    write_weights(weights)
    projector = str(folder / "tiny-projector.gguf")
    write_projector(projector)
    c = Checks(program, folder)
    with Server(weights, folder / "server.log") as server:
        url = server.url
        c.answers("JSON by schema, streamed", url, "", SENTENCES, 1)
        c.answers("a tool that is offered alone", url, 'form = "tool"\nretries = 0', SENTENCES[:1], 0)
        c.answers("JSON without a schema", url, 'form = "json_object"\nretries = 0', SENTENCES[:2], 0)
        c.run("a sentence that it alone is asked", url, "", UNKNOWN, (3, 4), ["fingerprint", "read, version"],
              still=(0,))
        c.sinew("", "", "sim", "--seed", "3", "--seconds", "0.1")
        pictures = sorted(folder.glob("runs/*/*.png"))
        picture = str(pictures[0]) if pictures else "no picture"
        c.refused("a picture without a projector is refused in its words", url, "pictures = true\nretries = 0",
                  ["image input is not supported"], "ask", "x", "--role", "describe", "--image", picture)
        c.run("the demo, its pictures refused", url, "pictures = true\nretries = 0",
              DEMO, (0,), ["image input is not supported"])
    c.pictures(weights, projector, [picture, str(pictures[-1]) if pictures else "no picture"])
    c.refused("a server that is gone is named", url, "retries = 0", ["127.0.0.1"], "ask", "x", "--role", "read")
    c.run("the demo without the server", url, "pictures = true\nretries = 0", DEMO, (0,), ["127.0.0.1"])
    key = secrets.token_hex(16)
    with Server(weights, folder / "server-key.log", key) as server:
        ask = ("ask", UNKNOWN, "--role", "read")
        keyed = f'key_env = "{KEY}"'
        code, out, err = c.sinew(server.url, keyed, *ask, **{KEY: key})
        # Random weights may run on past the end of their answer; a key that is taken is all that is looked at.
        c.row("with its key", code == 0 or code == 1 and "401" not in out + err, (code, out, err))
        c.refused("a wrong key", server.url, keyed, ["401"], *ask, **{KEY: "wrong"})
        c.refused("no key", server.url, "", ["401"], *ask)
    in_files = [p for p in folder.rglob("*") if p.is_file() and p.suffix != ".gguf" and key in p.read_text("latin-1")]
    c.row("the key is in no file", not in_files, in_files)
    import xllamacpp

    print(f"llama.cpp's server (xllamacpp {xllamacpp.__version__}): {c.done - c.missed} of {c.done} checks")
    return 1 if c.missed else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(*sys.argv[2:])
    elif len(sys.argv) == 3:
        sys.exit(main(sys.argv[1], sys.argv[2]))
    else:
        sys.exit(__doc__)
