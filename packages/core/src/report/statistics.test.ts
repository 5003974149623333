import { comparePaired, studentCdf, studentQuantile, summarise } from './statistics';

describe("Student's t", () => {
  // R's qt(0.975, n) to 10 digits.
  it.each([
    [1, 12.7062047362],
    [2, 4.3026527297],
    [3, 3.1824463053],
    [4, 2.7764451052],
    [9, 2.2621571628],
    [30, 2.0422724563],
    [100, 1.9839715185],
  ])('with %d degrees of freedom, has the 97.5 % quantile %d', (degrees, quantile) => {
    expect(studentQuantile(0.975, degrees)).toBeCloseTo(quantile, 9);
    expect(studentCdf(quantile, degrees)).toBeCloseTo(0.975, 11);
    expect(studentQuantile(0.025, degrees)).toBeCloseTo(-quantile, 9);
  });

  it('is symmetric', () => {
    expect(studentCdf(0, 1)).toBe(0.5);
    expect(studentCdf(0, 6)).toBe(0.5);
  });

  it('with 1 degree of freedom, is the Cauchy distribution', () => {
    expect(studentCdf(1, 1)).toBeCloseTo(0.75, 15);
  });
});

describe('summarise', () => {
  it('gives mean, sample standard deviation and 95 % interval', () => {
    const { mean, std, interval, count } = summarise([1, 2, 3, 4, 5]);

    expect({ mean, count }).toEqual({ mean: 3, count: 5 });
    expect(std).toBeCloseTo(Math.sqrt(2.5), 15);
    expect(interval?.[0]).toBeCloseTo(3 - 2.7764451052 * Math.sqrt(0.5), 9);
    expect(interval?.[1]).toBeCloseTo(3 + 2.7764451052 * Math.sqrt(0.5), 9);
  });

  it('has no spread for a single run', () => {
    expect(summarise([0.7])).toEqual({ count: 1, mean: 0.7, std: undefined, interval: undefined });
  });

  it('throws for a run that diverged', () => {
    expect(() => summarise([1, Number.NaN])).toThrow('Value 1 is NaN, which has no mean with the others');
    expect(() => summarise([])).toThrow('There are no values');
  });
});

describe('comparePaired', () => {
  it("gives the paired t test (Student's own sleep data, 1908)", () => {
    const drug1 = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0];
    const drug2 = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4];
    const { difference, t, p } = comparePaired(drug1, drug2);

    expect(difference.mean).toBeCloseTo(-1.58, 12);
    expect(t).toBeCloseTo(-4.0621, 4);
    expect(p).toBeCloseTo(0.002833, 6);
    expect(difference.interval?.[0]).toBeCloseTo(-2.4598858, 7);
    expect(difference.interval?.[1]).toBeCloseTo(-0.7001142, 7);
  });

  it('has p 1 for equal runs and p 0 for a constant difference', () => {
    expect(comparePaired([1, 2], [1, 2])).toMatchObject({ t: undefined, p: 1 });
    expect(comparePaired([2, 3], [1, 2])).toMatchObject({ t: Number.POSITIVE_INFINITY, p: 0 });
  });

  it('cannot test a single pair', () => {
    expect(comparePaired([2], [1])).toMatchObject({ difference: { mean: 1 }, t: undefined, p: undefined });
  });

  it('throws for different lengths', () => {
    expect(() => comparePaired([1, 2], [1])).toThrow('2 values cannot be paired with 1');
  });
});

test('the order of the values does not change a bit', () => {
  const seeds = [0.8509, 0.85355, 0.8601000000000001, 0.8604499999999999, 0.85725];
  const orders = seeds.map((_, i) => [...seeds.slice(i), ...seeds.slice(0, i)]);
  expect(new Set(orders.map((values) => summarise(values).mean)).size).toBe(1);
});
