/**
 * Server-sent events, read from an answer: only what is needed to know that there is news, and where to go on.
 */

export interface ServerEvent {
  id: string;
  event: string;
  data: string;
}

/** An event larger than this is none of ours. */
const MAX_EVENT = 1_000_000;

/**
 * The events of a stream as they come; ends with the stream or the signal. The reader is told of the signal here: that
 * of `fetch` is forgotten when its request is garbage, and then a stream that nobody ends would be read for ever.
 */
export async function* readEvents(body: ReadableStream<Uint8Array>, signal: AbortSignal): AsyncGenerator<ServerEvent> {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  const cancel = () => void reader.cancel().catch(() => {});
  signal.addEventListener('abort', cancel, { once: true });
  try {
    yield* parseEvents(reader);
  } finally {
    signal.removeEventListener('abort', cancel);
    cancel();
  }
}

async function* parseEvents(reader: ReadableStreamDefaultReader<string>): AsyncGenerator<ServerEvent> {
  let pending = '';
  let id = '';
  let event = '';
  let data: string[] = [];
  for (;;) {
    const { done, value: text } = await reader.read();
    if (done) return;
    pending += text;
    if (pending.length > MAX_EVENT) throw new Error('an event is too large');
    const lines = pending.split(/\r\n|\n|\r(?!$)/);
    pending = lines.pop()!;
    for (const line of lines) {
      const [, name = '', value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
      if (line === '') {
        if (data.length > 0) yield { id, event: event === '' ? 'message' : event, data: data.join('\n') };
        event = '';
        data = [];
      } else if (name === 'id') id = value;
      else if (name === 'event') event = value;
      else if (name === 'data') data.push(value);
    }
  }
}
