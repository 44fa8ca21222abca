import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  compareDecimals,
  nextState,
  parameterFaults,
  SESSION_SIGNS,
  SESSION_STATES,
  type SessionState,
} from '../../workflows/rules/equipment.ts';

const NO_LIMITS = {
  upperControlLimit: null,
  lowerControlLimit: null,
  upperSpecificationsLimit: null,
  lowerSpecificationsLimit: '',
  upperLimit: null,
  lowerLimit: null,
};

describe('the state of a session', () => {
  it.each([
    ['never', 'online', 'online'],
    ['never', 'call', 'never'],
    ['online', 'heartbeat', 'alive'],
    ['online', 'quiet', 'suspect'],
    ['alive', 'quiet', 'suspect'],
    ['suspect', 'call', 'alive'],
    ['suspect', 'silent', 'offline'],
    ['offline', 'call', 'offline'],
    ['offline', 'heartbeat', 'alive'],
    ['offline', 'online', 'online'],
    ['offline', 'quiet', 'offline'],
    ['never', 'silent', 'never'],
  ] as const)('%s, %s → %s', (state, sign, next) => {
    expect(nextState(state, sign)).toBe(next);
  });

  it('leaves offline only by a good round trip, and reaches it only by silence', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...SESSION_SIGNS)), (signs) => {
        let state: SessionState = 'never';
        for (const sign of signs) {
          const next = nextState(state, sign);
          expect(SESSION_STATES).toContain(next);
          if (state === 'offline' && next !== 'offline') expect(['online', 'heartbeat']).toContain(sign);
          if (next === 'offline' && state !== 'offline') expect(sign).toBe('silent');
          state = next;
        }
      }),
    );
  });
});

describe('parameters', () => {
  const faults = (over: object) =>
    parameterFaults({ targetValue: '12.50', ...NO_LIMITS, ...over }).map(({ field }) => field);
  it.each([
    ['no limits', {}, []],
    ['a word without limits', { targetValue: 'AUTO' }, []],
    ['a word with a limit', { targetValue: 'AUTO', lowerLimit: '1' }, ['targetValue']],
    ['no target with limits', { targetValue: '', lowerLimit: '1' }, []],
    ['on the limit', { upperControlLimit: '12.5', lowerSpecificationsLimit: '012.500' }, []],
    ['above the control limit', { upperControlLimit: '12.49' }, ['targetValue']],
    ['below the specification', { lowerSpecificationsLimit: '12.51' }, ['targetValue']],
    ['limits crossed', { targetValue: '', lowerControlLimit: '2', upperControlLimit: '1' }, ['lowerControlLimit']],
    [
      'control outside specification',
      { upperControlLimit: '15', upperSpecificationsLimit: '14' },
      ['upperControlLimit'],
    ],
    ['no number', { upperLimit: '1e3' }, ['upperLimit']],
    ['negative', { targetValue: '-5', lowerLimit: '-10', upperLimit: '-1' }, []],
  ])('%s', (_, over, fields) => {
    expect(faults(over)).toEqual(fields);
  });

  it('compares decimals like numbers, to the last digit', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1e6, max: 1e6 }), fc.integer({ min: -1e6, max: 1e6 }), (a, b) => {
        expect(compareDecimals((a / 1_000).toFixed(3), (b / 1_000).toFixed(3))).toBe(Math.sign(a - b));
      }),
    );
    expect(compareDecimals('0.1000000000000000000000000000', '0.1000000000000000000000000001')).toBe(-1);
    expect(compareDecimals('-0', '+0.0')).toBe(0);
    expect(compareDecimals('-.5', '-0.4')).toBe(-1);
  });
});
