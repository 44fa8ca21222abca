/**
 * Live updates of a task or of the whole department, as server-sent events.
 */
import { Type } from 'typebox';
import type { Caller } from '../auth.ts';
import { STREAM_EVENTS } from '../events/event-frames.ts';
import { notFound } from '../problems.ts';
import { LiveAnswer, route, type Services } from '../route.ts';
import { closed, Id, text } from '../schemas.ts';
import { findTask } from '../../db/upgrades/tasks.ts';

const Headers = closed({
  'last-event-id': Type.Optional(
    text(200, {
      description:
        'the `id` of the last event you have; what came after it is sent first. Browsers send it by themselves when they come back',
    }),
  ),
});

const Stream = Type.Unsafe<LiveAnswer>({
  type: 'string',
  contentMediaType: 'text/event-stream',
  description: `events of the types ${STREAM_EVENTS.join(', ')}; \`data\` is JSON`,
});

const DESCRIPTION = `Stays open and sends what happens from now on, as [server-sent events](https://html.spec.whatwg.org/multipage/server-sent-events.html) with JSON in \`data\`:

- \`device\`: a device upgrade changed or moved on: \`upgradeId\`, \`deviceId\`, \`taskId\`, \`status\`, \`reason\`, \`event\`, \`cause\`, \`bytesSent\`, \`bytesTotal\`
- \`task\`: something was decided about a task: \`taskId\`, \`status\`, \`pacing\`, \`revision\`, \`event\`, \`cause\`, \`author\`
- \`counts\`: how many devices of a task have which status, at most once a second while it changes
- \`event\`: what webhooks hear of, too: \`kind\`, \`taskId\`, \`deviceId\`, \`data\`
- \`reset\`: events are missing here; load what you show again, and go on with what follows

**Nothing is left out.** Connect first, then load the lists you show. A client that was cut off sends the \`id\` of the last event it has as \`Last-Event-ID\` and gets what it missed before what is new. An event may come twice: \`data.id\` is the number of its row, unique in its type (\`counts\` and \`reset\` have none). Events of one device come in their order. A client that is too far behind, or reads too slowly, gets a \`reset\`.

A comment line comes every 15 seconds; a line without it for a minute means that the connection is dead. When the key is revoked the stream ends within ten seconds or so.`;

export const eventRoutes = [
  route({
    method: 'get',
    path: '/api/v1/events',
    id: 'followDepartment',
    tag: 'events',
    summary: 'Follow everything in the department',
    description: DESCRIPTION,
    permission: 'device:read',
    headers: Headers,
    status: 200,
    produces: 'text/event-stream',
    response: Stream,
    problems: ['too_many_streams'],
    handle: ({ headers, caller }, services) => follow(services, caller, null, headers['last-event-id']),
  }),
  route({
    method: 'get',
    path: '/api/v1/upgrade-tasks/{taskId}/events',
    id: 'followUpgradeTask',
    tag: 'events',
    summary: 'Follow one task and its devices',
    description: 'The same as `GET /api/v1/events` (see there), of one task. Begins with its `counts`.',
    permission: 'device:read',
    params: closed({ taskId: Id }),
    headers: Headers,
    status: 200,
    produces: 'text/event-stream',
    response: Stream,
    problems: ['too_many_streams'],
    handle: async ({ params: { taskId }, headers, caller }, services) => {
      if ((await findTask(services.db, caller.departmentId, taskId)) === null) throw notFound('upgrade task', taskId);
      return follow(services, caller, taskId, headers['last-event-id']);
    },
  }),
];

function follow({ events }: Services, caller: Caller, taskId: number | null, lastEventId: string | undefined) {
  return new LiveAnswer((response) => events.serve(response, { caller, taskId, lastEventId }));
}
