import type { Project, ProjectKind } from './types';

export function projectKind(name: string): ProjectKind {
  if (name.startsWith('demo_')) return 'demo';
  return name.startsWith('test_') ? 'test' : 'own';
}

export type ProjectSort = 'activity' | 'name' | 'runs';

export function arrangeProjects(
  projects: readonly Project[],
  filter: string,
  sort: ProjectSort,
): readonly Project[] {
  const wanted = filter.trim().toLowerCase();
  const byName = (a: Project, b: Project) => a.name.localeCompare(b.name, 'en', { numeric: true });
  const order: Readonly<Record<ProjectSort, (a: Project, b: Project) => number>> = {
    name: byName,
    runs: (a, b) => b.runCount - a.runCount || byName(a, b),
    activity: (a, b) => (b.lastActivity?.us ?? 0) - (a.lastActivity?.us ?? 0) || byName(a, b),
  };
  return projects.filter((project) => project.name.toLowerCase().includes(wanted)).sort(order[sort]);
}
