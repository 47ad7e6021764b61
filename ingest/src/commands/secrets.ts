import type { Command } from "../command.ts";
import { exitCode, usageError } from "../errors.ts";
import { makeSecrets } from "../secrets.ts";

export const secrets: Command = {
  summary: "make the stack's secrets and certificates (the stack does it at first start)",
  positionals: "FOLDER",
  options: {},
  async run({ positionals: [folder] }) {
    if (!folder) throw usageError("reelhouse secrets: expected the folder of the secrets' volumes");
    makeSecrets(folder);
    return exitCode.ok;
  },
};
