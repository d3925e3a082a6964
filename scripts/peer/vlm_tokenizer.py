"""Writes Qwen's vocabulary as a tokenizer.json: `vlm_tokenizer.py OUT_TOKENIZER_JSON`.

The words and their ranks are those that the package dashscope ships for counting tokens (qwen.tiktoken), read as a
file; nothing of the package is run. A byte pair encoding's merges follow from its ranks: a word is made of the two
parts into which the merges before its own take it.
"""

import base64
import sys
from importlib.metadata import distribution
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

RANKS = "dashscope/resources/qwen.tiktoken"
WORDS = 151643
# As Qwen3-VL's own tokenizer.json splits text before it merges bytes.
PATTERN = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
# From WORDS on; those of CONTROL are no text.
CONTROL = """<|endoftext|> <|im_start|> <|im_end|> <|object_ref_start|> <|object_ref_end|> <|box_start|> <|box_end|>
<|quad_start|> <|quad_end|> <|vision_start|> <|vision_end|> <|vision_pad|> <|image_pad|> <|video_pad|>""".split()
OTHER = """<tool_call> </tool_call> <|fim_prefix|> <|fim_middle|> <|fim_suffix|> <|fim_pad|> <|repo_name|>
<|file_sep|> <tool_response> </tool_response> <think> </think>""".split()


def letters():
    """GPT-2's way to write bytes as letters."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [b for b in range(256) if b not in plain]
    return {**{b: chr(b) for b in plain}, **{b: chr(256 + i) for i, b in enumerate(rest)}}


def parts(word, ranks):
    """The two parts that are joined last to make `word`."""
    made = [word[i:i + 1] for i in range(len(word))]
    while len(made) > 2:
        best = min(range(len(made) - 1), key=lambda i: ranks.get(made[i] + made[i + 1], len(ranks)))
        made[best:best + 2] = [made[best] + made[best + 1]]
    # What was joined on the way must have come before.
    assert all(ranks[p] < ranks[word] for p in made), word
    return made


def main():
    lines = distribution("dashscope").locate_file(RANKS).read_bytes().split(b"\n")
    ranks = {base64.b64decode(word): int(rank) for word, rank in (line.split() for line in lines if line)}
    assert sorted(ranks.values()) == list(range(WORDS))
    letter = letters()

    def write(word):
        return "".join(letter[b] for b in word)

    words = sorted(ranks, key=ranks.get)
    merges = [tuple(map(write, parts(w, ranks))) for w in words if len(w) > 1]
    t = Tokenizer(models.BPE({write(w): ranks[w] for w in words}, merges))
    t.normalizer = normalizers.NFC()
    t.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(PATTERN), behavior="isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])
    t.decoder = decoders.ByteLevel()
    for names, is_special in ((CONTROL, True), (OTHER, False)):
        t.add_tokens([AddedToken(n, special=is_special, normalized=False) for n in names])
    assert [t.token_to_id(n) for n in CONTROL + OTHER] == list(range(WORDS, WORDS + len(CONTROL + OTHER)))
    out = Path(sys.argv[1])
    out.parent.mkdir(parents=True, exist_ok=True)
    t.save(str(out))
    print(f"{len(words)} words, {len(merges)} merges: {out}")


main()
