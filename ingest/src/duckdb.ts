import type { DuckDBInstance } from "@duckdb/node-api";

/**
 * DuckDB in this process, for one statement per thread. It downloads nothing, needs no home folder, and writes
 * nowhere but to `folder` (what does not fit into memory); without one it fails instead.
 */
export async function openDuckDB(folder = ""): Promise<DuckDBInstance> {
  // Its allocator reads this when it is loaded. Statements run on any of libuv's threads, and else each thread would keep
  // for itself what its last statement has freed.
  process.env.DUCKDB_JE_MALLOC_CONF ??= "narenas:1";
  // Only now, as most commands need none and it takes a while to load.
  const { DuckDBInstance } = await import("@duckdb/node-api");
  return DuckDBInstance.create(":memory:", {
    threads: "1",
    memory_limit: "512MB",
    temp_directory: folder,
    home_directory: folder,
    extension_directory: folder,
    autoinstall_known_extensions: "false",
    autoload_known_extensions: "false",
    // It mixes what it read before with a file that took the name of another one, and fails.
    enable_external_file_cache: "false",
  });
}
