/** Texts of shipping, by part. */
import { mes as mesEn } from '../../texts/en/mes.ts';
import { platforms as platformsEn } from '../../texts/en/platforms.ts';
import { shipping as shippingEn } from '../../texts/en/shipping.ts';
import { triggers as triggersEn } from '../../texts/en/triggers.ts';
import { mes as mesZh } from '../../texts/zh/mes.ts';
import { platforms as platformsZh } from '../../texts/zh/platforms.ts';
import { shipping as shippingZh } from '../../texts/zh/shipping.ts';
import { triggers as triggersZh } from '../../texts/zh/triggers.ts';
import { dictionary } from '../../shell/locale.ts';

export const t = dictionary(
  { ...shippingEn, mes: mesEn, platforms: platformsEn, triggers: triggersEn },
  { ...shippingZh, mes: mesZh, platforms: platformsZh, triggers: triggersZh },
);
