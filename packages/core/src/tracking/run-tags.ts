import { userInfo } from 'node:os';
import { hideSecrets } from 'mlflow-js-client';
import { git } from '../system/git';

/** Holds the journal's id: finds the run again when the answer to its creation, or `journal.sent.json`, is lost. */
export const journalTag = 'headshare.journal';

/** Holds the id of the parent run's journal: the server may not have the parent yet. */
export const parentTag = 'headshare.parent';

/** Holds the key of the run. */
export const keyTag = 'headshare.key';

/** The environment variable that passes the parent's journal id to the process of a child run. */
export const parentVariable = 'HEADSHARE_PARENT_RUN';

/**
 * The tags from which MLflow's interface shows a run's origin: user, Nx target, git commit, branch and remote. MLflow's
 * Python client sets them itself, its REST API does not. Tags that git has no value for (no repository, no remote) are
 * left out.
 */
export async function sourceTags(target: string, folder: string): Promise<Record<string, string>> {
  const [commit, branch, remote] = await Promise.all([
    git(folder, 'rev-parse', 'HEAD'),
    git(folder, 'symbolic-ref', '--short', 'HEAD'),
    git(folder, 'remote', 'get-url', 'origin'),
  ]);
  return {
    'mlflow.user': userName(),
    'mlflow.source.type': 'LOCAL',
    'mlflow.source.name': target,
    ...(commit && { 'mlflow.source.git.commit': commit }),
    ...(branch && { 'mlflow.source.git.branch': branch }),
    ...(remote && { 'mlflow.source.git.repoURL': withoutCredentials(remote) }),
  };
}

/** A remote's address without the user name and token that it may contain. */
export const withoutCredentials = (remote: string): string =>
  hideSecrets(remote).replace(/^([a-z][a-z\d+.-]*:\/\/)\*\*\*@/i, '$1');

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run under a user id without an account.
    return process.env.USER ?? 'unknown';
  }
}
