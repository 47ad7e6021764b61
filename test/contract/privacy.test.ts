/** No file names the machine that it was written on, nor a host that only that machine reaches. */
import { expect, it } from "vitest";
import { firstGroups, listFiles, readText } from "./repository.ts";

const lockFile = "package-lock.json"; // says where packages come from, which is looked at on its own
const texts = listFiles().filter((path) => path !== lockFile);

/** Everybody reaches these; the first ones are services of the stack, and of a test's. */
const knownHosts =
  /^(localhost|127\.0\.0\.1|host|store|lossy|external|trino|dbt|catalog|(www\.)?github\.com|www\.apache\.org|trino\.io|schemas\.openxmlformats\.org|s3\.amazonaws\.com|s3\.example\.com)$/;

it("should name no host but well-known ones", () => {
  const found = texts.flatMap((path) =>
    firstGroups(readText(path), /\b(?:https?|ftp|git|ssh):\/\/(?:[^\s/@"'`]*@)?([\w.-]+)/g)
      .filter((host) => !knownHosts.test(host))
      .map((host) => `${path}: ${host}`),
  );
  expect(found).toEqual([]);
});

it("should name no other place to install from", () => {
  const mirror =
    /GOPROXY|GONOSUMDB|PIP_INDEX_URL|--(?:extra-)?index-url|--registry|npm_config_registry|_authToken/;
  const self = "test/contract/privacy.test.ts";
  expect(texts.filter((path) => path !== self && mirror.test(readText(path)))).toEqual([]);
  expect(texts.filter((path) => /(^|\/)(\.npmrc|pip\.conf|\.yarnrc.*|\.pypirc)$/.test(path))).toEqual([]);
  const origins = firstGroups(readText(lockFile), /"resolved": "\w+:\/\/([^/]+)/g);
  expect(origins.filter((host) => host !== "registry.npmjs.org")).toEqual([]);
});

it("should name no folder of the machine that it was written on", () => {
  // In two parts, so that this file does not name them either. A container's /root is the same everywhere.
  const ownFolders = [
    ["/work", "/"],
    ["/opt/", "node2"],
    ["/tmp/", "rh"],
  ].map((parts) => parts.join(""));
  const found = texts.filter((path) => ownFolders.some((folder) => readText(path).includes(folder)));
  expect(found).toEqual([]);
});
