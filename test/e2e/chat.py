"""Checks the second answer of a conversation: chat.py APP OUTPUT-OF-CHAT.

The text of the whole conversation, written as DeepSeek-V3's template would, goes through --prompt, which adds BOS.
"""

import subprocess
import sys

FIRST_END = "It is a maid, that I'll be so.\n"


def main():
    app, chat = sys.argv[1:]
    text = open(chat, encoding="utf-8").read()
    end = text.index(FIRST_END) + len(FIRST_END)
    first, second = text[:end - 1], text[end:]
    prompt = f"<｜User｜>ROMEO:\nIs the day so young?<｜Assistant｜>{first}<｜end▁of▁sentence｜><｜User｜>JULIET:<｜Assistant｜>"
    result = subprocess.run([app, "--prompt", prompt, "--temperature", "0", "-n", "120", "--threads", "1"],
                            capture_output=True, text=True, check=True)
    if not second or result.stdout != second:
        print(f"expected {result.stdout!r}, found {second!r}", file=sys.stderr)
        return 1
    print(f"{len(second)} characters equal")
    return 0


if __name__ == "__main__":
    sys.exit(main())
