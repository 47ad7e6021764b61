/** What every service of the stack owes to whoever starts it. */
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { firstGroups, readText } from "./repository.ts";

interface Service {
  restart?: string;
  healthcheck?: { test?: unknown };
  mem_limit?: string;
  logging?: { options?: Record<string, string> };
  cap_drop?: string[];
  ports?: string[];
  depends_on?: Record<string, { condition: string }>;
}

const text = readText("docker-compose.yml");
const services = Object.entries<Service>(parse(text, { merge: true }).services);
const isOneShot = ([, service]: [string, Service]) => service.restart === "no";
const servers = services.filter((entry) => !isOneShot(entry));
const oneShots = services.filter(isOneShot);

describe.each(servers)("server %s", (_, service) => {
  it("should have a health check", () => expect(service.healthcheck?.test).toBeDefined());
  it("should come back after a restart of the engine", () => expect(service.restart).toBe("unless-stopped"));
});

describe.each(oneShots)("one-shot %s", (name) => {
  it("should be waited for, else `docker compose up --wait` fails when it ends", () => {
    const waiting = services.filter(
      ([, { depends_on }]) => depends_on?.[name]?.condition === "service_completed_successfully",
    );
    expect(waiting.map(([waiter]) => waiter)).not.toEqual([]);
  });
});

describe.each(services)("service %s", (_, service) => {
  it("should publish ports on this machine's own address only", () => {
    for (const port of service.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:/);
  });
  it("should have a memory limit", () => expect(service.mem_limit).toBeDefined());
  it("should bound its log", () => expect(service.logging?.options).toHaveProperty("max-size"));
  it("should give up all capabilities first", () => expect(service.cap_drop).toEqual(["ALL"]));
});

describe("published ports", () => {
  it("should be those of docs/operate.md", () => {
    const published = services.flatMap(([name, { ports = [] }]) =>
      ports.map((port) => {
        const [, setting, byDefault] = /^127\.0\.0\.1:\$\{(\w+):-(\d+)\}:\d+$/.exec(port) ?? [];
        return `${setting} ${byDefault} ${name}`;
      }),
    );
    const [table = ""] = firstGroups(readText("docs/operate.md"), /^## Ports\n[^|]*((?:\|.*\n)+)/gm);
    const told = [...table.matchAll(/^\| `(\w+)` \| (\d+) \| `(\w+)`/gm)];
    expect(told.map((cells) => cells.slice(1).join(" "))).toEqual(published);
  });
});

describe(".env.example", () => {
  it("should have each setting of docker-compose.yml with its default, and no other", () => {
    const settings = [...new Set(firstGroups(text, /\$\{(\w+:-[^}]*)\}/g))];
    const examples = firstGroups(readText(".env.example"), /^(\w+=.*)$/gm);
    expect(examples.sort()).toEqual(settings.map((setting) => setting.replace(":-", "=")).sort());
  });
});
