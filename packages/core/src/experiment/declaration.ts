import { UserError } from '../system/user-error';
import type { Stage } from './define';

/** Option names that Nx or the runner read themselves. */
const reserved = new Set(
  `args batch check color command commands configuration cwd env envFile exclude forwardAllArgs graph help nxBail
  nxIgnoreCycles outputStyle parallel prod profile project readyWhen runner skipNxCache skipSync target targets tty tui
  tuiAutoExit usePty verbose version`.split(/\s+/),
);

/**
 * Checks what types cannot: names, profiles and dependencies. `siblings`: the package's experiments by name.
 * Throws UserError.
 */
export function checkDeclaration(name: string, experiment: Stage, siblings: ReadonlyMap<string, Stage>): void {
  checkOptions(experiment, siblings);
  for (const kind of ['needs', 'uses'] as const) {
    for (const [local, other] of Object.entries(experiment[kind])) {
      if (other === undefined) {
        throw new UserError(`${kind}.${local} is undefined; do two experiments import one another?`);
      }
      if (![...siblings.values()].includes(other)) {
        throw new UserError(`${kind}.${local} is not the default export of another file in this folder that loads`);
      }
      const missing = Object.keys(experiment.profiles).find((it) => it !== 'default' && !(it in other.profiles));
      if (missing !== undefined) {
        throw new UserError(`'${name}' has a profile '${missing}' that '${local}', which it ${kind}, does not have`);
      }
    }
  }
  checkProfiles(experiment, siblings);
}

function checkOptions({ options }: Stage, siblings: ReadonlyMap<string, Stage>): void {
  for (const [option, declared] of Object.entries(options)) {
    if (!/^[a-z][a-zA-Z0-9]*$/.test(option)) throw new UserError(`option '${option}' must be camelCase`);
    if (reserved.has(option) || /^no[A-Z]/.test(option)) {
      throw new UserError(`option '${option}' needs another name: Nx or the command line reads this one`);
    }
    for (const [sibling, { options: others }] of siblings) {
      const other = Object.hasOwn(others, option) ? others[option] : undefined;
      if (other !== undefined && other.valid !== declared.valid) {
        throw new UserError(
          `option '${option}' must mean the same in every experiment of a package: ${declared.valid} here, ${other.valid} in '${sibling}'`,
        );
      }
    }
    if (!declared.required) declared.check(declared.default, `the default of '${option}'`);
  }
}

function checkProfiles({ options, profiles }: Stage, siblings: ReadonlyMap<string, Stage>): void {
  for (const [profile, values] of Object.entries(profiles)) {
    if (!/^[a-z][a-z0-9-]*$/.test(profile)) {
      throw new UserError(
        `profile '${profile}' must be lower case letters, digits and dashes: it is an Nx configuration`,
      );
    }
    for (const [option, value] of Object.entries(values)) {
      const own = Object.hasOwn(options, option) ? options[option] : undefined;
      own?.check(value, `profile '${profile}': ${option}`);
      if (own === undefined && ![...siblings.values()].some((it) => Object.hasOwn(it.options, option))) {
        throw new UserError(`profile '${profile}' sets '${option}', which no experiment of this package has`);
      }
    }
  }
}
