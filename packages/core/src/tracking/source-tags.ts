import { userInfo } from 'node:os';
import { git } from '../system/git';

/**
 * The tags by which MLflow's interface shows where a run came from: user, Nx target, git commit, branch and remote.
 * MLflow's own Python client sets them; a client of its REST interface has to do it itself. What git cannot tell (no
 * git, no repository, no commit, no remote) is left out.
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

/** A remote's address without the user name and token that it may carry. */
export function withoutCredentials(remote: string): string {
  return remote.replace(/^(\w+:\/\/)[^@/]*@/, '$1');
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run under a number that no account has.
    return process.env.USER ?? 'unknown';
  }
}
