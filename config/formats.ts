/**
 * What a setting is and how its text is read: one format per kind of value, each with the words that tell people what to write. Which settings
 * there are, and what they mean, is in `config.ts`.
 */
import { accessSync, constants } from 'node:fs';
import { resolve } from 'node:path';

export const roles = ['api', 'worker', 'gateway'] as const;
export type Role = (typeof roles)[number];

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/** How the text of a variable is read; `parse` throws a `TypeError` whose message completes the sentence `"<text>" …`. */
export interface Format<T> {
  /** The sentence for people: what to write. */
  text: string;
  example: string;
  parse: (text: string) => T;
}

// ── variables ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** One environment variable. */
export interface Variable<T, Default extends T | undefined = T | undefined> {
  meaning: string;
  format: Format<T>;
  /** Undefined: not set unless someone sets it. */
  default: Default;
  /** The default in words, where it depends on something else. */
  defaultText?: string;
  /** Never printed, not even in an error. */
  secret?: boolean;
}

/** What a table of variables gives, by their names. */
export type ValuesOf<Variables> = {
  [Name in keyof Variables]: Variables[Name] extends Variable<infer T, infer Default> ? T | Default : never;
};

/** A variable with a default. */
export function variable<T>(
  meaning: string,
  format: Format<T>,
  value: T,
  more: { defaultText?: string } = {},
): Variable<T, T> {
  return { meaning, format, default: value, ...more };
}

/** A variable that is undefined unless someone sets it. */
export function optional<T>(
  meaning: string,
  format: Format<T>,
  more: { defaultText?: string; secret?: boolean } = {},
): Variable<T, undefined> {
  return { meaning, format, default: undefined, ...more };
}

/** One wrong variable: what is wrong, and what to write instead. */
export interface Problem<Name extends string> {
  name: Name;
  problem: string;
  advice: string;
}

/** Reads one variable; an empty text counts as none. */
export function readVariable<Name extends string>(
  name: Name,
  variable: Variable<unknown>,
  text: string | undefined,
): { value: unknown } | Problem<Name> {
  const given = text?.trim() ?? '';
  if (given === '') return { value: variable.default };
  try {
    return { value: variable.format.parse(given) };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const shown = variable.secret === true ? 'the value' : JSON.stringify(given);
    const example = typeof variable.default === 'number' ? variable.default : variable.format.example;
    return {
      name,
      problem: `${shown} ${error.message}`,
      advice: `Write ${variable.format.text}, for example ${name}=${example}`,
    };
  }
}

// ── formats ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

export function integer(min: number, max: number): Format<number> {
  return {
    text: `a whole number from ${min} to ${max}`,
    example: String(min),
    parse: (text) => {
      if (!/^\d{1,15}$/.test(text)) throw new TypeError('is not a whole number');
      const value = Number(text);
      if (value < min || value > max) throw new TypeError(`is outside ${min}..${max}`);
      return value;
    },
  };
}

export const port: Format<number> = { ...integer(0, 65_535), text: 'a port, 0..65535 (0: any free port)' };

export const host: Format<string> = {
  text: 'a host name or IP address to listen on',
  example: '127.0.0.1',
  parse: (text) => {
    if (!/^[A-Za-z0-9.:_-]+$/.test(text)) throw new TypeError('is not a host name or an IP address');
    return text;
  },
};

export const boolean: Format<boolean> = {
  text: 'true or false',
  example: 'true',
  parse: (text) => {
    if (['true', '1'].includes(text)) return true;
    if (['false', '0'].includes(text)) return false;
    throw new TypeError('is neither true nor false');
  },
};

export function word(example: string): Format<string> {
  return {
    text: 'letters, digits, dots, dashes, underscores',
    example,
    parse: (text) => {
      if (!/^[A-Za-z0-9._-]{1,200}$/.test(text))
        throw new TypeError('has other signs than letters, digits, ., - and _');
      return text;
    },
  };
}

export const secretText: Format<string> = { text: 'a secret', example: '…', parse: (text) => text };

export const folder: Format<string> = {
  text: 'a folder, made when missing',
  example: '.slipway',
  parse: (text) => resolve(text),
};

function file(mode: number, text: string, example: string): Format<string> {
  return {
    text,
    example,
    parse: (path) => {
      try {
        accessSync(path, mode);
      } catch {
        throw new TypeError(
          mode === constants.X_OK ? 'is not a program that can be run' : 'is not a file that can be read',
        );
      }
      return resolve(path);
    },
  };
}

export const readable = file(constants.R_OK, 'the path of a PEM file', 'certs/client.pem');
export const executable = file(constants.X_OK, 'the path of a program', '/usr/local/bin/temporal');

export function url(protocols: readonly string[], example: string): Format<string> {
  const beginnings = protocols.map((protocol) => `${protocol}//`).join(' or ');
  return {
    text: `a URL that begins with ${beginnings}`,
    example,
    parse: (text) => {
      if (!URL.canParse(text)) throw new TypeError('is not a URL');
      if (!protocols.includes(new URL(text).protocol)) throw new TypeError(`does not begin with ${beginnings}`);
      return text;
    },
  };
}

export const address: Format<string> = {
  text: 'host:port',
  example: '127.0.0.1:7233',
  parse: (text) => {
    const match = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})$/.exec(text);
    if (!match || Number(match[1]) < 1 || Number(match[1]) > 65_535) throw new TypeError('is not host:port');
    return text;
  },
};

export function oneOf<const T extends string>(values: readonly T[], example: T): Format<T> {
  return {
    text: `one of ${values.join(', ')}`,
    example,
    parse: (text) => {
      const found = values.find((value) => value === text);
      if (found === undefined) throw new TypeError(`is not one of ${values.join(', ')}`);
      return found;
    },
  };
}

/** One or more of the given words with commas between, or `all`; the result has their order and no doubles. */
export function listOf<const T extends string>(
  values: readonly T[],
  what: string,
  example: string,
): Format<readonly T[]> {
  return {
    text: `all, or one or more of ${values.join(', ')} with commas between`,
    example,
    parse: (text) => {
      if (text === 'all') return values;
      const named = text.split(',').map((part) => part.trim());
      const unknown = named.filter((part) => !values.some((value) => value === part));
      if (unknown.length > 0) {
        throw new TypeError(`names no ${what}: ${unknown.map((part) => part || '(nothing)').join(', ')}`);
      }
      return values.filter((value) => named.includes(value));
    },
  };
}

export const keywordList: Format<readonly string[]> = {
  text: 'keywords of letters and digits with commas between',
  example: 'BDG01,BDG02',
  parse: (text) => {
    const keywords = text.split(',').map((part) => part.trim());
    if (!keywords.every((keyword) => /^[A-Za-z0-9]{1,16}$/.test(keyword))) {
      throw new TypeError('has a keyword that is empty, longer than 16, or not of letters and digits');
    }
    return [...new Set(keywords)];
  },
};
