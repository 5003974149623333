/** What images are normalised with, a colour each, where black is 0 and white 1: (x - mean) / deviation. */
export interface Normalisation {
  readonly mean: readonly [number, number, number];
  readonly deviation: readonly [number, number, number];
}

/** To -1..1, as the face references do. */
export const symmetric: Normalisation = { mean: [0.5, 0.5, 0.5], deviation: [0.5, 0.5, 0.5] };

/** As RepDistiller's dataset/cifar100.py does. */
export const cifar100: Normalisation = { mean: [0.5071, 0.4867, 0.4408], deviation: [0.2675, 0.2565, 0.2761] };

/** As torchvision's published weights want it. */
export const imagenet: Normalisation = { mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] };

export const normalisations = { symmetric, cifar100, imagenet };
