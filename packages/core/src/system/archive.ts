import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { pathOf } from './file-name';
import { UserError } from './user-error';

interface ArchiveKind {
  readonly endings: readonly string[];
  /** The first bytes, as Latin-1. */
  readonly magic?: string;
  /** The command that unpacks `file` into the folder `to`. */
  readonly command: (file: string, to: string) => string;
}

const kinds: readonly ArchiveKind[] = [
  { endings: ['.tar.gz', '.tgz'], command: (file, to) => `mkdir ${to} && tar -xzf ${file} -C ${to}` },
  {
    endings: ['.tar', '.tar.bz2', '.tbz', '.tbz2', '.tar.xz', '.txz', '.tar.zst', '.tzst', '.tar.lz4'],
    command: (file, to) => `mkdir ${to} && tar -xf ${file} -C ${to}`,
  },
  { endings: ['.zip'], magic: 'PK\x03\x04', command: (file, to) => `unzip ${file} -d ${to}` },
  { endings: ['.7z'], magic: '7z\xbc\xaf\x27\x1c', command: (file, to) => `7z x ${file} -o${to}` },
  { endings: ['.rar'], magic: 'Rar!', command: (file, to) => `unrar x ${file} ${to}/` },
  { endings: ['.gz'], magic: '\x1f\x8b', command: (file) => `gunzip -k ${file}` },
  { endings: ['.bz2'], magic: 'BZh', command: (file) => `bunzip2 -k ${file}` },
  { endings: ['.xz'], magic: '\xfd7zXZ', command: (file) => `unxz -k ${file}` },
  { endings: ['.zst'], magic: '\x28\xb5\x2f\xfd', command: (file) => `unzstd -k ${file}` },
];

/** The command that unpacks a file, if its name or its first bytes are an archive's. */
export function unpackCommand(file: string): string | undefined {
  const name = basename(file);
  const lower = name.toLowerCase();
  // The longest ending counts: `.tar.gz` before `.gz`.
  const byName = kinds
    .flatMap((kind) => kind.endings.filter((ending) => lower.endsWith(ending)).map((ending) => ({ kind, ending })))
    .sort((a, b) => b.ending.length - a.ending.length)[0];
  const stem = byName ? name.slice(0, -byName.ending.length) : name;
  const kind = byName?.kind ?? kindByContent(file);
  const to = join(dirname(file), byName ? stem || 'data' : `${name}.unpacked`);
  return kind?.command(quoted(file), quoted(to));
}

function kindByContent(file: string): ArchiveKind | undefined {
  const start = firstBytes(file);
  return kinds.find(({ magic }) => magic !== undefined && start.startsWith(magic));
}

function firstBytes(file: string): string {
  try {
    const handle = openSync(pathOf(file), 'r');
    try {
      const bytes = Buffer.alloc(8);
      return bytes.toString('latin1', 0, readSync(handle, bytes, 0, 8, 0));
    } finally {
      closeSync(handle);
    }
  } catch {
    return '';
  }
}

const quoted = (path: string): string => (/^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replace(/'/g, `'\\''`)}'`);

export const isFolder = (path: string): boolean => statOf(path)?.isDirectory() === true;
export const isFile = (path: string): boolean => statOf(path)?.isFile() === true;

/**
 * The error for a path that should be a folder: it is missing, an archive, or another file.
 * @param option the option that gave the path: `--data`
 */
export function notAFolder(path: string, option?: string): UserError {
  const [as, exitCode] = option === undefined ? [path, 1 as const] : [`${option}=${path}`, 2 as const];
  const stats = statOf(path);
  if (!stats) return new UserError(missing(path, 'folder', option), exitCode);
  const command = stats.isFile() ? unpackCommand(path) : undefined;
  if (command !== undefined && !isOneFile(command)) {
    return new UserError(`${as} is an archive and not a folder: unpack it (${command}) and give the folder.`, exitCode);
  }
  const kind = command === undefined ? (kindOf(path) ?? 'file') : 'compressed file';
  return new UserError(`${as} is a ${kind} and not a folder: give the folder, such as ${dirname(path)}.`, exitCode);
}

/** Whether a command only unpacks one file, which may be read as it is: `gunzip -k x.gz`. */
const isOneFile = (command: string): boolean => / -k /.test(command);

/** The error for a path that should be a file: it is missing, a folder, or a device. */
export function notAFile(path: string, option: string): UserError {
  const kind = kindOf(path);
  return new UserError(
    kind === undefined ? missing(path, 'file', option) : `${option}=${path} is a ${kind} and not a file`,
  );
}

/** What is at a path, in a word; undefined where nothing is. */
function kindOf(path: string): string | undefined {
  const stats = statOf(path);
  if (!stats) return undefined;
  if (stats.isDirectory()) return 'folder';
  if (stats.isCharacterDevice() || stats.isBlockDevice()) return 'device';
  if (stats.isFIFO()) return 'pipe';
  return stats.isSocket() ? 'socket' : 'file';
}

/** A command line cannot hold bytes that are not UTF-8: Node.js replaces them by U+FFFD. */
function missing(path: string, kind: string, option: string | undefined): string {
  const hint = path.includes('\ufffd')
    ? '; a name that is not UTF-8 cannot be given on the command line: make a link to it with another name'
    : '';
  return option === undefined ? `There is no folder ${path}${hint}.` : `${option}: there is no ${kind} ${path}${hint}`;
}

function statOf(path: string) {
  try {
    return statSync(pathOf(path), { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}
