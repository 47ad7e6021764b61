/** What surrounds the services: ports, mounts, rights of their processes, and where secrets must not show up. */
import { beforeAll, expect, it } from "vitest";
import { execute, type Stack } from "../stack.ts";
import type { Running } from "./running.ts";

interface Container {
  Image: string;
  Config: { Labels: Record<string, string> };
  HostConfig: {
    CapAdd: string[] | null;
    CapDrop: string[] | null;
    NetworkMode: string;
    PidMode: string;
    PortBindings: Record<string, { HostIp: string }[] | null> | null;
    Privileged: boolean;
    SecurityOpt: string[] | null;
  };
  Mounts: { Type: string; Name?: string; Destination: string; RW: boolean }[];
  State: { Running: boolean };
}

/** The users that the Dockerfiles make; none is root. */
const userIds: Record<string, number> = {
  store: 10001,
  trino: 10002,
  catalog: 10003,
  cli: 10004,
  dbt: 10005,
};
/** Each service's own folder of secrets; the others it cannot even see. */
const secretsOf: Record<string, string[]> = {
  secrets: ["catalog", "dbt", "direct", "docs", "reelhouse", "root", "store", "superset", "trino"],
  ...Object.fromEntries(["store", "catalog", "trino", "dbt"].map((service) => [service, [service]])),
  buckets: ["store"],
  ingest: ["reelhouse"],
  cli: ["reelhouse"],
};

export function containers(runningOf: () => Running): void {
  let stack: Stack;
  let all: Map<string, Container>;
  let servers: string[];
  /** All that `docker inspect` tells of the containers. */
  let settings: string;
  let secretValues: string[];
  const docker = async (...words: string[]) => {
    const { code, stdout, stderr } = await execute("docker", words, { cwd: stack.folder, env: process.env });
    expect(stderr).toBe("");
    expect(code).toBe(0);
    return stdout;
  };
  const names = (what: (container: Container) => unknown) => [...all].map(([name, one]) => [name, what(one)]);

  beforeAll(async () => {
    stack = runningOf().stack;
    secretValues = [...Object.values(runningOf().secrets), ...runningOf().privateKeys];
    const ids = (await stack.compose(["ps", "--all", "--quiet"])).stdout.trim().split("\n");
    settings = await docker("inspect", ...ids);
    const inspected: Container[] = JSON.parse(settings);
    all = new Map(inspected.map((one) => [one.Config.Labels["com.docker.compose.service"] ?? "", one]));
    servers = [...all].flatMap(([name, { State }]) => (State.Running ? [name] : []));
  });

  it("should look at every server", () => {
    expect(servers).toEqual(expect.arrayContaining(["catalog", "dbt", "store", "trino"]));
    expect(new Set(secretValues).size).toBe(secretValues.length);
    expect(secretValues.length).toBeGreaterThan(25);
  });

  it("should publish Trino's port on the loopback address and no other port", () => {
    const ports = names(({ HostConfig }) => Object.entries(HostConfig.PortBindings ?? {}));
    expect(ports.filter(([, bindings]) => (bindings as []).length > 0)).toEqual([
      ["trino", [["8443/tcp", [{ HostIp: "127.0.0.1", HostPort: String(stack.trinoPort) }]]]],
    ]);
  });

  it("should drop every capability and forbid new ones", () => {
    expect(names(({ HostConfig }) => HostConfig.CapDrop)).toEqual(names(() => ["ALL"]));
    expect(names(({ HostConfig }) => HostConfig.SecurityOpt)).toEqual(
      names(() => ["no-new-privileges:true"]),
    );
    expect(names(({ HostConfig: { Privileged, PidMode } }) => [Privileged, PidMode])).toEqual(
      names(() => [false, ""]),
    );
    const more = names(({ HostConfig }) => HostConfig.CapAdd ?? []).filter(
      ([, added]) => (added as []).length > 0,
    );
    expect(more).toEqual([["secrets", ["CHOWN", "FOWNER", "DAC_OVERRIDE"]]]);
    expect(all.get("secrets")?.HostConfig.NetworkMode).toBe("none");
  });

  it("should run every process of a server as its own user, without rights", async () => {
    for (const service of servers) {
      const read = "cat /proc/[0-9]*/status 2>/dev/null; true";
      const { stdout } = await stack.compose(["exec", "-T", service, "sh", "-c", read]);
      const values = (name: string) => [...new Set(stdout.match(new RegExp(`(?<=^${name}:\\s).*$`, "gm")))];
      const user = userIds[service];
      expect(values("Uid"), service).toEqual([[user, user, user, user].join("\t")]);
      expect(values("CapEff"), service).toEqual(["0000000000000000"]);
      expect(values("CapBnd"), service).toEqual(["0000000000000000"]);
      expect(values("NoNewPrivs"), service).toEqual(["1"]);
    }
  });

  it("should mount each service its own secrets, read-only", () => {
    const mounted = names(({ Mounts }) =>
      Mounts.flatMap(
        ({ Name, RW }) => /secrets-(\w+)$/.exec(Name ?? "")?.[1]?.concat(RW ? " writable" : "") ?? [],
      ).sort(),
    );
    const expected = [...all.keys()].map((name) => [
      name,
      secretsOf[name]?.map((folder) => folder + (name === "secrets" ? " writable" : "")),
    ]);
    expect(mounted).toEqual(expected);
  });

  it("should give no container the engine or a writable folder of the host", () => {
    const folders: Record<string, string[]> = {
      secrets: ["/secrets/store-keys"],
      ingest: ["/host/project"],
      trino: ["/opt/trino/federation"],
    };
    for (const [name, { Mounts }] of all) {
      const binds = Mounts.filter(({ Type }) => Type === "bind");
      expect(
        binds.map(({ Destination }) => Destination),
        name,
      ).toEqual(folders[name] ?? []);
      expect(
        binds.filter(({ RW }) => RW),
        name,
      ).toEqual([]);
    }
  });

  it("should show no secret in logs, settings, images and command lines", async () => {
    const images = [...new Set([...all.values()].map(({ Image }) => Image))];
    const places: Record<string, string> = {
      logs: (await stack.compose(["logs", "--no-color"])).stdout,
      settings,
      images: await docker("image", "inspect", ...images),
    };
    for (const image of images) places[`history of ${image}`] = await docker("history", "--no-trunc", image);
    for (const service of servers) {
      const read = ["exec", "-T", service, "sh", "-c", "cat /proc/[0-9]*/cmdline 2>/dev/null; true"];
      places[`command lines of ${service}`] = (await stack.compose(read)).stdout;
    }
    for (const [place, text] of Object.entries(places)) {
      expect(text, place).not.toBe("");
      // The value itself stays out of the test's own report.
      expect(secretValues.filter((value) => text.includes(value)).length, `secrets in ${place}`).toBe(0);
    }
  });

  it("should let dbt's worker answer to its token only", async () => {
    const ask = `
import os, urllib.error, urllib.request
for token in ["", "Bearer wrong", "Bearer " + os.environ["TOKEN"]]:
    request = urllib.request.Request("http://localhost:8580/project", headers={"authorization": token})
    try:
        print(urllib.request.urlopen(request, timeout=5).status)
    except urllib.error.HTTPError as error:
        print(error.code)`;
    const token = `TOKEN=${runningOf().secrets.DBT_TOKEN}`;
    const { stdout } = await stack.compose(["exec", "-T", "-e", token, "dbt", "python3", "-c", ask]);
    expect(stdout).toBe("401\n401\n200\n");
  });
}
