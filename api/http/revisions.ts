/**
 * Two people edit one thing: whoever sends `If-Match` with the revision they saw is told when it is not that any more,
 * instead of overwriting what the other wrote. Without `If-Match` the last one wins.
 */
import { Type } from 'typebox';
import { problem } from '../problems.ts';
import type { Actor } from '../route.ts';
import { closed, text } from '../schemas.ts';
import { findLastChange } from '../../db/audit.ts';
import type { Db } from '../../db/index.ts';

/** Headers of a route that changes or deletes something with a revision. */
export const IfMatch = closed({
  'if-match': Type.Optional(
    text(200, {
      description:
        'the `ETag` (or `revision`) of what you saw: if it was changed since, nothing is written and the answer is 412',
    }),
  ),
});

/** The `ETag` of a revision. */
export function etagOf(revision: number): { ETag: string } {
  return { ETag: `"${revision}"` };
}

/**
 * Compares what the caller saw with what there is. To be called in the transaction of the change, with the row locked.
 *
 * @throws Problem `edit_conflict`, which says who changed it last
 */
export async function assertRevision(
  tx: Db,
  { caller, headers }: Actor & { headers: { 'if-match'?: string } },
  thing: { kind: string; id: string | number; revision: number },
): Promise<void> {
  const seen = headers['if-match'];
  if (seen === undefined || seen.split(',').some((tag) => matches(tag.trim(), thing.revision))) return;
  const last = await findLastChange(tx, caller.departmentId, thing.kind, String(thing.id));
  const words = last === null ? '' : `, last by ${last.author} at ${last.at.toISOString()}`;
  throw problem(
    'edit_conflict',
    `The ${thing.kind} ${thing.id} was changed since you read it${words}. Nothing was written. Read it again, look at what changed, and send your change with If-Match "${thing.revision}".`,
    {
      headers: etagOf(thing.revision),
      members: { revision: thing.revision, changedBy: last?.author ?? null, changedAt: last?.at.toISOString() ?? null },
    },
  );
}

/** `*`, `"3"`, and what people write by hand: `3`. Proxies that compress make tags weak. */
function matches(tag: string, revision: number): boolean {
  return tag === '*' || tag.replace(/^W\//, '').replaceAll('"', '') === String(revision);
}
