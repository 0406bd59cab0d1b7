import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { generate, readDocument } from '../generate.mjs';

test('what is generated is what the API describes now (npm run generate)', async () => {
  for (const [path, text] of Object.entries(await generate(readDocument())))
    expect(readFileSync(path, 'utf8'), path).toBe(text);
});
