/* What a change tells, brought into an answer of before. Each function gives null where the change does not tell all of it, and the same
 * answer where it tells nothing of it. */
import type { Changed, ProjectDelta, Projects, Run, RunDelta, Runs, RunSummary, Steps } from './api';

/** What has become of a run, of a change of its topic; null: that cannot be told, or the run is gone. */
export function runDelta({ delta }: Changed): (RunDelta & { readonly run: RunSummary }) | null {
  return delta !== null && 'steps' in delta && delta.run !== null ? { ...delta, run: delta.run } : null;
}

/** What has become of a project's runs; null: that is not told, or the project is gone. */
export function projectDelta({ delta, refetch }: Changed): ProjectDelta | null {
  return delta !== null && 'runs' in delta && delta.project !== null && !refetch ? delta : null;
}

export function withProjects(answer: Projects, { delta, refetch }: Changed): Projects | null {
  if (delta === null || !('projects' in delta) || refetch) return null;
  const changed = new Set([...delta.gone, ...delta.projects.map((project) => project.name)]);
  const others = answer.projects.filter((project) => !changed.has(project.name));
  return { ...answer, projects: [...delta.projects, ...others] };
}

/** The run with its row as it is now. How often it took which action is not told. */
export function withRow(run: Run, change: Changed): Run | null {
  const delta = runDelta(change);
  return delta && { ...run, ...delta.run };
}

/** Steps from number `first` on, `size` of them at most. */
export interface StepRange {
  readonly first: number;
  readonly size: number;
}

export function withSteps(page: Steps, change: Changed, { first, size }: StepRange): Steps | null {
  const delta = runDelta(change);
  if (delta === null) return null;
  const count = Math.min(Math.max(delta.run.step_count - first, 0), size);
  const told = delta.steps.filter(({ number }) => number >= first && number < first + count);
  const [from, to] = [Math.max(delta.from ?? 0, first), Math.min(delta.to ?? 0, first + count)];
  if (change.refetch && to - from > told.length) return null;
  if (told.length === 0 && page.steps.length === count) return page;
  const steps = page.steps.slice(0, count);
  for (const step of told) {
    if (step.number - first > steps.length) return null;
    steps[step.number - first] = step;
  }
  return steps.length === count ? { ...page, step_count: delta.run.step_count, steps } : null;
}

/** The app_id of the run that it was spawned by or forked from; null: it has none. */
export function parentOf({ parent, spawning_parent: spawner }: RunSummary): string | null {
  const id = (spawner ?? parent)?.app_id;
  return typeof id === 'string' ? id : null;
}

/** The children of `parent`, the first to start first. */
export function withChildren(answer: Runs, change: Changed, parent: string): Runs | null {
  const delta = projectDelta(change);
  if (delta === null) return null;
  const rows = delta.runs.filter((run) => parentOf(run) === parent);
  const changed = new Set([...delta.gone, ...delta.runs.map((run) => run.app_id)]);
  if (rows.length === 0 && !answer.runs.some((run) => changed.has(run.app_id))) return answer;
  const others = answer.runs.filter((run) => !changed.has(run.app_id));
  if (answer.next !== null && others.length + rows.length !== answer.runs.length) return null;
  const runs = [...others, ...rows].sort((a, b) => a.started.localeCompare(b.started));
  return { ...answer, runs };
}
