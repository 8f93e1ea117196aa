"""``python -m export.arcade --out arcade.pt``: train the arcade's policy, then print its score."""

import sys
import time
from dataclasses import replace
from pathlib import Path

import cyclopts
import torch

from export.arcade.evaluate import expert_scores, lockstep, torch_planner
from export.arcade.setup import DENOISE_STEPS
from export.arcade.train import Recipe, save, train
from ngrt.errors import ExportError, NgrtError
from ngrt.view.console import HarmlessConsole

UNSEEN = 10_000
"""First seed of the episodes that are scored; training's seeds start at 2^40."""

console = HarmlessConsole(stderr=True)


def main(
    *, out: Path, seed: int = 0, steps: int = Recipe.steps, threads: int = 2, episodes: int = 100, execute: int = 4
) -> None:
    """Train from scratch and write a checkpoint to ``out``, with its tower's folder beside it.

    Then play ``episodes`` that were not trained on, in lockstep, ``execute`` rows of each chunk, and print the score as
    a share of the expert's. The same seed, steps and threads give the same weights on the same machine and torch.
    """
    if not out.parent.is_dir():
        raise ExportError(f"{out.parent} is not a folder", remedy="make it or choose another --out")
    torch.set_num_threads(threads)
    began = time.perf_counter()
    recent = [0.0, 0.0]

    def report(step: int, flow: float, helper: float) -> None:
        share = 1 / min(step + 1, 50)
        for i, value in enumerate((flow, helper)):
            recent[i] += (value - recent[i]) * share
        if (step + 1) % 50 == 0:
            seconds = time.perf_counter() - began
            console.print(f"step {step + 1}/{steps}  flow {recent[0]:.4f}  helper {recent[1]:.4f}  {seconds:.0f} s")

    model = train(replace(Recipe(), seed=seed, steps=steps), report)
    save(model, out)
    console.print(f"{out}: trained in {(time.perf_counter() - began) / 60:.1f} min")
    seeds = range(UNSEEN, UNSEEN + episodes)
    world = lockstep(torch_planner(model, DENOISE_STEPS, seed), seeds, execute)
    score, best = world.scores.mean(), expert_scores(seeds).mean()
    forks = world.state["forks_cleared"].sum() / world.state["forks_passed"].sum()
    console.print(f"lockstep {score:.4f}, expert {best:.4f}: {score / best:.4f} of it; forks {forks:.4f}")


if __name__ == "__main__":
    try:
        cyclopts.run(main)
    except NgrtError as error:
        console.print(str(error), style="red")
        sys.exit(1)
