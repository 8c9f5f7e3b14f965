import assert from 'node:assert/strict';

import { markup } from '../../../../control-plane/http/markup.ts';

describe('markup', () => {
  it('escapes what is put into it, in text and in attributes', () => {
    const hostile = `<b a="1" b='2'>&amp;`;
    const escaped = '&lt;b a=&quot;1&quot; b=&#39;2&#39;&gt;&amp;amp;';
    assert.equal(
      markup`<i title="${hostile}">${hostile}</i>`.text,
      `<i title="${escaped}">${escaped}</i>`,
    );
  });

  it('takes markup, lists, numbers and nothing as they are', () => {
    const items = ['<', 1, markup`<li>`, null];
    assert.equal(markup`${items}${markup`<hr>`}${0}`.text, '&lt;1<li><hr>0');
  });

  it('does not take an object that only looks like markup', () => {
    const forged = JSON.parse('{"text":"<script>"}') as never;
    assert.throws(() => markup`${forged}`);
  });
});
