/* Every address of the application, made in one place. */
import { toggleTerm } from '../model/filter';
import type { Pointer } from '../model/types';

export function projectsPath(): string {
  return '/';
}

export function runsPath(project: string): string {
  return `/p/${encodeURIComponent(project)}`;
}

/** The runs of one partition key. */
export function partitionPath(project: string, partition: string): string {
  return `${runsPath(project)}?${new URLSearchParams({ filter: toggleTerm('', 'partition', partition) }).toString()}`;
}

export function statusPath(): string {
  return '/status';
}

export function runPath(
  project: string,
  run: { readonly appId: string; readonly partitionKey: string | null },
  step: number | null = null,
): string {
  const query = new URLSearchParams();
  if (run.partitionKey !== null) query.set('partition', run.partitionKey);
  if (step !== null) query.set('step', String(step));
  const text = query.toString();
  return `/p/${encodeURIComponent(project)}/run/${encodeURIComponent(run.appId)}${text && `?${text}`}`;
}

export function pointerPath(project: string, pointer: Pointer): string {
  return runPath(project, pointer, pointer.sequenceId);
}
