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

/** The events of a stream as they come; ends with the stream. */
export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent> {
  let pending = '';
  let id = '';
  let event = '';
  let data: string[] = [];
  for await (const text of body.pipeThrough(new TextDecoderStream())) {
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
