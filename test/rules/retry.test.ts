import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  FAILURE_CODES,
  failureMeaning,
  wordFailureCode,
  terminalFailureCode,
  type FailureCode,
  type RetryClass,
} from '../../workflows/rules/retry.ts';

const CLASSES: Record<FailureCode, RetryClass> = {
  terminal_731: 'never',
  terminal_735: 'never',
  terminal_738: 'now',
  terminal_739: 'never',
  terminal_740: 'never',
  terminal_745: 'never',
  terminal_749: 'never',
  terminal_756: 'never',
  terminal_801: 'now',
  terminal_803: 'now',
  terminal_805: 'now',
  terminal_unknown: 'never',
  ams_checksum: 'now',
  ams_download: 'now',
  ams_flash: 'now',
  ams_busy: 'later',
  ams_low_battery: 'later',
  ams_bad_signal: 'later',
  ams_no_space: 'never',
  ams_unsupported: 'never',
  ams_unknown: 'never',
  pcp_in_use: 'later',
  pcp_bad_signal: 'later',
  pcp_low_battery: 'later',
  pcp_up_to_date: 'never',
  pcp_no_space: 'never',
  pcp_no_memory: 'never',
  pcp_unsupported: 'never',
  pcp_download_timeout: 'now',
  pcp_check_failed: 'now',
  pcp_install_failed: 'now',
  pcp_internal_error: 'now',
  pcp_no_answer: 'now',
  pcp_unknown: 'never',
  pile_wrong_number: 'never',
  pile_wrong_model: 'never',
  pile_download_timeout: 'now',
  pile_not_sendable: 'never',
  pile_unknown: 'never',
  file_damaged: 'never',
  no_reaction: 'now',
  not_begun: 'now',
  packet_repeated: 'now',
  transfer_silent: 'reconnect',
  offer_expired: 'reconnect',
  version_changed: 'reconnect',
  transfer_timeout: 'now',
  version_unchanged: 'now',
};

describe('a failure code', () => {
  it('is in the table of this test', () => {
    expect([...FAILURE_CODES].sort()).toEqual(Object.keys(CLASSES).sort());
  });

  it.each(Object.entries(CLASSES))('%s is tried again: %s', (code, retry) => {
    const { words, advice, ...meaning } = failureMeaning(code);
    expect(meaning).toEqual({ retry });
    // Words for the log and a thing to do, not an echo of the code.
    for (const text of [words, advice]) {
      expect(text).toMatch(/\S{2,} \S{2,}|nothing/);
      expect(text).not.toContain(code);
    }
  });

  it('fits into a column and into a URL', () => {
    for (const code of FAILURE_CODES) expect(code).toMatch(/^[a-z0-9_]+$/);
  });
});

describe('a code nobody knows', () => {
  const unknown = fc
    .oneof(fc.string(), fc.constantFrom('constructor', '__proto__', 'toString', 'hasOwnProperty', 'terminal_999', ''))
    .filter((code) => !(FAILURE_CODES as string[]).includes(code));

  it('is a failure for good, and the log names it', () => {
    fc.assert(
      fc.property(unknown, (code) => {
        const { retry, words, advice } = failureMeaning(code);
        expect(retry).toBe('never');
        expect(words).toContain(code);
        expect(advice).not.toBe('');
      }),
    );
  });
});

describe('an error code of a terminal', () => {
  it.each([731, 735, 738, 739, 740, 745, 749, 756, 801, 803, 805])('%i has its own meaning', (errcode) => {
    expect(terminalFailureCode(errcode)).toBe(`terminal_${errcode}`);
  });

  it.each([201, 404, 0, -1, 7310])('%i is in no table', (errcode) => {
    expect(terminalFailureCode(errcode)).toBe('terminal_unknown');
  });

  it('always has a meaning', () => {
    fc.assert(
      fc.property(fc.oneof(fc.integer(), fc.integer({ min: 700, max: 900 }), fc.double()), (errcode) => {
        expect(FAILURE_CODES).toContain(terminalFailureCode(errcode));
      }),
    );
  });
});

describe.each(['ams', 'pcp', 'pile'] as const)('a word of protocol %s', (protocol) => {
  it.each(FAILURE_CODES.filter((code) => code.startsWith(`${protocol}_`)))('%s has its own meaning', (code) => {
    expect(wordFailureCode(protocol, code.slice(protocol.length + 1))).toBe(code);
  });

  it('always has a meaning', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.constantFrom('constructor', '__proto__', 'Checksum', '')), (word) => {
        const code = wordFailureCode(protocol, word);
        expect(FAILURE_CODES).toContain(code);
        expect(code.startsWith(`${protocol}_`)).toBe(true);
      }),
    );
  });
});
