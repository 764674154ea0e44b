"""Draws `load.svg`: the terminal while `rpcudp load` runs, recorded from the binary.

    cargo build --release -p rpcudp-cli && cargo build --release -p rpcudp --example server
    pip install pyte
    python3 cli/pictures/load.py target/release > cli/pictures/load.svg

It starts the example server, runs the binary on a pseudo-terminal, feeds the output to the terminal emulator `pyte`,
and draws the screen after TAKEN_AT seconds.
"""

import fcntl
import html
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time

import pyte

COLUMNS, LINES = 92, 20
SECONDS, TAKEN_AT = 10, 7
ARGUMENTS = ["sayhi_quickly", '"Snake Plissken"', "--concurrency", "32", "--seconds", str(SECONDS)]

CHAR_WIDTH, LINE_HEIGHT, MARGIN = 8.4, 19, 16
COLOURS = {"default": "#d8dee9", "red": "#ff6b68", "green": "#a8c023", "brown": "#d6bf55", "cyan": "#5fb3b3"}


def screen_after(target):
    server = subprocess.Popen([f"{target}/examples/server", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True)
    addr = server.stdout.readline().split()[-1]
    command = [f"{target}/rpcudp", "load", addr, *ARGUMENTS]
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "xterm-256color"
        os.execv(command[0], command)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    screen = pyte.Screen(COLUMNS, LINES)
    stream = pyte.ByteStream(screen)
    stream.feed(f"$ rpcudp load {addr} {' '.join(quoted(word) for word in ARGUMENTS)}\r\n".encode())
    end = time.monotonic() + TAKEN_AT
    # Reads until TAKEN_AT, and until a drawing is complete, which a pause shows.
    while select.select([terminal], [], [], 0.05)[0] or time.monotonic() < end:
        if select.select([terminal], [], [], 0)[0]:
            stream.feed(os.read(terminal, 65536))
    os.kill(pid, signal.SIGINT)
    # The summary is not part of the picture, but must be read so that the binary can end.
    try:
        while os.read(terminal, 65536):
            pass
    except OSError:
        pass
    os.waitpid(pid, 0)
    server.terminate()
    server.wait()
    return screen


def quoted(word):
    return f"'{word}'" if '"' in word else word


def svg(screen):
    lines = list(screen.display)
    while lines and not lines[-1].strip():
        lines.pop()
    width, height = COLUMNS * CHAR_WIDTH + 2 * MARGIN, len(lines) * LINE_HEIGHT + 2 * MARGIN
    yield f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" role="img">'
    yield "<title>rpcudp load, while it runs</title>"
    yield '<rect width="100%" height="100%" rx="8" fill="#1e222a"/>'
    yield '<g font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14">'
    for number, _ in enumerate(lines):
        y = MARGIN + (number + 1) * LINE_HEIGHT - 5
        for start, text, colour in runs(screen.buffer[number]):
            fill = COLOURS.get(colour, COLOURS["default"])
            x, length = MARGIN + start * CHAR_WIDTH, len(text) * CHAR_WIDTH
            yield (
                f'<text x="{x:.1f}" y="{y}" fill="{fill}" textLength="{length:.1f}" lengthAdjust="spacingAndGlyphs">'
                f"{html.escape(text)}</text>"
            )
    yield "</g></svg>"


def runs(line):
    """Yields the words of a line with their first columns and colours, because a renderer may drop blanks."""
    start, text, colour = 0, "", None
    for column in range(COLUMNS):
        char = line[column]
        if text and (char.data == " " or char.fg != colour):
            yield start, text, colour
            text = ""
        if char.data != " ":
            start, text, colour = (start, text + char.data, colour) if text else (column, char.data, char.fg)
    if text:
        yield start, text, colour


if __name__ == "__main__":
    print("\n".join(svg(screen_after(sys.argv[1]))))
