import { ZipFile } from 'yazl';

/** A zip of exactly these entries; yazl itself refuses evil names, so those are written under a name of the same length. */
export async function zipArchive(
  files: Readonly<Record<string, string>>,
  rename: Readonly<Record<string, string>> = {},
): Promise<Buffer> {
  const zip = new ZipFile();
  for (const [name, text] of Object.entries(files)) {
    zip.addBuffer(Buffer.from(text), name, { mtime: new Date(Date.UTC(1980, 0, 1, 12)), mode: 0o100644 });
  }
  zip.end();
  const chunks: Buffer[] = [];
  for await (const chunk of zip.outputStream as unknown as AsyncIterable<Buffer>) chunks.push(chunk);
  let bytes = Buffer.concat(chunks);
  for (const [from, to] of Object.entries(rename)) {
    if (from.length !== to.length) throw new Error('names must have one length');
    const text = bytes.toString('latin1').replaceAll(from, to);
    bytes = Buffer.from(text, 'latin1');
  }
  return bytes;
}
