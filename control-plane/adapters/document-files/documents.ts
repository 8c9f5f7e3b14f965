/**
 * Workloads and policies from a directory of YAML files, read as a whole: either every document of
 * every file is right, or all faults of all files are reported at once and nothing is taken. Looks
 * into no subdirectory, and watches nothing.
 */

import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ScalePolicy } from '../../model/policy.ts';
import type { Workload } from '../../model/workload.ts';
import { describeValue } from '../../schemas/document.ts';
import { SchemaError } from '../../schemas/fault.ts';
import { parsePolicy } from '../../schemas/policy.ts';
import { parseWorkload } from '../../schemas/workload.ts';
import { parseYaml, type YamlDocument } from './yaml-document.ts';

export interface Documents {
  readonly workloads: readonly Workload[];
  readonly policies: readonly ScalePolicy[];
}

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
  /** At least one, in the order of files and lines. */
  readonly faults: readonly DocumentFault[];

  constructor(faults: readonly DocumentFault[]) {
    super(faults.map(describeFault).join('\n'));
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

/**
 * Reads every *.yaml and *.yml of a directory.
 * @throws DocumentFilesError with every fault; the signal's reason when it aborts
 */
export async function readDocuments(
  directory: string,
  signal: AbortSignal,
  limits: DocumentFilesLimits = DOCUMENT_FILES_LIMITS,
): Promise<Documents> {
  const gathered = new Gathered();
  for (const file of await listFiles(directory, limits.filesMax)) {
    signal.throwIfAborted();
    const text = await readText(join(directory, file), limits.fileBytesMax, signal);
    if (text.kind === 'failed') gathered.fault({ file, ...WHOLE_FILE, message: text.message });
    else for (const document of parseYaml(text.text)) gathered.take(file, document);
    if (gathered.documents > limits.documentsMax) {
      gathered.fault({
        file,
        ...WHOLE_FILE,
        message: `more than ${limits.documentsMax} documents`,
      });
      break;
    }
  }
  return gathered.result();
}

const WHOLE_FILE = { line: 0, column: 0, pointer: '' };

async function listFiles(directory: string, filesMax: number): Promise<readonly string[]> {
  const names = await readdir(directory).catch((error: unknown) => {
    const message = `cannot be read: ${messageOf(error)}`;
    throw new DocumentFilesError([{ file: directory, ...WHOLE_FILE, message }]);
  });
  const files = names.filter((name) => /^[^.].*\.ya?ml$/.test(name)).sort();
  if (files.length <= filesMax) return files;
  const message = `has ${files.length} YAML files, more than ${filesMax}`;
  throw new DocumentFilesError([{ file: directory, ...WHOLE_FILE, message }]);
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

/** What the files said so far, and what is wrong with it. */
class Gathered {
  documents = 0;
  readonly #workloads: Workload[] = [];
  readonly #policies: ScalePolicy[] = [];
  readonly #faults: DocumentFault[] = [];
  /** Where each thing that must be unique was first seen. */
  readonly #places = new Map<string, string>();

  fault(fault: DocumentFault): void {
    this.#faults.push(fault);
  }

  take(file: string, document: YamlDocument): void {
    this.documents += 1;
    if (document.faults.length > 0) {
      document.faults.forEach((fault) => this.fault({ file, pointer: '', ...fault }));
      return;
    }
    try {
      this.#parse(file, document);
    } catch (error) {
      if (!(error instanceof SchemaError)) throw error;
      for (const fault of error.faults) this.#faultAt(file, document, fault);
    }
  }

  result(): Documents {
    if (this.#faults.length > 0) throw new DocumentFilesError(this.#faults);
    return { workloads: this.#workloads, policies: this.#policies };
  }

  #parse(file: string, document: YamlDocument): void {
    const { kind, ...rest } = isRecord(document.value) ? document.value : {};
    if (!isRecord(document.value)) {
      const message = `expected a workload or a policy; got ${describeValue(document.value)}`;
      this.#faultAt(file, document, { pointer: '', message });
    } else if (kind === 'Workload') {
      const workload = parseWorkload(rest);
      this.#claim(file, document, '/id', `the workload ${workload.id}`);
      this.#workloads.push(workload);
    } else if (kind === 'ScalePolicy') {
      const policy = parsePolicy(rest);
      this.#claim(file, document, '/id', `the policy ${policy.id}`);
      this.#claim(file, document, '/workload', `a policy for the workload ${policy.workloadId}`);
      this.#policies.push(policy);
    } else {
      const got = kind === undefined ? 'nothing' : describeValue(kind);
      const message = `expected kind Workload or ScalePolicy; got ${got}`;
      this.#faultAt(file, document, { pointer: '/kind', message });
    }
  }

  #claim(file: string, document: YamlDocument, pointer: string, what: string): void {
    const first = this.#places.get(what);
    const { line, column } = document.locate(pointer);
    if (first === undefined) this.#places.set(what, `${file}:${line}:${column}`);
    else this.#faultAt(file, document, { pointer, message: `${what} is also in ${first}` });
  }

  #faultAt(
    file: string,
    document: YamlDocument,
    { pointer, message }: { readonly pointer: string; readonly message: string },
  ): void {
    this.fault({ file, ...document.locate(pointer), pointer, message });
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
