/**
 * The YAML documents of a directory, read as a whole: either every document of every file is right,
 * or all faults of all files are reported at once. Knows no kind of document; looks into no
 * subdirectory, and watches nothing.
 */

import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { SchemaError } from '../../schemas/fault.ts';
import { parseYaml, type YamlDocument } from './yaml-document.ts';

export interface DocumentFault {
  /** Name within the directory; the directory itself when it could not be read. */
  readonly file: string;
  /** From 1; 0 when the fault is with the file as a whole. */
  readonly line: number;
  readonly column: number;
  /** JSON Pointer within the document; empty for the document itself. */
  readonly pointer: string;
  readonly message: string;
}

export class DocumentFilesError extends Error {
  override readonly name = 'DocumentFilesError';
  readonly directory: string;
  /** At least one, in the order of files and lines. */
  readonly faults: readonly DocumentFault[];

  constructor(directory: string, faults: readonly DocumentFault[]) {
    super(faults.map(describeFault).join('\n'));
    this.directory = directory;
    this.faults = faults;
  }
}

export interface DocumentFilesLimits {
  readonly filesMax: number;
  readonly fileBytesMax: number;
  readonly documentsMax: number;
}

export const DOCUMENT_FILES_LIMITS: DocumentFilesLimits = {
  filesMax: 1_000,
  fileBytesMax: 1024 * 1024,
  documentsMax: 10_000,
};

/** `file:line:column pointer message` */
export function describeFault({ file, line, column, pointer, message }: DocumentFault): string {
  const place = line === 0 ? file : `${file}:${line}:${column}`;
  return `${place} ${pointer === '' ? '' : `${pointer} `}${message}`;
}

/** Says that a document is `what`, which only one may be; a second one is a fault at the pointer. */
export type Claim = (pointer: string, what: string) => void;

/** @throws SchemaError */
export type ParseDocument = (value: unknown, claim: Claim) => void;

/**
 * Hands every document of every *.yaml and *.yml of a directory to `parse`, in their order.
 * @throws DocumentFilesError with every fault; the signal's reason when it aborts
 */
export async function readYamlFiles(
  directory: string,
  signal: AbortSignal,
  limits: DocumentFilesLimits,
  parse: ParseDocument,
): Promise<void> {
  const gathered = new Gathered(parse);
  for (const file of await listFiles(directory, limits.filesMax)) {
    signal.throwIfAborted();
    const text = await readText(join(directory, file), limits.fileBytesMax, signal);
    if (text.kind === 'failed') gathered.fault({ file, ...WHOLE_FILE, message: text.message });
    else for (const document of parseYaml(text.text)) gathered.take(file, document);
    if (gathered.documents > limits.documentsMax) {
      const message = `more than ${limits.documentsMax} documents`;
      gathered.fault({ file, ...WHOLE_FILE, message });
      break;
    }
  }
  if (gathered.faults.length > 0) throw new DocumentFilesError(directory, gathered.faults);
}

const WHOLE_FILE = { line: 0, column: 0, pointer: '' };

async function listFiles(directory: string, filesMax: number): Promise<readonly string[]> {
  const names = await readdir(directory).catch((cause: unknown) => {
    const message = `cannot be read: ${messageOf(cause)}`;
    throw new DocumentFilesError(directory, [{ file: directory, ...WHOLE_FILE, message }]);
  });
  const files = names.filter((name) => /^[^.].*\.ya?ml$/.test(name)).sort();
  if (files.length <= filesMax) return files;
  const message = `has ${files.length} YAML files, more than ${filesMax}`;
  throw new DocumentFilesError(directory, [{ file: directory, ...WHOLE_FILE, message }]);
}

type Text =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'failed'; readonly message: string };

async function readText(path: string, bytesMax: number, signal: AbortSignal): Promise<Text> {
  try {
    const facts = await stat(path);
    if (!facts.isFile()) return { kind: 'failed', message: 'is not a file' };
    if (facts.size > bytesMax) {
      return { kind: 'failed', message: `is larger than ${bytesMax} bytes: ${facts.size}` };
    }
    const bytes = await readFile(path, { signal });
    return { kind: 'text', text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof TypeError) return { kind: 'failed', message: 'is not UTF-8' };
    return { kind: 'failed', message: `cannot be read: ${messageOf(error)}` };
  }
}

/** What is wrong with the files so far. */
class Gathered {
  documents = 0;
  readonly #parse: ParseDocument;
  readonly faults: DocumentFault[] = [];
  /** Where each thing that must be unique was first seen. */
  readonly #places = new Map<string, string>();

  constructor(parse: ParseDocument) {
    this.#parse = parse;
  }

  fault(fault: DocumentFault): void {
    this.faults.push(fault);
  }

  take(file: string, document: YamlDocument): void {
    this.documents += 1;
    if (document.faults.length > 0) {
      document.faults.forEach((fault) => this.fault({ file, pointer: '', ...fault }));
      return;
    }
    try {
      this.#parse(document.value, (pointer, what) => this.#claim(file, document, pointer, what));
    } catch (error) {
      if (!(error instanceof SchemaError)) throw error;
      for (const { pointer, message } of error.faults) {
        this.fault({ file, ...document.locate(pointer), pointer, message });
      }
    }
  }

  #claim(file: string, document: YamlDocument, pointer: string, what: string): void {
    const first = this.#places.get(what);
    const { line, column } = document.locate(pointer);
    if (first === undefined) {
      this.#places.set(what, `${file}:${line}:${column}`);
      return;
    }
    this.fault({ file, line, column, pointer, message: `${what} is also in ${first}` });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
