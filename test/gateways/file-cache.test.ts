import { describe, expect, test } from 'vitest';
import { FileCache } from '../../gateways/file-cache.ts';

/** A cache of at most 100 bytes whose files are as long as their name says, for example `a40`. */
function start(maxBytes = 100) {
  const loads: string[] = [];
  const cache = new FileCache(maxBytes, async (name) => {
    loads.push(name);
    await new Promise((resolve) => setImmediate(resolve));
    if (name.startsWith('bad')) throw new Error(`${name} cannot be read`);
    return Buffer.alloc(Number(name.slice(1)), name);
  });
  return { cache, loads };
}

describe('file cache', () => {
  test('loads a file once, also when many ask for it at the same moment', async () => {
    const { cache, loads } = start();
    const files = await Promise.all(Array.from({ length: 50 }, () => cache.get('a40')));
    expect(new Set(files).size).toBe(1);
    expect(await cache.get('a40')).toBe(files[0]);
    expect(loads).toEqual(['a40']);
  });

  test('forgets the files that were used least recently', async () => {
    const { cache, loads } = start();
    await cache.get('a40');
    await cache.get('b40');
    await cache.get('a40'); // b is older now
    await cache.get('c40');
    await cache.get('a40');
    await cache.get('c40');
    expect(loads).toEqual(['a40', 'b40', 'c40']);
    await cache.get('b40');
    await cache.get('c40');
    expect(loads).toEqual(['a40', 'b40', 'c40', 'b40']);
  });

  test('keeps exactly as many bytes as it may', async () => {
    const { cache, loads } = start();
    for (const name of ['a50', 'b50', 'a50', 'b50', 'c01', 'b50', 'c01', 'a50']) await cache.get(name);
    expect(loads).toEqual(['a50', 'b50', 'c01', 'a50']);
  });

  test('hands a file out that is larger than the cache, without keeping it or forgetting others', async () => {
    const { cache, loads } = start();
    await cache.get('a90');
    expect(await cache.get('b101')).toHaveLength(101);
    await cache.get('b101');
    await cache.get('a90');
    expect(loads).toEqual(['a90', 'b101', 'b101']);
  });

  test('does not remember a failure, and all who waited hear of it', async () => {
    const { cache, loads } = start();
    const results = await Promise.allSettled([cache.get('bad'), cache.get('bad'), cache.get('a40')]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled']);
    await expect(cache.get('bad')).rejects.toThrow('bad cannot be read');
    expect(loads).toEqual(['bad', 'a40', 'bad']);
  });

  test('counts a file once that many have waited for', async () => {
    const { cache, loads } = start();
    await Promise.all([cache.get('a40'), cache.get('a40'), cache.get('b40'), cache.get('b40')]);
    await cache.get('a40');
    await cache.get('b40');
    expect(loads).toEqual(['a40', 'b40']);
  });
});
