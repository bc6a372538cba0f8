import { array, boolean, type Decoder, object, string } from '@paved/json';

type Attack =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'udp'; readonly host: string; readonly port: number; readonly payload: string }
  | { readonly kind: 'unix' | 'abstract' | 'readable' | 'writable'; readonly path: string }
  | { readonly kind: 'name'; readonly host: string }
  | { readonly kind: 'processes'; readonly marker: string }
  | { readonly kind: 'identity'; readonly uid: number }
  | { readonly kind: 'environment'; readonly allowed: readonly string[] }
  | { readonly kind: 'interfaces' | 'privileges' };

/**
 * One thing that the canary must not reach. `control`: it is really there and was prepared by the action, so the run outside of the
 * sandbox must reach it, or the canary proves nothing. `label` is what the report calls it.
 */
export type Target = Attack & { readonly name: string; readonly label: string; readonly control: boolean };

export interface ProbeResult {
  readonly name: string;
  readonly reached: boolean;
  readonly detail: string;
}

export const probeResults: Decoder<readonly ProbeResult[]> = array(
  object({ name: string, reached: boolean, detail: string }),
);

/** A DNS query for the root's name servers. */
const DNS_QUERY = '123401000001000000000000000002' + '0001';

/** Places beyond the host, tried from inside the sandbox alone: nothing is sent there unless the sandbox leaks. */
export const OUTSIDE_TARGETS: readonly Target[] = [
  outside({ name: 'tcp-internet', kind: 'tcp', host: '1.1.1.1', port: 443 }, '1.1.1.1:443'),
  outside(
    { name: 'tcp-internet-ipv6', kind: 'tcp', host: '2606:4700:4700::1111', port: 443 },
    '[2606:4700:4700::1111]:443',
  ),
  outside({ name: 'udp-dns', kind: 'udp', host: '1.1.1.1', port: 53, payload: DNS_QUERY }, '1.1.1.1:53'),
  outside(
    { name: 'udp-wireserver-dns', kind: 'udp', host: '168.63.129.16', port: 53, payload: DNS_QUERY },
    '168.63.129.16:53',
  ),
  outside({ name: 'dns-name', kind: 'name', host: 'github.com' }, 'github.com'),
  outside({ name: 'tcp-metadata', kind: 'tcp', host: '169.254.169.254', port: 80 }, '169.254.169.254:80'),
];

/** What every process can say about itself and the machine's own places. */
export function machineTargets(uid: number, allowed: readonly string[]): readonly Target[] {
  return [
    outside({ name: 'network-interfaces', kind: 'interfaces' }, 'interfaces besides lo'),
    outside({ name: 'privileges', kind: 'privileges' }, 'capabilities, or a way to gain them'),
    outside({ name: 'identity', kind: 'identity', uid }, 'the user of the runner, or root'),
    outside({ name: 'environment', kind: 'environment', allowed }, 'variables of the runner'),
    outside({ name: 'docker-socket', kind: 'unix', path: '/var/run/docker.sock' }, '/var/run/docker.sock'),
    outside(
      { name: 'containerd-socket', kind: 'unix', path: '/run/containerd/containerd.sock' },
      '/run/containerd/containerd.sock',
    ),
    outside({ name: 'write-usr', kind: 'writable', path: '/usr/paved-canary' }, '/usr'),
    outside({ name: 'write-etc', kind: 'writable', path: '/etc/paved-canary' }, '/etc'),
    outside({ name: 'write-root', kind: 'writable', path: '/paved-canary' }, '/'),
  ];
}

function outside(attack: Attack & { readonly name: string }, label: string): Target {
  return { ...attack, label, control: false };
}
