import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { replay } from '../support/temporal.ts';
import { STORIES } from './stories.ts';

interface HistoryEvent {
  eventType: string;
  [attributes: string]: unknown;
}

interface History {
  events: HistoryEvent[];
}

const FOLDER = fileURLToPath(new URL('../histories', import.meta.url));
const names = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.json'))
  .map((file) => file.replace('.json', ''));

const textOf = (name: string) => readFileSync(`${FOLDER}/${name}.json`, 'utf8');
const read = (name: string) => JSON.parse(textOf(name)) as History;

function workflowIdOf({ events: [started] }: History): string {
  const attributes = started?.['workflowExecutionStartedEventAttributes'] as { workflowId: string };
  return attributes.workflowId;
}

describe("yesterday's executions go on with today's workflows", () => {
  it.each(names)('%s', async (name) => {
    const history = read(name);
    await replay(history, workflowIdOf(history));
  });

  it('in every story that is told', () => {
    for (const name of Object.keys(STORIES)) expect(names).toContain(name);
  });
});

describe('a history that does not fit is noticed', () => {
  /** Another workflow than the one that was recorded: the same history with one thing changed. */
  const changed = (name: string, change: (event: HistoryEvent) => HistoryEvent | null) => {
    const history = read(name);
    return { events: history.events.map(change).filter((event) => event !== null) };
  };
  const inText = (from: string, to: string) => (event: HistoryEvent) =>
    JSON.parse(JSON.stringify(event).replaceAll(from, to)) as HistoryEvent;

  it.each<[string, string, (event: HistoryEvent) => HistoryEvent | null]>([
    ['a step of another name', 'task-simple', inText('dispatchUpgrades', 'dispatchDevices')],
    ['a timer less', 'upgrade-two-files', (event) => (event.eventType === 'EVENT_TYPE_TIMER_STARTED' ? null : event)],
    [
      'a step in between',
      'upgrade-two-files',
      (event) =>
        event.eventType === 'EVENT_TYPE_MARKER_RECORDED' ? { ...event, eventType: 'EVENT_TYPE_TIMER_CANCELED' } : event,
    ],
  ])('%s', async (_, name, change) => {
    const history = changed(name, change);
    await expect(replay(history, workflowIdOf(history))).rejects.toThrow();
  });
});

it('nothing tells of the machine on which it was recorded', () => {
  for (const name of names) {
    const text = textOf(name);
    const payloads = [...text.matchAll(/"data": "([^"]*)"/g)].map(([, data]) =>
      Buffer.from(data!, 'base64').toString(),
    );
    for (const said of [text, ...payloads]) {
      expect(said).not.toMatch(/node_modules|file:\/\/|\/(?:home|root|tmp|usr|var|Users|opt)\//);
      expect(said).not.toMatch(/"stackTrace": "[^"]/);
    }
    for (const [, identity] of text.matchAll(/"identity": "([^"]*)"/g)) expect(identity).toBe('slipway');
  }
});
