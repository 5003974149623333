"""Runs an exported ONNX file in onnxruntime, and the same network in PyTorch.

usage: onnx_speed.py FILE ENGINE THREADS BATCH CALLS
(ENGINE: onnxruntime, torch, torch-compile; CALLS: how many, or as many as fit into a time: 2s)
Prints images a second, by the middle one of the calls and by the fastest, as a line of JSON. Needs onnx and onnxruntime or torch
(tried with 1.23.2, 1.32.0 and 2.13.0)."""

import json
import sys
import time

import numpy
import onnx

UNCOUNTED = 3


def onnxruntime_network(file, threads):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda image: session.run(None, {name: image})[0]


def torch_network(file, threads, compiled=False):
    """The file's graph in PyTorch's own operations, as a translation by hand of the network would be."""
    import torch
    import torch.nn.functional as F

    torch.set_num_threads(threads)
    graph = onnx.load(file).graph
    weights = {one.name: torch.from_numpy(onnx.numpy_helper.to_array(one).copy()) for one in graph.initializer}

    def convolution(inputs, group, strides, pads, dilations, **_):
        x, weight, *bias = inputs
        top, left, bottom, right = pads
        if (top, left) != (bottom, right):
            x, top, left = F.pad(x, (left, right, top, bottom)), 0, 0
        return F.conv2d(x, weight, *(bias or [None]), stride=strides, padding=(top, left), dilation=dilations, groups=group)

    def batch_norm(inputs, epsilon, **_):
        x, gamma, beta, mean, variance = inputs
        return F.batch_norm(x, mean, variance, gamma, beta, eps=epsilon)

    operations = {
        "Add": lambda inputs: inputs[0] + inputs[1],
        "BatchNormalization": batch_norm,
        "Cast": lambda inputs, to: inputs[0].float(),
        "Clip": lambda inputs: inputs[0].clamp(inputs[1], inputs[2]),
        "Conv": convolution,
        "Gemm": lambda inputs, **_: F.linear(inputs[0], inputs[1].T, inputs[2]),
        "GlobalAveragePool": lambda inputs: inputs[0].mean((2, 3), keepdim=True),
        "HardSigmoid": lambda inputs, **_: F.hardsigmoid(inputs[0]),
        "HardSwish": lambda inputs: F.hardswish(inputs[0]),
        "Identity": lambda inputs: inputs[0],
        "MatMul": lambda inputs: inputs[0] @ inputs[1],
        "Mul": lambda inputs: inputs[0] * inputs[1],
        "PRelu": lambda inputs: F.prelu(inputs[0], inputs[1].flatten()),
        "Relu": lambda inputs: F.relu(inputs[0]),
        "Reshape": lambda inputs: inputs[0].reshape(inputs[1].tolist()),
        "Sub": lambda inputs: inputs[0] - inputs[1],
        "Transpose": lambda inputs, perm: inputs[0].permute(perm),
    }
    nodes = []
    for node in graph.node:
        if node.op_type not in operations:
            raise SystemExit(f"onnx_speed.py has no {node.op_type} of PyTorch")
        attributes = {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}
        nodes.append((operations[node.op_type], list(node.input), node.output[0], attributes))

    def forward(image):
        values = {**weights, graph.input[0].name: image}
        for operation, inputs, output, attributes in nodes:
            values[output] = operation([values[name] for name in inputs], **attributes)
        return values[graph.output[0].name]

    # torch.compile would break `forward` itself into single operations.
    network = torch.compile(torch.fx.symbolic_trace(forward)) if compiled else forward

    def run(image):
        with torch.inference_mode():
            return network(torch.from_numpy(image)).numpy()

    return run


def main(file, engine, threads, batch, calls):
    if engine == "onnxruntime":
        network = onnxruntime_network(file, int(threads))
    else:
        network = torch_network(file, int(threads), engine == "torch-compile")
    sizes = [one.dim_value for one in onnx.load(file).graph.input[0].type.tensor_type.shape.dim][1:]
    image = (numpy.arange(int(batch) * numpy.prod(sizes)) * 193 % 256).astype(numpy.uint8).reshape(-1, *sizes)
    if engine != "onnxruntime":
        expected = onnxruntime_network(file, 1)(image[:2])
        off = numpy.abs(network(image)[:2] - expected).max() / numpy.abs(expected).max()
        if not off < 1e-4:
            raise SystemExit(f"PyTorch's numbers differ from onnxruntime's by {off}")

    def timed():
        started = time.perf_counter()
        network(image)
        return time.perf_counter() - started

    for _ in range(UNCOUNTED - 1):
        timed()
    last = timed()
    count = max(3, round(float(calls[:-1]) / last)) if calls.endswith("s") else int(calls)
    counted = sorted(timed() for _ in range(count))
    print(json.dumps({"median": int(batch) / counted[len(counted) // 2], "best": int(batch) / counted[0]}))


main(*sys.argv[1:])
