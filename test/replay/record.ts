/**
 * Records the histories in `test/histories/`: plays the stories of `stories.ts` with today's workflows on a dev server
 * of its own. `replay.test.ts` replays them on whatever the workflows have become since.
 *
 *     node --import tsx test/replay/record.ts             what is not recorded yet
 *     node --import tsx test/replay/record.ts <name> ...  these again
 *     node --import tsx test/replay/record.ts --all       everything again
 *
 * Add a story when a workflow gets a new path. Record one again only while no released version can have executions of
 * it that are still running; from then on a change that does not fit needs `patched` in the workflow, and the old
 * history stays to prove it. What tells of the machine it was recorded on is taken out.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { loadConfig } from '../../config.ts';
import { loadWorkflowBundle } from '../../workflow-bundle.ts';
import { startRunServers } from '../support/run-servers.ts';
import { STORIES, type Run, type Stage } from './stories.ts';

const FOLDER = fileURLToPath(new URL('../histories', import.meta.url));
const IDENTITY = 'slipway';
const TASK_QUEUE = 'slipway';

const run = promisify(execFile);
const fileOf = (name: string) => join(FOLDER, `${name}.json`);

/** Names given on the command line; without any, those that have no file. */
function chosen(args: readonly string[]): string[] {
  const names = Object.keys(STORIES);
  if (args.includes('--all')) return names;
  if (args.length === 0) return names.filter((name) => !existsSync(fileOf(name)));
  const unknown = args.filter((name) => !names.includes(name));
  if (unknown.length > 0) throw new Error(`there is no story ${unknown.join(', ')}; there are ${names.join(', ')}`);
  return [...args];
}

async function record(names: readonly string[]): Promise<void> {
  Runtime.install({ logger: new DefaultLogger('ERROR'), shutdownSignals: [] });
  const { context, stop } = await startRunServers();
  const address = context.temporalAddress;
  const [connection, native] = await Promise.all([
    Connection.connect({ address }),
    NativeConnection.connect({ address }),
  ]);
  const workflowBundle = await loadWorkflowBundle(loadConfig().cacheDir);
  const stage: Stage = {
    client: new Client({ connection, identity: IDENTITY }),
    withWorker: async (activities, work) => {
      const worker = await Worker.create({
        connection: native,
        identity: IDENTITY,
        taskQueue: TASK_QUEUE,
        workflowBundle,
        activities,
      });
      return worker.runUntil(() => work(TASK_QUEUE));
    },
  };
  try {
    const show = async ({ workflowId, runId }: Run) => {
      const target = ['--address', address, '--workflow-id', workflowId, '--run-id', runId];
      const { stdout } = await run(context.temporalCliPath, ['workflow', 'show', ...target, '--output', 'json'], {
        maxBuffer: 1e8,
      });
      return JSON.parse(stdout, withoutMachine) as { events: unknown[] };
    };
    for (const name of names) {
      for (const [index, execution] of (await STORIES[name]!(stage)).entries()) {
        keep(index === 0 ? name : `${name}-${index + 1}`, await show(execution));
      }
    }
  } finally {
    await Promise.all([connection.close(), native.close()]);
    await stop();
  }
}

function keep(name: string, history: { events: unknown[] }): void {
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(fileOf(name), `${JSON.stringify(history, null, 1)}\n`);
  process.stdout.write(`${name}: ${history.events.length} events\n`);
}

/** Who ran it and where its code lay is nobody's business. */
function withoutMachine(key: string, value: unknown): unknown {
  if (key === 'identity') return IDENTITY;
  if (key === 'stackTrace') return '';
  return value;
}

await record(chosen(process.argv.slice(2)));
