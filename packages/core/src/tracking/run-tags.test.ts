import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sourceTags, withoutCredentials } from './run-tags';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'headshare-git-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

test('a run is tagged with its commit, branch and repository, without the token of the remote', async () => {
  const git = (...args: string[]) => execFileSync('git', ['-C', folder, ...args], { encoding: 'utf8' }).trim();
  git('init', '-q', '-b', 'main');
  const author = ['-c', 'user.name=a', '-c', 'user.email=a@example.org', '-c', 'commit.gpgsign=false'];
  git(...author, 'commit', '-q', '--allow-empty', '-m', 'first');
  git('remote', 'add', 'origin', 'https://ann:secret@example.org/faces.git');
  expect(await sourceTags('face:distill', folder)).toEqual({
    'mlflow.user': expect.any(String),
    'mlflow.source.type': 'LOCAL',
    'mlflow.source.name': 'face:distill',
    'mlflow.source.git.commit': git('rev-parse', 'HEAD'),
    'mlflow.source.git.branch': 'main',
    'mlflow.source.git.repoURL': 'https://example.org/faces.git',
  });
});

test('outside a repository there are no git tags', async () => {
  expect(Object.keys(await sourceTags('face:distill', folder)).sort()).toEqual([
    'mlflow.source.name',
    'mlflow.source.type',
    'mlflow.user',
  ]);
});

test('a remote over ssh is unchanged', () => {
  expect(withoutCredentials('git@example.org:a/b.git')).toBe('git@example.org:a/b.git');
});
