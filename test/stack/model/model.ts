/** The lakehouse as it should be, in memory: what is published, what was, and what lies on the branch. */

/** One table: `made` tells tables of the same name apart, one after another; it holds `v` rows of the value `v`. */
export interface Held {
  made: number;
  v: number;
}
export type Tables = Map<string, Held>;

export interface Publication {
  id: number;
  atMs: number;
  tables: Tables;
}

export interface Branch {
  /** The publication that it was forked from, as an index. */
  base: number;
  tables: Tables;
  /** Made since the fork. */
  built: Set<string>;
  /** Counts what was done to it. */
  changes: number;
  /** `changes` at the tests; undefined: not tested, and published as it is. */
  tested: number | undefined;
  /** Made here by Trino alone, so that a drop takes no files of another table. */
  own: Set<string>;
}

export interface Model {
  publications: Publication[];
  branch: Branch | undefined;
  /** How many tables were ever made. */
  made: number;
}

export const newest = ({ publications }: Model): Publication => publications.at(-1) as Publication;
export const copy = (tables: Tables): Tables => new Map(tables);

/** A branch where one is needed: the command's check saw to it. */
export function branchOf({ branch }: Model): Branch {
  if (branch === undefined) throw new Error("no branch");
  return branch;
}

export const wasPublished = ({ publications }: Model, { made }: Held): boolean =>
  publications.some(({ tables }) => [...tables.values()].some((table) => table.made === made));

/** Why a publication of the branch is refused; undefined: it happens. */
export function refusalOf(model: Model): string | undefined {
  const { base, tested, changes } = branchOf(model);
  if (base !== model.publications.length - 1) return "moved in lakehouse since the fork";
  if (tested !== undefined && tested !== changes) return "changed on audit since its tests";
  return undefined;
}

/** A question about the past of a published table, and its answer. */
export interface Moment {
  table: string;
  /** As Trino spells it, after the table's name. */
  asOf: string;
  v: number;
}

const timestamp = (atMs: number) =>
  `FOR TIMESTAMP AS OF TIMESTAMP '${new Date(atMs).toISOString().replace("T", " ").replace("Z", " UTC")}'`;

/** What each published table was at each publication: by its tag, at its time, and just before it. */
export function moments(model: Model): Moment[] {
  return [...newest(model).tables].flatMap(([table, { made }]) => {
    let last: number | undefined;
    return model.publications.flatMap(({ id, atMs, tables }): Moment[] => {
      const before = last;
      const held = tables.get(table);
      const isThis = held?.made === made;
      if (isThis) last = held.v;
      return [
        ...(before === undefined ? [] : [{ table, asOf: timestamp(atMs - 1), v: before }]),
        ...(last === undefined ? [] : [{ table, asOf: timestamp(atMs), v: last }]),
        ...(isThis ? [{ table, asOf: `FOR VERSION AS OF 'pub_${id}'`, v: held.v }] : []),
      ];
    });
  });
}

/** What each published table is. */
export const present = (model: Model): Moment[] =>
  [...newest(model).tables].map(([table, { v }]) => ({ table, asOf: "", v }));
