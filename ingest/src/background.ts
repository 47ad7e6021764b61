/** Work that goes on beside the caller's own, some of it at once. The first failure is told to the caller. */
export class Background {
  readonly #atOnce: number;
  readonly #running = new Set<Promise<void>>();
  #failure: { error: unknown } | undefined;

  constructor(atOnce: number) {
    this.#atOnce = atOnce;
  }

  start(work: () => Promise<void>): void {
    const running: Promise<void> = work()
      .catch((error) => {
        this.#failure ??= { error };
      })
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** Resolves when more may be started. Throws what failed. */
  async room(): Promise<void> {
    while (this.#running.size >= this.#atOnce && !this.#failure) await Promise.race(this.#running);
    this.#throwFailure();
  }

  /** Resolves when all of it is done. Throws what failed. */
  async done(): Promise<void> {
    await this.settled();
    this.#throwFailure();
  }

  /** Resolves when nothing of it goes on any more, whether it failed or not. */
  async settled(): Promise<void> {
    await Promise.all(this.#running);
  }

  #throwFailure(): void {
    if (this.#failure) throw this.#failure.error;
  }
}
