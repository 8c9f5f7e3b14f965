/**
 * Which URL a receiver of webhooks may have: http or https and no secret in it, since the API shows it;
 * and which addresses nothing is sent to, whoever names them. A URL is an administrator's, and still it
 * shall not reach what answers a machine about itself: link-local addresses and the other well-known
 * places of the clouds' metadata services, and what is no host at all.
 */

import { BlockList, isIP } from 'node:net';

export const RECEIVER_URL_LENGTH_MAX = 2_048;

const BLOCKED = new BlockList();
BLOCKED.addSubnet('0.0.0.0', 8, 'ipv4');
BLOCKED.addSubnet('169.254.0.0', 16, 'ipv4');
BLOCKED.addSubnet('224.0.0.0', 4, 'ipv4');
BLOCKED.addAddress('255.255.255.255', 'ipv4');
BLOCKED.addSubnet('fe80::', 10, 'ipv6');
BLOCKED.addSubnet('ff00::', 8, 'ipv6');
BLOCKED.addAddress('::', 'ipv6');
// AWS over IPv6, Azure, Alibaba Cloud.
BLOCKED.addAddress('fd00:ec2::254', 'ipv6');
BLOCKED.addAddress('168.63.129.16', 'ipv4');
BLOCKED.addAddress('100.100.100.200', 'ipv4');

/** Why nothing is sent to the host; null where something may be, or where it is a name. */
export function addressFault(host: string): string | null {
  const bare = host.replace(/^\[|\]$/g, '');
  const version = isIP(bare);
  if (version === 0 || !BLOCKED.check(bare, version === 4 ? 'ipv4' : 'ipv6')) return null;
  return `${bare} is an address that no receiver may have (link-local, a metadata service, or no host)`;
}

/** What is wrong with a receiver's URL, and what would be right; null when nothing is. */
export function receiverUrlFault(text: string): string | null {
  const url = URL.canParse(text) ? new URL(text) : null;
  const isWeb = url !== null && ['http:', 'https:'].includes(url.protocol) && !/\s/.test(text);
  if (!isWeb) return 'expected an http:// or https:// URL';
  if (url.username !== '' || url.password !== '') {
    return 'expected a URL without user and password: requests are signed, and the API shows it';
  }
  if (text.includes('#')) return 'expected a URL without #; a server never gets what follows';
  return addressFault(url.hostname);
}
