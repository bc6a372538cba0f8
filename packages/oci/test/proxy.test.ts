import { afterEach, describe, expect, test } from '@jest/globals';
import { cureOf, describeCauses } from '@paved/errors';
import { HttpClient, type ProxySettings } from '@paved/http';
import { type ProxyConduct, startProxy } from '@paved/testkit';
import { parseTag } from '../src/index.js';
import { blobOf, clientOf, closeAll, closing } from './client-bench.js';

afterEach(closeAll);

async function proxied(conduct: ProxyConduct) {
  const proxy = await startProxy({ hosts: {}, conduct: () => conduct });
  closing.push(() => proxy.close());
  return proxy;
}

function repositoryBehind(proxy: ProxySettings) {
  const http = new HttpClient({ proxy, retry: { attempts: 1 } });
  closing.push(() => http.close());
  return clientOf({ host: 'origin.example' }, { http });
}

describe('a registry behind a proxy', () => {
  test.each([
    ['that wants another password', 407, 'Check user and password in https_proxy'],
    ['that does not allow its host', 403, 'Allow the host in the rules of the proxy'],
  ])('%s is asked for once, and the cure is that of the proxy', async (_name, status, cure) => {
    const proxy = await proxied(status);
    const repository = repositoryBehind({ https: `http://ci:wr0ng@${proxy.host}` });
    for (const act of [() => repository.pushBlob(blobOf('x')), () => repository.pullManifest(parseTag('v1'))]) {
      const asked = proxy.requests.length;
      const error = await act().catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'REGISTRY_REFUSED' });
      expect(cureOf(error)).toContain(cure);
      expect(describeCauses(error)).toContain(`the proxy ${proxy.host}: the proxy answered ${status}`);
      expect(proxy.requests).toHaveLength(asked + 1);
    }
  });

  test('that does not reach it is asked again', async () => {
    const proxy = await proxied(502);
    const error = await repositoryBehind({ https: proxy.url })
      .pullManifest(parseTag('v1'))
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'REGISTRY_UNAVAILABLE' });
    expect(proxy.requests).toHaveLength(4);
  });

  test('whose address cannot be read says how to write it', async () => {
    const error = await repositoryBehind({ https: 'socks5://proxy.example' })
      .pullManifest(parseTag('v1'))
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'REGISTRY_REFUSED' });
    expect(cureOf(error)).toContain('Set https_proxy to');
  });
});
