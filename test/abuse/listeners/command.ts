/**
 * `npm run abuse -- listeners`: attacks every listener of a running program, one after the other, while honest clients
 * of all listeners go on asking. Says how long those waited, beside what they wait when nobody attacks.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Damage } from './attacker.ts';
import { attacks, LIMITS, type Attack, type Scale } from './attacks.ts';
import { honestClients, type Ask } from './honest.ts';
import { PROBES } from './probes.ts';
import { memoryOf, startWorld, type World } from './world.ts';

export interface ListenersCommand {
  /** Only attacks and probes with this in their name, or only these attacks and every probe. */
  only: string | readonly string[] | undefined;
  seconds: number;
  scale: Scale;
  /** An honest client never waits longer, unless the machine is so slow that it already does without an attack. */
  mostMs: number;
  /** Attacks take as long as told, and not until time limits have passed. */
  isShort?: boolean;
  /** The program, when it is not `main.ts` through tsx. */
  entry?: string | undefined;
  /** Hears of every row when it is there. */
  done?: (row: ListenersRow) => void;
}

/** What came of one attack or probe. */
export interface ListenersRow {
  attack: string;
  done: string;
  /** The slowest honest client: median and longest wait, ms. */
  p50: number;
  max: number;
  slowest: string;
  memoryMB: number;
  result: string;
}

/** What the program may need more than before an attack. */
const MOST_MEMORY = 700 * 1_048_576;
/** The honest wait may be so many times what it is in peace. */
const MOST_TIMES = 5;
const PEACE_ROUNDS = 12;
const AFTER_MS = 30_000;
const BEGIN_MS = 60_000;
const root = fileURLToPath(new URL('../../../', import.meta.url));

/** Runs the attacks and then the probes. */
export async function listenersCommand(command: ListenersCommand): Promise<{ rows: ListenersRow[]; failed: number }> {
  const settings = {
    TERMINAL_MAX_CONNECTIONS_PER_ADDRESS: String(LIMITS.terminal),
    PILE_MAX_CONNECTIONS_PER_ADDRESS: String(LIMITS.pile),
    FTP_MAX_CONNECTIONS_PER_ADDRESS: String(LIMITS.ftp),
  };
  const world = await startWorld(settings, undefined, command.entry);
  try {
    return await attackAll(world, command);
  } finally {
    await world.close();
  }
}

async function attackAll(world: World, command: ListenersCommand): Promise<{ rows: ListenersRow[]; failed: number }> {
  const { only, done = () => {} } = command;
  const isWanted = (name: string) =>
    only === undefined || (typeof only === 'string' ? name.includes(only) : only.includes(name) || name in PROBES);
  const clients = Object.entries(honestClients(world));
  const rows: ListenersRow[] = [];
  const add = (row: ListenersRow) => {
    rows.push(row);
    done(row);
  };
  const peace = await Promise.all(clients.map(([name, ask]) => measured(name, ask, (waits) => waits < PEACE_ROUNDS)));
  for (const { client, waits, errors } of peace) {
    add({
      ...rowOf(`(peace) ${client}`, [{ client, waits, errors }], world),
      result: errors[0] === undefined ? 'passed' : `FAILED: ${errors[0]}`,
    });
  }
  const bound = Math.max(command.mostMs, MOST_TIMES * Math.max(...peace.flatMap(({ waits }) => waits)));
  for (const attack of attacks(command.scale))
    if (isWanted(attack.name)) add(await underAttack(world, attack, clients, bound, command));
  for (const [name, probe] of Object.entries(PROBES)) {
    if (!isWanted(name)) continue;
    const wrong = await probe(world).catch((error: unknown) => [String(error)]);
    add({ ...rowOf(name, [], world), result: verdict([...wrong, ...alive(world)]) });
  }
  return { rows, failed: rows.filter(({ result }) => result !== 'passed').length };
}

async function underAttack(
  world: World,
  attack: Attack,
  clients: [string, Ask][],
  bound: number,
  { seconds, isShort }: ListenersCommand,
): Promise<ListenersRow> {
  const before = memoryOf(world.slipway.pid);
  let most = before;
  const watching = setInterval(
    () => (most = Math.max(most, world.slipway.isRunning ? memoryOf(world.slipway.pid) : 0)),
    250,
  );
  const attacker = new Attacker(attack, world);
  await attacker.begun;
  const untilMs = Date.now() + (isShort === true ? seconds : Math.max(seconds, attack.seconds ?? 0)) * 1_000;
  const waited = await Promise.all(
    clients.map(([name, ask]) => measured(name, ask, (waits) => waits === 0 || Date.now() < untilMs)),
  );
  const damage = await attacker.stop();
  clearInterval(watching);
  // Whoever was disturbed must be served again at once: every client asks once more.
  const after = await Promise.all(clients.map(([name, ask]) => measured(name, ask, (waits) => waits === 0)));
  const late = waited.filter(({ waits }) => Math.max(...waits) > bound);
  const wrong = [
    ...alive(world),
    ...waited.flatMap(({ client, errors }) =>
      errors.slice(0, 1).map((error) => `honest ${client}: ${error} (${errors.length} times)`),
    ),
    ...late.map(
      ({ client, waits }) =>
        `honest ${client} waited ${Math.round(Math.max(...waits))} ms, and ${Math.round(bound)} are allowed`,
    ),
    ...after.flatMap(({ client, errors, waits }) =>
      errors.length > 0 || waits[0]! > AFTER_MS ? [`honest ${client} is not served after it: ${errors[0]}`] : [],
    ),
    ...(most - before > MOST_MEMORY ? [`${Math.round((most - before) / 1_048_576)} MB more are needed`] : []),
  ];
  const judged = isShort === true && attack.seconds !== undefined ? null : (attack.judge?.(damage) ?? null);
  if (judged !== null) wrong.push(judged);
  const what =
    damage.datagrams > 0
      ? `${damage.datagrams} datagrams`
      : `${damage.opened} connections, ${damage.held} held, ${damage.cut} cut`;
  return {
    ...rowOf(attack.name, waited, world, most),
    done: `${what}, ${(damage.sentBytes / 1_048_576).toFixed(1)} MB`,
    result: verdict(wrong),
  };
}

interface Waited {
  client: string;
  waits: number[];
  errors: string[];
}

/** Asks again and again, one question after the other. */
async function measured(client: string, ask: Ask, goesOn: (waits: number) => boolean): Promise<Waited> {
  const waits: number[] = [];
  const errors: string[] = [];
  while (goesOn(waits.length)) {
    const startedMs = performance.now();
    await ask().catch((error: unknown) => errors.push(error instanceof Error ? error.message : String(error)));
    waits.push(performance.now() - startedMs);
    // An honest client asks some times in a second, and is no attack of its own.
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return { client, waits, errors };
}

function rowOf(
  attack: string,
  waited: readonly Waited[],
  world: World,
  memory = memoryOf(world.slipway.pid),
): ListenersRow {
  const slowest = waited.toSorted((a, b) => Math.max(...b.waits) - Math.max(...a.waits))[0];
  const middle = Math.max(0, ...waited.map(({ waits }) => waits.toSorted((a, b) => a - b)[waits.length >> 1] ?? 0));
  return {
    attack,
    done: '',
    p50: Math.round(middle),
    max: Math.round(Math.max(0, ...(slowest?.waits ?? []))),
    slowest: slowest?.client ?? '',
    memoryMB: Math.round(memory / 1_048_576),
    result: '',
  };
}

function alive({ slipway }: World): string[] {
  return slipway.isRunning ? [] : [`the program has ended:\n${slipway.tail()}`];
}

function verdict(wrong: readonly string[]): string {
  return wrong.length === 0 ? 'passed' : `FAILED: ${wrong.join('; ')}`;
}

/** A process that attacks until it is told to stop. */
class Attacker {
  readonly #child: ChildProcess;
  readonly #damage: Promise<Damage>;
  /** The attack has begun, or never will. */
  readonly begun: Promise<void>;

  constructor(attack: Attack, world: World) {
    const orders = JSON.stringify(attack.orders(world));
    this.#child = spawn(process.execPath, ['--import', 'tsx', 'test/abuse/listeners/attacker.ts', orders], {
      cwd: root,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const lines = createInterface({ input: this.#child.stdout! });
    this.begun = Promise.race([
      new Promise<void>((resolve) => lines.once('line', () => resolve())),
      new Promise<void>((resolve) => setTimeout(resolve, BEGIN_MS).unref()),
    ]);
    this.#damage = new Promise((resolve, reject) => {
      lines.on('line', (line) => line !== '' && resolve(JSON.parse(line) as Damage));
      this.#child.once('close', (code) => reject(new Error(`the attacker ended with ${code}`)));
    });
    this.#damage.catch(() => {}); // whoever stops it hears of it
  }

  stop(): Promise<Damage> {
    this.#child.stdin!.end();
    return this.#damage;
  }
}
