/**
 * Device commands in the language of PCP: the only one there is asks for the version (13).
 */
import { encodePcp } from './messages.ts';
import type { OpenCommand } from '../commands.ts';
import { GatewayError } from '../errors.ts';

/** The frame of a command. Throws `invalid_field` for those of other devices. */
export function commandFrame({ order }: OpenCommand): Buffer {
  if (order.kind === 'query_version') return encodePcp({ type: 'versionQuery' });
  throw new GatewayError('invalid_field', `PCP devices do not know the command ${order.kind}`, { field: 'kind' });
}
