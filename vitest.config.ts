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
          // One stack starts and waits while the other one works; more would be too much for two cores.
          maxWorkers: 2,
          // After the others, which take all cores.
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
