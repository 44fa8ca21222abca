/**
 * The named steps of the program, by their real names: activities as they are registered with the worker, what gateways
 * ask of the rest of the program, what is asked of Temporal, calls to platforms and to a MOM, and the writes of the API.
 * `steps.ts` says of each whether the matrix goes through it; a test compares the two.
 */
import { createActivities } from '../../activities/index.ts';
import { Executions } from '../../api/executions/executions.ts';
import { Inbound } from '../../api/inbound/inbound.ts';
import { InboundCommands } from '../../api/inbound/inbound-commands.ts';
import { MomInbound } from '../../api/factory/mom-inbound.ts';
import { routes } from '../../api/routes/index.ts';
import { MomClient } from '../../gateways/mom/client.ts';
import { TracksolidClient } from '../../gateways/tracksolid/client.ts';

/** A class whose methods are steps. */
export interface SteppedClass {
  /** What the names of its steps begin with. */
  label: string;
  prototype: object;
  /** Methods that return at once and are written later, or that only start and stop it: no steps. */
  none: readonly string[];
}

export const STEPPED_CLASSES: readonly SteppedClass[] = [
  {
    label: 'host',
    prototype: Inbound.prototype,
    none: ['listen', 'start', 'stop', 'business', 'badFrame', 'progress', 'seen', 'connected', 'stranger'],
  },
  { label: 'commands', prototype: InboundCommands.prototype, none: ['start', 'stop'] },
  { label: 'mom', prototype: MomInbound.prototype, none: ['start', 'stop', 'admit', 'record'] },
  { label: 'temporal', prototype: Executions.prototype, none: ['executionUrl', 'check', 'signal', 'query'] },
  { label: 'platform', prototype: TracksolidClient.prototype, none: ['call'] },
  { label: 'agent', prototype: MomClient.prototype, none: ['close'] },
];

/** The names of a class's methods that are steps, inherited ones too. */
export function stepsOf({ prototype, none }: SteppedClass): string[] {
  const names = new Set<string>();
  for (let level = prototype; level !== Object.prototype; level = Object.getPrototypeOf(level) as object) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(level))) {
      if (typeof value === 'function' && name !== 'constructor' && !none.includes(name)) names.add(name);
    }
  }
  return [...names];
}

/** Every step there is, as `<label> <name>`. */
export function inventory(): string[] {
  // Nothing is called, so nothing is needed.
  const activities = createActivities({} as Parameters<typeof createActivities>[0]);
  return [
    ...Object.keys(activities).map((name) => `activity ${name}`),
    ...STEPPED_CLASSES.flatMap((each) => stepsOf(each).map((name) => `${each.label} ${name}`)),
    ...routes.filter(({ method }) => method !== 'get').map(({ id }) => `route ${id}`),
  ].toSorted();
}
