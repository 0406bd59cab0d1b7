/* One colour for each action, the same in the list and in the graph. */
import type { Run } from '../../model/types';

const HUE_COUNT = 8;

export function actionHues(run: Run): ReadonlyMap<string, string> {
  const names = new Set([
    ...run.machine.actions.map((action) => action.name),
    ...run.steps.map((step) => step.action),
  ]);
  return new Map([...names].map((name, index) => [name, `var(--hue-${index % HUE_COUNT})`]));
}
