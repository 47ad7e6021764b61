export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Replaces each `${NAME}` by the environment's value; `$${` stands for `${`. Calls `fault` for each one that
 * is unset or is no name.
 */
export function interpolate(text: string, env: Environment, fault: (message: string) => void): string {
  return text.replaceAll(/\$\$\{|\$\{([^}]*)(\}?)/g, (found: string, name: string, close: string) => {
    if (found === "$${") return "${";
    if (!close || !/^[A-Za-z_]\w*$/.test(name)) fault(`expected \${NAME}, found '${found}'`);
    else if (env[name] === undefined) fault(`environment variable ${name} is not set`);
    return env[name] ?? "";
  });
}
