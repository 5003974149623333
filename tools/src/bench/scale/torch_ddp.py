"""PyTorch's side of bench-scale: one of the processes of DistributedDataParallel over gloo.

usage: torch_ddp.py TASK, with the JSON of ChildTask (ways.ts); answers the questions of standard input, a line of JSON each.
Needs torch (tried with 2.13.0, CPU build)."""

import json
import os
import sys
import time
from pathlib import Path

import torch
import torch.distributed as dist
import torch.nn.functional as F

sys.path.insert(0, str(Path(__file__).parent.parent / "step"))
from torch_step import CifarResNet, MobileFaceNet  # noqa: E402

UNCOUNTED = 4


def training_step(way):
    case, batch, how = way["case"], way["batch"], way["as"]
    layout = torch.contiguous_format if how == "ddp" else torch.channels_last
    size, classes = (112, 1000) if case == "mbf" else (32, 100)
    torch.manual_seed(0)
    net = (MobileFaceNet() if case == "mbf" else CifarResNet(8)).to(memory_format=layout)
    # Batch norm's statistics stay each process's own, as headshare's slices have their own.
    wrapped = torch.nn.parallel.DistributedDataParallel(net, broadcast_buffers=False)
    model = torch.compile(wrapped) if how == "ddp-compile" else wrapped
    optimiser = torch.optim.SGD(net.parameters(), 0.05, momentum=0.9, weight_decay=5e-4)
    pixels = torch.randint(0, 256, (batch, 3, size, size), dtype=torch.uint8).contiguous(memory_format=layout)
    labels = torch.randint(0, classes, (batch,))

    def step():
        _, logits = model((pixels.float() - 127.5) / 127.5)
        loss = F.cross_entropy(logits, labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        return loss.item()

    return step


def all_reduce(way):
    # Zeros stay zeros: the sum goes into the same memory.
    vector = torch.zeros(round(way["megabytes"] * 2**20 / 4))
    return lambda: dist.all_reduce(vector)


def timed(step):
    started = time.perf_counter()
    step()
    return time.perf_counter() - started


def main():
    task = json.loads(sys.argv[1])
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    addresses = task["addresses"]
    where = f"tcp://{addresses[0]}"
    dist.init_process_group("gloo", init_method=where, rank=task["index"], world_size=len(addresses))
    steps = []
    for way in task["ways"]:
        steps.append(training_step(way) if way["kind"] == "step" else all_reduce(way))
        dist.barrier()
        for _ in range(UNCOUNTED):
            steps[-1]()
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        question = json.loads(line)
        way, times = task["ways"][question["way"]], question["times"]
        dist.barrier()
        used = time.process_time()
        seconds = []
        for i in range(times):
            if i > 0 and way["kind"] == "sum":
                dist.barrier()
            seconds.append(timed(steps[question["way"]]))
        print(json.dumps({"seconds": seconds, "cpuSeconds": (time.process_time() - used) / times}), flush=True)
    # Waiting for the others could wait for ever.
    os._exit(0)


main()
