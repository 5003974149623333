/** `nx run tools:docs`: writes the generated sections of the documentation. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readPages, repository } from './pages';
import { withGeneratedSections } from './sections';

for (const { path, text } of readPages()) {
  const current = withGeneratedSections(text);
  if (current === text) continue;
  writeFileSync(join(repository, path), current);
  console.log(`${path}: generated sections updated`);
}
