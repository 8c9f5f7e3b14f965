/**
 * HTML that cannot be written unescaped: what stands in a template is markup, what is put into it is
 * text and is escaped, unless it is markup itself. It knows nothing of any page.
 */

/** Text that is markup already; only `markup` makes it. */
export class Markup {
  readonly text: string;

  private constructor(text: string) {
    this.text = text;
  }

  /** @param text written in the source, or escaped */
  static ofTrusted(text: string): Markup {
    return new Markup(text);
  }
}

export type Part = Markup | string | number | null | readonly Part[];

/** In an element or a quoted attribute; null is nothing. */
export function markup(strings: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  const written = strings.map((text, index) => text + textOf(parts[index] ?? null));
  return Markup.ofTrusted(written.join(''));
}

export const NOTHING = markup``;

function textOf(part: Part): string {
  if (part === null) return '';
  if (part instanceof Markup) return part.text;
  if (typeof part === 'number') return String(part);
  if (typeof part === 'string') return escapeText(part);
  return part.map(textOf).join('');
}

export function escapeText(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}
