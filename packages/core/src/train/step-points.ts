/** So many points of one metric are more than any chart shows, and few enough for MLflow's database to hold of many runs. */
const mostPoints = 10_000;

/**
 * Each how many steps a training of `steps` steps tells what it came to: each one, as long as that is 10,000 points at
 * most. Means over epochs are told besides.
 */
export const stepsBetweenPoints = (steps: number): number => Math.max(1, Math.ceil(steps / mostPoints));
