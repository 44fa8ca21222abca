/**
 * What every command gets: where to print, and the API it is logged in to.
 */
import { InvalidArgumentError, type Command } from 'commander';
import { Api } from './api.ts';
import { Output } from './output.ts';
import { findLogin } from './settings.ts';

export interface Context {
  out: Output;
  api: Api;
}

interface Globals {
  json?: boolean;
  quiet?: boolean;
  url?: string;
}

/** A command's action: gets its arguments and options behind the context; what it returns is the exit code. */
export function runs<Args extends unknown[]>(act: (context: Context, ...args: Args) => Promise<number | void>) {
  return runsAnywhere((context, ...args: Args) =>
    act({ out: context.out, api: new Api(findLogin(context.url)) }, ...args),
  );
}

/** The same for commands that need no login. */
export function runsAnywhere<Args extends unknown[]>(
  act: (context: { out: Output; url: string | undefined }, ...args: Args) => Promise<number | void>,
) {
  return async (...given: unknown[]): Promise<void> => {
    const command = given.at(-1) as Command;
    const globals = command.optsWithGlobals<Globals>();
    const out = new Output(globals);
    try {
      process.exitCode = (await act({ out, url: globals.url }, ...(given.slice(0, -1) as Args))) ?? 0;
    } catch (error) {
      process.exitCode = out.failure(error);
    }
  };
}

/** A whole number, for options and arguments. */
export function integer(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}

/** A number above 0. */
export function positive(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value <= 0) {
    throw new InvalidArgumentError('It must be a number above 0.');
  }
  return value;
}

/** An option that may be given several times, or once with commas. */
export function several(text: string, before: string[] = []): string[] {
  return [...before, ...text.split(',').map((each) => each.trim())].filter((each) => each !== '');
}
