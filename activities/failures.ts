/**
 * Which errors of a step are worth repeating: the translation from errors of our own code to Temporal failures.
 *
 * Whatever is not named here is repeated: a database or a server that is away comes back.
 */
import { ApplicationFailure } from '@temporalio/activity';
import { InvariantError } from '../db/index.ts';

/** Runs a step; an error that repeating cannot cure becomes a failure that is not repeated. */
export async function step<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof InvariantError) {
      throw ApplicationFailure.create({
        type: 'InvariantViolated',
        message: error.message,
        nonRetryable: true,
        cause: error,
      });
    }
    throw error;
  }
}
