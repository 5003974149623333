/**
 * Checks that files can be written in the folder for temporary files, and makes the path of its variable absolute.
 * Turns off the cache of compiled TypeScript (SWC_NODE_CACHE) if only that cannot be written.
 * @returns a sentence that names the variable, or undefined
 */
export function prepareTemporaryFolder(environment: NodeJS.ProcessEnv): string | undefined;
