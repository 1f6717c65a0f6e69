"""A conversation at a terminal: terminal.py APP.

^C ends an answer and keeps the conversation, at the prompt it ends the program; ^D ends the conversation. What follows an
answer that was cut off must be what the text of the whole conversation gives through --prompt.
"""

import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time

FAR_TOO_LONG = ["--temperature", "0", "-n", "100000", "--ignore-eos", "--threads", "1"]
LIMIT_S = 60


class Terminal:
    """The program at a pseudo terminal that shows nothing but what it writes."""

    def __init__(self, arguments):
        self.output = b""
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            modes = termios.tcgetattr(0)
            modes[1] &= ~termios.OPOST
            modes[3] &= ~termios.ECHO
            modes[3] |= termios.NOFLSH  # ^C throws away nothing that is on its way
            termios.tcsetattr(0, termios.TCSANOW, modes)
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # who runs tests may ignore it
            os.execv(arguments[0], arguments)

    def read(self):
        """Adds what comes next to the output; False at its end."""
        if not select.select([self.terminal], [], [], LIMIT_S)[0]:
            raise TimeoutError(f"nothing came after {self.output[-200:]!r}")
        try:
            part = os.read(self.terminal, 4096)
        except OSError:  # the program has ended
            part = b""
        self.output += part
        return bool(part)

    def expect(self, end):
        """Everything up to `end`, which must be the last thing that is written."""
        while not self.output.endswith(end):
            if not self.read():
                raise EOFError(f"expected {end!r}, found {self.output!r}")
        text, self.output = self.output[:-len(end)], b""
        return text.decode()

    def send(self, text):
        os.write(self.terminal, text.encode())

    def wait(self):
        """Its status and all that it still writes."""
        while self.read():
            pass
        return os.waitpid(self.process, 0)[1], self.output.decode()


def interrupted_answer(terminal, message):
    """The beginning of an answer that ^C ends."""
    terminal.send(message)
    while not terminal.output:
        terminal.read()
    time.sleep(0.02)
    terminal.send("\x03")
    answer = terminal.expect(b"\n> ")
    if not 0 < len(answer) < 4000:
        sys.exit(f"expected ^C to end the answer, found {len(answer)} characters")
    return answer


def check_conversation(app):
    terminal = Terminal([app, "--chat"] + FAR_TOO_LONG)
    terminal.expect(b"> ")
    terminal.send("ROMEO:\\\n")
    terminal.expect(b". ")  # a message that goes on
    first = interrupted_answer(terminal, "Is the day so young?\n")
    terminal.send("\n")  # no message
    terminal.expect(b"> ")
    second = interrupted_answer(terminal, "JULIET:\n")
    terminal.send("\x04")
    status, rest = terminal.wait()
    if status != 0 or not rest.startswith("\n2 turns: "):
        sys.exit(f"expected ^D to end the conversation, found status {status} and {rest!r}")
    prompt = f"<｜User｜>ROMEO:\nIs the day so young?<｜Assistant｜>{first}<｜end▁of▁sentence｜><｜User｜>JULIET:<｜Assistant｜>"
    whole = subprocess.run([app, "--prompt", prompt] + FAR_TOO_LONG, capture_output=True, text=True, check=True).stdout
    if not whole.startswith(second):
        sys.exit(f"expected {whole[:len(second)]!r} after {first!r}, found {second!r}")


def check_prompt(app):
    terminal = Terminal([app, "--chat"])
    terminal.expect(b"> ")
    terminal.send("\x03")
    status, rest = terminal.wait()
    if not os.WIFSIGNALED(status) or os.WTERMSIG(status) != signal.SIGINT:
        sys.exit(f"expected ^C at the prompt to end the program, found status {status} and {rest!r}")


def main():
    check_conversation(sys.argv[1])
    check_prompt(sys.argv[1])
    print("the conversation went on")


if __name__ == "__main__":
    main()
