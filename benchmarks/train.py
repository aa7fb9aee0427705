"""Steps per second of the training examples on hologram and on the CPU, alternating processes.

    python -m benchmarks.train [--quick]
"""

import re
import tempfile
from statistics import median

from benchmarks.child import run
from benchmarks.harness import options

EXAMPLES = {"02_train_digits": ["examples/02_train_digits.py", "--epochs", "20"],
            "03_char_gpt": ["examples/03_char_gpt.py", "--steps", "60", "--sample", "0"]}


def steps_per_second(command, device, folder, threads):
    extra = ["--out", folder] if "gpt" in command[0] else []
    output = run([*command, *extra, "--device", device], HOLOGRAM_AUTOLOAD="0", OMP_NUM_THREADS=str(threads),
                 MKL_NUM_THREADS=str(threads))
    return float(re.search(r"([0-9.]+) steps/s", output).group(1))


def measure(threads=(1, 2), quick=False, progress=lambda text: None):
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, command in EXAMPLES.items():
            steps_per_second(command, "hologram", folder, threads[-1])      # kernels into the cache
            for number in threads[-1:] if quick else threads:
                speeds = {"cpu": [], "hologram": []}
                for _ in range(1 if quick else 5):
                    for device in speeds:
                        progress(f"{name} on {device} ({number} threads)")
                        speeds[device].append(steps_per_second(command, device, folder, number))
                ratios = [ours / stock for ours, stock in zip(speeds["hologram"], speeds["cpu"])]
                rows.append({"case": name, "threads": number, "cpu": median(speeds["cpu"]),
                             "hologram": median(speeds["hologram"]), "ratio": median(ratios)})
    return rows


def markdown(rows):
    lines = ["| example | threads | torch CPU, steps/s | hologram, steps/s | speed |", "|---|--:|--:|--:|--:|"]
    lines += [f"| {r['case']} | {r['threads']} | {r['cpu']:.1f} | {r['hologram']:.1f} | {r['ratio']:.2f}x |" for r in rows]
    return "\n".join(lines)


def main():
    chosen = options(__doc__)
    print(markdown(measure(chosen.threads, chosen.quick)))


if __name__ == "__main__":
    main()
