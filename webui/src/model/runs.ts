import type { RunSummary } from './types';

export function runKey(run: RunSummary): string {
  return JSON.stringify([run.partitionKey, run.appId]);
}

/** All runs of all pages, each once: a page may repeat a run when newer ones pushed it down meanwhile. */
export function mergePages(
  pages: readonly { readonly runs: readonly RunSummary[] }[],
): readonly RunSummary[] {
  const seen = new Map<string, RunSummary>();
  for (const run of pages.flatMap((page) => page.runs))
    if (!seen.has(runKey(run))) seen.set(runKey(run), run);
  return [...seen.values()];
}

export function filterRuns(runs: readonly RunSummary[], text: string): readonly RunSummary[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return words.length === 0
    ? runs
    : runs.filter((run) => {
        const hay = `${run.appId}\n${run.partitionKey ?? ''}`.toLowerCase();
        return words.every((word) => hay.includes(word));
      });
}
