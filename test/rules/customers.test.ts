import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  checkRules,
  classify,
  DEFAULT_CUSTOMER_RULES,
  explainRules,
  foldName,
  ruleWords,
  type CustomerRule,
} from '../../workflows/rules/customers.ts';
import { refusalOf } from '../../workflows/rules/shipments.ts';

const RULES = DEFAULT_CUSTOMER_RULES;
const numberOf = (name: string, rules: readonly CustomerRule[] = RULES) => classify(name, rules)?.number ?? null;

/** Latin letters, digits and brackets in the other width or case. */
const otherForm = (text: string, choice: readonly boolean[]) =>
  Array.from(text)
    .map((character, index) => {
      const code = character.codePointAt(0)!;
      if (!choice[index % choice.length]) return character;
      return code >= 0x21 && code <= 0x7e ? String.fromCodePoint(code + 0xfee0) : character.toUpperCase();
    })
    .join('');
const latin = fc.string({ unit: fc.constantFrom(...Array.from('abzABZ09()[]-_.')), minLength: 1, maxLength: 8 });
const chinese = fc.string({ unit: fc.constantFrom(...Array.from('深圳市几米软件物联国际部贸')), maxLength: 8 });
const forms = fc.array(fc.boolean(), { minLength: 1, maxLength: 12 });

describe('the four rules of the business', () => {
  test.each([
    ['深圳途骏信息科技有限公司', 1, 'hemi'],
    ['客户：深圳途骏信息科技有限公司（深圳）', 1, 'hemi'],
    ['几米 国贸部 营销事业三部', 2, 'guomao'],
    ['营销事业三部/国贸部', 2, 'guomao'],
    ['深圳市几米软件有限公司（国际部）', 3, 'guomao'],
    ['国际部-深圳市几米物联有限公司', 4, 'guomao'],
    // several fit: the first decides
    ['深圳途骏信息科技有限公司 国贸部 营销事业三部', 1, 'hemi'],
    ['深圳市几米软件有限公司 深圳市几米物联有限公司 国际部', 3, 'guomao'],
  ])('%s falls under rule %i', (name, number, customer) => {
    expect(classify(name, RULES)).toMatchObject({ number, customer });
  });

  test.each([
    '',
    '国贸部',
    '营销事业三部',
    '国际部',
    '深圳市几米软件有限公司',
    '深圳途骏信息科技有限 公司',
    '深圳市几米 软件有限公司国际部',
    '国际 部 深圳市几米物联有限公司',
  ])('"%s" falls under none: nothing is trimmed inside names', (name) => {
    expect(classify(name, RULES)).toBeNull();
  });

  test('a device without a company falls under none', () => {
    expect(classify(null, RULES)).toBeNull();
  });
});

describe('laws', () => {
  test('case and width of Latin letters, digits and brackets do not matter, neither in names nor in words', () => {
    fc.assert(
      fc.property(chinese, latin, chinese, forms, forms, (before, word, after, inName, inWord) => {
        const rules = [{ number: 1, words: [otherForm(word, inWord)], customer: 'x', active: true }];
        expect(numberOf(before + otherForm(word, inName) + after, rules)).toBe(1);
      }),
    );
  });

  test('folding keeps the length, and folding again changes nothing', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const folded = foldName(text);
        expect(Array.from(folded).length).toBe(Array.from(text).length);
        expect(foldName(folded)).toBe(folded);
      }),
    );
  });

  test('all words must be there, in whatever sequence; one that is missing is named', () => {
    fc.assert(
      fc.property(fc.uniqueArray(latin, { minLength: 1, maxLength: 4, selector: foldName }), fc.nat(), (words, at) => {
        const rules = [{ number: 7, words, customer: 'x', active: true }];
        expect(numberOf(words.toReversed().join('、'), rules)).toBe(7);
        const left = words.filter((_, index) => index !== at % words.length).join('、');
        const isMissing = !foldName(left).includes(foldName(words[at % words.length]!));
        const [verdict] = explainRules(left, rules);
        expect(verdict!.verdict).toBe(isMissing ? 'words_missing' : 'decided');
        if (isMissing) expect(verdict!.missing).toContain(words[at % words.length]);
      }),
    );
  });

  test('of several that fit, the lowest number that is on decides, however the list is sorted', () => {
    const rule = fc.record({
      number: fc.integer({ min: 1, max: 50 }),
      active: fc.boolean(),
      words: fc.constantFrom('国际部', '几米', '不在').map((word) => [word]),
      customer: fc.constant('x'),
    });
    fc.assert(
      fc.property(fc.uniqueArray(rule, { selector: ({ number }) => number, maxLength: 10 }), (rules) => {
        const fitting = rules.filter(({ active, words }) => active && words[0] !== '不在').map(({ number }) => number);
        const lowest = fitting.length === 0 ? null : Math.min(...fitting);
        expect(numberOf('几米国际部', rules)).toBe(lowest);
        const verdicts = explainRules('几米国际部', rules);
        expect(verdicts.filter(({ verdict }) => verdict === 'decided').map((each) => each.rule.number)).toEqual(
          lowest === null ? [] : [lowest],
        );
        expect(verdicts.map((each) => each.rule.number)).toEqual(
          rules.map(({ number }) => number).toSorted((one, other) => one - other),
        );
      }),
    );
  });
});

test('a fired rule is said in one line', () => {
  expect(ruleWords(RULES[1]!)).toBe('2: 国贸部 + 营销事业三部');
});

test('rules that would fit everything, or have one number, are refused by place and field', () => {
  const rule = { number: 1, words: ['国际部'], customer: 'x', active: true };
  expect(checkRules([rule, { ...rule, number: 2 }])).toEqual([]);
  const wrong = checkRules([
    { ...rule, words: [] },
    { ...rule, words: [' '] },
    { ...rule, number: 3, words: ['国际部 '], customer: ' ' },
  ]);
  expect(wrong.map(({ index, field }) => `${index} ${field}`)).toEqual([
    '0 words',
    '1 number',
    '1 words',
    '2 customer',
    '2 words',
  ]);
});

describe('whether a device can be shipped', () => {
  const facts = {
    imei: '860000000000001',
    isPacked: true,
    productionDate: '2026-03-01',
    shippedTo: null,
    registeredIn: null,
  };
  const order = { departmentId: 1, shipDate: '2026-03-02' };

  test.each([
    [{}, null],
    [{ registeredIn: 1 }, null],
    [{ productionDate: null }, null],
    [{ imei: '86000000000000' }, 'bad_imei'],
    [{ imei: '86000000000000X' }, 'bad_imei'],
    [{ isPacked: false }, 'unknown'],
    [{ shippedTo: 1 }, 'already_shipped'],
    [{ shippedTo: 2 }, 'other_department'],
    [{ registeredIn: 2 }, 'other_department'],
    [{ productionDate: '2026-03-02' }, 'not_after_production'],
    [{ productionDate: '2026-03-03' }, 'not_after_production'],
  ] as const)('%j: %s', (change, reason) => {
    expect(refusalOf({ ...facts, ...change }, order)).toBe(reason);
  });
});
