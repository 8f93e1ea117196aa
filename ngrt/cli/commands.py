"""All commands of ``ngrt``. Importing a file of commands adds them to `ngrt.cli.app.app`."""

from ngrt.cli import bench, doctor, engines, play
from ngrt.cli.app import app, run

__all__ = ["bench", "doctor", "engines", "play", "run"]

app.command(bench.app)
