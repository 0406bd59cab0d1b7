/* Every address of the application, made in one place. */
import { toggleTerm } from '../model/filter';
import type { RunPointer } from '../model/pointer';

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

export function filePath(): string {
  return '/file';
}

export function runPath(project: string, appId: string, step: number | null = null): string {
  const query = step === null ? '' : `?step=${step}`;
  return `/p/${encodeURIComponent(project)}/run/${encodeURIComponent(appId)}${query}`;
}

export function pointerPath(project: string, pointer: RunPointer): string {
  return runPath(project, pointer.appId, pointer.sequenceId);
}
