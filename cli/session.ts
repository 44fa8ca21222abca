/**
 * Logging in, out, and who one is.
 */
import type { Command } from 'commander';
import { Api } from './api.ts';
import { runs, runsAnywhere } from './context.ts';
import { Failure } from './failures.ts';
import { configPath, fromEnvironment, isExposed, readLogin, readUrl, removeLogin, saveLogin } from './settings.ts';
import type { Me } from './shapes.ts';
import { ask, askHidden, canAsk, readPipedLine } from './terminal.ts';

const DEFAULT_URL = 'http://127.0.0.1:8080';

export function addSessionCommands(program: Command): void {
  program
    .command('login')
    .description('keep the address and an API key for all later commands')
    .addHelpText(
      'after',
      `
The key is asked for and not shown, read from stdin when that is a pipe, or taken from SLIPWAY_KEY;
never from the command line, where every user of the machine can read it.
It is checked, and kept in ${configPath()} for your eyes only.`,
    )
    .action(
      runsAnywhere(async ({ out, url: urlOption }) => {
        const url = readUrl(urlOption ?? fromEnvironment().url ?? (await askUrl()));
        const key = fromEnvironment().key ?? (await askKey(url));
        if (isExposed(url)) out.note(`warning: ${url} is not encrypted; everybody on the way can read the key.`);
        const me = await new Api({ url, key }).get<Me>('/me');
        const path = saveLogin({ url, key });
        if (out.isJson) out.document({ url, ...me });
        out.say(`You are ${me.name} of ${me.department.name} at ${url}. Kept in ${path}.`);
      }),
    );

  program
    .command('logout')
    .description('forget the address and the key; the key itself goes on to work')
    .action(
      runsAnywhere(async ({ out }) => {
        const wasThere = removeLogin();
        if (out.isJson) out.document({ forgotten: wasThere });
        out.say(
          wasThere ? 'Forgotten. Who holds the key can still use it: revoke it to end that.' : 'Nothing was kept.',
        );
      }),
    );

  program
    .command('whoami')
    .description('whose key is used, where, and what it may do')
    .action(
      runs(async ({ out, api }) => {
        const me = await api.get<Me>('/me');
        if (out.isJson) return out.document({ url: api.url, ...me });
        out.facts([
          ['name', me.name],
          ['department', me.department.name],
          ['may', me.permissions.join(', ') || 'nothing'],
          ['address', api.url],
        ]);
        out.essence(me.name);
      }),
    );
}

async function askUrl(): Promise<string> {
  if (!canAsk()) throw new Failure('Say where Slipway is: --url https://slipway.example.com, or SLIPWAY_URL.');
  return ask('Address of Slipway', storedUrl() ?? DEFAULT_URL);
}

/** The address logged in to before, if what is stored can be read. */
function storedUrl(): string | undefined {
  try {
    return readLogin()?.url;
  } catch {
    return undefined;
  }
}

async function askKey(url: string): Promise<string> {
  const key = canAsk() ? await askHidden(`API key for ${url} (not shown):`) : await readPipedLine();
  if (key === '') throw new Failure('No key was given. An administrator makes one; it begins with swk_.');
  if (!/^[\u0021-\u007e]+$/.test(key)) throw new Failure('This is no API key; one begins with swk_ and has no blanks.');
  return key;
}
