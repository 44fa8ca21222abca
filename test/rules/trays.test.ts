/** What may be put into a tray, and when its aging begins. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CELL,
  judgeAging,
  judgeBinding,
  limitsFor,
  refusalWords,
  toldStatus,
  type KnownCell,
  type Placement,
} from '../../workflows/rules/trays.ts';

const cell = (serialNo: string, change: Partial<KnownCell> = {}): KnownCell => {
  return { serialNo, status: CELL.ok, bindCode: 'M1/WO1', tray: null, positionNo: null, ...change };
};
const at = (serialNo: string, positionNo: number): Placement => ({ serialNo, positionNo });

function bind(
  placements: Placement[],
  known: KnownCell[],
  { contents = [], isHoldListed = false }: { contents?: KnownCell[]; isHoldListed?: boolean } = {},
) {
  const judged = judgeBinding({ tray: 'T', placements, known, contents, isHoldListed });
  return judged.ok ? judged.placements : judged.refusals.map(({ code }) => code);
}

describe('a binding', () => {
  it.each([
    ['a good cell', [at('a', 1)], [cell('a')], {}, [at('a', 1)]],
    ['rework', [at('a', 1)], [cell('a', { status: CELL.rework })], {}, [at('a', 1)]],
    ['hold where it may', [at('a', 1)], [cell('a', { status: CELL.hold })], {}, [at('a', 1)]],
    [
      'hold at a listed equipment',
      [at('a', 1)],
      [cell('a', { status: CELL.hold })],
      { isHoldListed: true },
      ['cell_hold'],
    ],
    ['NG', [at('a', 1)], [cell('a', { status: CELL.ng })], {}, ['cell_ng']],
    ['the status nobody defined', [at('a', 1)], [cell('a', { status: 3 })], {}, ['cell_ng']],
    ['a cell nobody knows', [at('a', 1)], [], {}, ['cell_unknown']],
    ['nothing', [], [], {}, ['no_cells']],
    ['a cell twice', [at('a', 1), at('a', 2)], [cell('a')], {}, ['cell_twice']],
    ['a position twice', [at('a', 1), at('b', 1)], [cell('a'), cell('b')], {}, ['position_twice']],
    ['a cell of another tray', [at('a', 1)], [cell('a', { tray: 'U', positionNo: 4 })], {}, ['cell_elsewhere']],
    [
      'two bind codes',
      [at('a', 1), at('b', 2)],
      [cell('a'), cell('b', { bindCode: 'M1/WO2' })],
      {},
      ['bind_codes_mixed'],
    ],
  ] as const)('%s', (_name, placements, known, options, expected) => {
    expect(bind([...placements], [...known], options)).toEqual(expected);
  });

  it('must fit to what is in the tray: position and bind code', () => {
    const contents = [cell('x', { tray: 'T', positionNo: 1, bindCode: 'M2/WO1' })];
    expect(bind([at('a', 1)], [cell('a')], { contents })).toEqual(['position_taken', 'bind_codes_mixed']);
    expect(bind([at('a', 2)], [cell('a', { bindCode: 'M2/WO1' })], { contents })).toEqual([at('a', 2)]);
  });

  it('told anew puts nothing in again, and is no fault; elsewhere in the same tray it is one', () => {
    const there = cell('a', { tray: 'T', positionNo: 1 });
    expect(bind([at('a', 1)], [there], { contents: [there] })).toEqual([]);
    expect(bind([at('a', 1), at('b', 2)], [there, cell('b')], { contents: [there] })).toEqual([at('b', 2)]);
    expect(bind([at('a', 2)], [there], { contents: [there] })).toEqual(['cell_elsewhere']);
  });

  it('laws: a tray that only ever took what was judged good breaks no rule', () => {
    const serial: fc.Arbitrary<string> = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
    const binding = fc.array(fc.record({ serialNo: serial, positionNo: fc.integer({ min: 1, max: 4 }) }), {
      maxLength: 4,
    });
    const operations = fc.array(
      fc.oneof(
        fc.record({ kind: fc.constant('bind' as const), tray: fc.constantFrom('T', 'U'), binding }),
        fc.record({ kind: fc.constant('unbind' as const), tray: fc.constantFrom('T', 'U') }),
      ),
      { maxLength: 20 },
    );
    const stock = fc.tuple(
      ...['a', 'b', 'c', 'd', 'e', 'f'].map((serialNo) =>
        fc.record({
          serialNo: fc.constant(serialNo),
          status: fc.constantFrom(1, 2, 3, 4, 5),
          bindCode: fc.constantFrom('X', 'Y'),
        }),
      ),
    );
    fc.assert(
      fc.property(stock, operations, fc.boolean(), (cells, steps, isHoldListed) => {
        let world: KnownCell[] = cells.map((each) => ({ ...each, tray: null, positionNo: null }));
        for (const step of steps) {
          const contents = world.filter(({ tray }) => tray === step.tray);
          if (step.kind === 'unbind') {
            world = world.map((each) => (each.tray === step.tray ? { ...each, tray: null, positionNo: null } : each));
            continue;
          }
          const named = new Set<string>(step.binding.map(({ serialNo }) => serialNo));
          const known = world.filter(({ serialNo }) => named.has(serialNo));
          const judged = judgeBinding({ tray: step.tray, placements: step.binding, known, contents, isHoldListed });
          if (!judged.ok) {
            expect(judged.refusals.length).toBeGreaterThan(0);
            continue;
          }
          for (const { serialNo, positionNo } of judged.placements) {
            world = world.map((each) => (each.serialNo === serialNo ? { ...each, tray: step.tray, positionNo } : each));
          }
          const places = world
            .filter(({ tray }) => tray !== null)
            .map(({ tray, positionNo }) => `${tray} ${positionNo}`);
          expect(new Set(places).size).toBe(places.length);
          for (const tray of ['T', 'U']) {
            expect(
              new Set(world.filter((each) => each.tray === tray).map(({ bindCode }) => bindCode)).size,
            ).toBeLessThan(2);
          }
          expect(world.some(({ tray, status }) => tray !== null && [2, 3].includes(status))).toBe(false);
          if (isHoldListed) expect(world.some(({ tray, status }) => tray !== null && status === 5)).toBe(false);
        }
      }),
    );
  });
});

describe('aging', () => {
  const inside = (filledAtMs: number | null, change: object = {}) => {
    return { serialNo: 'a', status: 1, bindCode: 'M1/WO1', filledAtMs, ...change };
  };
  const all = [{ bindCode: '', lowerMinutes: 10, upperMinutes: 20 }];

  it('begins with the latest filling in the tray', () => {
    expect(judgeAging([inside(5_000), inside(9_000), inside(7_000)], all, false)).toEqual({
      ok: true,
      startMs: 9_000,
      lowerMinutes: 10,
      upperMinutes: 20,
    });
  });

  it.each([
    ['an empty tray', [], all, ['tray_empty']],
    ['a cell without a filling time', [inside(1), inside(null)], all, ['no_filling_time']],
    ['limits that nobody set', [inside(1)], [], ['no_aging_limits']],
  ] as const)('is refused: %s', (_name, contents, settings, codes) => {
    const judged = judgeAging([...contents], [...settings], false);
    expect(judged.ok ? [] : judged.refusals.map(({ code }) => code)).toEqual(codes);
  });

  it('keeps cells on hold out of listed equipment', () => {
    expect(judgeAging([inside(1, { status: CELL.hold })], all, false).ok).toBe(true);
    expect(judgeAging([inside(1, { status: CELL.hold })], all, true).ok).toBe(false);
  });

  it('takes the limits of the bind code before those of its material, and those before all', () => {
    const named = (bindCode: string) => ({ bindCode, lowerMinutes: 1, upperMinutes: 2 });
    const settings = [named(''), named('M1'), named('M1/WO1')];
    expect(limitsFor('M1/WO1', settings)?.bindCode).toBe('M1/WO1');
    expect(limitsFor('M1/WO2', settings)?.bindCode).toBe('M1');
    expect(limitsFor('M2/WO1', settings)?.bindCode).toBe('');
    expect(limitsFor('M2/WO1', [named('M1')])).toBeNull();
  });
});

it('equipment hears NG for the status nobody defined, and the first of many refusals', () => {
  expect([1, 2, 3, 4, 5].map(toldStatus)).toEqual([1, 2, 2, 4, 5]);
  const words = refusalWords(Array.from({ length: 8 }, (_, index) => ({ code: 'x', message: `m${index}` })));
  expect(words).toBe('m0; m1; m2; m3; m4; and 3 more');
});
