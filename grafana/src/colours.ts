/**
 * What a value means, as one colour each. From the palette of Okabe and Ito, which people with any
 * common colour blindness can tell apart. Refuses meanings beside these four: a panel that needs
 * more says them in words.
 */

export const COLOURS = {
  ok: '#009E73',
  warning: '#E69F00',
  critical: '#D55E00',
  neutral: '#56B4E9',
} as const;

export type Meaning = keyof typeof COLOURS;
