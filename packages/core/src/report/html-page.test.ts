import { htmlPage } from './html-page';

test('a page is self-contained, with escaped text and linked addresses', () => {
  const table = {
    columns: [{ title: 'a < b' }, { title: 'n', digits: 1 }, { title: 'MLflow' }],
    rows: [['"x" & y', 2, 'http://host/#/experiments/1/runs/0123456789?a=1&b=2']],
    notes: ['<script>'],
  };
  const page = htmlPage({
    title: 'T & S',
    sections: [
      { kind: 'table', title: 'Results', table },
      { kind: 'picture', title: 'Curves', svg: '<svg><path/></svg>' },
    ],
  });
  expect(page).toContain('<title>T &amp; S</title>');
  expect(page).toContain('<th>a &lt; b</th><th class="number">n</th>');
  expect(page).toContain('<td>&quot;x&quot; &amp; y</td><td class="number">2.0</td>');
  expect(page).toContain('<a href="http://host/#/experiments/1/runs/0123456789?a=1&amp;b=2">01234567</a>');
  expect(page).toContain('<figure><svg><path/></svg></figure>');
  expect(page).not.toMatch(/<script|<link|<img/);
});
