/** Requests of the console's sessions, which bring their own proof of who calls: a key in the body, a cookie. */
import type { Requests, Scene } from './scene.ts';

const PATH = '/api/v1/session';
const FROM_PAGE = { 'x-slipway-console': '1' };

export function sessionRequests({ api, department }: Scene): Requests {
  const signIn = { path: PATH, key: null, body: { key: department.key }, headers: FROM_PAGE };
  return {
    startSession: async () => signIn,
    endSession: async () => {
      const { headers } = await api.send('POST', PATH, signIn);
      const cookie = headers.get('set-cookie')!.split(';')[0]!;
      return { path: PATH, key: null, headers: { ...FROM_PAGE, cookie } };
    },
  };
}
