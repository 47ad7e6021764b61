import { defineConfig } from "vitest/config";

const minuteMs = 60_000;

export default defineConfig({
  test: {
    projects: [
      // All cores: vitest would leave one of two to itself.
      {
        test: {
          name: "unit",
          include: ["test/unit/**/*.test.ts"],
          testTimeout: minuteMs,
          maxWorkers: "100%",
        },
      },
      { test: { name: "contract", include: ["test/contract/**/*.test.ts"], maxWorkers: "100%" } },
      {
        test: {
          name: "stack",
          include: ["test/stack/**/*.test.ts"],
          // One stack at a time: each has a database, an object store and a query engine, for two cores.
          fileParallelism: false,
          // After the others: they take the cores that its time limits count on.
          sequence: { groupOrder: 1 },
          // Its clean-up container would be pulled from a registry; each test file removes its own stack.
          env: { TESTCONTAINERS_RYUK_DISABLED: "true" },
          testTimeout: 5 * minuteMs,
          hookTimeout: 10 * minuteMs,
        },
      },
    ],
  },
});
