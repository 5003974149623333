/**
 * Checks that files can be written in the folder for temporary files, and makes the path of its variable absolute.
 * @returns a sentence that names the variable, or undefined
 */
export function prepareTemporaryFolder(environment: NodeJS.ProcessEnv): string | undefined;
