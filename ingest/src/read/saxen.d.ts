/** What is used of the parser, which brings no types. A handler gets more arguments than stand here. */
declare module "saxen" {
  export class Parser {
    on(event: "openTag", handler: (name: string, attributes: () => Record<string, string>) => void): this;
    on(event: "closeTag" | "text" | "cdata", handler: (text: string) => void): this;
    on(event: "error", handler: (error: Error) => void): this;
    /** Texts and tags may be cut anywhere. */
    write(xml: string): this;
    end(): Error | null;
  }
}
