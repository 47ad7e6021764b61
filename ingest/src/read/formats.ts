import { csv } from "./csv.ts";
import { json } from "./json.ts";
import type { Format } from "./record.ts";

export const formatNames = ["csv", "json"] as const;

export type FormatName = (typeof formatNames)[number];

/** All formats by the name that `pipeline.yaml` and the contracts use; also their files' extension. */
export const formats = { csv, json } satisfies Record<FormatName, Format>;
