/** The receivers refuse what Slack and PagerDuty refuse: a test that trusts them is worth nothing else. */

import assert from 'node:assert/strict';
import { PAGERDUTY_LIMITS, startPagerdutyReceiver } from '../../support/pagerduty-receiver.ts';
import type { PagerdutyReceiver } from '../../support/pagerduty-receiver.ts';
import { SLACK_LIMITS, startSlackReceiver } from '../../support/slack-receiver.ts';
import type { SlackReceiver } from '../../support/slack-receiver.ts';

interface Answer {
  readonly status: number;
  readonly text: string;
}

async function post(url: string, body: string, type = 'application/json'): Promise<Answer> {
  const answer = await fetch(url, { method: 'POST', headers: { 'content-type': type }, body });
  return { status: answer.status, text: await answer.text() };
}

describe('the Slack receiver', () => {
  let slack: SlackReceiver;

  beforeEach(async () => {
    slack = await startSlackReceiver();
  });
  afterEach(() => slack.stop());

  const send = (message: unknown) => post(slack.webhookUrl, JSON.stringify(message));
  const attachment = { fallback: 'f', title: 't', text: 'x', color: '#e01e5a' };

  it('takes a message with a text, as JSON and as a form', async () => {
    assert.deepEqual(await send({ text: 'hello' }), { status: 200, text: 'ok' });
    const form = new URLSearchParams({ payload: '{"text":"hello"}' }).toString();
    const type = 'application/x-www-form-urlencoded';
    assert.equal((await post(slack.webhookUrl, form, type)).text, 'ok');
    assert.deepEqual(
      slack.messages.map(({ text }) => text),
      ['hello', 'hello'],
    );
  });

  it('takes attachments with buttons, and blocks', async () => {
    const button = { type: 'button', text: 'Runbook', url: 'https://runbook.example/#x' };
    assert.equal((await send({ attachments: [{ ...attachment, actions: [button] }] })).text, 'ok');
    assert.equal((await send({ blocks: [{ type: 'divider' }] })).text, 'ok');
  });

  it('refuses what is no POST, and other paths', async () => {
    assert.equal((await fetch(slack.webhookUrl)).status, 405);
    assert.deepEqual(await post(slack.webhookUrl.replace('/services/', '/other/'), '{}'), {
      status: 404,
      text: 'no_service',
    });
  });

  it('refuses what is no JSON object, or has another type', async () => {
    const refused = { status: 400, text: 'invalid_payload' };
    assert.deepEqual(await post(slack.webhookUrl, '{"text":'), refused);
    assert.deepEqual(await post(slack.webhookUrl, '["text"]'), refused);
    assert.deepEqual(await post(slack.webhookUrl, '{"text":"x"}', 'text/plain'), refused);
    assert.deepEqual(slack.messages, []);
  });

  it('refuses a message with nothing to show', async () => {
    const refused = { status: 400, text: 'no_text' };
    assert.deepEqual(await send({}), refused);
    assert.deepEqual(await send({ text: '' }), refused);
    assert.deepEqual(await send({ attachments: [{ color: '#e01e5a' }] }), refused);
  });

  it('refuses what is too long, too many, or no link', async () => {
    const long = 'x'.repeat(SLACK_LIMITS.textCharactersMax + 1);
    assert.equal((await send({ text: long })).text, 'msg_too_long');
    const many = Array.from({ length: SLACK_LIMITS.attachmentsMax + 1 }, () => attachment);
    assert.equal((await send({ attachments: many })).text, 'too_many_attachments');
    for (const wrong of [
      { ...attachment, text: long },
      { ...attachment, color: 'reddish' },
      { ...attachment, title_link: 'not a link' },
      { ...attachment, actions: [{ type: 'button', text: 'x', url: '/relative' }] },
      { ...attachment, actions: [{ type: 'button', text: '' }] },
      { ...attachment, actions: Array.from({ length: 6 }, () => ({ type: 'button', text: 'x' })) },
    ]) {
      assert.equal((await send({ attachments: [wrong] })).text, 'invalid_attachments');
    }
    assert.equal((await send({ blocks: [{}] })).text, 'invalid_blocks');
  });

  it('fails as it is told to', async () => {
    slack.failWith(429);
    assert.equal((await send({ text: 'x' })).status, 429);
    slack.failWith(null);
    assert.equal((await send({ text: 'x' })).status, 200);
    assert.deepEqual(slack.refusals, ['rate_limited']);
  });
});

describe('the PagerDuty receiver', () => {
  let pagerduty: PagerdutyReceiver;

  beforeEach(async () => {
    pagerduty = await startPagerdutyReceiver();
  });
  afterEach(() => pagerduty.stop());

  const payload = { summary: 'A GPU has gone', source: 'gpu-host-7', severity: 'critical' };
  const trigger = {
    routing_key: 'R'.repeat(32),
    event_action: 'trigger',
    dedup_key: 'one',
    payload,
    links: [{ href: 'https://runbook.example/', text: 'Runbook' }],
  };
  const send = (event: unknown) => post(pagerduty.url, JSON.stringify(event));
  const errorsOf = async (event: unknown): Promise<string> => {
    const answer = await send(event);
    assert.equal(answer.status, 400, answer.text);
    assert.match(answer.text, /"status":"invalid event"/u);
    return answer.text;
  };

  it('takes a trigger and its resolve, and says what is open', async () => {
    const answer = await send(trigger);
    assert.equal(answer.status, 202);
    assert.deepEqual(JSON.parse(answer.text), {
      status: 'success',
      message: 'Event processed',
      dedup_key: 'one',
    });
    assert.deepEqual(pagerduty.open(), ['one']);
    const resolve = { routing_key: trigger.routing_key, event_action: 'resolve', dedup_key: 'one' };
    assert.equal((await send(resolve)).status, 202);
    assert.deepEqual(pagerduty.open(), []);
    assert.deepEqual(
      pagerduty.events.map(({ action, dedupKey }) => [action, dedupKey]),
      [
        ['trigger', 'one'],
        ['resolve', 'one'],
      ],
    );
  });

  it('gives a trigger without a dedup key one of its own, and asks for it otherwise', async () => {
    const keyless = { ...trigger, dedup_key: undefined };
    assert.match((await send(keyless)).text, /"dedup_key":"generated-/u);
    await errorsOf({ ...keyless, event_action: 'resolve' });
    await errorsOf({ ...keyless, event_action: 'acknowledge' });
  });

  it('refuses a wrong routing key, action, or dedup key', async () => {
    assert.match(await errorsOf({ ...trigger, routing_key: 'R'.repeat(31) }), /routing_key/u);
    assert.match(await errorsOf({ ...trigger, routing_key: undefined }), /routing_key/u);
    assert.match(await errorsOf({ ...trigger, event_action: 'fire' }), /event_action/u);
    const tooLong = 'k'.repeat(PAGERDUTY_LIMITS.dedupKeyCharactersMax + 1);
    assert.match(await errorsOf({ ...trigger, dedup_key: tooLong }), /dedup_key/u);
  });

  it('refuses a wrong payload', async () => {
    const wrong = (change: object) => errorsOf({ ...trigger, payload: { ...payload, ...change } });
    const tooLong = 's'.repeat(PAGERDUTY_LIMITS.summaryCharactersMax + 1);
    assert.match(await wrong({ summary: tooLong }), /summary' is too long/u);
    assert.match(await wrong({ summary: ' ' }), /summary/u);
    assert.match(await wrong({ source: undefined }), /source/u);
    assert.match(await wrong({ severity: 'page' }), /severity/u);
    assert.match(await wrong({ timestamp: 'yesterday' }), /timestamp/u);
    assert.match(await errorsOf({ ...trigger, payload: undefined }), /payload/u);
  });

  it('refuses links and images that it cannot show', async () => {
    assert.match(await errorsOf({ ...trigger, links: [{ href: '', text: 'x' }] }), /links/u);
    assert.match(await errorsOf({ ...trigger, links: [{ href: '#x' }] }), /links/u);
    assert.match(await errorsOf({ ...trigger, images: [{ src: 'http://plain/' }] }), /images/u);
  });

  it('refuses what is no JSON, is larger than 512 KB, or goes elsewhere', async () => {
    assert.equal((await post(pagerduty.url, '{')).status, 400);
    assert.equal((await post(pagerduty.url, JSON.stringify(trigger), 'text/plain')).status, 400);
    const large = { ...payload, custom_details: { firing: 'x'.repeat(513 * 1024) } };
    assert.equal((await send({ ...trigger, payload: large })).status, 413);
    assert.equal((await post(pagerduty.url.replace('/v2/', '/v1/'), '{}')).status, 404);
    assert.deepEqual(pagerduty.events, []);
  });

  it('is too busy when it is told to be', async () => {
    pagerduty.failWith(429);
    const answer = await send(trigger);
    assert.equal(answer.status, 429);
    assert.match(answer.text, /throttle exceeded/u);
  });
});
