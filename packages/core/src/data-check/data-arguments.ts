import { readCommand } from '../experiment/arguments';
import { commandHelp } from '../experiment/command';
import { flag, integer, oneOf, optional, text } from '../experiment/option';
import { didYouMean } from '../system/did-you-mean';
import { UserError } from '../system/user-error';

const dataActions = ['check', 'example', 'pack', 'verify'] as const;

const definition = (project: string, kinds: readonly [string, ...string[]]) => ({
  summary: 'Check, imitate or pack a public data set as it is distributed',
  usage: `${project}:data -- [check|example|pack|verify] [--option=value ...]`,
  options: {
    data: optional(
      text({ placeholder: 'DIR', valid: 'a folder', help: 'folder of the data set; HEADSHARE_DATA moves the default' }),
      `data/${project}`,
    ),
    kind: optional(oneOf(kinds, kinds[0], { help: 'format' }), 'as the folder looks'),
    out: optional(
      text({ placeholder: 'DIR', valid: 'a folder', help: 'folder that example, pack and verify work on' }),
    ),
    sample: optional(integer({ min: 1, help: 'images of each split to look into' }), 'all'),
    whole: flag({ help: 'decode whole images, not just their headers' }),
    sheet: optional(text({ placeholder: 'FILE', valid: 'a file', help: 'PNG file to draw some of the images into' })),
    cache: optional(
      text({ placeholder: 'DIR', valid: 'a folder', help: 'folder for lists of files' }),
      '.headshare beside the data',
    ),
    shardMegabytes: optional(integer({ min: 1, help: 'size of packed files in MB' }), '1024'),
  },
});

const actions = `Actions
  check    list the contents of a folder, and what is missing (the default)
  example  write a tiny data set in the same layout into --out
  pack     pack the images into a few large files in --out
  verify   compare packed files in --out with their checksums`;

export type DataArguments = ReturnType<typeof readDataArguments>;

/** `help`: the text of `--help`, if it is given. @throws UserError for an unknown action or option and invalid values */
export function readDataArguments(argv: readonly string[], project: string, kinds: readonly [string, ...string[]]) {
  const command = definition(project, kinds);
  const { help, values, words } = readCommand(argv, command.options, 1);
  const [word = 'check'] = words;
  const action = dataActions.find((it) => it === word);
  if (!action) throw new UserError(`unknown action '${word}'; ${didYouMean(word, dataActions)}`);
  return { ...values, action, ...(help && { help: commandHelp(command, [actions]) }) };
}
