/**
 * `npm run abuse`: everything that strangers may send, at once and for longer than the tests do.
 */
import { writeFileSync } from 'node:fs';
import { Command, InvalidArgumentError } from 'commander';
import { fuzzCommand } from './fuzz/command.ts';
import { listenersCommand } from './listeners/command.ts';
import { leaksIn } from './secrets/forms.ts';
import { tellEverything } from './secrets/scenario.ts';
import { printTable } from './table.ts';
import { findPrograms, provideHere } from '../support/run-servers.ts';

const program = new Command('abuse').description('Tries to break Slipway from outside, and says what held.');

program
  .command('fuzz')
  .description('feeds every parser with what nobody thought of, and keeps what reached new code')
  .option('--parser <name>', 'only this one')
  .option('--seconds <number>', 'how long each parser is tried', whole, 20)
  .option('--seed <number>', 'the same seed tries the same inputs', whole, 1)
  .option('--input <file>', 'only tries this input again')
  .option('--keep', 'keeps inputs that reached new code in test/abuse/corpus', false)
  .option('--json <file>', 'writes the results there')
  .action((options: { parser?: string; seconds: number; seed: number; input?: string; keep: boolean; json?: string }) =>
    finish(fuzzCommand({ ...options, parser: options.parser, input: options.input }), options.json),
  );

interface ListenersOptions {
  only?: string;
  seconds: number;
  connections: number;
  entry?: string;
  json?: string;
}

program
  .command('listeners')
  .description('attacks every listener of a running program, while honest clients of all of them are served')
  .option('--only <text>', 'only attacks and probes with this in their name')
  .option('--seconds <number>', 'how long each attack goes on', whole, 8)
  .option('--connections <number>', 'connections that say nothing, from one address', whole, 10_000)
  .option('--entry <file>', 'runs this program, for example dist/main.js after `npm run build`')
  .option('--json <file>', 'writes the results there')
  .action(async (options: ListenersOptions) => {
    const { only, seconds, connections, entry, json } = options;
    const { done, end } = await withServers();
    const scale = { connections, slow: 500, flooding: 20 };
    const run = listenersCommand({ only, seconds, scale, entry, mostMs: 1_000, done });
    await finish(
      run.then((found) => {
        printTable(found.rows);
        return found;
      }),
      json,
    ).finally(end);
  });

program
  .command('secrets')
  .description('gives a running program a secret of every kind, and looks for them in everything it tells')
  .option('--json <file>', 'writes the results there')
  .action(async ({ json }: { json?: string }) => {
    await withServers();
    const { places, secrets } = await tellEverything();
    const leaks = leaksIn(places, secrets);
    const rows = Object.entries(places).map(([place, text]) => ({ place, characters: text.length }));
    printTable(rows);
    for (const leak of leaks) process.stderr.write(`FAILED: ${leak}\n`);
    await finish(Promise.resolve({ rows: leaks.map((leak) => ({ leak })), failed: leaks.length }), json);
  });

/** What the tests start is found, or fetched, once; rows are told as they come. */
async function withServers() {
  provideHere(await findPrograms());
  return {
    done: (row: { attack: string; result: string }) => void process.stderr.write(`${row.attack}: ${row.result}\n`),
    end: () => {},
  };
}

async function finish(
  run: Promise<{ rows: readonly object[]; failed: number }>,
  json: string | undefined,
): Promise<void> {
  const { rows, failed } = await run;
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(rows, null, 2)}\n`);
  process.exitCode = failed > 0 ? 1 : 0;
}

function whole(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}

await program.parseAsync();
