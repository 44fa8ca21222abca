/**
 * `npm run crash`: ends a part of the program while something stands at one of its named steps, starts it again, and
 * checks every promise when it has come to its end. Prints a table, the seed and the seconds; 1 when a promise was broken.
 */
import { writeFileSync } from 'node:fs';
import { Command, InvalidArgumentError, Option } from 'commander';
import { allCells, blowsOf, nameOf, randomFrom, shuffled, type Cell } from './cells.ts';
import { strike, type CellResult } from './matrix.ts';
import { STORIES, type StoryName } from './steps.ts';
import { tableOf } from './table.ts';
import { COMPONENTS, World, type Component } from './world.ts';
import { findPrograms, provideHere } from '../support/run-servers.ts';

interface Options {
  seed: number;
  cells: number;
  all?: true;
  only?: StoryName;
  component?: Component;
  match?: string;
  cell?: string[];
  together: number;
  json?: string;
  list?: true;
}

const MOST_SECONDS = 3_600;

function whole(text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 1) throw new InvalidArgumentError('a whole number from 1 on');
  return number;
}

const command = new Command('npm run crash --')
  .description(
    'Ends a part of the program at its named steps, and checks all promises afterwards. Without --all: a sample that the seed chooses.',
  )
  .option('--seed <number>', 'chooses the sample, the company of each cell, and who is let go first', whole, 1)
  .option('--cells <number>', 'how many cells', whole, 60)
  .option('--all', 'every cell there is')
  .addOption(new Option('--only <story>', 'only this story').choices(STORIES))
  .addOption(new Option('--component <part>', 'only this part dies').choices(COMPONENTS))
  .option('--match <text>', 'only cells with this in their name')
  .option('--cell <name...>', 'these cells and no others, each on its own')
  .option('--together <number>', 'how many stories one blow strikes', whole, 14)
  .option('--json <file>', 'writes the results there')
  .option('--list', 'prints the names of the cells that fit, and runs none')
  .parse();
const options = command.opts<Options>();

function chosen(random: () => number): Cell[][] {
  const { only, component, match, all, cells, cell: names, together } = options;
  if (names !== undefined) {
    return names.map((name) => {
      const cell = allCells().find((each) => nameOf(each) === name);
      if (cell === undefined) return command.error(`there is no cell "${name}"; --list prints their names`);
      return [cell];
    });
  }
  const fitting = shuffled(allCells({ only, component, match }), random);
  return blowsOf(all === true ? fitting : fitting.slice(0, cells), together);
}

function tell({ name, outcome, broken, error, tail }: CellResult): void {
  if (outcome === 'pass') return;
  const lines = [`${outcome === 'fail' ? 'FAIL' : 'not passed'}  ${name}`];
  if (error !== null) lines.push(`  ${error}`);
  for (const each of broken) lines.push(`  ${each.promise}: ${each.about}: ${each.why}`);
  if (outcome === 'fail') lines.push(`  again: npm run crash -- --seed ${options.seed} --cell "${name}"`);
  if (tail !== null) lines.push(tail.replaceAll(/^/gm, '    '));
  console.log(lines.join('\n'));
}

async function main(): Promise<number> {
  const random = randomFrom(options.seed);
  const blows = chosen(random);
  if (options.list === true) {
    console.log(blows.flat().map(nameOf).toSorted().join('\n'));
    return 0;
  }
  const startedMs = performance.now();
  const results: CellResult[] = [];
  provideHere(await findPrograms());
  const world = await World.start();
  const leave = () => void world.stop().finally(() => process.exit(1));
  process.once('SIGINT', leave).once('SIGTERM', leave);
  try {
    for (const [index, cells] of blows.entries()) {
      const struck = await strike(world, cells, random);
      results.push(...struck);
      struck.forEach(tell);
      const { seconds, cell } = struck[0]!;
      console.log(`blow ${index + 1} of ${blows.length}: ${cell.component}, ${struck.length} cells, ${seconds} s`);
      if (performance.now() - startedMs > MOST_SECONDS * 1_000) throw new Error('an hour has passed');
    }
  } finally {
    await world.stop();
  }
  const seconds = Math.round((performance.now() - startedMs) / 1_000);
  const count = (wanted: CellResult['outcome']) => results.filter(({ outcome }) => outcome === wanted).length;
  const sums = { cells: results.length, passed: count('pass'), failed: count('fail'), notPassed: count('not reached') };
  console.log(`\n${tableOf(results)}\n`);
  console.log(
    `seed ${options.seed}: ${sums.cells} cells, ${sums.passed} passed, ${sums.failed} failed, ` +
      `${sums.notPassed} are not passed by their story, ${seconds} s`,
  );
  if (options.json !== undefined) {
    const cells = results.map(({ name, outcome, broken, error }) => ({ name, outcome, broken, error }));
    writeFileSync(options.json, `${JSON.stringify({ seed: options.seed, seconds, ...sums, cells }, null, 2)}\n`);
  }
  return sums.failed > 0 ? 1 : 0;
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
