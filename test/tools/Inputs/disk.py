"""Runs a command under conditions that its output cannot survive, and lists what it leaves behind.

  disk.py full MEGABYTES FOLDER COMMAND...   FOLDER is a file system of so many megabytes
  disk.py limit MEGABYTES FOLDER COMMAND...  a file that grows beyond it ends the process by a signal
  disk.py kill FOLDER COMMAND...             the process is terminated once a file appears in FOLDER
  disk.py kill9 FILE FOLDER COMMAND...       the same without a chance to clean up, once a file begins so
  disk.py terminal COMMAND...                standard error is a terminal; what it shows is printed

The last line of all but the last is `left: NAMES`.
"""

import os
import resource
import signal
import subprocess
import sys
import time


def run(command, **options):
    result = subprocess.run(command, stderr=subprocess.STDOUT, stdout=subprocess.PIPE, text=True, **options)
    print(result.stdout, end="")
    print("signal" if result.returncode < 0 else "status", abs(result.returncode))


def left(folder):
    print("left:", *sorted(os.listdir(folder)))


def full(megabytes, folder, *command):
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", folder], check=True)
    try:
        run(command)
        left(folder)
    finally:
        subprocess.run(["umount", folder], check=True)


def limit(megabytes, folder, *command):
    size = int(megabytes) << 20

    def lower():
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    run(command, preexec_fn=lower)
    left(folder)


def kill(folder, *command, prefix="", kind=signal.SIGTERM):
    process = subprocess.Popen(command)
    while not any(name.startswith(prefix) for name in os.listdir(folder)) and process.poll() is None:
        time.sleep(0.001)
    process.send_signal(kind)
    print("signal" if process.wait() < 0 else "status", abs(process.returncode))
    left(folder)


def kill9(prefix, folder, *command):
    kill(folder, *command, prefix=prefix, kind=signal.SIGKILL)


def terminal(*command):
    ours, theirs = os.openpty()
    process = subprocess.Popen(command, stderr=theirs)
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 4096):
            shown += part
    except OSError:  # the other side is closed
        pass
    print(shown.decode().replace("\r", "\n").replace("\033[K", "<clear>"))
    sys.exit(process.wait())


{"full": full, "limit": limit, "kill": kill, "kill9": kill9, "terminal": terminal}[sys.argv[1]](*sys.argv[2:])
