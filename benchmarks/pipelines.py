"""Seconds and peak memory of each pipeline, run one after the other in processes of their own.

    python benchmarks/pipelines.py [PIPELINE ...] [--params=NAME=VALUE,...]

The default is every pipeline of a whole run on the shipped pairs, the two that are no part of it
but for the sweep (as many trainings as it has runs), then the whole run itself. Limits
to hold on two cores: 2.5 GB for each, 6 minutes for the whole run, imports and compilation
included. Where the seconds of a run go stands in its log: a line for each node.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time

PIPELINES = (
    "data_quality",
    "baseline",
    "training_standard",
    "training_lora",
    "evaluation",
    "reporting",
    "training_instructed",
    "release",
    "__default__",
)
LONGEST_NODES = 6


def run(pipeline: str, parameters: str) -> tuple[float, float, str]:
    """Run a pipeline and return its seconds, its peak memory in MiB, and its log."""
    command = [sys.executable, "-m", "kedro", "run", f"--pipelines={pipeline}"]
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen([*command, f"--params={parameters}"], stdout=log, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        log.seek(0)
        text = log.read()
    if status:
        raise SystemExit(f"{pipeline} failed:\n{text[-3000:]}")
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return seconds, usage.ru_maxrss / unit, text


def main() -> None:
    """Print a line for each pipeline, and the longest nodes of the last one."""
    parser = argparse.ArgumentParser(description="Benchmark the pipelines.")
    parser.add_argument("pipelines", nargs="*", default=PIPELINES)
    parser.add_argument("--params", default="")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        parameters = ",".join(filter(None, [arguments.params, f"data_root={folder}"]))
        for pipeline in arguments.pipelines:
            seconds, memory, log = run(pipeline, parameters)
            print(f"{pipeline:20} {seconds:7.1f} s {memory:7.0f} MiB", flush=True)
    nodes = [(float(took), name) for name, took in re.findall(r"(\S+): ([\d.]+) s\b", log)]
    for took, name in sorted(nodes, reverse=True)[:LONGEST_NODES]:
        print(f"    {name:40} {took:7.1f} s")
    print(f"    {'beside the nodes':40} {seconds - sum(took for took, _ in nodes):7.1f} s")


if __name__ == "__main__":
    main()
