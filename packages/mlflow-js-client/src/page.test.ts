import { paged, take } from './page';

const letters = async (token?: string) => {
  const at = Number(token ?? 0);
  return { items: ['a', 'b', 'c', 'd', 'e'].slice(at, at + 2), next: at + 2 < 5 ? String(at + 2) : undefined };
};

test('items come page after page, and no page more than is needed', async () => {
  const asked: (string | undefined)[] = [];
  const counted = (token?: string) => {
    asked.push(token);
    return letters(token);
  };
  expect(await take(paged(counted))).toEqual(['a', 'b', 'c', 'd', 'e']);
  expect(asked.splice(0)).toEqual([undefined, '2', '4']);
  expect(await take(paged(counted), 2)).toEqual(['a', 'b']);
  expect(await take(paged(counted), 0)).toEqual([]);
  expect(asked).toEqual([undefined]);
});

test('empty pages in between are passed over', async () => {
  const pages = [{ items: [], next: '1' }, { items: ['a'] }];
  expect(await take(paged(async (token) => pages[Number(token ?? 0)] ?? { items: [] }))).toEqual(['a']);
});

test('a server that answers a page with itself as the next is found out', async () => {
  await expect(take(paged(async () => ({ items: ['a'], next: 'x' })))).rejects.toMatchObject({ code: 'HTTP_ERROR' });
});
