import { defineConfig } from "vitest/config";

const minuteMs = 60_000;

export default defineConfig({
  test: {
    projects: [
      { test: { name: "unit", include: ["test/unit/**/*.test.ts"], testTimeout: minuteMs } },
      { test: { name: "contract", include: ["test/contract/**/*.test.ts"] } },
      {
        test: {
          name: "stack",
          include: ["test/stack/**/*.test.ts"],
          // One stack at a time: each has a database, an object store and a query engine, for two cores.
          fileParallelism: false,
          // Its clean-up container would be pulled from a registry; each test file removes its own stack.
          env: { TESTCONTAINERS_RYUK_DISABLED: "true" },
          testTimeout: 5 * minuteMs,
          hookTimeout: 10 * minuteMs,
        },
      },
    ],
  },
});
