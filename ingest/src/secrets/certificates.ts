/** A local certificate authority, and Trino's certificate. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { writeAtomically } from "./write.ts";

const authorityDays = 3650;
const serverDays = 825;
const renewWithinSeconds = 30 * 24 * 3600;

/** What is missing: the authority, and Trino's certificate, which it signs and which is renewed in its last month. */
export function makeCertificates(root: string): void {
  const authority = { key: join(root, "ca.key"), certificate: join(root, "ca.crt") };
  const elliptic = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  if (!isValid(authority.certificate)) {
    openssl(
      ["req", "-x509", ...elliptic, "-days", `${authorityDays}`, "-subj", "/CN=Reelhouse local CA"],
      [
        "-addext",
        "keyUsage=critical,keyCertSign,cRLSign",
        "-keyout",
        authority.key,
        "-out",
        authority.certificate,
      ],
    );
  }
  const server = join(root, "server.pem");
  if (isValid(server) && isSignedBy(authority.certificate, server)) return;
  const key = join(root, "server.key");
  const certificate = join(root, "server.crt");
  openssl(
    [
      "req",
      "-x509",
      ...elliptic,
      "-days",
      `${serverDays}`,
      "-subj",
      "/CN=trino",
      "-keyout",
      key,
      "-out",
      certificate,
    ],
    ["-CA", authority.certificate, "-CAkey", authority.key, "-addext", "basicConstraints=critical,CA:FALSE"],
    [
      "-addext",
      "subjectAltName=DNS:trino,DNS:localhost,IP:127.0.0.1",
      "-addext",
      "extendedKeyUsage=serverAuth",
    ],
  );
  const chain = readFileSync(certificate, "utf8") + readFileSync(key, "utf8");
  writeAtomically(server, chain, { mode: 0o600 });
}

/** Clients then need the new one: the next start makes it, with a new certificate for Trino. */
export function forgetAuthority(root: string): void {
  rmSync(join(root, "ca.crt"), { force: true });
}

function isValid(certificate: string): boolean {
  return (
    existsSync(certificate) &&
    succeeds(["x509", "-in", certificate, "-noout", "-checkend", `${renewWithinSeconds}`])
  );
}

const isSignedBy = (authority: string, certificate: string) =>
  succeeds(["verify", "-CAfile", authority, certificate]);

function succeeds(words: string[]): boolean {
  try {
    openssl(words);
    return true;
  } catch {
    return false;
  }
}

function openssl(...words: string[][]): void {
  execFileSync("openssl", words.flat(), { stdio: ["ignore", "ignore", "pipe"] });
}
