import sharp from 'sharp';
import { barChart } from './bar-chart';
import { comparisonChart } from './comparison-chart';
import { heatmapChart } from './heatmap-chart';
import { countedHistogramChart, histogram, histogramChart } from './histogram-chart';
import { lineChart } from './line-chart';
import { drawPicture } from './picture';
import { detChart, rocChart } from './roc-chart';
import { decades, methodColour, methodDash } from './theme';

describe('drawPicture', () => {
  const comparison = comparisonChart({
    title: 'Two methods',
    methods: ['L2E', 'TH-KD'],
    panels: [
      {
        title: 'Same model',
        metric: 'accuracy',
        percent: true,
        values: { L2E: [0.9, 0.92], 'TH-KD': [0.94, 0.95] },
        reference: { label: 'teacher', value: 0.97 },
      },
    ],
  });

  it('writes labels as text into the SVG', async () => {
    const { svg } = await drawPicture(comparison);
    const texts = [...svg.matchAll(/<text[^>]*>([^<]+)</g)].map(([, text]) => text);

    expect(texts).toEqual(expect.arrayContaining(['Two methods', 'accuracy (%)', 'L2E', 'TH-KD', 'teacher']));
    expect(texts).toEqual(expect.arrayContaining(['91.00', '94.50']));
  });

  it('draws a PNG twice as large, with a white background and a title in its own font', async () => {
    const { svg, png } = await drawPicture(comparison);
    const [, width, height] = /width="(\d+)" height="(\d+)"/.exec(svg)?.map(Number) ?? [];
    const metadata = await sharp(png).metadata();
    const darkest = async (left: number, top: number, size: number) =>
      Math.min(...(await sharp(png).extract({ left, top, width: size, height: size }).greyscale().raw().toBuffer()));

    expect({ width: metadata.width, height: metadata.height }).toEqual({
      width: 2 * (width as number),
      height: 2 * (height as number),
    });
    expect(await darkest(0, 0, 30)).toBe(255);
    expect(await darkest(32, 32, 32)).toBeLessThan(60);
  });

  it('is deterministic', async () => {
    const [first, second] = [await drawPicture(comparison), await drawPicture(comparison)];

    expect(first.svg).toBe(second.svg);
    expect(first.png.equals(second.png)).toBe(true);
  });

  it.each([
    ['a line chart', lineChart({ title: 't', x: 'epoch', y: 'loss', series: [line('a', [1, 0.1, 0.01])] })],
    ['a histogram', histogramChart({ title: 't', x: 'cosine', series: [{ name: 'a', values: [0, 0.5, 1] }] })],
    ['a single value', histogramChart({ title: 't', x: 'cosine', series: [{ name: 'a', values: [0.5] }] })],
    ['a heatmap', heatmapChart({ title: 't', x: 'x', y: 'y', columns: ['a'], rows: ['b'], values: [[1]] })],
    [
      'a heatmap with blank cells',
      heatmapChart({ title: 't', x: 'x', y: 'y', columns: ['a', 'b'], rows: ['c'], values: [[undefined, 2]] }),
    ],
    ['bars', barChart({ title: 't', x: 'top-1', bars: [{ name: 'a', value: 0.5, note: '3 × b' }] })],
    [
      'counts',
      countedHistogramChart({ title: 't', x: 'x', low: -1, high: 1, series: [{ name: 'a', counts: [3, 1] }] }),
    ],
    [
      'a DET curve',
      detChart({
        title: 't',
        curves: [{ name: 'a', far: [0, 0, 1], tar: [0, 0.5, 1], genuine: 10, impostor: 100 }],
      }),
    ],
    ['a ROC curve', rocChart({ title: 't', curves: [{ name: 'a', far: [0, 0, 1], tar: [0, 0.5, 1], impostor: 100 }] })],
  ])('draws %s', async (_, chart) => {
    const { svg, png } = await drawPicture(chart);

    expect(svg).not.toMatch(/NaN|undefined/);
    expect((await sharp(png).metadata()).format).toBe('png');
  });
});

describe('comparisonChart', () => {
  it('throws for a diverged run', () => {
    const panels = [{ title: 'p', metric: 'm', values: { a: [1, Number.NaN] } }];

    expect(() => comparisonChart({ title: 't', methods: ['a'], panels })).toThrow('Value 1 is NaN');
  });
});

describe('lineChart', () => {
  it('averages neighbours in a long series', () => {
    const long = Array.from({ length: 4000 }, (_, i) => i);

    expect(lineChart({ title: 't', x: 'step', y: 'loss', series: [line('a', long)] })).toMatchObject({
      data: { values: Array.from({ length: 1000 }, (_, i) => ({ name: 'a', x: 4 * i + 1.5, y: 4 * i + 1.5 })) },
    });
  });
});

describe('rocChart', () => {
  it('starts at the FAR of one impostor pair', () => {
    const curve = { name: 'a', far: [0, 0, 0.01, 0.5, 1], tar: [0, 0.5, 0.6, 0.9, 1], impostor: 100 };

    expect(rocChart({ title: 't', curves: [curve] })).toMatchObject({
      data: {
        values: [
          { far: 0.01, tar: 0.5 },
          { far: 0.01, tar: 0.6 },
          { far: 0.5, tar: 0.9 },
          { far: 1, tar: 1 },
        ],
      },
    });
  });

  it('thins a curve of a million points', () => {
    const far = Float64Array.from({ length: 1e6 + 1 }, (_, i) => i / 1e6);
    const chart = rocChart({ title: 't', curves: [{ name: 'a', far, tar: far, impostor: 1e6 }] });

    expect(JSON.stringify(chart).length).toBeLessThan(300_000);
  });
});

describe('detChart', () => {
  it('limits rates to one pair', () => {
    const curve = { name: 'a', far: [0, 0.5, 1], tar: [0, 0.75, 1], genuine: 20, impostor: 100 };

    expect(detChart({ title: 't', curves: [curve] })).toMatchObject({
      data: {
        values: [
          { far: 0.01, frr: 1 },
          { far: 0.5, frr: 0.25 },
          { far: 1, frr: 0.05 },
        ],
      },
    });
  });
});

describe('histogram', () => {
  it('counts shares, with the upper edge in the last bin and without outside values', () => {
    expect(histogram([0, 0.4, 0.5, 1, 2], 0, 0.5, 2)).toEqual([0.4, 0.4]);
  });

  it('draws counts', () => {
    const series = [{ name: 'a', counts: [3, 1] }];

    expect(countedHistogramChart({ title: 't', x: 'x', low: -1, high: 1, series })).toMatchObject({
      data: {
        values: [
          { name: 'a', from: -1, to: 0, share: 0.75 },
          { name: 'a', from: 0, to: 1, share: 0.25 },
        ],
      },
    });
  });

  it('throws without values', () => {
    expect(() => histogramChart({ title: 't', x: 'x', series: [{ name: 'a', values: [] }] })).toThrow('at least one');
  });
});

describe('the theme', () => {
  it('gives a method the same colour in equal lists', () => {
    expect(methodColour(['a', 'b']).scale).toEqual({ domain: ['a', 'b'], range: ['#0072B2', '#D55E00'] });
  });

  it('has fourteen colours and dashes lines after the first seven', () => {
    const names = Array.from({ length: 15 }, (_, i) => `row ${i}`);
    const { range } = methodColour(names).scale;
    expect(new Set(range.slice(0, 14)).size).toBe(14);
    expect(methodDash(names.slice(0, 7))).toEqual({});
    expect(methodDash(['row 1', 'row 7', 'row 14'], names).strokeDash?.scale.range).toEqual([
      [1, 0],
      [6, 4],
      [2, 3],
    ]);
  });

  it('puts the grid of a logarithmic axis at powers of ten', () => {
    expect(decades(0.002, 5)).toEqual([0.001, 0.01, 0.1, 1, 10]);
  });
});

function line(name: string, values: readonly number[]) {
  return { name, points: values.map((y, x) => ({ x, y })) };
}
