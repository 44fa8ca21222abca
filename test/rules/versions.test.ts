import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { COMPONENTS, needsOperatorConfirmation, splitVersions } from '../../workflows/rules/versions.ts';

describe('the list of current versions', () => {
  it.each<[string, string, string[]]>([
    ['nothing', '', []],
    ['blanks only', ' \r\n\t\n  ', []],
    ['one', 'V1', ['V1']],
    ['LF', 'V1\nV2', ['V1', 'V2']],
    ['CR LF', 'V1\r\nV2\r\n', ['V1', 'V2']],
    ['both kinds mixed', 'V1\r\nV2\nV3', ['V1', 'V2', 'V3']],
    ['trimmed', '  V1\t\n V2 ', ['V1', 'V2']],
    ['spaces inside are part of it', 'V 1', ['V 1']],
    ['blank lines between', 'V1\n\n\r\nV2', ['V1', 'V2']],
    ['doubles, the first place counts', 'V2\nV1\n V2', ['V2', 'V1']],
    ['case is a difference', 'v1\nV1', ['v1', 'V1']],
    ['commas do not separate', 'V1,V2', ['V1,V2']],
  ])('%s', (_, text, expected) => {
    expect(splitVersions(text)).toEqual(expected);
  });

  const line = fc.string({ unit: fc.constantFrom('V', 'v', '1', '2', ' ', '\t', ',', '.') });
  const text = fc.array(fc.tuple(line, fc.constantFrom('\n', '\r\n'))).map((lines) => lines.flat().join(''));

  it('holds no blanks, no doubles and no untrimmed text', () => {
    fc.assert(
      fc.property(text, (entered) => {
        const versions = splitVersions(entered);
        expect(new Set(versions).size).toBe(versions.length);
        for (const version of versions) expect(version).toBe(version.trim());
        expect(versions).not.toContain('');
      }),
    );
  });

  it('stays as it is when it is entered again', () => {
    fc.assert(
      fc.property(text, fc.constantFrom('\n', '\r\n'), (entered, end) => {
        const versions = splitVersions(entered);
        expect(splitVersions(versions.join(end))).toEqual(versions);
      }),
    );
  });

  it('loses no line', () => {
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        const versions = splitVersions(lines.join('\n'));
        for (const one of lines.filter((entered) => entered.trim() !== '')) expect(versions).toContain(one.trim());
      }),
    );
  });
});

it('only a baseband upgrade needs a person to close it', () => {
  expect(COMPONENTS.filter(needsOperatorConfirmation)).toEqual(['T3']);
});
