import { csvTable, markdownTable, type Table } from './table';
import { layoutOf, terminalTable } from './terminal-table';

const table: Table = {
  columns: [{ title: 'method' }, { title: 'accuracy', percent: true }, { title: 'loss', digits: 3 }, { title: 'note' }],
  rows: [
    ['teacher', 1, 0.25, undefined],
    ['student alone', { mean: 0.91234, std: 0.0123 }, { mean: 12.5, std: undefined }, 'a | b'],
    ['TH-KD', { mean: 0.95, std: 0.001 }, undefined, 'say "x", y'],
  ],
  notes: ['mean ± sd over 5 seeds'],
};
const plain = { width: Number.POSITIVE_INFINITY, lines: false };

describe('terminalTable', () => {
  it('aligns numbers on the right, without lines for a pipe', () => {
    expect(terminalTable(table, plain)).toBe(
      [
        'method            accuracy %     loss   note',
        'teacher               100.00    0.250   –',
        'student alone   91.23 ± 1.23   12.500   a | b',
        'TH-KD           95.00 ± 0.10        –   say "x", y',
        'mean ± sd over 5 seeds',
      ].join('\n'),
    );
  });

  it('draws lines on a terminal', () => {
    expect(
      terminalTable({ columns: [{ title: 'k' }, { title: 'v' }], rows: [['a', 1]] }, { width: 80, lines: true }),
    ).toBe([' k │    v', '───┼──────', ' a │ 1.00'].join('\n'));
  });

  it('continues below if the terminal is too narrow', () => {
    expect(terminalTable({ ...table, notes: [] }, { width: 40, lines: false })).toBe(
      [
        'method            accuracy %     loss',
        'teacher               100.00    0.250',
        'student alone   91.23 ± 1.23   12.500',
        'TH-KD           95.00 ± 0.10        –',
        '',
        'method          note',
        'teacher         –',
        'student alone   a | b',
        'TH-KD           say "x", y',
      ].join('\n'),
    );
  });

  it('names a row of wrong length', () => {
    expect(() => terminalTable({ columns: [{ title: 'a' }], rows: [['x'], ['y', 'z']] }, plain)).toThrow(
      'Row 1 has 2 cells, but the table has 1 columns',
    );
  });
});

describe('layoutOf', () => {
  it('is plain and unlimited for a pipe, and as wide as a terminal', () => {
    expect(layoutOf({})).toEqual(plain);
    expect(layoutOf({ isTTY: true, columns: 120 }).width).toBe(120);
  });
});

describe('markdownTable', () => {
  it('escapes Markdown', () => {
    expect(markdownTable(table)).toBe(
      [
        '| method | accuracy % | loss | note |',
        '| :-- | --: | --: | :-- |',
        '| teacher | 100.00 | 0.250 | – |',
        '| student alone | 91.23 ± 1.23 | 12.500 | a \\| b |',
        '| TH-KD | 95.00 ± 0.10 | – | say "x", y |',
        '',
        'mean ± sd over 5 seeds',
        '',
      ].join('\n'),
    );
  });
});

describe('csvTable', () => {
  it('keeps numbers in full, with a column for spreads', () => {
    expect(csvTable(table)).toBe(
      [
        'method,accuracy,accuracy std,loss,loss std,note',
        'teacher,1,,0.25,,',
        'student alone,0.91234,0.0123,12.5,,a | b',
        'TH-KD,0.95,0.001,,,"say ""x"", y"',
        '',
      ].join('\r\n'),
    );
  });
});
