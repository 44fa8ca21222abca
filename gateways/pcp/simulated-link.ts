/**
 * How a simulated PCP device speaks CoAP: through the library `coap`, so that two independent implementations meet.
 * Requests and answers go through one socket, as they do behind NAT.
 */
import { Agent, createServer, type Server } from 'coap';
import { SimulatedRadio, type RadioFaults } from './simulated-radio.ts';

/** What came back on a request; null: nothing, in time. */
export type LinkAnswer = { code: string; payload: Buffer } | null;

export interface LinkOptions {
  host: string;
  port: number;
  /** An answer is waited for so long. */
  answerMs: number;
  faults: RadioFaults;
  seed: number;
  /** The platform sends this; what is returned goes back in the answer. */
  onPayload: (payload: Buffer) => Buffer | null;
}

export class SimulatedLink {
  readonly radio: SimulatedRadio;
  readonly #options: LinkOptions;
  readonly #agent: Agent;
  readonly #server: Server;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.radio = new SimulatedRadio(options.host, options.faults, options.seed);
    this.#agent = new Agent({ socket: this.radio as never });
    this.#agent.on('error', () => {});
    this.#server = createServer((request, response) => {
      response.on('error', () => {});
      response.code = request.method === 'POST' && request.url.startsWith('/t/d') ? '2.04' : '4.04';
      const answer = response.code === '2.04' ? options.onPayload(request.payload) : null;
      if (answer === null) response.end();
      else response.end(answer);
    });
    this.#server.on('error', () => {});
  }

  async open(): Promise<void> {
    await this.radio.open();
    this.#server.listen(this.radio);
  }

  /** Posts bytes to a path; each datagram leaves once, repeating is for the device. */
  post(pathname: string, query: string, payload: Buffer): Promise<LinkAnswer> {
    const { host, port, answerMs } = this.#options;
    return new Promise((resolve) => {
      const request = this.#agent.request({ hostname: host, port, method: 'POST', pathname, query, retrySend: 0 });
      const end = (answer: LinkAnswer) => {
        clearTimeout(timer);
        resolve(answer);
      };
      const timer = setTimeout(() => {
        this.#agent.abort(request);
        resolve(null);
      }, answerMs);
      request.on('response', (response) => end({ code: response.code, payload: response.payload }));
      request.on('error', () => end(null));
      request.end(payload);
    });
  }

  async close(): Promise<void> {
    this.#server.close();
    await this.radio.close();
  }
}
