import { type Command, commonOptions } from "../command.ts";
import { exitCode } from "../errors.ts";
import { renewSecrets, requireRenewable, volumesFolder } from "../secrets.ts";

/** Its middle: before, ./scripts/reelhouse stops the servers, and afterwards it starts them with the new secrets. */
export const rotate: Command = {
  summary: "renew every secret, and restart the servers with the new ones",
  positionals: "",
  options: {
    certificate: {
      type: "boolean",
      help: "renew the certificate authority, too: each client needs the new one",
    },
    check: { type: "boolean", help: "say what keeps it from being done, and change nothing" },
    wait: commonOptions.wait,
  },
  async run({ options }, { report, env }) {
    if (options.check === true) {
      requireRenewable(volumesFolder);
      return exitCode.ok;
    }
    renewSecrets(volumesFolder, { renewsAuthority: options.certificate === true });
    report.info(
      "renewed",
      `every secret is renewed; the passwords of people stay${env.STORE === "s3" ? ", and the keys of your object store are those of STORE_KEYS" : ""}`,
    );
    return exitCode.ok;
  },
};
