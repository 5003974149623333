/**
 * Writes TensorFlow's ConfigProto (tensorflow/core/protobuf/{config,rewriter_config}.proto), of which a function that
 * is called takes what Grappler, the optimiser of graphs, is to make of it.
 */
import { integer, message, text } from './protobuf';

/** A ConfigProto, serialised, by which Grappler runs the pass of this name once, and none of its others. */
export function onlyPass(name: string): Uint8Array {
  const rewriterConfig = [
    ...integer(12, 1), // meta_optimizer_iterations: ONE
    ...integer(17, -1), // min_graph_nodes: graphs of any size
    ...integer(21, 1), // fail_on_optimizer_errors: else the graph stays as it is, without a word
    ...text(100, name), // optimizers: these passes, not the usual ones
  ];
  const graphOptions = message(10, rewriterConfig);
  return Buffer.concat(message(10, graphOptions));
}
