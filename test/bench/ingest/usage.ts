/** What this process has used so far. */
export function usage(): { cpuSeconds: number; kilobytes: number } {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  return { cpuSeconds: (userCPUTime + systemCPUTime) / 1e6, kilobytes: maxRSS };
}
