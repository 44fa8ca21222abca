/**
 * An order, from the options of `task plan` and `task create`. What has no option of its own is given as JSON, so that
 * nothing the API can do is out of reach.
 */
import { readFileSync } from 'node:fs';
import { InvalidArgumentError, type Command } from 'commander';
import { integer, positive, several } from './context.ts';
import { Failure } from './failures.ts';
import type { TaskFile } from './shapes.ts';

export interface OrderOptions {
  firmware: string[];
  name?: string;
  device?: string[];
  devicesFrom?: string;
  protocol?: string;
  model?: string;
  power?: number;
  order?: string;
  search?: string;
  delay?: number;
  deadline?: number;
  night?: boolean;
  window?: { from: string; to: string };
  zone?: string;
  maxConcurrent?: number;
  attempts?: number;
  notEligible?: string;
  pileTimeout?: number;
  interruptCharging?: boolean;
  options?: Record<string, unknown>;
}

export function addOrderOptions(command: Command): Command {
  return command
    .requiredOption(
      '-f, --firmware <ids>',
      'files in the order in which they are installed, one or two for each kind of device',
      several,
    )
    .option('--name <text>', 'what the task is called')
    .option('-d, --device <ids>', 'these devices, in this order; several with commas or by repeating', several)
    .option('--devices-from <file>', 'devices from a file, one id on a line; - for stdin')
    .option('--protocol <name>', 'all devices of this protocol')
    .option('--model <name>', 'all devices of this model')
    .option('--power <kW>', 'all charging piles of this power', integer)
    .option('--order <number>', 'all devices of this order')
    .option('--search <text>', 'all devices whose id, IMEI or texts fit')
    .option('--delay <minutes>', 'time to change or cancel the task before the first device', minutes)
    .option('--deadline <hours>', 'nothing is offered afterwards', positive)
    .option('--night', 'only 00:00 to 06:00 in Asia/Shanghai')
    .option('--window <from-to>', 'only these hours, for example 22:00-05:30', window)
    .option('--zone <name>', 'time zone of the window, for example Europe/Berlin; Asia/Shanghai unless given')
    .option('--max-concurrent <n>', 'most devices under way at one time', integer)
    .option('--attempts <n>', 'attempts per file', integer)
    .option('--not-eligible <what>', 'devices that may not take the file yet: wait or skip')
    .option('--pile-timeout <minutes>', 'a charging pile that has not loaded the file by then gives up', integer)
    .option('--interrupt-charging', 'charging piles begin at once, also where a vehicle is charging')
    .option('--options <json>', 'further options of the task as JSON, see /docs; @file reads them from a file', json);
}

/** The body of the request. */
export function orderOf(options: OrderOptions): Record<string, unknown> {
  const devices = chosenDevices(options);
  const taskOptions = withoutGaps({
    dispatchDelayMinutes: options.delay,
    deadlineHours: options.deadline,
    night: options.night,
    window: options.window && { ...options.window, zone: options.zone ?? 'Asia/Shanghai' },
    maxConcurrent: options.maxConcurrent,
    attemptsPerFile: options.attempts,
    notEligible: options.notEligible,
    pile: pileOptions(options),
    ...options.options,
  });
  if (options.zone !== undefined && options.window === undefined) {
    throw new Failure('--zone belongs to --window; give both.');
  }
  return withoutGaps({
    name: options.name,
    firmwareIds: options.firmware.map(firmwareId),
    ...devices,
    options: Object.keys(taskOptions).length > 0 ? taskOptions : undefined,
  });
}

/** Whoever names the option confirms what it says. */
function pileOptions({ pileTimeout, interruptCharging }: OrderOptions): Record<string, unknown> | undefined {
  const pile = withoutGaps({
    downloadTimeoutMinutes: pileTimeout,
    ...(interruptCharging === true ? { control: 'at_once', confirm: true } : {}),
  });
  return Object.keys(pile).length > 0 ? pile : undefined;
}

/** `a.bin (to 11), then b.bin (to 12)`; of several kinds of devices each with the kind before it. */
export function filesText(files: readonly TaskFile[]): string {
  const kinds = new Map<string, string[]>();
  for (const { fileName, targetVersion, protocol, model, powerKw } of files) {
    const kind = powerKw === null ? protocol : `${protocol} ${model} ${powerKw} kW`;
    kinds.set(kind, [...(kinds.get(kind) ?? []), `${fileName} (to ${targetVersion})`]);
  }
  const texts = [...kinds].map(([kind, own]) => `${kinds.size > 1 ? `${kind}: ` : ''}${own.join(', then ')}`);
  return texts.join('; ');
}

function chosenDevices(options: OrderOptions): Record<string, unknown> {
  const filter = withoutGaps({
    protocol: options.protocol,
    model: options.model,
    powerKw: options.power,
    orderNo: options.order,
    q: options.search,
  });
  const named = [...(options.device ?? []), ...(options.devicesFrom === undefined ? [] : readIds(options.devicesFrom))];
  const isNamed = options.device !== undefined || options.devicesFrom !== undefined;
  const isFiltered = Object.keys(filter).length > 0;
  if (isNamed && isFiltered) {
    throw new Failure('Name the devices (--device, --devices-from) or describe them (--model and the like), not both.');
  }
  if (isFiltered) return { filter };
  if (named.length > 0) return { deviceIds: named };
  throw new Failure(
    isNamed
      ? 'The list of devices is empty.'
      : 'Which devices? Name them with --device or --devices-from, or describe them with --model, --order, --protocol or --search.',
  );
}

function readIds(path: string): string[] {
  const text = readText(path);
  // A spreadsheet's first column is as good as a plain list.
  return text
    .replace(/^\ufeff/, '')
    .split(/\r?\n/)
    .map((line) =>
      line
        .split(/[,;\t]/)[0]!
        .replaceAll('"', '')
        .trim(),
    )
    .filter((id) => id !== '' && !id.startsWith('#') && !/^(id|device|deviceid|device id)$/i.test(id));
}

function firmwareId(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new Failure(`"${text}" is no number of a firmware file; "slipway firmware list" shows them.`);
}

/** Without the entries nobody gave. */
function withoutGaps(record: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined));
}

function window(text: string): { from: string; to: string } {
  const [, from, to] = /^(\d\d:\d\d)\s*[-–]\s*(\d\d:\d\d)$/.exec(text) ?? [];
  if (from === undefined || to === undefined) throw new InvalidArgumentError('Write it as 22:00-05:30.');
  return { from, to };
}

function minutes(text: string): number {
  return text === '0' ? 0 : positive(text);
}

function json(text: string): Record<string, unknown> {
  const source = text.startsWith('@') ? readText(text.slice(1)) : text;
  try {
    const value: unknown = JSON.parse(source);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // falls through to the same advice
  }
  throw new InvalidArgumentError('It must be a JSON object, for example \'{"attemptsPerFile": 5}\', or @file.');
}

function readText(path: string): string {
  try {
    return readFileSync(path === '-' ? 0 : path, 'utf8');
  } catch (error) {
    throw new Failure(`${path === '-' ? 'stdin' : path} cannot be read: ${(error as Error).message}.`);
  }
}
