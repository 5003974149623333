/** What a student says in Node, outside jest, which lacks the dynamic imports of onnxruntime-web: JSON to standard output. */
import { loadStudent } from 'headshare-student';
import sharp from 'sharp';

async function main([model = '', ...files]: readonly string[]): Promise<void> {
  const student = await loadStudent(model);
  const answers = [];
  for (const file of files) {
    const { data, info } = await sharp(file).removeAlpha().raw().toBuffer({ resolveWithObject: true });
    const picture = { data, width: info.width, height: info.height };
    if (student.card.task === 'face') answers.push([...((await student.embed([picture]))[0] as Float32Array)]);
    else answers.push((await student.classify(picture, 5)).map(({ name }) => name));
  }
  await student.close();
  process.stdout.write(JSON.stringify(answers));
}

main(process.argv.slice(2));
