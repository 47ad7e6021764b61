import { isAlias, isMap, isNode, isScalar, isSeq, LineCounter, type Node, parseDocument, Scalar } from "yaml";
import { usageError } from "../errors.ts";
import { nearestName } from "../read/nearest.ts";
import { type Environment, interpolate } from "./interpolate.ts";

const controlCharacter = /\p{Cc}/u;

/** A value and where it stands: `where` is its path of keys, such as `source.critic_agg`. */
export interface Entry {
  readonly node: Node;
  readonly where: string;
}

/** A YAML file that is read by hand, so that every fault is told with its line. */
export class YamlReader {
  readonly root: Entry;
  readonly #file: string;
  readonly #env: Environment;
  readonly #lines = new LineCounter();
  readonly #resolveAlias: (node: Node) => Node;
  readonly #faults: { line: number; text: string }[] = [];

  /** Throws a usage error with all faults of the syntax: what stands behind one cannot be trusted. */
  constructor(text: string, file: string, env: Environment) {
    this.#file = file;
    this.#env = env;
    const options = { lineCounter: this.#lines, prettyErrors: false, uniqueKeys: false };
    const document = parseDocument(text, options);
    if (document.errors.length > 0) this.#addUnquoted(text);
    for (const { pos, message } of document.errors) this.#add(pos[0], message);
    this.throwFaults();
    this.#resolveAlias = (node) => (isAlias(node) ? (node.resolve(document) ?? node) : node);
    this.root = { node: document.contents ?? document.createNode(null), where: "" };
  }

  fault({ node, where }: Entry, message: string): void {
    this.#add(node.range?.[0] ?? 0, where ? `${where}: ${message}` : message);
  }

  /** A fault that lists what is allowed in the place of `name`, and what was probably meant. */
  unknown(entry: Entry, name: string, allowed: readonly string[]): void {
    const nearest = nearestName(name, allowed);
    const hint = nearest === undefined ? "" : `, did you mean ${nearest}?`;
    this.fault(entry, `expected ${allowed.join(", ")}, found '${name}'${hint}`);
  }

  /** The members of a mapping, without aliases; of two equal keys the first. Anything else is a fault. */
  members(entry: Entry, expected: string): Map<string, Entry> {
    const members = new Map<string, Entry>();
    const { node } = entry;
    if (!isMap(node) || node.items.length === 0) {
      this.fault(entry, `expected ${expected}, found ${describe(node)}`);
      return members;
    }
    for (const { key, value } of node.items) {
      const name = isScalar(key) ? String(key.value) : String(key);
      const where = entry.where ? `${entry.where}.${name}` : name;
      if (members.has(name)) this.fault({ node: key as Node, where }, "duplicate key");
      else
        members.set(name, {
          node: isNode(value) ? this.#resolveAlias(value) : nothingAt(key as Node),
          where,
        });
    }
    return members;
  }

  has({ node }: Entry, key: string): boolean {
    return isMap(node) && node.has(key);
  }

  isObject({ node }: Entry): boolean {
    return isMap(node);
  }

  /** The elements of a list; anything else is its own only element. An empty list is a fault. */
  elements({ node, where }: Entry, expected: string): Entry[] {
    if (!isSeq(node)) return [{ node, where }];
    if (node.items.length === 0) this.fault({ node, where }, `expected ${expected}, found an empty list`);
    return node.items.map((item) => ({ node: this.#resolveAlias(item as Node), where }));
  }

  /** A text, number or truth value as it is written; undefined, without a fault, for anything else. */
  scalar({ node }: Entry): unknown {
    return isScalar(node) ? node.value : undefined;
  }

  describe({ node }: Entry): string {
    return describe(node);
  }

  /** A text with its `${NAME}` filled in; undefined, and a fault, if it is none or blank. */
  text(entry: Entry, expected: string): string | undefined {
    const { node } = entry;
    if (!isScalar(node) || typeof node.value !== "string" || node.value.trim() === "") {
      this.fault(entry, `expected ${expected}, found ${describe(node)}`);
      return undefined;
    }
    const before = this.#faults.length;
    const text = interpolate(node.value, this.#env, (message) => this.fault(entry, message));
    if (this.#faults.length > before) return undefined;
    if (text.trim() === "") this.fault(entry, `expected ${expected}, found nothing in ${node.value}`);
    // The wrapper reads paths line by line: a line break in one would be a path of its own.
    const isPlain = !controlCharacter.test(text);
    if (!isPlain)
      this.fault(entry, `expected ${expected} without control characters, found ${JSON.stringify(text)}`);
    return text.trim() === "" || !isPlain ? undefined : text;
  }

  /** The value of the environment variable that is named as `${NAME}` and nothing else; no fault ever shows a value. */
  secret(entry: Entry): string | undefined {
    const name = /^\$\{([A-Za-z_]\w*)\}$/.exec(String(this.scalar(entry)))?.[1];
    const value = name === undefined ? undefined : this.#env[name];
    if (name === undefined)
      this.fault(entry, `expected \${NAME}, an environment variable: a secret does not belong in this file`);
    else if (!value) this.fault(entry, `environment variable ${name} is not set`);
    else if (!/^[\x21-\x7e]+$/.test(value))
      this.fault(entry, `environment variable ${name}: expected a key without blanks or control characters`);
    else return value;
    return undefined;
  }

  /** Throws a usage error (exit 2) that lists the faults by line, if there are any. */
  throwFaults(): void {
    if (this.#faults.length === 0) return;
    const sorted = this.#faults.toSorted((left, right) => left.line - right.line);
    throw usageError(sorted.map(({ line, text }) => `${this.#file}:${line}: ${text}`).join("\n"));
  }

  /** YAML takes the braces of `{key: ${NAME}}` for its own: told first and alone, as its errors do not say so. */
  #addUnquoted(text: string): void {
    const unquoted = /[{,]\s*[\w-]+:\s*(?=\$\{(\w+)\})/g;
    for (const { index, 0: before, 1: name } of text.matchAll(unquoted))
      this.#add(index + before.length, `\${${name}} inside {} needs quotes: "\${${name}}"`);
    this.throwFaults();
  }

  #add(offset: number, text: string): void {
    this.#faults.push({ line: this.#lines.linePos(offset).line, text });
  }
}

/** The value of a key that has none, as in `{critic_agg}`. */
function nothingAt(key: Node): Node {
  return Object.assign(new Scalar(null), { range: key.range ?? null });
}

function describe(node: Node): string {
  if (isMap(node)) return node.items.length === 0 ? "an empty object" : "an object";
  if (isSeq(node)) return node.items.length === 0 ? "an empty list" : "a list";
  const value = isScalar(node) ? node.value : undefined;
  if (value === null || value === undefined) return "nothing";
  return typeof value === "string" ? `'${value}'` : String(value);
}
