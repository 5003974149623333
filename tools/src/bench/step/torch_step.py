"""The step benchmark in PyTorch: times the same networks, batches and updates on the CPU.

usage: torch_step.py CASE BATCH STEPS WAY    (WAY: torch, torch-channels-last, torch-compile)
Prints a line of JSON with the fields of StepMeasurement. Needs torch (tried with 2.13.0, CPU build)."""

import json
import resource
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

TEMPERATURE = 4.0


class Unit(nn.Module):
    """Convolution, batch norm and, unless `activation` is false, PReLU."""

    def __init__(self, inputs, outputs, kernel=1, stride=1, padding=0, groups=1, activation=True):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(outputs)
        self.prelu = nn.PReLU(outputs) if activation else nn.Identity()

    def forward(self, x):
        return self.prelu(self.bn(self.conv(x)))


class Bottleneck(nn.Module):
    def __init__(self, inputs, outputs, stride, expansion):
        super().__init__()
        inner = inputs * expansion
        self.skips = stride == 1 and inputs == outputs
        self.body = nn.Sequential(
            Unit(inputs, inner),
            Unit(inner, inner, 3, stride, 1, inner),
            Unit(inner, outputs, activation=False),
        )

    def forward(self, x):
        return x + self.body(x) if self.skips else self.body(x)


class MobileFaceNet(nn.Module):
    """arXiv 1804.07573, table 1, with an embedding of 512."""

    def __init__(self, classes=1000):
        super().__init__()
        layers, channels = [Unit(3, 64, 3, 2, 1), Unit(64, 64, 3, 1, 1, 64)], 64
        for expansion, outputs, count, stride in [(2, 64, 5, 2), (4, 128, 1, 2), (2, 128, 6, 1), (4, 128, 1, 2), (2, 128, 2, 1)]:
            for index in range(count):
                layers.append(Bottleneck(channels, outputs, stride if index == 0 else 1, expansion))
                channels = outputs
        self.body = nn.Sequential(
            *layers,
            Unit(128, 512),
            Unit(512, 512, 7, 1, 0, 512, activation=False),
            Unit(512, 512, activation=False),
        )
        self.fc = nn.Linear(512, classes, bias=False)

    def forward(self, x):
        embedding = self.body(x).flatten(1)
        return embedding, self.fc(embedding)


class BasicBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Identity()
        if stride > 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


class CifarResNet(nn.Module):
    """RepDistiller's resnet8x4 and resnet32x4."""

    def __init__(self, depth, widths=(32, 64, 128, 256), classes=100):
        super().__init__()
        stem, *stages = widths
        layers, channels = [nn.Conv2d(3, stem, 3, 1, 1, bias=False), nn.BatchNorm2d(stem), nn.ReLU()], stem
        for stage, width in enumerate(stages):
            for index in range((depth - 2) // 6):
                layers.append(BasicBlock(channels, width, 2 if stage and index == 0 else 1))
                channels = width
        self.body = nn.Sequential(*layers)
        self.fc = nn.Linear(channels, classes)

    def forward(self, x):
        embedding = self.body(x).mean((2, 3))
        return embedding, self.fc(embedding)


def divergence(student, teacher):
    log_student, expected = F.log_softmax(student / TEMPERATURE, 1), F.softmax(teacher / TEMPERATURE, 1)
    return F.kl_div(log_student, expected, reduction="batchmean") * TEMPERATURE**2


def main():
    case, batch, steps, way = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    torch.manual_seed(0)
    layout = torch.contiguous_format if way == "torch" else torch.channels_last
    size, classes = (112, 1000) if case == "mbf" else (32, 100)
    student = (MobileFaceNet() if case == "mbf" else CifarResNet(8)).to(memory_format=layout)
    teacher = CifarResNet(32).to(memory_format=layout).eval() if case == "thkd" else None
    net = torch.compile(student) if way == "torch-compile" else student
    teach = torch.compile(teacher) if teacher and way == "torch-compile" else teacher
    optimiser = torch.optim.SGD(student.parameters(), 0.05, momentum=0.9, weight_decay=5e-4)
    pixels = torch.randint(0, 256, (batch, 3, size, size), dtype=torch.uint8).contiguous(memory_format=layout)
    labels = torch.randint(0, classes, (batch,))

    def step():
        images = (pixels.float() - 127.5) / 127.5
        embedding, logits = net(images)
        loss = F.cross_entropy(logits, labels)
        if teacher:
            with torch.no_grad():
                _, expected = teach(images)
            loss = loss + 1.5 * divergence(logits, expected) + 0.02 * divergence(teacher.fc(embedding), expected)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        return loss.item()

    seconds = []
    for _ in range(steps):
        started = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - started)
    timed = sorted(seconds[4:])
    print(json.dumps({
        "imagesPerSecondMedian": batch / timed[len(timed) // 2],
        "imagesPerSecondBest": batch / timed[0],
        "firstSeconds": seconds[0],
        "peakMegabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }))


if __name__ == "__main__":
    main()
