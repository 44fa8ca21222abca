/**
 * What this process was started with, for administrators. Secrets are only said to be set.
 */
import { Type } from 'typebox';
import { route } from '../route.ts';
import { closed, nullable, page } from '../schemas.ts';

const Setting = closed(
  {
    name: Type.String({ description: 'of the environment variable' }),
    value: nullable(Type.String({ description: 'as it was given; `(set)` for a secret; null: the default counts' })),
    isSecret: Type.Boolean(),
    default: Type.String({ description: 'in words, where it depends on something else' }),
    meaning: Type.String(),
    format: Type.String({ description: 'what may be written' }),
  },
  { title: 'Setting' },
);

export const settingRoutes = [
  route({
    method: 'get',
    path: '/api/v1/settings',
    id: 'listSettings',
    tag: 'operations',
    summary: 'The settings of the process that answers',
    description:
      'Settings are environment variables; changing one needs a restart. Values of secrets are never shown, nor are names and passwords inside addresses.',
    permission: 'admin',
    status: 200,
    response: page(Setting, 'SettingPage'),
    handle: async (_input, { settings }) => ({ items: [...settings], next: null }),
  }),
];
