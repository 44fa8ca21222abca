import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  filesByKind,
  filesFor,
  gate,
  MOST_DEVICE_FILES,
  type GateDevice,
  type GateFile,
  type Kind,
} from '../../workflows/rules/eligibility.ts';
import { COMPONENTS } from '../../workflows/rules/versions.ts';

const FILE: GateFile = {
  component: 'T1',
  targetVersion: 'V3',
  compatibleVersion: 'HW1',
  currentVersions: ['V1', 'V2'],
  model: 'GV2',
  powerKw: null,
};
const DEVICE: GateDevice = { model: 'GV2', powerKw: null, versions: { T1: 'V1', T4: 'HW1' } };

const answer = (file: Partial<GateFile>, device: Partial<GateDevice>) => {
  const verdict = gate({ ...FILE, ...file }, { ...DEVICE, ...device });
  return verdict.kind === 'closed' ? verdict.reason : verdict.kind;
};

describe('the gate', () => {
  it.each<[string, Partial<GateFile>, Partial<GateDevice>, string]>([
    ['the device fits', {}, {}, 'open'],
    ['the second of the current versions', {}, { versions: { T1: 'V2', T4: 'HW1' } }, 'open'],
    ['the file is for any model', { model: null }, { model: 'GV9' }, 'open'],
    ['the file is for any model, the device has none', { model: null }, { model: '' }, 'open'],
    ['the compatible version is the current one', { compatibleVersion: 'V1' }, { versions: { T1: 'V1' } }, 'open'],
    ['another model', {}, { model: 'GV3' }, 'model_mismatch'],
    ['the model in another case', {}, { model: 'gv2' }, 'model_mismatch'],
    ['a device without model', {}, { model: '' }, 'model_mismatch'],
    ['a pile of the model and power', { model: 'DC', powerKw: 120 }, { model: 'DC', powerKw: 120 }, 'open'],
    ['a pile of another power', { model: 'DC', powerKw: 120 }, { model: 'DC', powerKw: 60 }, 'model_mismatch'],
    ['a pile of another model', { model: 'DC', powerKw: 7 }, { model: 'AC', powerKw: 7 }, 'model_mismatch'],
    ['a pile of unknown power', { model: 'DC', powerKw: 7 }, { model: 'DC', powerKw: null }, 'model_mismatch'],
    ['a power that the file does not ask for', {}, { powerKw: 60 }, 'open'],
    ['nothing was reported', {}, { versions: {} }, 'no_version_uploaded'],
    ['only other components were reported', {}, { versions: { T4: 'HW1', T2: 'V1' } }, 'no_version_uploaded'],
    ['the target is reported', {}, { versions: { T1: 'V3', T4: 'HW1' } }, 'already_current'],
    ['the target is reported, the compatible version is not', {}, { versions: { T1: 'V3' } }, 'already_current'],
    ['another version', {}, { versions: { T1: 'V0', T4: 'HW1' } }, 'version_mismatch'],
    ['a version in another case', {}, { versions: { T1: 'v1', T4: 'HW1' } }, 'version_mismatch'],
    ['a version with a space behind it', {}, { versions: { T1: 'V1 ', T4: 'HW1' } }, 'version_mismatch'],
    ['the beginning of a version', {}, { versions: { T1: 'V', T4: 'HW1' } }, 'version_mismatch'],
    ['a version that only begins like one', {}, { versions: { T1: 'V10', T4: 'HW1' } }, 'version_mismatch'],
    ['the target in another case is not the target', {}, { versions: { T1: 'v3', T4: 'HW1' } }, 'version_mismatch'],
    ['no current versions', { currentVersions: [] }, {}, 'version_mismatch'],
    ['the right version of another component', { component: 'T2' }, { versions: { T1: 'V1' } }, 'no_version_uploaded'],
    ['the compatible version was not reported', {}, { versions: { T1: 'V1' } }, 'compat_not_reported'],
    ['the compatible version in another case', {}, { versions: { T1: 'V1', T4: 'hw1' } }, 'compat_not_reported'],
  ])('%s', (_, file, device, expected) => {
    expect(answer(file, device)).toBe(expected);
  });

  it('names the reasons in the order in which a person can do something about them', () => {
    expect(answer({}, { model: 'GV3', versions: {} })).toBe('model_mismatch');
    expect(answer({}, { model: 'GV3', versions: { T1: 'V3' } })).toBe('model_mismatch');
    expect(answer({}, { versions: {} })).toBe('no_version_uploaded');
    expect(answer({}, { versions: { T1: 'V0' } })).toBe('version_mismatch');
    expect(answer({}, { versions: { T1: 'V1' } })).toBe('compat_not_reported');
  });

  it('explains itself with the values concerned', () => {
    const explanation = (device: Partial<GateDevice>) => {
      const verdict = gate(FILE, { ...DEVICE, ...device });
      return verdict.kind === 'closed' ? verdict.explanation : '';
    };
    expect(explanation({ model: 'GV3' })).toMatch(/GV2.*GV3/);
    expect(explanation({ model: '' })).toMatch(/GV2.*without model/);
    expect(explanation({ versions: {} })).toMatch(/T1/);
    expect(explanation({ versions: { T1: 'V0' } })).toMatch(/V0.*V1, V2/);
    expect(explanation({ versions: { T1: 'V1' } })).toMatch(/HW1/);
    const pile = gate({ ...FILE, model: 'DC', powerKw: 120 }, { ...DEVICE, model: 'AC', powerKw: 7 });
    expect(pile).toMatchObject({
      explanation: 'the file is for a DC pile of 120 kW, the device is an AC pile of 7 kW',
    });
  });
});

describe('for every device and file', () => {
  const version = fc.constantFrom('V1', 'v1', 'V2', 'V3', 'HW1');
  const file = fc.record<GateFile>({
    component: fc.constantFrom(...COMPONENTS),
    targetVersion: version,
    compatibleVersion: version,
    currentVersions: fc.uniqueArray(version),
    model: fc.constantFrom(null, 'GV2', 'GV3'),
    powerKw: fc.constantFrom(null, 7, 120),
  });
  const device = fc.record<GateDevice>({
    model: fc.constantFrom('', 'GV2', 'GV3'),
    powerKw: fc.constantFrom(null, 7, 120),
    versions: fc.dictionary(fc.constantFrom(...COMPONENTS), version, { noNullPrototype: true }),
  });

  it('the gate is open only when all that is asked for was reported', () => {
    fc.assert(
      fc.property(file, device, (aFile, aDevice) => {
        const current = aDevice.versions[aFile.component];
        const verdict = gate(aFile, aDevice).kind;
        const isModel = aFile.model === aDevice.model;
        const fits =
          aFile.powerKw === null ? aFile.model === null || isModel : isModel && aFile.powerKw === aDevice.powerKw;
        expect(verdict === 'already_current').toBe(fits && current === aFile.targetVersion);
        expect(verdict === 'open').toBe(
          fits &&
            current !== undefined &&
            current !== aFile.targetVersion &&
            aFile.currentVersions.includes(current) &&
            COMPONENTS.some((component) => aDevice.versions[component] === aFile.compatibleVersion),
        );
      }),
      { numRuns: 1_000 },
    );
  });

  it('a closed gate says why, and a report never closes it for want of a report', () => {
    fc.assert(
      fc.property(file, device, version, (aFile, aDevice, reported) => {
        const before = gate(aFile, aDevice);
        if (before.kind === 'closed') expect(before.explanation).not.toBe('');
        const after = gate(aFile, { ...aDevice, versions: { ...aDevice.versions, [aFile.component]: reported } });
        if (after.kind === 'closed') expect(after.reason).not.toBe('no_version_uploaded');
      }),
    );
  });
});

describe('the files of a task', () => {
  const file = (id: number, protocol: string, model: string | null = null, powerKw: number | null = null) => ({
    id,
    protocol,
    model,
    powerKw,
  });
  const files = [
    file(1, 'terminal', 'GV2'),
    file(2, 'pile', 'DC', 120),
    file(3, 'pcp'),
    file(4, 'terminal', 'GV3'),
    file(5, 'pile', 'AC', 7),
    file(6, 'pile', 'DC', 120),
  ];
  const ids = (device: Kind) => filesFor(filesByKind(files), device).map(({ id }) => id);

  it.each<[string, Kind, number[]]>([
    ['of its protocol, whatever its model', { protocol: 'terminal', model: 'GV3', powerKw: null }, [1, 4]],
    ['of its protocol', { protocol: 'pcp', model: '', powerKw: null }, [3]],
    ['for its model and power', { protocol: 'pile', model: 'DC', powerKw: 120 }, [2, 6]],
    ['for its model and power, wherever they stand', { protocol: 'pile', model: 'AC', powerKw: 7 }, [5]],
    ['for the first piles, when none fits: its gate says so', { protocol: 'pile', model: 'AC', powerKw: 22 }, [2, 6]],
    ['none, when none is of its protocol', { protocol: 'ams', model: 'GV2', powerKw: null }, []],
  ])('a device gets those %s', (_, device, expected) => {
    expect(ids(device)).toEqual(expected);
  });

  it('are all in one kind each, in their order', () => {
    const kind = fc.record({
      protocol: fc.constantFrom('terminal', 'ams', 'pcp', 'pile'),
      model: fc.constantFrom('DC', 'AC'),
      powerKw: fc.constantFrom(7, 120),
    });
    fc.assert(
      fc.property(fc.array(kind, { maxLength: 8 }), kind, (some, device) => {
        const kinds = filesByKind(some);
        expect(kinds.flat().length).toBe(some.length);
        for (const own of kinds) expect(some.filter((each) => own.includes(each))).toEqual(own);
        const own = filesFor(kinds, device);
        expect(own.every(({ protocol }) => protocol === device.protocol)).toBe(true);
        expect(own.length === 0).toBe(some.every(({ protocol }) => protocol !== device.protocol));
      }),
    );
    expect(MOST_DEVICE_FILES).toBe(2);
  });
});
