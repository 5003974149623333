/** `nx run imagenet:distill` with every method, on a few tiny images. */
import { methods } from '@headshare/core/distill/registry';
import { tinyDistillations } from '../test/tiny-distillations';

const { distill, remove } = tinyDistillations();
afterAll(remove);

/** Method options that must be small, because there are few images. */
const few: Readonly<Record<string, number>> = { negatives: 5, epochs: 1, dimension: 8 };

/** Methods for a linear head; the others need class centres, as the heads for faces have. */
const suitable = methods.all.filter(({ needs }) => !needs.includes('class-centres'));

test.each([...suitable.map(({ name }) => name), 'sh-kd', 'crd:0.8+th-kd:0.02+kd'])('--method=%s', async (method) => {
  const hyper =
    method === 'sh-kd'
      ? []
      : method.split('+').flatMap((part) => {
          const { name, defaults } = methods.named(part.split(':')[0] ?? '');
          return Object.keys(few)
            .filter((key) => Object.hasOwn(defaults.hyper, key))
            .map((key) => `${name}.${key}=${few[key]}`);
        });
  await distill({ method, methodOptions: hyper });
});
