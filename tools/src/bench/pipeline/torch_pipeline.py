"""The pipeline benchmark with Pillow and PyTorch's DataLoader: `torch_pipeline.py FOLDER WORKERS EPOCHS BATCH`.

Decodes, RandomResizedCrop(224) with bilinear sampling, flips, converts to float32 in [0, 1], normalises. The first epoch
starts the workers and is not counted. Prints a line of JSON.
"""
import json
import math
import multiprocessing
import os
import random
import resource
import sys
import time

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset

MEAN = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)


def crop_box(width, height):
    for _ in range(10):
        area = width * height * random.uniform(0.08, 1.0)
        ratio = math.exp(random.uniform(math.log(3 / 4), math.log(4 / 3)))
        w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < w <= width and 0 < h <= height:
            return random.randint(0, width - w), random.randint(0, height - h), w, h
    w, h = min(width, round(height * 4 / 3)), min(height, round(width * 4 / 3))
    return (width - w) // 2, (height - h) // 2, w, h


class Pictures(Dataset):
    def __init__(self, folder):
        self.items = [
            (os.path.join(folder, name, file), label)
            for label, name in enumerate(sorted(os.listdir(folder)))
            for file in sorted(os.listdir(os.path.join(folder, name)))
        ]

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        path, label = self.items[index]
        with open(path, "rb") as file:
            image = Image.open(file).convert("RGB")
        left, top, w, h = crop_box(image.width, image.height)
        image = image.crop((left, top, left + w, top + h)).resize((224, 224), Image.BILINEAR)
        if random.random() < 0.5:
            image = image.transpose(Image.FLIP_LEFT_RIGHT)
        tensor = torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous().to(torch.float32).div(255)
        return tensor.sub_(MEAN).div_(STD), label


def cpu_seconds():
    """Of this process and its workers; 0 where /proc does not tell."""
    ticks = 0
    for pid in [os.getpid(), *(child.pid for child in multiprocessing.active_children())]:
        try:
            with open(f"/proc/{pid}/stat") as file:
                ticks += sum(map(int, file.read().rsplit(")", 1)[1].split()[11:13]))
        except OSError:
            return 0
    return ticks / os.sysconf("SC_CLK_TCK")


def main():
    folder, workers, epochs, batch = sys.argv[1], *map(int, sys.argv[2:5])
    torch.set_num_threads(1)
    loader = DataLoader(
        Pictures(folder), batch_size=batch, shuffle=True, num_workers=workers, persistent_workers=workers > 0
    )
    rates, cpu = [], []
    for epoch in range(epochs + 1):
        started, used, images = time.perf_counter(), cpu_seconds(), 0
        for pixels, labels in loader:
            images += len(labels)
            float(pixels[0, 0, 0, 0])
        if epoch > 0:
            rates.append(images / (time.perf_counter() - started))
            cpu.append(1000 * (cpu_seconds() - used) / images)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"rates": rates, "cpu": cpu, "peakMegabytes": peak}))


main()
