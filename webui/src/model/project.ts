import type { Activity, Projects } from './api';

export type Project = Projects['projects'][number];
export type ProjectKind = 'demo' | 'test' | 'own';

export function projectKind(name: string): ProjectKind {
  if (name.startsWith('demo_')) return 'demo';
  return name.startsWith('test_') ? 'test' : 'own';
}

export type ProjectSort = 'activity' | 'name' | 'runs' | 'failed';

export function arrangeProjects(
  projects: readonly Project[],
  filter: string,
  sort: ProjectSort,
): readonly Project[] {
  const wanted = filter.trim().toLowerCase();
  const byName = (a: Project, b: Project) => a.name.localeCompare(b.name, 'en', { numeric: true });
  const order: Readonly<Record<ProjectSort, (a: Project, b: Project) => number>> = {
    name: byName,
    runs: (a, b) => b.run_count - a.run_count || byName(a, b),
    failed: (a, b) => troubled(b) - troubled(a) || byName(a, b),
    activity: (a, b) => b.last_activity.localeCompare(a.last_activity) || byName(a, b),
  };
  return projects.filter((project) => project.name.toLowerCase().includes(wanted)).sort(order[sort]);
}

/** Runs that ended badly: with an exception, or with their process. */
function troubled(project: Project): number {
  return project.statuses.failed + project.statuses.lost;
}

export interface Day {
  readonly runCount: number;
  readonly failedCount: number;
  /** By the hour, the present one last. */
  readonly hours: readonly { readonly runCount: number; readonly failedCount: number }[];
}

const HOUR_MS = 3_600_000;
export const DAY_HOURS = 24;

/** When a project was active in the last day, of the hours in which any was. */
export function dayOf(activity: Activity, project: string): Day {
  const start = Date.parse(activity.from);
  const own = activity.hours.filter((hour) => hour.project === project);
  const hours = Array.from({ length: DAY_HOURS }, (_none, index) => {
    const hour = own.find(({ from }) => Math.round((Date.parse(from) - start) / HOUR_MS) === index);
    return { runCount: hour?.run_count ?? 0, failedCount: hour?.failed_count ?? 0 };
  });
  const sum = (key: 'runCount' | 'failedCount') => hours.reduce((total, hour) => total + hour[key], 0);
  return { runCount: sum('runCount'), failedCount: sum('failedCount'), hours };
}
