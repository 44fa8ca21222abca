/**
 * The bare HTTP server: what Express does for a request when there is nothing behind it. It answers a heartbeat with the
 * fields of the real answer and a list with what the smallest question to the database costs, and writes ready frames to
 * those who follow it.
 */
import type { AddressInfo } from 'node:net';
import express, { type Response } from 'express';
import postgres from 'postgres';
import { cpuMicros, serveRole } from './processes.ts';

/** Where heartbeats go. */
export const BEAT_PATH = '/api/MachineIntegration/EqptAlive';
/** The equipment of the heartbeats that are compared. */
export const BEAT_CODE = 'EQ00001';
export const BEAT_BODY = JSON.stringify({
  SessionId: '3F2504E0-4F89-11D3-9A0C-0305E82C3301',
  RequestTime: '2024-04-10 14:16:31',
  Software: 'KATOP',
  EquipmentCode: BEAT_CODE,
});

/** What the process is told: which database `/select-1` asks, a frame to write so often to all that follow `/stream`; or it is asked what it has used. */
export type BareHttpQuestion = { databaseUrl: string } | { frame: string; times: number } | 'cpu';

/** The role of the bare server. */
export async function serveBareHttp(): Promise<void> {
  let sql: postgres.Sql | null = null;
  const app = express();
  app.disable('x-powered-by');
  app.post(BEAT_PATH, express.json(), (request, response) => {
    const { SessionId, EquipmentCode } = request.body as Record<string, string>;
    const ResponseTime = new Date().toISOString();
    response.json({
      SessionId,
      ResponseTime,
      EquipmentCode,
      ResultFlag: true,
      Success: true,
      MOMMessage: 'ok',
      KeyFlag: '99',
    });
  });
  app.get('/select-1', async (_request, response) => {
    response.json(await sql!`select 1 as one`);
  });
  const followers = new Set<Response>();
  app.get('/stream', (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write('retry: 3000\n\n');
    followers.add(response);
    response.on('close', () => followers.delete(response));
  });
  const port = await new Promise<number>((resolve) => {
    const server = app.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
  serveRole<BareHttpQuestion>(port, (question) => {
    if (question === 'cpu') return { cpu: cpuMicros() };
    if ('frame' in question) {
      const text = question.frame.repeat(question.times);
      for (const follower of followers) follower.write(text);
      return {};
    }
    sql = postgres(question.databaseUrl, { max: 2 });
    return {};
  });
}
