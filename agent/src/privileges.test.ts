import { describe, expect, it } from 'vitest';
import { missingPrivileges, readPrivileges } from './privileges.ts';

const WHOLE_MACHINE = '         0          0 4294967295\n';
const USER_NAMESPACE = '         0      65534          1\n';
const status = (effective: string): string => `Name:\tnode\nCapInh:\t0000000000000000\nCapEff:\t${effective}\n`;

describe('missingPrivileges', () => {
  it('finds none missing for root', () => {
    const root = readPrivileges(status('000001ffffffffff'), WHOLE_MACHINE);
    expect(missingPrivileges(root, ['CAP_BPF', 'CAP_PERFMON'], false)).toBeUndefined();
  });

  it('names what an ordinary user lacks', () => {
    const user = readPrivileges(status('0000000000000000'), WHOLE_MACHINE);
    expect(missingPrivileges(user, ['CAP_BPF', 'CAP_PERFMON'], false)).toBe(
      'missing CAP_BPF and CAP_PERFMON: run as root'
    );
    expect(missingPrivileges(user, ['CAP_NET_RAW'], true)).toBe('missing CAP_NET_RAW: run as root');
  });

  it('takes CAP_BPF and CAP_PERFMON alone, and CAP_SYS_ADMIN for both', () => {
    const bpf = readPrivileges(status('000000c000000000'), WHOLE_MACHINE);
    expect(missingPrivileges(bpf, ['CAP_BPF', 'CAP_PERFMON'], false)).toBeUndefined();
    expect(missingPrivileges(bpf, ['CAP_NET_RAW'], true)).toContain('CAP_NET_RAW');
    const admin = readPrivileges(status('0000000000200000'), WHOLE_MACHINE);
    expect(missingPrivileges(admin, ['CAP_BPF', 'CAP_PERFMON'], false)).toBeUndefined();
  });

  it('tells root of a user namespace that packet sockets work there and BPF does not', () => {
    const confined = readPrivileges(status('000001ffffffffff'), USER_NAMESPACE);
    expect(missingPrivileges(confined, ['CAP_NET_RAW'], true)).toBeUndefined();
    expect(missingPrivileges(confined, ['CAP_BPF'], false)).toContain('user namespace');
  });
});
