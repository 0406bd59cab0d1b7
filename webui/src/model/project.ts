import type { Projects } from './api';

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
