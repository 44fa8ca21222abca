/**
 * The command line: `slipway <area> <command>`. Talks to the API over HTTP and to nothing else, so it works from any
 * machine that reaches it. Results go to stdout, everything else to stderr; the exit codes are in `failures.ts`.
 */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { addAttentionCommands } from './attention.ts';
import { addCommandCommands } from './commands.ts';
import { addDeviceCommands } from './devices.ts';
import { addFirmwareCommands } from './firmware.ts';
import { addSessionCommands } from './session.ts';
import { addTaskCommands } from './tasks.ts';

const program = new Command('slipway')
  .description('Upgrades devices: registers them, uploads firmware, plans, makes and watches tasks.')
  .version(version(), '-V, --version')
  .option('--json', 'print JSON: one document, or one per line for what streams')
  .option('-q, --quiet', 'print nothing but the one thing a script wants, for example the id')
  .option('--url <address>', 'address of the API instead of the one logged in to (or SLIPWAY_URL, with SLIPWAY_KEY)')
  .addHelpText(
    'after',
    `
Exit codes: 0 done, 1 refused or failed, 2 a watched task ended with devices that did not succeed,
            3 Slipway cannot be reached, 4 not logged in or not allowed, 130 interrupted.`,
  )
  .showHelpAfterError('(add --help to see what is possible)');

addSessionCommands(program);
addDeviceCommands(program);
addFirmwareCommands(program);
addTaskCommands(program);
addAttentionCommands(program);
addCommandCommands(program);

// `slipway … | head` closes the pipe: that is not an error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

// No await here: the source is loaded by require.
void program.parseAsync();

/** The nearest package.json: beside this folder, or beside `dist`. */
function version(): string {
  for (const path of ['../package.json', '../../package.json']) {
    try {
      return (JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as { version: string }).version;
    } catch {
      // the other place
    }
  }
  return 'unknown';
}
