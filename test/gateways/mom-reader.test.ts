import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MOM_NAMES, MOM_REJECTIONS, type MomName, type MomRequests } from '../../gateways/mom/contract.ts';
import {
  answerMembers,
  ANSWER_LIMIT,
  fingerprintOf,
  keepable,
  parseBody,
  readAnswer,
  readRequest,
  REQUEST_LIMIT,
  writeRequest,
} from '../../gateways/mom/envelope.ts';
import { CODE_LIMIT, LIST_LIMIT, TEXT_LIMIT, WARNINGS_LIMIT } from '../../gateways/mom/fields.ts';
import { DEPTH_LIMIT, parseLoose } from '../../gateways/mom/loose-json.ts';
import { QUIRK_NAMES, QUIRKS, type Quirk } from '../../gateways/mom/quirks.ts';
import { readTime, writeTime } from '../../gateways/mom/times.ts';
import { displayMessage, keyFlagActionOf, nameOf, statusOf } from '../../gateways/mom/values.ts';
import { REQUESTED_AT_MS, REQUESTS } from '../support/mom-requests.ts';

const TIMES = { zIsUtc: false };

function read<Name extends MomName>(name: Name, text: string, times = TIMES) {
  const body = parseBody(text);
  return body.ok ? readRequest(name, body, times) : body;
}

/** The fields of a body that must be readable. */
function good<Name extends MomName>(name: Name, text: string, times = TIMES) {
  const result = read(name, text, times);
  if (!result.ok) throw new Error(`${result.failure}: ${result.message}`);
  return result;
}

const envelope = '"SessionId":"s1","RequestTime":"2024-04-10 14:16:31","Software":"KATOP","EquipmentCode":"EQ1"';
const status = `${envelope},"StatusCode":"Running","ReasonCode":"R","ChangeTime":"2024-04-10 14:16:31"`;

describe('clean requests', () => {
  test.each(MOM_NAMES)('%s is read as it was written, without a warning', (name) => {
    expect(read(name, writeRequest(name, REQUESTS[name]))).toEqual({ ok: true, request: REQUESTS[name], warnings: [] });
  });

  test('have the names and forms of the document', () => {
    expect(JSON.parse(writeRequest('TrayBind', REQUESTS.TrayBind))).toEqual({
      SessionId: '3F2504E0-4F89-11D3-9A0C-0305E82C3301',
      RequestTime: '2024-04-10 14:16:31',
      Software: 'KATOP',
      EquipmentCode: 'EQ00001',
      EmployeeNo: 'E0001',
      TrayBarcode: 'ZN180 104JZ000130',
      OpFlag: 0,
      Password: null,
      SerialNos: [
        { SerialNo: 'YF-KH-A-000001', PositionNo: 1 },
        { SerialNo: 'YF-KH-A-000002', PositionNo: 2 },
      ],
    });
    expect(JSON.parse(writeRequest('EqptAlert', REQUESTS.EqptAlert))).toMatchObject({
      AlertInfo: [
        { AlertCode: 'A1', AlertReset: '0' },
        { AlertCode: 'A2', AlertReset: '1' },
      ],
    });
  });
});

describe('quirks of real host computers', () => {
  const readable = QUIRK_NAMES.filter((quirk) => QUIRKS[quirk].isReadable);
  const cases = readable.flatMap((quirk) => MOM_NAMES.map((name) => [quirk, name] as const));

  test.each(cases)('%s in %s changes nothing but the warnings', (quirk, name) => {
    const { bend, only }: Quirk = QUIRKS[quirk];
    const clean = writeRequest(name, REQUESTS[name]);
    const bent = only?.test(name) === false ? clean : bend(clean);
    const { request, warnings } = good(name, bent);
    expect(request).toEqual(REQUESTS[name]);
    const isSame = bent === clean || quirk === 'blankBeforeBody';
    expect(warnings.length > 0).toBe(!isSame);
  });

  test.each(QUIRK_NAMES.filter((quirk) => !QUIRKS[quirk].isReadable))('%s is refused by name', (quirk) => {
    for (const name of MOM_NAMES) {
      const result = read(name, QUIRKS[quirk].bend(writeRequest(name, REQUESTS[name])));
      expect(result).toMatchObject({ ok: false, failure: quirk === 'noSession' ? 'missing_field' : 'bad_json' });
    }
  });

  test.each([
    // PROTOCOLS 5.3, line by line
    [
      `{${status.replace('"2024-04-10 14:16:31","Soft', '" 2024-4-10T14:16:31.211Z ","Soft')}}`,
      ['time_form:RequestTime', 'time_zone_ignored:RequestTime'],
    ],
    [`{${status.replace('RequestTime', 'ResponseTime')}}`, ['ResponseTime_for_RequestTime']],
    [
      `{${status.replace('StatusCode', 'StatusCode ').replace('ChangeTime', 'ChangeTime ')}}`,
      ['blank_in_key:StatusCode', 'blank_in_key:ChangeTime'],
    ],
    [`{${status.replace('SessionId', 'SessionID')}}`, ['case_of_key:SessionId']],
    [`{${status.replaceAll('","', '"，"')}}`, ['full_width_punctuation']],
    [`{${status.replaceAll('":"', '"："')}}`, ['full_width_punctuation']],
    [`{${status.replace(',', ', // GUID\n')}}`, ['comment']],
    [`{/* one\n two */${status}} // end`, ['comment']],
    [`#样例 1\n#样例 2\n{${status}}`, ['comment']],
    [`#样例 1 {${status}}`, ['comment']],
    [`{${status.replace('"Running"', '"Run \n\r\n ning"')}}`, ['line_break_in_string']],
    [`{${status.replace('"Running"', '"Run \\n ning"')}}`, ['line_break:StatusCode']],
    [`{${status.replace('"Running"', '" Running "')}}`, ['blank_around:StatusCode']],
    [`{${status},}`, ['trailing_comma']],
    [`\ufeff{${status}}`, ['byte_order_mark']],
    [`{${status},"Description":"C:\\dir"}`, ['bad_escape']],
    [`{${status},"Description":NULL}`, ['literal_case']],
    [`{${status},"Description":"a\tb"}`, ['control_character']],
    [`{${status},"Description":"a\\u0000b"}`, ['unstorable_character:Description']],
    [`{${status},"Description":"a\\ud800"}`, ['unstorable_character:Description', 'not_utf8:Description']],
    [`{${status},"LocationID":12}`, ['number_for_text:LocationID']],
    [`{${status},"LocationID":true}`, ['boolean_for_text:LocationID']],
    [`{${status},"STATUSCODE":"Down"}`, ['case_of_key:StatusCode', 'duplicate_key:StatusCode']],
    [`{${status.replace('"2024-04-10 14:16:31","Soft', '"soon","Soft')}}`, ['unreadable:RequestTime']],
  ])('%s', (text, warnings) => {
    const { request, ...rest } = good('EqptStatus', text);
    expect(rest).toEqual({ ok: true, warnings });
    expect(request).toMatchObject({ sessionId: 's1', equipmentCode: 'EQ1', statusCode: 'Running' });
  });

  test('the blank inside a tray barcode is real', () => {
    const text = `{${envelope},"EmployeeNo":""," TrayBarcode":" ZN180 104JZ000130 "}`;
    expect(good('TrayCellsStatus', text).request.trayBarcode).toBe('ZN180 104JZ000130');
  });

  test('a line break in a serial number goes, with the blanks around it', () => {
    const text = `{${envelope},"EmployeeNo":"1","SerialNos\n":[{"SerialNo":"YF-KH-A- \n000001"}]"}`;
    const { request, warnings } = good('CellState', text);
    expect(request.cells).toEqual([{ serialNo: 'YF-KH-A-000001' }]);
    expect(warnings).toEqual(['line_break_in_string', 'stray_quote']);
  });

  test('a number for text keeps every digit, and its form', () => {
    const text = `{${envelope},"EmployeeNo":007,"SerialNos":[{"SerialNo":86052705526531999912345},{"SerialNo":1.10}]}`;
    const { request } = good('CellState', text);
    expect(request.employeeNo).toBe('007');
    expect(request.cells).toEqual([{ serialNo: '86052705526531999912345' }, { serialNo: '1.10' }]);
    const strict = good('CellState', text.replace('007', '7'));
    expect(strict.request.cells).toEqual(request.cells);
  });

  test('whole numbers and flags come in any form', () => {
    const bind = (opFlag: string, position: string) =>
      good(
        'TrayBind',
        `{${envelope},"EmployeeNo":"1","OpFlag":${opFlag},"TrayBarcode":"T","SerialNos":[{"SerialNo":"C","PositionNo":${position}}]}`,
      ).request;
    for (const form of ['1', '"1"', '" 1 "', '1.0', '"1.0"', '+1']) {
      expect(bind(form, form)).toMatchObject({ opFlag: 1, cells: [{ positionNo: 1 }] });
    }
    const alerts = (reset: string) =>
      good('EqptAlert', `{${envelope},"AlertInfo":[{"AlertCode":"A","AlertReset":${reset}}]}`).request.alerts[0]
        ?.isRaised;
    expect(['"0"', '0', '"False"', 'false'].map(alerts)).toEqual([true, true, true, true]);
    expect(['"1"', '1', '" TRUE "', 'true'].map(alerts)).toEqual([false, false, false, false]);
  });

  test('what a follow-up call says besides the envelope is kept, but for passwords', () => {
    const text = `{${envelope}," Lots\\n":[{"Lot":1e400,"a\\u0000":"b\\u0000"}],"PassWord":"x","__proto__":{"y":1}}`;
    const { request } = good('WaterContent', text);
    expect(JSON.stringify(request.data)).toBe('{"Lots":[{"Lot":null,"a":"b"}],"__proto__":{"y":1}}');
    expect(({} as { y?: number }).y).toBeUndefined();
  });
});

describe('refusals', () => {
  test.each([
    ['EqptStatus', '', 'bad_json', /expected a value at character 1/],
    ['EqptStatus', 'null', 'bad_json', /JSON object/],
    ['EqptStatus', '[]', 'bad_json', /JSON object/],
    ['EqptStatus', '12345678901234567890', 'bad_json', /JSON object/],
    ['EqptStatus', '007', 'bad_json', /JSON object/],
    ['EqptStatus', `{${status}} {}`, 'bad_json', /nothing more/],
    ['EqptStatus', `{${status.replace(',', '')}}`, 'bad_json', /a comma or }/],
    ['EqptStatus', `{${status.replace(',', '},')}}`, 'bad_json', /nothing more/],
    ['EqptStatus', `{${status},"x":"`, 'bad_json', /the end of this string/],
    ['EqptStatus', `{${status} /* `, 'bad_json', /the end of this comment/],
    ['EqptStatus', `{${status},"x":[1]"y":2}`, 'bad_json', /a comma or }/],
    ['EqptStatus', `{${status},"x":1x}`, 'bad_json', /a value/],
    ['EqptStatus', `{x:${'['.repeat(DEPTH_LIMIT)}`, 'bad_json', /a key in quotes/],
    ['EqptStatus', `{"x":${'['.repeat(DEPTH_LIMIT)}`, 'bad_json', /at most 16 levels/],
    ['EqptStatus', `{${status.replace('"s1"', 'null')}}`, 'missing_field', /SessionId is missing/],
    ['EqptStatus', `{${status.replace('"s1"', '" "')}}`, 'missing_field', /SessionId is empty/],
    ['EqptStatus', `{${status.replace('RequestTime', 'Time')}}`, 'missing_field', /RequestTime is missing/],
    [
      'EqptStatus',
      `{${status.replace('"ChangeTime":"2024-04-10', '"ChangeTime":"2024-02-30')}}`,
      'bad_field',
      /ChangeTime must be a time/,
    ],
    [
      'EqptStatus',
      `{${status.replace('"ChangeTime":"2024-04-10 14:16:31"', '"ChangeTime":""')}}`,
      'missing_field',
      /ChangeTime is empty/,
    ],
    ['EqptStatus', `{${status.replace('"Running"', '{}')}}`, 'bad_field', /StatusCode must be text/],
    [
      'EqptStatus',
      `{${status.replace('"Running"', `"${'x'.repeat(CODE_LIMIT + 1)}"`)}}`,
      'bad_field',
      /at most 128 characters/,
    ],
    ['EqptStatus', ' '.repeat(REQUEST_LIMIT + 1), 'too_large', /at most/],
    ['CellState', `{${envelope}}`, 'missing_field', /EmployeeNo is missing/],
    ['CellState', `{${envelope},"EmployeeNo":"","SerialNos":{}}`, 'bad_field', /SerialNos must be a list/],
    [
      'CellState',
      `{${envelope},"EmployeeNo":"","SerialNos":[{"SerialNo":"a"},7]}`,
      'bad_field',
      /SerialNos\[1\] must be an object/,
    ],
    [
      'CellState',
      `{${envelope},"EmployeeNo":"","SerialNos":[{"SerialNo":"a"},{}]}`,
      'missing_field',
      /SerialNos\[1\]\.SerialNo/,
    ],
    [
      'CellState',
      `{${envelope},"EmployeeNo":"","SerialNos":[${'{},'.repeat(LIST_LIMIT)}{}]}`,
      'too_large',
      /more than 2000/,
    ],
    [
      'TrayUnbind',
      `{${envelope},"EmployeeNo":"","TrayBarcode":"T","OpFlag":2}`,
      'bad_field',
      /OpFlag must be a whole number 0\.\.1/,
    ],
    ['TrayUnbind', `{${envelope},"EmployeeNo":"","TrayBarcode":"T","OpFlag":"x"}`, 'bad_field', /OpFlag/],
    ['TrayUnbind', `{${envelope},"EmployeeNo":"","TrayBarcode":"T","OpFlag":0.5}`, 'bad_field', /OpFlag/],
    ['EqptAlert', `{${envelope},"AlertInfo":[{"AlertCode":"A","AlertReset":"2"}]}`, 'bad_field', /AlertReset/],
    ['WaterContent', `{${envelope},"x":[[[[[[[[1]]]]]]]]}`, 'bad_field', /levels/],
  ] as const)('%s %s', (name, text, failure, message) => {
    const result = read(name, text);
    expect(result).toMatchObject({ ok: false, failure });
    if (!result.ok) expect(result.message).toMatch(message);
  });
});

describe('limits', () => {
  test('a long description is cut, not refused', () => {
    const { request, warnings } = good('EqptStatus', `{${status},"Description":"${'😀'.repeat(TEXT_LIMIT)}"}`);
    expect(request.description).toHaveLength(TEXT_LIMIT);
    expect(warnings).toEqual(['cut:Description']);
  });

  test('warnings are bounded', () => {
    const item = '{"alertcode":1," AlertReset ":0,"ALERTDESCRIPTION":true,"alertlevel":3,"partcode":4,"producttype":5}';
    const text = `#x\n\ufeff${`{${envelope},"AlertInfo":[${item}],}`.toLowerCase().replaceAll('":"', '"："')}`;
    const result = good('EqptAlert', text);
    expect(result.warnings.length).toBeGreaterThan(15);
    expect(result.warnings.length).toBeLessThanOrEqual(WARNINGS_LIMIT);
  });

  test.each([
    ['blanks', ' '.repeat(REQUEST_LIMIT - 2)],
    ['line breaks in a string', `{"a":"${'x\n '.repeat(80_000)}`],
    ['line breaks in a whole string', `{${status},"Description":"${' \n'.repeat(100_000)}x"}`],
    ['escapes', `{"a":"${'\\'.repeat(200_001)}"}`],
    ['quotes', '"'.repeat(REQUEST_LIMIT)],
    ['comments', '//\n'.repeat(80_000)],
    ['open comments', '/*'.repeat(100_000)],
    ['headings', '#'.repeat(REQUEST_LIMIT)],
    ['keys', `{${'"a" :1，'.repeat(30_000)}}`],
    ['passwords', `{${'"password" '.repeat(20_000)}`],
    ['a number', `{"a":${'1'.repeat(200_000)}}`],
    ['nesting', '['.repeat(REQUEST_LIMIT)],
    ['nesting that strict JSON takes', `{${envelope},"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
  ])('many %s take linear time', (_, text) => {
    const startedAt = performance.now();
    for (const name of MOM_NAMES) read(name, text);
    keepable(text);
    displayMessage(text);
    expect(performance.now() - startedAt).toBeLessThan(20_000); // quadratic ones take minutes
  });
});

describe('times', () => {
  const utc = (text: string) => new Date(text).getTime();
  test.each([
    ['2024-04-10 14:16:31', '2024-04-10T06:16:31Z', []],
    ['2024-04-10T14:16:31.5', '2024-04-10T06:16:31.500Z', []],
    [' 2024-4-10T14:16:31.211Z ', '2024-04-10T06:16:31.211Z', ['time_form', 'time_zone_ignored']],
    ['2024-4-1 1:2:3', '2024-03-31T17:02:03Z', ['time_form']],
    ['2024/4/1 1:2', '2024-03-31T17:02:00Z', ['time_form']],
    ['2024-02-29', '2024-02-28T16:00:00Z', ['time_form']],
    ['2024-04-10T14:16:31+08:00', '2024-04-10T06:16:31Z', ['time_form']],
    ['2024-04-10T14:16:31-0530', '2024-04-10T19:46:31Z', ['time_form']],
    ['2024-04-10   14:16:31', '2024-04-10T06:16:31Z', ['time_form']],
  ])('%s', (text, expected, warnings) => {
    expect(readTime(text, TIMES)).toEqual({ atMs: utc(expected), warnings });
  });

  test('a Z means UTC where the setting says so', () => {
    expect(readTime('2024-04-10T14:16:31Z', { zIsUtc: true })?.atMs).toBe(utc('2024-04-10T14:16:31Z'));
    expect(readTime('2024-04-10 14:16:31', { zIsUtc: true })?.atMs).toBe(REQUESTED_AT_MS);
  });

  test.each([
    '',
    'soon',
    '2023-02-29',
    '2024-13-01',
    '2024-00-10',
    '2024-04-10 24:00:00',
    '2024-04-10 1:60:00',
    '0001-01-01 00:00:00',
    '2024-04-10T1:1:1+15:00',
    '2024-04-10 14:16:31 pm',
    `2024-04-10${' '.repeat(60)}1:2:3`,
  ])('"%s" is none', (text) => {
    expect(readTime(text, TIMES)).toBeNull();
  });

  test('what is written is read again, to the second', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 250_000_000_000 }), (seconds) => {
        expect(readTime(writeTime(seconds * 1_000), TIMES)).toEqual({ atMs: seconds * 1_000, warnings: [] });
      }),
    );
  });
});

describe('single values', () => {
  test('names are found in any case, aliases too', () => {
    expect(['EqptAlive', 'eqptalive', ' EqptAlive', 'EqptOnline', 'OCVINPUT', 'constructor', ''].map(nameOf)).toEqual([
      'EqptAlive',
      'EqptAlive',
      'EqptAlive',
      'EqptRun',
      'AgingInput',
      null,
      null,
    ]);
  });

  test('states have their other spellings, and nothing else', () => {
    const words = [
      'running',
      ' WORKING',
      'Run',
      'Idle',
      'standby',
      'Waiting',
      'DOWN',
      'maintenance',
      'Alert',
      'alarm',
      'Alarming',
      'Alerting',
      'Stop',
      'toString',
    ];
    expect(words.map(statusOf)).toEqual([
      'Running',
      'Running',
      'Running',
      'Waiting',
      'Waiting',
      'Waiting',
      'Down',
      'Maintenance',
      'Alerting',
      'Alerting',
      'Alerting',
      'Alerting',
      null,
      null,
    ]);
  });

  test('KeyFlags follow the table of the site', () => {
    expect(['0', ' 1 ', '97', '98', '99', '5', '', null, 'toString'].map((flag) => keyFlagActionOf(flag))).toEqual([
      'material_up',
      'material_down',
      'water_content',
      'parameters',
      'none',
      null,
      null,
      null,
      null,
    ]);
    expect(keyFlagActionOf('5', { 5: 'parameters' })).toBe('parameters');
  });

  test('messages lose the blanks between Chinese characters only', () => {
    expect(displayMessage('  执 行\n成\n 功 ')).toBe('执行成功');
    expect(displayMessage('托盘 T1  not \n bound，请 检 查')).toBe('托盘 T1 not bound，请检查');
    expect(displayMessage(' ')).toBe('');
  });

  test('the same request has the same fingerprint, whenever and under whatever session it is sent', () => {
    const { TrayUnbind: request } = REQUESTS;
    const again = { ...request, sessionId: 'other', requestedAtMs: null, password: 'other' };
    expect(fingerprintOf(again)).toBe(fingerprintOf(request));
    expect(fingerprintOf({ ...request, trayBarcode: 'T2' })).not.toBe(fingerprintOf(request));
  });

  test.each([
    ['{"Password":"abc","x":1}', '{"Password":"***","x":1}'],
    ['{"pass\nword \\n" ： "a\\"b"，"x":1}', '{"pass\nword \\n" ： "***"，"x":1}'],
    ['{"Password":1234,"x":1}', '{"Password":"***","x":1}'],
    ['{"x":1,"Password":"abc', '{"x":1,"Password":"***"'],
    ['{"\\u0050assword":"abc"}', '(not kept: letters are written as escapes, which may hide a password)'],
    ['{"a":"\u0000"}', '{"a":""}'],
  ])('a body is kept without its passwords: %s', (text, kept) => {
    expect(keepable(text)).toBe(kept);
  });
});

describe('answers', () => {
  const info = { sessionId: 's1', respondedAtMs: REQUESTED_AT_MS, equipmentCode: 'EQ1' };
  const done = { ...info, resultFlag: true, success: true, message: '执行成功' };

  test('are written in the form of the document and read again', () => {
    const fields = {
      trayBarcode: 'T1',
      agingStartAtMs: REQUESTED_AT_MS,
      agingTimeLowerLimitMinutes: 60,
      agingTimeUpperLimitMinutes: 90,
      trayBarcodeProperty: null,
    };
    const members = answerMembers('AgingInput', done, fields);
    expect(members).toEqual({
      SessionId: 's1',
      ResponseTime: '2024-04-10 14:16:31',
      EquipmentCode: 'EQ1',
      ResultFlag: true,
      Success: true,
      MOMMessage: '执行成功',
      TrayBarcode: 'T1',
      AgingStartTime: '2024-04-10 14:16:31',
      AgingTimeLowerLimit: 60,
      AgingTimeUpperLimit: 90,
      TrayBarcodeProperty: null,
    });
    const read = readAnswer('AgingInput', JSON.stringify(members), TIMES);
    expect(read).toEqual({ ok: true, answer: { ...done, fields }, warnings: [] });
  });

  test('a refusal has empty lists, and needs nothing to be read', () => {
    const refused = { ...info, resultFlag: true, success: false, message: 'no' };
    const members = answerMembers('TrayCellsStatus', refused, null);
    expect(members).toMatchObject({ Success: false, SerialNos: [], TrayBarcode: null });
    const read = readAnswer('TrayCellsStatus', '{"ResultFlag":"True","Success":"False"}', TIMES);
    expect(read).toMatchObject({ ok: true, answer: { resultFlag: true, success: false, fields: null, sessionId: '' } });
  });

  test('samples of the document are read', () => {
    const cells = `{"SessionID":"s1","ResponseTime":" 2024-4-10T14:16:31.211Z ","EquipmentCode":"EQ1","ResultFlag":"True","Success":"True",
      "MOMMessage":"  执 行 成 功 ","SerialNos":[{"SerialNo":"C1","SerialNoStatus":"1","BindCode":"M / W"}]"}`;
    expect(readAnswer('CellState', cells, TIMES)).toMatchObject({
      answer: { success: true, fields: { cells: [{ serialNo: 'C1', serialNoStatus: 1, bindCode: 'M / W' }] } },
    });
    const tray = `{"ResultFlag":1,"Success":"1","TrayBarcode":"T","SerialNos":[{"SerialNo":"C1","PositionNo":"1","SerialNoStatus":1},
      {"SerialNo":"C2","PositionNo":"","SerialNoStatus":"2"}]}`;
    expect(readAnswer('TrayCellsStatus', tray, TIMES)).toMatchObject({
      answer: {
        fields: {
          cells: [
            { positionNo: 1, serialNoStatus: 1 },
            { positionNo: null, serialNoStatus: 2 },
          ],
        },
      },
    });
    const run = `{"ResultFlag":true,"Success":true,"ParamVersion":1.0,"ParamRefreshFlag":"TRUE","ParameterInfo":[
      {"ParameterCode":"FWELD00001","ParameterType":"P","TargetValue":"","Description":"one"},
      {"ParameterCode":"FWELD00001","ParameterType":"P","TargetValue":12.50,"Description":"two"}]}`;
    const read = readAnswer('EqptRun', run, TIMES);
    expect(read).toMatchObject({ answer: { fields: { paramVersion: '1.0', paramRefreshFlag: true } } });
    const parameters = read.ok
      ? read.answer.fields?.parameters.map(({ description, targetValue }) => [description, targetValue])
      : [];
    expect(parameters).toEqual([
      ['one', ''],
      ['two', '12.50'],
    ]);
    for (const flag of ['98', '" 98 "']) {
      expect(readAnswer('EqptAlive', `{"ResultFlag":true,"Success":true,"KeyFlag":${flag}}`, TIMES)).toMatchObject({
        answer: { fields: { keyFlag: '98' } },
      });
    }
  });

  test.each([
    ['{"Success":true}', 'missing_field'],
    ['{"ResultFlag":"maybe","Success":true}', 'bad_field'],
    ['{"ResultFlag":true,"Success":true}', 'missing_field'],
    ['<html>', 'bad_json'],
    [' '.repeat(ANSWER_LIMIT + 1), 'too_large'],
  ])('%s is no answer', (text, failure) => {
    expect(readAnswer('CellState', text, TIMES)).toMatchObject({ ok: false, failure });
  });
});

/** SLIPWAY_FUZZ makes this longer: inputs per property. */
const FUZZ_RUNS = Number(process.env.SLIPWAY_FUZZ ?? 3_000);

describe('whatever is sent', () => {
  const clean = MOM_NAMES.map((name) => writeRequest(name, REQUESTS[name]));
  const name = fc.constantFrom(...MOM_NAMES);
  const token = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    '"',
    ',',
    '，',
    ':',
    '：',
    '//',
    '/*',
    '*/',
    '#',
    '\\',
    '\\u',
    '\n',
    '\ufeff',
    ' ',
    'null',
    'TRUE',
    '1e999',
    '-',
    '0',
    '"SessionId"',
    '"SerialNos"',
    '\u0000',
    '\ud800',
  );
  const mutated = fc
    .tuple(
      fc.constantFrom(...clean),
      fc.array(fc.tuple(fc.nat(), fc.nat(6), fc.oneof(token, fc.string({ maxLength: 4 }))), {
        minLength: 1,
        maxLength: 6,
      }),
      fc.constantFrom(...QUIRK_NAMES),
    )
    .map(([text, edits, quirk]) => {
      for (const [at, length, insert] of edits) {
        const place = at % (text.length + 1);
        text = text.slice(0, place) + insert + text.slice(place + length);
      }
      return QUIRKS[quirk].bend(text);
    });
  const values = fc
    .tuple(fc.constantFrom(...clean), fc.string(), fc.jsonValue({ maxDepth: 4 }))
    .map(([text, key, value]) => {
      const members = JSON.parse(text) as Record<string, unknown>;
      const keys = Object.keys(members);
      const chosen = keys[key.length % (keys.length + 1)] ?? key;
      return JSON.stringify({ ...members, [chosen]: value });
    });
  const any = fc.oneof(
    fc.array(token).map((tokens) => tokens.join('')),
    fc.string({ unit: 'binary' }),
    mutated,
    values,
  );

  test('gives a request that can be stored, or one named refusal', () => {
    fc.assert(
      fc.property(name, any, (name, text) => {
        const result = read(name, text);
        if (result.ok) {
          const request: MomRequests[MomName] = result.request;
          const stored = JSON.stringify(request);
          expect(stored).not.toMatch(/\\u0000|\\ud[89a-f]/i);
          // The clean form of what was read is read the same, to the second.
          const dated = { ...result.request, requestedAtMs: result.request.requestedAtMs ?? REQUESTED_AT_MS };
          const again = good(name, writeRequest(name, dated));
          expect(fingerprintOf(again.request)).toBe(fingerprintOf(wholeSeconds(request)));
        } else {
          expect(MOM_REJECTIONS).toContain(result.failure);
        }
        expect(result.warnings.length).toBeLessThanOrEqual(WARNINGS_LIMIT);
        expect(keepable(text)).not.toContain('\u0000');
        readAnswer(name, text, TIMES);
      }),
      { numRuns: FUZZ_RUNS },
    );
  }, 600_000);

  test('what strict JSON takes, the loose reader takes the same way', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
        const text = JSON.stringify(value);
        const loose = parseLoose(text);
        expect(loose).toMatchObject({ ok: true, repairs: [] });
        expect(JSON.parse(JSON.stringify(loose.ok ? plain(loose.value) : null))).toEqual(JSON.parse(text));
      }),
      { numRuns: FUZZ_RUNS },
    );
  }, 600_000);
});

/** Numbers that are kept as written, as numbers. */
function plain(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(plain);
  if ('text' in value && value.constructor?.name === 'WrittenNumber') return Number(value.text);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
}

function wholeSeconds(request: MomRequests[MomName]): MomRequests[MomName] {
  const changedAtMs = 'changedAtMs' in request ? Math.floor(request.changedAtMs / 1_000) * 1_000 : undefined;
  return changedAtMs === undefined ? request : { ...request, changedAtMs };
}
