import type { JsonObject } from "./json-object.ts";

/** Where one element stands in the window, without the blanks around it, until the window moves on. */
export interface Element {
  readonly start: number;
  readonly end: number;
  readonly lineNumber: number;
  /** Longer than a record may be; it is its beginning. */
  readonly isCut: boolean;
}

/** Finds the elements of a text that arrives in pieces. Memory is bounded by one element. */
export interface Splitter {
  /**
   * The next element, read into `object` in the same pass that finds its end, if it is a whole object in the window,
   * followed by what must be there. Undefined: `split` has to look. Only for a window of valid text without a carriage
   * return.
   */
  next(object: JsonObject): Element | undefined;
  /** The elements that are complete in the window; with `isLast` all that are left. */
  split(isLast: boolean): Element[];
}
