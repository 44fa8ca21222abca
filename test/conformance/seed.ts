/** What the API can show: some of everything, so that reads find something and not only "there is no such thing". */
import { Operator, demoFirmware } from '../../bench/operator.ts';
import type { Stage } from '../../bench/stage.ts';

/** As many as `schemathesis.toml` names. */
const TASKS = 20;

/** A small fleet, files, tasks that wait for their time or for approval, webhooks, a further department and keys. */
export async function seed(stage: Stage, receiverUrl: string): Promise<{ ownKeyId: number }> {
  const operator = new Operator(stage.apiUrl, stage.key);
  const { items } = await operator.call<{ items: { id: number }[] }>('GET', '/api-keys');
  const { id: departmentId } = await operator.call('POST', '/departments', { name: 'Field service' });
  for (const name of ['night operator', 'day operator'])
    await operator.call('POST', '/api-keys', { name, departmentId, permissions: ['device:read'] });
  for (const remark of ['first', 'second', 'third'])
    await operator.call('POST', '/webhooks', { url: receiverUrl, remark });
  const deviceIds = await operator.registerTerminals(['0000000001', '0000000002', '0000000003']);
  await operator.registerTrackers(['350000000000001']);
  const [firmware] = [
    await operator.uploadFirmware(demoFirmware(11, 10)),
    await operator.uploadFirmware(demoFirmware(12, 11)),
    await operator.uploadFirmware(demoFirmware(13, 12)),
  ];
  for (let n = 0; n < TASKS; n++) {
    const approval =
      n % 3 === 0 ? { approval: { required: true, withinHours: 1, onExpiry: 'cancel', fourEyes: false } } : {};
    // the first begins at once, the others stay in their delay for the whole run
    const options = { dispatchDelayMinutes: n === 0 ? 0 : 60, ...(n === 0 ? {} : approval) };
    await operator.createTask({ firmwareIds: [firmware], deviceIds, options });
  }
  return { ownKeyId: items[0]!.id };
}
