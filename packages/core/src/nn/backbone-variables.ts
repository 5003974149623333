/** What a network may have besides its backbone, by what the names of its variables begin with. */
const besides = /^(head|projection|bottleneck|teacher_space|teacher_head)\./;

/** Whether a variable is the backbone's, by its name without the network's root (`layer1.0.conv1.weight`). */
export const isOfBackbone = (name: string): boolean => !besides.test(name);
