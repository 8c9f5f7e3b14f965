import assert from 'node:assert/strict';
import {
  HEADERS_MAX,
  parseBasicAuth,
  parseBearerToken,
  parseHeaderLines,
  parseHeaderList,
  parseTenant,
} from '../../../../control-plane/schemas/request-headers.ts';

const messageOf = (parse: () => unknown): string => {
  try {
    parse();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return 'nothing was refused';
};

describe('the headers that a person may have sent along', () => {
  it('are a list of pairs, each with everything behind its first sign of equality', () => {
    assert.deepEqual(parseHeaderList('X-Scope-OrgID=team-a, THANOS-TENANT = b=c'), {
      'X-Scope-OrgID': 'team-a',
      'THANOS-TENANT': 'b=c',
    });
  });

  it('are lines of a file, with comments and blank lines, and with colons if one likes', () => {
    const text = '# for the gateway\n\nCF-Access-Client-Id: abc.access\r\nX-Api-Key=k,e:y\n';
    assert.deepEqual(parseHeaderLines(text), {
      'CF-Access-Client-Id': 'abc.access',
      'X-Api-Key': 'k,e:y',
    });
  });

  for (const name of [
    'Host',
    'connection',
    'Transfer-Encoding',
    'TE',
    'Content-Length',
    'accept',
  ]) {
    it(`are refused when they belong to the connection or the client: ${name}`, () => {
      assert.match(
        messageOf(() => parseHeaderList(`A=1,${name}=hunter2`)),
        /cannot be set; remove/,
      );
    });
  }

  it('are refused without showing what they hold', () => {
    const wrong = [
      'hunter2',
      'X Y=hunter2',
      '=hunter2',
      'X-A=hunter2\u0007',
      'X-A=hunter2,x-a=hunter2',
      'X-A=',
      `X-A=hunter2${'x'.repeat(9_000)}`,
      Array.from({ length: HEADERS_MAX + 1 }, (_, n) => `X-${n}=hunter2`).join(),
    ];
    for (const text of wrong) {
      const message = messageOf(() => parseHeaderList(text));
      assert.doesNotMatch(message, /hunter2|nothing was refused/, text.slice(0, 40));
    }
    assert.match(
      messageOf(() => parseHeaderList('X-A=1,X-B')),
      /^pair 2: expected Name=value$/,
    );
    assert.match(
      messageOf(() => parseHeaderLines('X-A=1\n\nhunter2')),
      /^line 3: expected/,
    );
    assert.match(
      messageOf(() => parseHeaderList('X-A=1,x-a=2')),
      /^x-a is given twice$/,
    );
  });
});

describe('a bearer token', () => {
  it('is one line of visible characters, blanks around it left out', () => {
    assert.equal(parseBearerToken('  ey.J-_~+/= \n'), 'ey.J-_~+/=');
    for (const text of ['', ' \n', 'two tokens', 'two\nlines', 'tökén']) {
      assert.doesNotMatch(
        messageOf(() => parseBearerToken(text)),
        /tokens|lines|tök|nothing/,
      );
    }
  });
});

describe('basic auth', () => {
  it('is a user and a password, which may have colons and blanks', () => {
    const value = parseBasicAuth('reader:p:a ss\n');
    assert.equal(Buffer.from(value.slice(6), 'base64').toString('utf8'), 'reader:p:a ss');
    assert.match(value, /^Basic /);
    for (const text of ['hunter2', ':hunter2', 'hunter2:', 'a:hunter2\nb:c']) {
      assert.match(
        messageOf(() => parseBasicAuth(text)),
        /^expected one line, user:password$/,
      );
    }
  });
});

describe('a tenant', () => {
  it('is one name or several, of the characters that Mimir takes', () => {
    for (const tenant of ['anonymous', 'team-a|team_b', "a!b*c'(d).e"]) {
      assert.equal(parseTenant(tenant), tenant);
    }
    for (const tenant of ['', 'a|', 'a b', 'a/b', 'ä', 'x'.repeat(151)]) {
      assert.match(
        messageOf(() => parseTenant(tenant)),
        /^expected names/,
      );
    }
  });
});
