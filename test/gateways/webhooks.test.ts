import { createHmac } from 'node:crypto';
import type dns from 'node:dns';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { refuseAddress, refuseUrl } from '../../gateways/webhook-targets.ts';
import { newSecret, postWebhook, signatures, type WebhookMessage } from '../../gateways/webhooks.ts';

interface Got {
  headers: IncomingMessage['headers'];
  body: string;
  method: string;
}

const servers: net.Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    if (server instanceof http.Server) server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

async function listen(server: net.Server): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

/** A receiver that answers as told and keeps what it got. */
async function receiver(answer: (response: ServerResponse) => void): Promise<{ url: string; got: Got[] }> {
  const got: Got[] = [];
  const port = await listen(
    http.createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (text: string) => (body += text));
      request.once('end', () => {
        got.push({ headers: request.headers, body, method: request.method! });
        answer(response);
      });
    }),
  );
  return { url: `http://127.0.0.1:${port}/hook?x=1`, got };
}

const secret = newSecret();
const message = (url: string, change: Partial<WebhookMessage> = {}): WebhookMessage => ({
  url,
  id: 'msg_7',
  body: '{"kind":"task.finished"}',
  secrets: [secret],
  ...change,
});
const PRIVATE = { allowPrivate: true };

describe('a message', () => {
  it('is signed as Standard Webhooks says, by every key', async () => {
    const { url, got } = await receiver((response) => response.writeHead(204).end());
    const old = newSecret();
    expect(await postWebhook(message(url, { secrets: [secret, old] }), PRIVATE)).toEqual({
      status: 204,
      error: null,
      askedMs: null,
    });
    const { headers, body, method } = got[0]!;
    expect(method).toBe('POST');
    expect(body).toBe('{"kind":"task.finished"}');
    expect(headers).toMatchObject({ 'content-type': 'application/json', 'webhook-id': 'msg_7' });
    const timestamp = headers['webhook-timestamp'] as string;
    expect(Math.abs(Number(timestamp) - Date.now() / 1_000)).toBeLessThan(5);
    const signed = (key: string) =>
      `v1,${createHmac('sha256', Buffer.from(key.slice('whsec_'.length), 'base64'))
        .update(`msg_7.${timestamp}.${body}`)
        .digest('base64')}`;
    expect(headers['webhook-signature']).toBe(`${signed(secret)} ${signed(old)}`);
  });

  it('makes a signature that a published example has', () => {
    // The example of the Standard Webhooks libraries.
    const example = ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'msg_p5jXN8AQM9LWM0D4loKWxJek', '1614265330'] as const;
    expect(signatures([example[0]], example[1], example[2], '{"test": 2432232314}')).toBe(
      'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    );
  });
});

describe('an answer', () => {
  it('other than 2xx is an error that says what the receiver said, in one short line', async () => {
    const { url } = await receiver((response) =>
      response.writeHead(503, { 'retry-after': '120' }).end(`down\n\u0000for\tnow ${'x'.repeat(500)}`),
    );
    const { status, error, askedMs } = await postWebhook(message(url), PRIVATE);
    expect({ status, askedMs }).toEqual({ status: 503, askedMs: 120_000 });
    expect(error).toMatch(/^HTTP 503: down for now x+$/);
    expect(error!.length).toBeLessThan(230);
  });

  it('that leads elsewhere is not followed', async () => {
    const inside = await receiver((response) => response.end());
    const { url } = await receiver((response) => response.writeHead(307, { location: inside.url }).end());
    const { status, error } = await postWebhook(message(url), PRIVATE);
    expect(status).toBe(307);
    expect(error).toContain('redirects are not followed');
    expect(inside.got).toEqual([]);
  });

  it('without an end is read only so far', async () => {
    const { url } = await receiver((response) => {
      const pour = () => {
        while (response.write('x'.repeat(10_000)));
        response.once('drain', pour);
      };
      response.writeHead(200);
      pour();
    });
    expect(await postWebhook(message(url), { ...PRIVATE, timeoutMs: 5_000 })).toMatchObject({
      status: 200,
      error: null,
    });
  });

  it.each<[string, (socket: net.Socket) => void]>([
    ['silent', () => {}],
    ['slow in its head', (socket) => void socket.write('HTTP/1.1 200 OK\r\n')],
    ['slow in its body', (socket) => void socket.write('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nx')],
  ])('that is %s is given up after its time', async (_, answer) => {
    const sockets: net.Socket[] = [];
    const port = await listen(
      net.createServer((socket) => {
        sockets.push(socket);
        socket.on('error', () => {});
        socket.once('data', () => answer(socket));
      }),
    );
    const began = Date.now();
    const outcome = await postWebhook(message(`http://127.0.0.1:${port}/`), { ...PRIVATE, timeoutMs: 300 });
    expect(outcome).toEqual({ status: null, error: 'no whole answer within 0.3 s', askedMs: null });
    expect(Date.now() - began).toBeLessThan(3_000);
    for (const socket of sockets) socket.destroy();
  });

  it('that is no HTTP, or a connection that is cut or refused, is an error in words', async () => {
    const rubbish = await listen(
      net.createServer((socket) =>
        socket
          .on('error', () => {})
          .resume()
          .end('hello\r\n\r\n'),
      ),
    );
    const cut = await listen(
      net.createServer((socket) => socket.on('error', () => {}).once('data', () => socket.destroy())),
    );
    const closed = await listen(net.createServer());
    await new Promise((resolve) => servers.pop()!.close(resolve));
    for (const [port, words] of [
      [rubbish, /Parse Error/],
      [cut, /cut before an answer|hang up/],
      [closed, 'nobody listens there (ECONNREFUSED)'],
    ] as const) {
      const outcome = await postWebhook(message(`http://127.0.0.1:${port}/`), PRIVATE);
      expect(outcome.status).toBeNull();
      expect(outcome.error).toMatch(words);
    }
  });
});

describe('addresses', () => {
  it.each([
    '127.0.0.1',
    '10.1.2.3',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '100.64.0.1',
    '198.18.0.1',
    '::1',
    'fc00::1',
    'fd12::1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::ffff:10.0.0.1',
    '64:ff9b::10.0.0.1',
    '2002:0a00:0001::1',
    '::10.0.0.1',
  ])('%s is private: only where the operator allows it', (address) => {
    expect(refuseAddress(address, false)).toContain('private');
    expect(refuseAddress(address, true)).toBeNull();
  });

  it.each([
    '169.254.169.254',
    '169.254.0.1',
    '0.0.0.0',
    '0.1.2.3',
    '100.100.100.200',
    '192.0.0.192',
    '168.63.129.16',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    'fe80::1',
    'fe80::1%eth0',
    'ff02::1',
    'fd00:ec2::254',
    '::ffff:169.254.169.254',
    '::ffff:a9fe:a9fe',
    '64:ff9b::a9fe:a9fe',
    '2002:a9fe:a9fe::',
    'no address',
  ])('%s is never allowed', (address) => {
    expect(refuseAddress(address, false)).not.toBeNull();
    expect(refuseAddress(address, true)).not.toBeNull();
  });

  it.each([
    '93.184.216.34',
    '8.8.8.8',
    '172.32.0.1',
    '172.15.255.255',
    '2606:4700::1111',
    '::ffff:8.8.8.8',
    '100.128.0.1',
  ])('%s is public', (address) => expect(refuseAddress(address, false)).toBeNull());

  it.each([
    'ftp://example.com',
    'example.com',
    'https://li:secret@example.com/',
    'https://example.com/#x',
    'http://localhost:8080/',
    'http://a.localhost./',
    'http://127.1/',
    'http://2130706433/',
    'http://0x7f.1/',
    'http://[::1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://169.254.169.254/latest/meta-data',
    'http://0177.0.0.1/',
  ])('the URL %s is refused', (url) => {
    expect(refuseUrl(url, false)).not.toBeNull();
  });

  it('an ordinary URL is not refused', () => {
    for (const url of ['https://example.com/hook?token=x', 'http://example.com:8080', 'https://93.184.216.34/']) {
      expect(refuseUrl(url, false)).toBeNull();
    }
  });

  it('of a name are found once, checked, and used: what it leads to a moment later does not matter', async () => {
    const { url, got } = await receiver((response) => response.end());
    const named = url.replace('127.0.0.1', 'hooks.example.com');
    const asked: string[] = [];
    /** The n-th question gets the n-th answer. */
    const resolving = (...answers: string[][]) =>
      ((name: string, _options: object, callback: (error: null, found: dns.LookupAddress[]) => void) => {
        asked.push(name);
        callback(
          null,
          (answers.shift() ?? []).map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
        );
      }) as unknown as typeof dns.lookup;
    const post = (allowPrivate: boolean, ...answers: string[][]) =>
      postWebhook(message(named), { allowPrivate, resolve: resolving(...answers), timeoutMs: 2_000 });
    const refused = await post(false, ['127.0.0.1']);
    expect(refused.error).toBe(
      'the address is refused: hooks.example.com leads to a refused one: 127.0.0.1 is a private address, and WEBHOOK_ALLOW_PRIVATE is off',
    );
    expect((await post(false, ['93.184.216.34', '10.0.0.1'])).error).toContain('10.0.0.1 is a private address');
    expect((await post(true, ['169.254.169.254'])).error).toContain('metadata');
    expect(got).toEqual([]);
    asked.length = 0;
    expect((await post(true, ['127.0.0.1'], ['169.254.169.254'])).status).toBe(200);
    expect(asked).toEqual(['hooks.example.com']);
    expect(got[0]!.headers.host).toContain('hooks.example.com');
    expect((await post(true, [])).error).toBe('hooks.example.com has no address');
  });

  it('that are private are refused before a connection is made', async () => {
    const { url, got } = await receiver((response) => response.end());
    expect((await postWebhook(message(url), { allowPrivate: false })).error).toContain('private address');
    expect(got).toEqual([]);
  });
});
