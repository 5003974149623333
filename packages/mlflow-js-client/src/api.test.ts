import { paged, take } from './api';

const letters = async (token?: string) => {
  const at = Number(token ?? 0);
  return { items: ['a', 'b', 'c', 'd', 'e'].slice(at, at + 2), next_page_token: at + 2 < 5 ? String(at + 2) : '' };
};
const itemsOf = ({ items }: { items: string[] }) => items;

test('all items arrive, and no page is fetched before it is needed', async () => {
  const asked: (string | undefined)[] = [];
  const counted = (token?: string) => {
    asked.push(token);
    return letters(token);
  };
  expect(await take(paged(counted, itemsOf))).toEqual(['a', 'b', 'c', 'd', 'e']);
  expect(asked.splice(0)).toEqual([undefined, '2', '4']);
  expect(await take(paged(counted, itemsOf), 2)).toEqual(['a', 'b']);
  expect(await take(paged(counted, itemsOf), 0)).toEqual([]);
  expect(asked).toEqual([undefined]);
});

test('empty pages are skipped', async () => {
  const pages = [{ items: [], next_page_token: '1' }, { items: ['a'] }];
  const fetchPage = async (token?: string) => pages[Number(token ?? 0)] ?? { items: [] };
  expect(await take(paged(fetchPage, itemsOf))).toEqual(['a']);
});

test('a server that repeats a page for ever is detected', async () => {
  const same = async () => ({ items: ['a'], next_page_token: 'x' });
  await expect(take(paged(same, itemsOf))).rejects.toMatchObject({ code: 'HTTP_ERROR' });
});
