import { generateKeyPairSync } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { HttpClient } from '@paved/http';
import { openAzureKey } from '../src/kms/azure-kms.js';

const http = new HttpClient({ retry: { attempts: 1 } });
const servers: Server[] = [];

afterEach(() => {
  http.close();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function serve(answer: (method: string, path: string) => unknown): Promise<string> {
  const server = createServer((request, response) =>
    response.end(JSON.stringify(answer(request.method ?? '', request.url ?? ''))),
  );
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('the id that a vault gives its key', () => {
  const { x, y } = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' });
  const signWith = async (idOf: (other: string) => string) => {
    const [asked, seen]: [string[], string[]] = [[], []];
    const other = await serve((_method, path) => seen.push(path));
    const vault = await serve((method, path) => {
      asked.push(`${method} ${path}`);
      if (method === 'POST') return { value: Buffer.alloc(64, 1).toString('base64url') };
      return { key: { kid: idOf(other), kty: 'EC', crv: 'P-256', x, y } };
    });
    const options = { http, timeoutMs: 5000 };
    const opening = openAzureKey({ vault: new URL(`http://${vault}`), key: 'k' }, options, 'token-of-a-test');
    const result: unknown = await opening.then((key) => key.sign(Buffer.from('x'))).catch((error: unknown) => error);
    return { asked, seen, result };
  };

  test('is signed with at the vault that was named', async () => {
    const { asked, seen } = await signWith(() => 'https://vault.example/keys/k/1');
    expect(asked).toContain('POST /keys/k/1/sign?api-version=7.4');
    expect(seen).toEqual([]);
  });

  test.each<[string, (other: string) => string]>([
    ['an empty segment before another host', (other) => `https://vault.example//${other}/keys/k/1`],
    ['another path', () => 'https://vault.example/secrets/k/1'],
    ['no URL', () => 'http://['],
  ])('with %s is refused, and no other host sees the token', async (_name, idOf) => {
    const { asked, seen, result } = await signWith(idOf);
    expect(seen).toEqual([]);
    expect(asked).toHaveLength(1);
    expect(result).toMatchObject({ code: 'KMS_ANSWER_INVALID' });
  });
});
